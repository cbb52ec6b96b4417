from contextlib import AbstractAsyncContextManager
from pathlib import Path

from trialmill.api.tree import JsonObject
from trialmill.engine.ports import Runtime
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.testing.runtime import RuntimeSuite


class TestLocalRuntime(RuntimeSuite):
    def open(self, folder: Path) -> AbstractAsyncContextManager[Runtime]:
        return LocalRuntime(folder / "runs", base=folder)

    def resource(self, *, output: str = "", code: int = 0, seconds: float = 0.0) -> JsonObject:
        script = 'echo "$0"; [ "$1" = 0 ] || sleep "$1"; exit "$2"'
        command = ["sh", "-c", script, output, f"{seconds:g}", str(code)]
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "trial"},
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "command": [*command]}]}
                },
            },
        }
