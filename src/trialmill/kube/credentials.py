"""Proofs of who is asking: headers for requests, and a client certificate where one is in use.

They are renewed when they expire and, once, when the server says 401. Nothing here ever puts a secret into a message.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from trialmill.kube.configuration import Access, ExecPlugin, KubeConfigError, Pem, Server, User
from trialmill.kube.exec_plugin import Credential, run_plugin
from trialmill.kube.headers import sendable

_EARLY: Final = timedelta(seconds=10)
"""A credential is renewed this long before it expires, so that it is good for the request that it is sent with."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    certificate: Pem
    key: Pem


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes along with a request. `number` counts renewals, so that two who were refused renew once."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificate: ClientCertificate | None = None
    number: int = 0


class Credentials(Protocol):
    async def proof(self) -> Proof:
        """What to send now. Raises KubeConfigError."""

    async def renewed(self, refused: Proof) -> Proof | None:
        """Another proof after the server refused this one; None where there is no other."""


def credentials_for(access: Access, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Credentials:
    """The credentials of a user."""
    user = access.user
    if user.plugin and not (user.token or user.token_file or user.username):
        return _Plugin(user.plugin, user, access.server, now)
    return _Fixed(user)


class _Certificate:
    """The user's own certificate and key. Files are read for each request, as a token file is; while one that was read
    before cannot be, as in the middle of a rotation, the last counts.
    """

    def __init__(self, user: User) -> None:
        if user.certificate and not user.key:
            raise KubeConfigError(
                "the kubeconfig's user has a client certificate without a client-key", "add the key that belongs to it"
            )
        self._user = user
        self._last: ClientCertificate | None = None

    def now(self) -> ClientCertificate | None:
        """Raises KubeConfigError for files that could never be read."""
        user = self._user
        if not user.certificate:
            return None
        try:
            certificate, key = user.certificate.read("client certificate"), user.key.read("client key")
        except KubeConfigError:
            if self._last is None:
                raise
            return self._last
        self._last = ClientCertificate(Pem(data=certificate), Pem(data=key))
        return self._last


class _Fixed:
    """A token, a password, a certificate, or a token file, which is read for each request: it is small, and whoever
    rotates it gives no notice.
    """

    def __init__(self, user: User) -> None:
        self._user = user
        self._certificate = _Certificate(user)

    async def proof(self) -> Proof:
        user, headers = self._user, list(self._user.impersonate)
        if user.token_file:
            headers.append(("Authorization", f"Bearer {_read_token(user.token_file, user.token)}"))
        elif user.token:
            headers.append(("Authorization", f"Bearer {user.token}"))
        elif user.username:
            pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            headers.append(("Authorization", f"Basic {pair}"))
        return Proof(tuple(headers), self._certificate.now())

    async def renewed(self, refused: Proof) -> Proof | None:  # noqa: ARG002
        # Even when the file still says the same, the server may have been behind: it gets asked once more.
        return await self.proof() if self._user.token_file else None


def _read_token(file: Path, otherwise: str) -> str:
    try:
        token = sendable(file.read_text(encoding="utf-8").strip(), f"the token in {file}")
    except (OSError, UnicodeDecodeError) as error:
        if otherwise:
            return otherwise
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise KubeConfigError(
            f"the token file {file} cannot be read: {reason}", "see that what writes it runs, or correct its name"
        ) from None
    if not token and not otherwise:
        raise KubeConfigError(f"the token file {file} is empty", "see that what writes it runs")
    return token or otherwise


class _Plugin:
    """An exec plugin, run when there is no credential yet, when it has expired, and when it was refused."""

    def __init__(self, plugin: ExecPlugin, user: User, server: Server, now: Callable[[], datetime]) -> None:
        self._plugin = plugin
        self._user = user
        self._server = server
        self._now = now
        self._own = _Certificate(user)
        self._credential: Credential | None = None
        self._number = 0
        self._lock = asyncio.Lock()

    async def proof(self) -> Proof:
        async with self._lock:
            credential = self._credential
            if credential is None or self._has_expired(credential):
                credential = await self._run()
            return self._proof(credential)

    async def renewed(self, refused: Proof) -> Proof | None:
        async with self._lock:
            credential = self._credential
            if credential is None or refused.number == self._number:
                credential = await self._run()
            return self._proof(credential)

    async def _run(self) -> Credential:
        credential = self._credential = await run_plugin(self._plugin, self._server)
        self._number += 1
        return credential

    def _has_expired(self, credential: Credential) -> bool:
        return credential.expires is not None and credential.expires - _EARLY <= self._now()

    def _proof(self, credential: Credential) -> Proof:
        headers = list(self._user.impersonate)
        if credential.token:
            headers.append(("Authorization", f"Bearer {credential.token}"))
        own = None if credential.certificate else self._own.now()
        if credential.certificate:
            own = ClientCertificate(Pem(data=credential.certificate), Pem(data=credential.key))
        return Proof(tuple(headers), own, self._number)
