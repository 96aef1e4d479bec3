"""What LINE would remember of one channel, with a clock of its own."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

RETRY_KEY_LIFE = timedelta(hours=24)  # after that the same key sends again
MAX_UNITS_A_MONTH = 1000  # the 1,001st name is accepted and silently not assigned
TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass
class Channel:
    """One channel: who its friends are, what it may still send, what it has sent."""

    clinic_id: str
    monthly_limit: int | None = None
    friends: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)
    keys: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    altered_retries: int = 0

    def earlier(self, key: str, now: datetime) -> str | None:
        """Return the request id this key was accepted under, if LINE still remembers it."""
        found = self.keys.get(key)
        return found[1] if found and now - found[0] < RETRY_KEY_LIFE else None

    def left(self, now: datetime) -> int | None:
        """Return this month's remaining recipients, None without a cap."""
        if self.monthly_limit is None:
            return None
        return self.monthly_limit - self.used.get(month(now), 0)

    def accept(self, request: dict[str, Any], now: datetime) -> None:
        """Deliver to every reachable recipient; the blocked are skipped and not counted."""
        body = request["body"]
        to = [body["to"]] if isinstance(body["to"], str) else list(dict.fromkeys(body["to"]))
        reached = [user for user in to if user in self.friends and user not in self.blocked]
        self.used[month(now)] = self.used.get(month(now), 0) + len(reached)
        if request["retry_key"]:
            self.keys[request["retry_key"]] = (now, request["request_id"], request["sha256"])
        unit = (body.get("customAggregationUnits") or [None])[0]
        names = self.units.setdefault(month(now), [])
        if unit and unit not in names and len(names) < MAX_UNITS_A_MONTH:
            names.append(unit)
        self.inbox += [
            {
                "user": user,
                "at": now.isoformat(),
                "request_id": request["request_id"],
                "retry_key": request["retry_key"],
                "unit": unit,
                "messages": body["messages"],
            }
            for user in reached
        ]


class State:
    """Every channel, and the journal that brings them back after a restart."""

    def __init__(self, folder: Path | None, now: datetime | None) -> None:
        self.channels: dict[str, Channel] = {}
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
        """Return a clinic's channel, opened on first use."""
        return self.channels.setdefault(clinic_id, Channel(clinic_id))

    def record(self, event: dict[str, Any]) -> None:
        """Apply an event, after it is safely on disk: what was answered is never forgotten."""
        if self._journal is not None:
            self._journal.write(json.dumps(event, ensure_ascii=False) + "\n")
            self._journal.flush()
        self._apply(event)

    def _replay(self, path: Path) -> None:
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._apply(json.loads(line))

    def _apply(self, event: dict[str, Any]) -> None:
        channel = self.channel(event["clinic_id"])
        match event["event"]:
            case "channel":
                channel.monthly_limit = event["monthly_limit"]
                if event.get("used") is not None:
                    channel.used[month(datetime.fromisoformat(event["at"]))] = event["used"]
            case "friends":
                channel.friends |= {*event.get("following", []), *event.get("blocked", [])}
                channel.blocked -= set(event.get("following", []))
                channel.blocked |= set(event.get("blocked", []))
            case "accepted":
                channel.accept(event["request"], datetime.fromisoformat(event["at"]))


def month(now: datetime) -> str:
    """Return the month the quota counts in, in Japan's time."""
    return now.astimezone(TOKYO).strftime("%Y-%m")


def sha256(raw: bytes) -> str:
    """Return the fingerprint by which a retry is compared with its original."""
    return hashlib.sha256(raw).hexdigest()
