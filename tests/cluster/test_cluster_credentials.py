"""A token is no longer valid in the middle of a run: the next one is used, or the run ends and says what to do."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from acceptance_place import Place, Tree, wait_until
from cluster_place import LONG
from cluster_runs import NewPlace, assert_all_succeeded_once, begin, changed_program, together
from cluster_under_test import Cluster, Namespace

pytestmark = pytest.mark.usefixtures("stand_in")

_HASTY = """
from datetime import timedelta
from trialmill.runtime.kubernetes import sight
sight._TELL_AFTER, sight.LOGIN_PATIENCE = 3, timedelta(seconds=8)
"""
"""Seconds instead of minutes for somebody to log in."""


def allow_everything(namespace: Namespace) -> None:
    namespace.kubectl("create", "serviceaccount", "tuner")
    account = f"--serviceaccount={namespace.name}:tuner"
    namespace.kubectl("create", "rolebinding", "tuner", "--clusterrole=admin", account)


def bound_token(namespace: Namespace, secret: str) -> str:
    """A real token of a service account that ends with a Secret: sooner than any token can expire (10 minutes)."""
    namespace.kubectl("create", "secret", "generic", secret)
    bound = ("--bound-object-kind=Secret", f"--bound-object-name={secret}")
    return namespace.kubectl("create", "token", "tuner", *bound).strip()


def is_refused(namespace: Namespace, token: str) -> bool:
    """Whether the server knows the token no more; it believes in one for some seconds longer."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = namespace.kubectl("create", "--filename=-", "--output=json", given=json.dumps(review))
    return not json.loads(answer)["status"].get("authenticated")


def with_user(cluster: Cluster, user: Tree) -> Tree:
    config: Tree = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": each["name"], "user": user} for each in config["users"]]
    return config


def with_token_file(cluster: Cluster, token: Path) -> Tree:
    return with_user(cluster, {"tokenFile": str(token)})


def with_plugin(cluster: Cluster, token: Path) -> Tree:
    """A program says the token, whatever the file holds by then."""
    status = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}'
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f"printf '{status}' \"$(cat {token})\""],
        "interactiveMode": "Never",
    }
    return with_user(cluster, {"exec": plugin})


def with_token(cluster: Cluster, token: Path) -> Tree:
    """The token itself, as it was when the kubeconfig was written: no other one comes."""
    return with_user(cluster, {"token": token.read_text()})


Kubeconfig = Callable[[Cluster, Path], Tree]


def theirs(place: Place, namespace: Namespace, kubeconfig: Kubeconfig) -> tuple[Place, Path]:
    """The same folder for a service account whose token is in a file, and that file."""
    allow_everything(namespace)
    token = place.folder / "token"
    token.write_text(bound_token(namespace, "first"))
    place.write("kubeconfig", kubeconfig(namespace.cluster, token))
    return Place(place.folder, {"KUBECONFIG": str(place.folder / "kubeconfig")}, started=place.started), token


def revoke(namespace: Namespace, token: Path) -> None:
    namespace.kubectl("delete", "secret", "first")
    wait_until(lambda: is_refused(namespace, token.read_text()))


def test_a_token_that_is_no_longer_valid_in_the_middle_is_replaced_by_the_next(more_places: NewPlace) -> None:
    """Of a token file, and of a plugin."""

    def story(kubeconfig: Kubeconfig) -> None:
        place, namespace = more_places(kubeconfig.__name__)
        user, token = theirs(place, namespace, kubeconfig)
        process = begin(user, namespace, seconds="4")
        following = bound_token(namespace, "second")
        revoke(namespace, token)
        assert process.poll() is None
        token.write_text(following)
        user.end_of(process, seconds=LONG)
        assert_all_succeeded_once(user, namespace, 8)

    together([partial(story, kubeconfig) for kubeconfig in (with_token_file, with_plugin)])


def test_a_token_that_nobody_replaces_ends_the_run_and_loses_no_trial(more_places: NewPlace) -> None:
    """It is said what to do; afterwards, `resume` finds what ran on, and makes what was not made."""

    def story(kubeconfig: Kubeconfig) -> None:
        place, namespace = more_places(kubeconfig.__name__)
        user, token = theirs(place, namespace, kubeconfig)
        process = begin(user, namespace, seconds="4", started=changed_program(_HASTY, "run", "e.yaml"))
        revoke(namespace, token)
        last = user.end_of(process, code=1, seconds=LONG).err.splitlines()[-1]

        assert "does not accept this run's credentials: Unauthorized" in last
        assert "log in again" in last
        assert "trials that run there go on" in last
        assert "then go on with: trialmill resume e" in last
        described = user("describe", "e").out
        assert "Unauthorized" in described
        assert "Interrupted" in described
        again = user("resume", "e", code=1, seconds=LONG)
        assert last.startswith(again.err.splitlines()[-1]), "who is still not let in is told so at once"

        token.write_text(bound_token(namespace, "second"))
        user.write("kubeconfig", kubeconfig(namespace.cluster, token))
        user("resume", "e", seconds=LONG)
        assert_all_succeeded_once(user, namespace, 8)

    together([partial(story, kubeconfig) for kubeconfig in (with_token, with_token_file, with_plugin)])
