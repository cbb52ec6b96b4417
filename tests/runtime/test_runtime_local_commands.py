"""How a container becomes a command of this machine: stand-ins, private paths, environment, start folder."""

import os
import sys
from pathlib import Path

import pytest
from local_workloads import JOB, POD, container, open_runtime, outcome, output_of, play

from trialmill.api.problem import Severity
from trialmill.api.tree import JsonObject
from trialmill.engine.ports import File
from trialmill.kinds.plan import Container, Mount, Pod, Resources, Volume, VolumeKind
from trialmill.runtime.local.private_paths import Place, PrivatePaths, private_paths
from trialmill.runtime.local.slots import Slots
from trialmill.runtime.local.stand_ins import StandInError, StandIns, read_stand_in
from trialmill.testing.runtime import KEY, ended

DATA = PrivatePaths((Place("/data/deep", "/real/deep"), Place("/data", "/real/data")))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        pytest.param("/data", "/real/data", id="the mount itself"),
        pytest.param("/data/x.log", "/real/data/x.log", id="a file in it"),
        pytest.param("/data/deep/x", "/real/deep/x", id="the longest mount wins"),
        pytest.param("--log-path=/data/x", "--log-path=/real/data/x", id="an option's value"),
        pytest.param("-o=/data/x", "-o=/real/data/x", id="a short option's value"),
        pytest.param("/database", "/database", id="another path that begins alike"),
        pytest.param("/other/data", "/other/data", id="a path that ends alike"),
        pytest.param("data/x", "data/x", id="a relative path"),
        pytest.param("--name=data", "--name=data", id="an option that is no path"),
    ],
)
def test_arguments_have_their_private_paths_rewritten(argument: str, expected: str) -> None:
    assert DATA.argument(argument) == expected


def test_environment_values_are_rewritten_also_in_lists() -> None:
    assert DATA.value("/data/x") == "/real/data/x"
    assert DATA.value("/data:/usr/lib:/data/deep") == "/real/data:/usr/lib:/real/deep"
    assert DATA.value("s3://data") == "s3://data"


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        pytest.param("echo loss=1 > /data/x", True, id="in a shell's text"),
        pytest.param("cat /data/deep/y|sort", True, id="before a pipe"),
        pytest.param("--log-path=/data/x", False, id="an option is rewritten"),
        pytest.param("/data/x", False, id="an argument is rewritten"),
        pytest.param("cat /database/x ./data/y ~/data http://host/data", False, id="other paths"),
    ],
)
def test_paths_inside_longer_text_are_found(text: str, reached: bool) -> None:
    assert bool(list(DATA.out_of_reach([text]))) is reached


def places(mounts: tuple[Mount, ...], volumes: tuple[Volume, ...], *collected: str) -> dict[str, str]:
    planned = container("true", mounts=mounts)
    pod = Pod(POD, "pod", (planned,), volumes)
    return {place.path: place.real for place in private_paths(pod, planned, "/a", collected, None).places}


def test_each_kind_of_volume_has_its_place() -> None:
    volumes = (
        Volume("scratch", VolumeKind.EMPTY_DIR),
        Volume("host", VolumeKind.HOST_PATH, host_path="/srv/data/"),
        Volume("files", VolumeKind.FILES, files={"a.yaml": b"x"}),
    )
    mounts = (Mount("scratch", "/s/"), Mount("host", "/h", sub_path="in"), Mount("files", "/etc/a", sub_path="a.yaml"))
    assert places(mounts, volumes) == {
        "/s": "/a/volumes/scratch",
        "/h": "/srv/data/in",
        "/etc/a": "/a/volumes/files/a.yaml",
    }


def test_a_collected_file_gets_a_volume_where_none_covers_it() -> None:
    scratch = (Volume("scratch", VolumeKind.EMPTY_DIR),)
    assert places((), (), "/katib/mnist.log") == {"/katib": "/a/volumes/metrics-volume/katib"}
    assert places((Mount("scratch", "/katib"),), scratch, "/katib/mnist.log") == {"/katib": "/a/volumes/scratch"}
    assert places((), (), "/metrics.log") == {"/metrics.log": "/a/volumes/metrics-volume/metrics.log"}


@pytest.mark.parametrize(
    ("name", "image", "found"),
    [
        pytest.param("mnist", "mnist:v1", True, id="any tag"),
        pytest.param("mnist", "mnist@sha256:ab", True, id="any digest"),
        pytest.param("mnist:v1", "mnist:v1", True, id="the same tag"),
        pytest.param("mnist:v1", "mnist", True, id="a tag for an image without one"),
        pytest.param("mnist:v1", "mnist:v2", False, id="another tag"),
        pytest.param("host:5000/mnist", "host:5000/mnist:v1", True, id="a registry with a port"),
        pytest.param("mnist", "docker.io/mnist", False, id="another registry"),
    ],
)
def test_stand_ins_are_found_by_name(tmp_path: Path, name: str, image: str, found: bool) -> None:
    assert (StandIns({name: str(tmp_path)}).of(image) is not None) is found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("entrypoint = 'x'", "list of strings", id="entrypoint is no list"),
        pytest.param("workdir = 'x'", "absolute path", id="workdir is relative"),
        pytest.param("entrypont = []", "unknown key", id="a mistyped key"),
        pytest.param("=", "image.toml", id="no TOML"),
    ],
)
def test_a_wrong_image_toml_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "image.toml").write_text(text)
    with pytest.raises(StandInError, match=message):
        read_stand_in(str(tmp_path))


