"""Certificates and keys of a cluster, made with openssl, and the kubeconfigs that hold them."""

import base64
import secrets
import shutil
import subprocess
from pathlib import Path

from testbed.place import CannotRunError

_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


def obstacle() -> str | None:
    return None if shutil.which("openssl") else "openssl is not on the PATH"


def make(folder: Path, addresses: tuple[str, ...], server: str, inside: str) -> None:
    """Write the authority `ca`, the API server's certificate, the administrator's, the key of service account tokens,
    the administrator's token, and two kubeconfigs: `kubeconfig` for `server`, `inside.kubeconfig` for `inside`."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    _key(keys / "ca.key")
    _openssl(
        "req", "-x509", "-new", "-key", keys / "ca.key", "-out", keys / "ca.crt", "-days", "365", "-subj", "/CN=ca"
    )
    names = ",".join([f"DNS:{name}" for name in _NAMES] + [f"IP:{address}" for address in addresses])
    sign(keys, "apiserver", "/CN=kube-apiserver", f"subjectAltName={names}\nextendedKeyUsage=serverAuth")
    sign(keys, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    _key(keys / "tokens.key")
    _openssl("pkey", "-in", keys / "tokens.key", "-pubout", "-out", keys / "tokens.pub")
    token = secrets.token_urlsafe(24)
    (keys / "admin.token").write_text(token)
    (keys / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    authority = (keys / "ca.crt").read_bytes()
    (folder / "kubeconfig").write_text(kubeconfig(server, authority, token))
    (folder / "inside.kubeconfig").write_text(kubeconfig(inside, authority, token))


def sign(keys: Path, name: str, subject: str, extensions: str) -> None:
    """A key `NAME.key` and a certificate `NAME.crt` that the cluster's authority signed."""
    _key(keys / f"{name}.key")
    request, extra = keys / f"{name}.csr", keys / f"{name}.ext"
    extra.write_text(extensions)
    _openssl("req", "-new", "-key", keys / f"{name}.key", "-out", request, "-subj", subject)
    signer: list[str | Path] = ["-CA", keys / "ca.crt", "-CAkey", keys / "ca.key", "-CAcreateserial"]
    _openssl("x509", "-req", "-in", request, *signer, "-days", "365", "-extfile", extra, "-out", keys / f"{name}.crt")


def kubeconfig(server: str, authority: bytes, token: str) -> str:
    return f"""apiVersion: v1
kind: Config
clusters:
  - name: testbed
    cluster: {{server: "{server}", certificate-authority-data: {base64.b64encode(authority).decode()}}}
users:
  - name: admin
    user: {{token: {token}}}
contexts:
  - name: testbed
    context: {{cluster: testbed, user: admin}}
current-context: testbed
"""


def _key(file: Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file)


def _openssl(*arguments: str | Path) -> None:
    result = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if result.returncode:
        raise CannotRunError(f"openssl {arguments[0]} ended with {result.returncode}\n{result.stderr}")
