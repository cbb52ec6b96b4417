"""How long to wait before the server is asked again."""

from datetime import timedelta

import pytest

from trialmill.kube.api import Cause, ExpiredError, KubeError, UnreachableError
from trialmill.kube.pacing import must_list_anew, wait_after_failure, wait_between_watches

FORBIDDEN = KubeError(403, "Forbidden", "no")
AWAY = UnreachableError("away")


@pytest.mark.parametrize(("error", "longest"), [(FORBIDDEN, 60), (AWAY, 5)])
def test_waits_double_up_to_a_bound(error: Exception, longest: float) -> None:
    waits = [wait_after_failure(error, n, 0.5) for n in range(1, 2000)]
    assert waits[:3] == [1, 2, 4]
    assert waits[-1] == longest


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_the_server_gets_the_pause_it_asks_for(chance: float) -> None:
    slow = KubeError(429, "TooManyRequests", "slow down", retry_after=timedelta(seconds=20))
    assert 20 <= wait_after_failure(slow, 1, chance) <= 30


def test_an_absurd_pause_is_cut() -> None:
    slow = KubeError(503, "", "", retry_after=timedelta(days=30))
    assert wait_after_failure(slow, 1, 0) == 300


def test_two_clients_do_not_come_back_together() -> None:
    assert wait_after_failure(AWAY, 3, 0.1) != wait_after_failure(AWAY, 3, 0.9)


def test_streams_are_opened_about_once_a_second_and_at_once_after_a_long_one() -> None:
    assert wait_between_watches(0, 0) == 1
    assert wait_between_watches(0, 0.5) == 1.25
    assert wait_between_watches(0.4, 0) == pytest.approx(0.6)
    assert wait_between_watches(300, 0.9) == 0


@pytest.mark.parametrize(
    ("error", "anew"),
    [
        pytest.param(ExpiredError(410, "Expired", ""), True, id="expired"),
        pytest.param(KubeError(404, "NotFound", ""), True, id="the kind went away"),
        pytest.param(FORBIDDEN, True, id="the right went away"),
        pytest.param(KubeError(400, "BadRequest", "invalid resource version"), True, id="not understood"),
        pytest.param(
            KubeError(504, "Timeout", "", causes=[Cause("", "ResourceVersionTooLarge", "")]), True, id="of a future"
        ),
        pytest.param(KubeError(504, "Timeout", "Too large resource version: 9, current: 1"), True, id="in words"),
        pytest.param(KubeError(401, "Unauthorized", ""), False, id="not recognised"),
        pytest.param(KubeError(429, "TooManyRequests", ""), False, id="slow down"),
        pytest.param(KubeError(500, "InternalError", ""), False, id="the server's own trouble"),
        pytest.param(AWAY, False, id="away"),
    ],
)
def test_a_new_list_is_made_only_where_the_watch_cannot_go_on(error: Exception, anew: bool) -> None:
    assert must_list_anew(error) is anew