def test_a_stand_in_gives_script_entrypoint_and_start_folder(tmp_path: Path) -> None:
    image = tmp_path / "image"
    (image / "opt").mkdir(parents=True)
    (image / "opt" / "x.py").write_text("import os, sys; print(os.getcwd(), sys.argv[1:])")
    (image / "image.toml").write_text('entrypoint = ["python3", "/opt/x.py"]\nworkdir = "/opt"\n')
    given = container(image="mnist:v1", args=("--script=/opt/x.py",))
    _, output = outcome(tmp_path, given, stand_ins={"mnist": str(image)})
    assert output == f"{image}/opt ['--script={image}/opt/x.py']\n"


def test_variables_that_a_shell_would_drop_reach_the_command(tmp_path: Path) -> None:
    script = "import os; print(*(os.environ.get(name) for name in ('num-layers', 'a.b', 'plain')))"
    env = {"num-layers": "3 $x", "plain": "p", "a.b": "-"}
    _, output = outcome(tmp_path, container(sys.executable, "-c", script, env=env))
    assert output == "3 $x - p\n"


def test_a_stand_in_cannot_be_left_upwards(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "secret").write_text("")
    assert read_stand_in(str(tmp_path / "image")).real("/../secret") is None


def test_a_command_starts_in_the_folder_of_the_file_by_default(tmp_path: Path) -> None:
    assert outcome(tmp_path, container("pwd"))[1] == f"{tmp_path}\n"
    (tmp_path / "sub").mkdir()
    assert outcome(tmp_path / "2", container("pwd", working_dir=str(tmp_path / "sub")))[1] == f"{tmp_path}/sub\n"


def test_the_environment_is_the_users_then_the_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_USER", "kept")
    monkeypatch.setenv("BOTH", "user")
    script = 'echo "$FROM_USER $BOTH $PYTHONUNBUFFERED $KATIB_TRIAL_NAME"'
    assert outcome(tmp_path, container("sh", "-c", script, env={"BOTH": "container"}))[1] == "kept container 1 trial\n"


def test_every_attempt_of_a_trial_is_told_the_trials_own_name(tmp_path: Path) -> None:
    labels: JsonObject = {"katib.kubeflow.org/trial": "trial"}
    second: JsonObject = {**JOB, "metadata": {"name": "trial-2", "labels": labels}}

    async def story() -> str:
        async with open_runtime(tmp_path, container("sh", "-c", 'echo "$KATIB_TRIAL_NAME"')) as runtime:
            await runtime.ensure(KEY._replace(attempt=2), second)
            await ended(runtime, KEY._replace(attempt=2))
            return await output_of(runtime, KEY._replace(attempt=2))

    assert play(story()) == "trial\n"


def test_volumes_are_made_and_shared_by_the_containers_of_a_pod(tmp_path: Path) -> None:
    volumes = (Volume("files", VolumeKind.FILES, files={"sub/a": b"given"}), Volume("shared", VolumeKind.EMPTY_DIR))
    mounts = (Mount("files", "/etc/given"), Mount("shared", "/shared"))
    writer = container("cp", "/etc/given/sub/a", "/shared/a", name="main", mounts=mounts)
    assert outcome(tmp_path, writer, volumes=volumes)[0] == {"Complete"}
    assert list(tmp_path.rglob("shared/a"))


def test_a_collected_file_is_followed_in_its_private_place(tmp_path: Path) -> None:
    script = "import sys; open(sys.argv[1].partition('=')[2], 'w').write('loss=1\\n')"
    writer = container(sys.executable, "-c", script, "--log=/katib/mnist.log")

    async def story() -> None:
        async with open_runtime(tmp_path, writer, collector_paths=["/katib/mnist.log"]) as runtime:
            assert await runtime.check(JOB) == []
            await runtime.ensure(KEY, JOB)
            source = File(KEY, "trial-0", "main", "/katib/mnist.log")
            assert b"".join([chunk.data async for chunk in runtime.read(source, None)]) == b"loss=1\n"
            await ended(runtime, KEY)
            assert [chunk.data async for chunk in runtime.read(source, None)] == [b"loss=1\n"]

    play(story())
    assert not os.path.exists("/katib")  # noqa: PTH110


@pytest.mark.parametrize(
    ("planned", "code"),
    [
        pytest.param(container("no-such-command"), "command-cannot-start", id="a command that is not there"),
        pytest.param(container(image="mnist"), "command-cannot-start", id="an image without a command"),
        pytest.param(container("python3", "/opt/no/x.py"), "script-missing", id="a script of an image"),
        pytest.param(container("true", working_dir="/no/such"), "command-cannot-start", id="no such start folder"),
        pytest.param(
            container("sh", "-c", "echo > /katib/x"), "path-not-private", id="a private path inside a shell's text"
        ),
        pytest.param(container("true", name="../x"), "invalid-name", id="a name that is a path"),
    ],
)
def test_what_cannot_start_is_said_before_the_start(tmp_path: Path, planned: Container, code: str) -> None:
    async def story() -> None:
        async with open_runtime(tmp_path, planned, collector_paths=["/katib/x"]) as runtime:
            problems = await runtime.check(JOB)
            assert [problem.code for problem in problems] == [code]
            assert problems[0].remedy or code == "invalid-name"

    play(story())


def test_a_missing_gpu_is_an_error_and_a_large_request_a_warning(tmp_path: Path) -> None:
    async def story() -> None:
        asked = Resources(cpu=64, memory=1 << 50, gpus=1)
        async with open_runtime(tmp_path, container("true"), resources=asked, slots=Slots(2, 1 << 30)) as runtime:
            problems = await runtime.check(JOB)
            found = [(problem.code, problem.severity) for problem in problems]
            assert "1024 Ti of memory are asked for, and this machine has 1 Gi" in problems[2].message
            assert found == [
                ("gpu-missing", Severity.ERROR),
                ("request-too-large", Severity.WARNING),
                ("request-too-large", Severity.WARNING),
            ]

    play(story())
