"""Every channel of the simulator, its clock, and the journal that survives a restart."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_project.simulator.channel import TOKYO, Channel


class State:
    """Every channel, and the journal that brings them back after a restart."""

    def __init__(self, folder: Path | None, now: datetime | None) -> None:
        self.channels: dict[str, Channel] = {}
        # Stateless tokens: whose, and until when. After a restart each needs a new one.
        self.tokens: dict[str, tuple[str, datetime]] = {}
        self.calls: Counter[str] = Counter()  # every request that arrived, by method and path
        self._now = now
        self._journal = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "journal.jsonl"
            self._replay(path)
            self._journal = path.open("a", encoding="utf-8")

    def now(self) -> datetime:
        """Return the simulator's own time: the one it was set to, else the real one."""
        return self._now or datetime.now(TOKYO)

    def set_now(self, now: datetime) -> None:
        """Move the simulator's clock."""
        self._now = now

    def channel(self, clinic_id: str) -> Channel:
        """Return a clinic's channel, opened on first use under the clinic's own name."""
        return self.channels.setdefault(clinic_id, Channel(clinic_id, clinic_id))

    def record(self, event: dict[str, Any]) -> None:
        """Apply an event, after it is safely on disk: what was answered is never forgotten."""
        if self._journal is not None:
            self._journal.write(json.dumps(event, ensure_ascii=False) + "\n")
            self._journal.flush()
        self._apply(event)

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()

    def _replay(self, path: Path) -> None:
        """Apply a journal; what a kill cut off in mid-line was never answered and is dropped."""
        written = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        whole, newline, torn = written.rpartition("\n")
        # Not splitlines: a message may hold other characters that look like an end of line.
        for line in whole.split("\n") if whole else ():
            self._apply(json.loads(line))
        if torn:
            path.write_text(whole + newline, encoding="utf-8")

    def _apply(self, event: dict[str, Any]) -> None:
        channel = self.channel(event["clinic_id"])
        match event["event"]:
            case "channel":
                channel.change(event, datetime.fromisoformat(event["at"]))
            case "friends":
                channel.befriend(set(event.get("following", [])), set(event.get("blocked", [])))
            case "said" | "replied":
                channel.hear(event["said"])
            case "menu" | "default_menu":
                channel.change_menu(event)
            case "accepted":
                channel.accept(event["request"], datetime.fromisoformat(event["at"]))
