"""Whether what runs on a cluster can be followed: said when it cannot for a while, and given up when only a person can
help and none does.

A server that is away is waited for as long as the run lasts: it may be this machine that lost its network. Who is not
let in waits for somebody to log in, some minutes.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from trialmill.engine.ports import Clock, RuntimeLostError, Trouble
from trialmill.kube.api import KubeError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.reflector import Reflector
from trialmill.runtime.kubernetes.failures import FORBIDDEN, needs_login

LOGIN_PATIENCE: Final = timedelta(minutes=10)
_TICK: Final = timedelta(seconds=1)
_TELL_AFTER: Final = 20
"""Ticks of trouble before it is told: streams break and are taken up again, which a reflector knows after some 15."""
_TELL_FIRST: Final = 5
"""The same before anything was seen."""
_STALE: Final = timedelta(minutes=1)
"""After which a request that failed has been given up by whoever made it."""


class Sight:
    """What one reader of an experiment's changes can see. `tell` gets each Trouble once, and one when it is over."""

    def __init__(self, server: str, clock: Clock, tell: Callable[[Trouble], None]) -> None:
        self._server = server
        self._clock = clock
        self._tell = tell
        self._refused: dict[str, tuple[Exception, datetime]] = {}
        self._reflectors: list[tuple[Reflector, bool]] = []
        self._is_dim = asyncio.Event()

    def follow(self, reflector: Reflector, *, needed: bool) -> None:
        """`needed`: without the right to it, there is nothing to be seen at all."""
        self._reflectors.append((reflector, needed))

    def missed(self) -> None:
        """A reflector is in trouble."""
        self._is_dim.set()

    def refused(self, what: str, error: Exception) -> None:
        """A request of this sort has failed, and will be made again within a minute; if not, nobody waits for it."""
        self._refused[what] = error, self._clock.now()
        self._is_dim.set()

    def answered(self, what: str) -> None:
        """A request of this sort has been answered."""
        self._refused.pop(what, None)

    async def mind(self, has_seen: Callable[[], bool]) -> None:
        """For ever, or until it raises RuntimeLostError. Before anything `has_seen`, nobody is waited for."""
        while True:
            await self._is_dim.wait()
            await self._until_clear(has_seen)
            self._is_dim.clear()

    async def _until_clear(self, has_seen: Callable[[], bool]) -> None:
        # Ticks are counted, and not the time: a machine that wakes up gets another chance.
        ticks, barred, told = 0, 0, ""
        while (error := self._error()) is not None:
            await self._clock.sleep_until(self._clock.now() + _TICK)
            ticks += 1
            barred = barred + 1 if _is_barred(error) else 0
            patience = _TELL_AFTER if has_seen() else _TELL_FIRST
            if ticks >= patience and _reason(error) != told:
                told = _reason(error)
                self._tell(Trouble(told, self._words(error)))
            if barred >= (LOGIN_PATIENCE / _TICK if has_seen() else patience):
                raise self._lost(error)
        if told:
            self._tell(Trouble())

    def _error(self) -> Exception | None:
        """Why nothing can be seen now, if so."""
        for reflector, needed in self._reflectors:
            error = None if reflector.is_followed else reflector.trouble
            if error is not None and (needed or needs_login(error) or isinstance(error, UnreachableError)):
                return error
        recent = self._clock.now() - _STALE
        return next((error for error, at in self._refused.values() if at > recent), None)

    def _words(self, error: Exception) -> str:
        goes_on = "what runs there goes on"
        if isinstance(error, UnreachableError):
            return f"the cluster does not answer: {error}; {goes_on}, and is followed again when it answers"
        help = _login(error) or "log in again" if needs_login(error) else "it is asked again"
        return f"{self._refusal(error)}; {help}; {goes_on}"

    def _lost(self, error: Exception) -> RuntimeLostError:
        login, rights = "log in again, until kubectl is let in too", "get the rights that trialmill check-cluster names"
        remedy = _login(error) or login if needs_login(error) else rights
        return RuntimeLostError(self._refusal(error), f"{remedy}; trials that run there go on, and are found again")

    def _refusal(self, error: Exception) -> str:
        if isinstance(error, KubeConfigError):
            return f"there are no credentials for the cluster at {self._server} any more: {error.message}"
        what = "accept this run's credentials" if needs_login(error) else "let this run see its trials"
        return f"the cluster at {self._server} does not {what}: {error}"


def _login(error: Exception) -> str:
    """What gives this run credentials again, where that is known better than by the server's refusal."""
    return error.remedy if isinstance(error, KubeConfigError) else ""


def _is_barred(error: Exception) -> bool:
    """Whether only a person can help."""
    return needs_login(error) or (isinstance(error, KubeError) and error.status == FORBIDDEN)


def _reason(error: Exception) -> str:
    if isinstance(error, KubeConfigError):
        return "NoCredentials"
    if needs_login(error):
        return "Unauthorized"
    if isinstance(error, KubeError):
        return error.reason or f"HTTP{error.status}"
    return "Unreachable"
