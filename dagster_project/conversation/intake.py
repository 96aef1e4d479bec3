"""The one writer of a webhook service: what waits is kept in one transaction.

A commit costs a flush of the disk, and SQLite has one writer at a time. Requests that came
while a commit ran share the next one, so a busy hour costs fewer flushes and no contention.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dagster_project.conversation.events import Arrival, Event

Store = Callable[[str, Sequence[Event]], set[str]]
Kept = asyncio.Future[list[Arrival]]


@dataclass(frozen=True)
class _Waiting:
    clinic_id: str
    arrivals: Sequence[Arrival]
    kept: Kept


class Intake:
    """Arrivals on their way into the ledger. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        # A thread of its own: slow answers to patients must not keep an event from being kept.
        self._thread = ThreadPoolExecutor(1, "intake")

    def put(self, clinic_id: str, arrivals: Sequence[Arrival]) -> Kept:
        """Return a future: those of the arrivals that were new, once they are kept.

        It has the store's exception where they could not be. Of an event that came more than
        once, one arrival is new.
        """
        kept: Kept = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(clinic_id, arrivals, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return kept

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            clinic_id = self._waiting[0].clinic_id
            batch = [each for each in self._waiting if each.clinic_id == clinic_id]
            self._waiting = [each for each in self._waiting if each.clinic_id != clinic_id]
            events = [each.event for one in batch for each in one.arrivals]
            try:
                new = await loop.run_in_executor(self._thread, self._store, clinic_id, events)
            except Exception as error:  # noqa: BLE001 - whoever waits for it is told
                for one in batch:
                    one.kept.set_exception(error)
            else:
                for one in batch:
                    one.kept.set_result(_claim(one.arrivals, new))


def _claim(arrivals: Sequence[Arrival], new: set[str]) -> list[Arrival]:
    """Return the first arrival of each event that is new, and take those out of the new ones."""
    claimed = []
    for each in arrivals:
        if each.event.event_id in new:
            new.remove(each.event.event_id)
            claimed.append(each)
    return claimed
