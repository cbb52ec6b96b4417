"""The real Kubeflow training operator, as a program beside the control plane."""

import base64
import os
from pathlib import Path

from testbed.api import Api, Refused
from testbed.programs import Program, Programs

_NAMESPACE = "kubeflow"
_SECRET = "training-operator-webhook-cert"  # noqa: S105  its name, not a secret
_VALIDATOR = "validator.training-operator.kubeflow.org"


def install(api: Api, folder: Path, operator: Path, programs: Programs) -> None:
    raise NotImplementedError
