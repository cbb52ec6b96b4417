"""TLS as kubectl has it: the cluster's own certificate authority or the system's, and a client certificate."""

import ssl
import tempfile
from pathlib import Path

from trialmill.kube.configuration import KubeConfigError, Pem, Server
from trialmill.kube.credentials import ClientCertificate


def tls_context(server: Server, client: ClientCertificate | None) -> ssl.SSLContext:
    """How to check the server and show who is asking. Raises KubeConfigError for files that are no certificates."""
    try:
        context = ssl.create_default_context(cadata=_authorities(server.ca) if server.ca else None)
    except ssl.SSLError:
        raise KubeConfigError("the kubeconfig's certificate authority is no PEM certificate") from None
    # Python 3.13 turned this on. Many clusters' own authorities lack what it asks for, and kubectl takes them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if server.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client:
        _show(context, client)
    return context


def _authorities(ca: Pem) -> str:
    return ca.read("certificate authority").decode("ascii", "replace")


def _show(context: ssl.SSLContext, client: ClientCertificate) -> None:
    # OpenSSL reads files only; the folder is this user's alone, and gone at once.
    with tempfile.TemporaryDirectory(prefix="trialmill-") as folder:
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_bytes(client.certificate.read("client certificate"))
        key.touch(mode=0o600)
        key.write_bytes(client.key.read("client key"))
        try:
            # Without a function for the password, OpenSSL would ask for it on the terminal.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (ssl.SSLError, ValueError):
            raise KubeConfigError(
                "the kubeconfig's client certificate and key cannot be used",
                "check that they are PEM, belong together, and that the key has no password",
            ) from None
