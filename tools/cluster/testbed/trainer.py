"""The real Kubeflow Trainer and the real JobSet controller that it needs, as programs beside the control plane.

JobSet's controller relies on what its webhook fills in, so that is called: at an address of this machine, with a
certificate of the cluster's own. Trainer's webhooks only refuse, and are left out as the training operator's are.
"""

import base64
import json
from pathlib import Path

from testbed import keys, operators
from testbed.api import Api
from testbed.place import free_port
from testbed.programs import Program, Programs

NAME = "trainer"
JOBSET = "jobset"
MANAGER = "trainer-controller-manager"
_NAMESPACE = "kubeflow-system"
_SECRET = "kubeflow-trainer-webhook-cert"  # noqa: S105  its name
_VALIDATOR = "validator.trainer.kubeflow.org"


def install(api: Api, folder: Path, built: Path, programs: Programs) -> None:
    """Give the API server the kinds of both, start them, and wait until they serve."""
    operators.apply_kinds(api, built / "crds", programs)
    _start_jobset(api, folder, built / JOBSET, programs)
    _start_trainer(api, folder, built / MANAGER, programs)


def _start_jobset(api: Api, folder: Path, program: Path, programs: Programs) -> None:
    port, health = free_port(), free_port()
    own = folder / "jobset"
    own.mkdir(exist_ok=True)
    keys.sign(folder / "keys", JOBSET, "/CN=jobset", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth")
    for name in ("crt", "key"):
        (own / f"tls.{name}").write_bytes((folder / "keys" / f"{JOBSET}.{name}").read_bytes())
    configuration = {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(own)},
        "internalCertManagement": {"enable": False},
        "leaderElection": {"leaderElect": False},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
    }
    (own / "config.yaml").write_text(json.dumps(configuration))
    programs.start(Program(JOBSET, [program, f"--config={own / 'config.yaml'}"], operators.environment()))
    programs.wait_until(lambda: operators.serves(health), "the JobSet controller serves")
    authority = base64.b64encode((folder / "keys" / "ca.crt").read_bytes()).decode()
    for kind, verb, operations in (
        ("MutatingWebhookConfiguration", "mutate", ["CREATE"]),
        ("ValidatingWebhookConfiguration", "validate", ["CREATE", "UPDATE"]),
    ):
        url = f"https://127.0.0.1:{port}/{verb}-jobset-x-k8s-io-v1alpha2-jobset"
        operators.apply_webhooks(api, kind, f"jobset-{verb}", [_webhook(url, authority, operations)])


def _webhook(url: str, authority: str, operations: list[str]) -> dict[str, object]:
    rule = {
        "apiGroups": ["jobset.x-k8s.io"],
        "apiVersions": ["v1alpha2"],
        "resources": ["jobsets"],
        "operations": operations,
    }
    return {
        "name": "jobset.testbed.trialmill.dev",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": url, "caBundle": authority},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "rules": [rule],
    }


def _start_trainer(api: Api, folder: Path, program: Path, programs: Programs) -> None:
    operators.apply_namespace(api, _NAMESPACE)
    secret = operators.apply_secret(api, _NAMESPACE, _SECRET)
    operators.apply_webhooks(api, "ValidatingWebhookConfiguration", _VALIDATOR, [])
    temporary, health = folder / "trainer-tmp", free_port()
    arguments = [
        f"--health-probe-bind-address=127.0.0.1:{health}",
        "--metrics-bind-address=0",
        f"--webhook-server-port={free_port()}",
    ]
    programs.start(operators.with_own_tmp(MANAGER, program, folder, temporary, arguments))
    operators.wait_for_certificates(api, secret, temporary, programs)
    programs.wait_until(lambda: operators.serves(health), "Kubeflow Trainer serves")
