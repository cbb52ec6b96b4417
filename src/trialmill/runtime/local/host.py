"""What all attempts of one runtime share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from trialmill.engine.records import AttemptKey
from trialmill.runtime.local.children import Children
from trialmill.runtime.local.commands import Commands
from trialmill.runtime.local.slots import Slots


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as an attempt sees it. `changed` and `gone` tell the runtime; `freed` offers slots to who waits."""

    loop: asyncio.AbstractEventLoop
    children: Children
    commands: Commands
    slots: Slots
    now: Callable[[], float]
    changed: Callable[[AttemptKey], None]
    gone: Callable[[AttemptKey, str], None]
    freed: Callable[[AttemptKey], None]
