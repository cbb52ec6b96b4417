"""Folders of this machine that trials may only read."""

from pathlib import Path

import pytest
from local_workloads import container, open_runtime, play, run_to_end

from trialmill.kinds.plan import Mount, Volume, VolumeKind
from trialmill.runtime.local import inspection, read_only
from trialmill.runtime.local.read_only import has_namespaces

WRITES = 'cat "$0/d.txt"; echo more > "$0/d.txt"; touch "$0/new"; cd "$0" && touch beside; true'


def volume(folder: Path) -> Volume:
    return Volume("data", VolumeKind.HOST_PATH, host_path=str(folder))


@pytest.mark.skipif(not has_namespaces(), reason="read-only folders: this user has no mount namespaces")
@pytest.mark.parametrize("is_read_only", [True, False])
def test_a_host_path_that_is_mounted_read_only_stays_as_it_is(tmp_path: Path, is_read_only: bool) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "d.txt").write_text("one\n")

    async def story() -> None:
        mounts = (Mount("data", "/data", read_only=is_read_only),)
        planned = container("sh", "-c", WRITES, "/data", mounts=mounts, working_dir="/data")
        async with open_runtime(tmp_path, planned, volumes=(volume(data),)) as runtime:
            assert await runtime.check({"apiVersion": "batch/v1", "kind": "Job"}) == []
            conditions, output = await run_to_end(runtime)
            assert conditions == {"Complete"}
            assert output.startswith("one\n")

    play(story())
    assert (data / "d.txt").read_text() == ("one\n" if is_read_only else "more\n")
    assert (data / "new").exists() is not is_read_only
    assert (data / "beside").exists() is not is_read_only


def test_where_nothing_protects_a_folder_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (inspection, read_only):
        monkeypatch.setattr(module, "has_namespaces", lambda: False)

    async def story() -> None:
        planned = container("true", mounts=(Mount("data", "/data", read_only=True),))
        async with open_runtime(tmp_path, planned, volumes=(volume(tmp_path),)) as runtime:
            problems = await runtime.check({"apiVersion": "batch/v1", "kind": "Job"})
            assert [problem.code for problem in problems] == ["read-only-not-enforced"]

    play(story())
