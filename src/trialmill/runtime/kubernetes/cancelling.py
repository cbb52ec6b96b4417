"""Ending work that may be under way."""

import asyncio
from typing import Any


async def cancelled(*works: asyncio.Future[Any] | None) -> None:
    """Cancel what is under way, and wait until each has seen it: only then can be closed what it used."""
    there = [work for work in works if work is not None]
    for work in there:
        work.cancel()
    await asyncio.gather(*there, return_exceptions=True)
