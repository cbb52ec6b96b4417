"""TLS as kubectl has it: the cluster's own certificate authority or the system's, and a client certificate."""

import ssl
import tempfile
from contextlib import suppress
from pathlib import Path

from trialmill.kube.configuration import KubeConfigError, Pem, Server
from trialmill.kube.credentials import ClientCertificate
from trialmill.kube.pem import certificates_in


def tls_context(server: Server, client: ClientCertificate | None) -> ssl.SSLContext:
    """How to check the server and show who is asking. Raises KubeConfigError for files that are no certificates."""
    # Not `create_default_context`: since Python 3.13 it asks for what many clusters' own authorities lack, and kubectl
    # takes those.
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.name = server.tls_name
    # As with Go, whatever the file names is trusted, also an authority that another one has signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if server.ca:
        _trust(context, server.ca)
    else:
        context.load_default_certs()
    if server.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client:
        _show(context, client)
    return context


class _Context(ssl.SSLContext):
    """Expects the server to have `name`, where that is given, whatever name it is reached by (`tls-server-name`), also
    through a proxy.
    """

    name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.name or server_hostname, session)


def _trust(context: ssl.SSLContext, ca: Pem) -> None:
    """Like Go, what cannot be read among the certificates is passed over, unless it is all there is."""
    trusted = 0
    for der in certificates_in(ca.read("certificate authority")):
        with suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=der)
            trusted += 1
    if not trusted:
        where = f" {ca.file}" if ca.file and not ca.data else ""
        raise KubeConfigError(
            f"the kubeconfig's certificate authority{where} is no PEM certificate",
            "get the cluster's own again, from whoever gave you the kubeconfig",
        )


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
