"""The real Kubeflow training operator, as a program beside the control plane.

Its webhooks are left out (the configuration that it looks for has none), but its certificates it wants: it writes them
into a Secret, and looks for them under /tmp.
"""

from pathlib import Path

from testbed import images, operators
from testbed.api import Api
from testbed.place import free_port
from testbed.programs import Programs

NAME = "training-operator"
_NAMESPACE = "kubeflow"
_SECRET = "training-operator-webhook-cert"  # noqa: S105  its name
_VALIDATOR = "validator.training-operator.kubeflow.org"

# A worker waits until its master has a name. The operator's own choice is alpine with nslookup; this is the image that
# is there. html/template writes the values, so nothing here may need escaping.
_INIT_CONTAINER = """
- name: init-pytorch
  image: {{.InitContainerImage}}
  imagePullPolicy: IfNotPresent
  resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 50m, memory: 10Mi}}
  command: [python3, -c]
  args:
    - |
      import socket, sys, time
      for _ in range(int(sys.argv[2])):
          try:
              sys.exit(socket.gethostbyname(sys.argv[1]) == str())
          except socket.gaierror:
              time.sleep(0.5)
      sys.exit(1)
    - "{{.MasterAddr}}"
    - "{{.MaxTries}}"
"""


def install(api: Api, folder: Path, operator: Path, programs: Programs) -> None:
    """Give the API server the operator's kinds, start it, and wait until it serves."""
    operators.apply_kinds(api, operator / "crds", programs)
    operators.apply_namespace(api, _NAMESPACE)
    secret = operators.apply_secret(api, _NAMESPACE, _SECRET)
    operators.apply_webhooks(api, "ValidatingWebhookConfiguration", _VALIDATOR, [])
    temporary = folder / "training-operator-tmp"
    health = free_port()
    arguments = [
        f"--health-probe-bind-address=127.0.0.1:{health}",
        "--metrics-bind-address=0",
        f"--webhook-server-port={free_port()}",
        f"--pytorch-init-container-image={images.PYTHON}",
        "--pytorch-init-container-template-file=/tmp/init-container.yaml",
        # It would bring kubectl to an MPIJob's launcher; with an image that brings nothing, that starts at once.
        f"--mpi-kubectl-delivery-image={images.PYTHON}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--controller-threads=4",
    ]
    program = operators.with_own_tmp(NAME, operator / NAME, folder, temporary, arguments)
    (temporary / "init-container.yaml").write_text(_INIT_CONTAINER)
    programs.start(program)
    operators.wait_for_certificates(api, secret, temporary, programs)
    programs.wait_until(lambda: operators.serves(health), "the training operator serves")
