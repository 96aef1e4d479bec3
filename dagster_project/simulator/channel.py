"""What LINE remembers of one channel: friends, quota, retry keys, unit names, copies delivered."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dagster_project.simulator.behaviour import Behaviour, Sending

REPLY_TOKEN_LIFE = timedelta(minutes=1)
STATELESS_TOKEN_LIFE = timedelta(minutes=15)
LINK_TOKEN_LIFE = timedelta(minutes=10)
RETRY_KEY_LIFE = timedelta(hours=24)  # after that the same key sends again
MAX_UNITS_A_MONTH = 1000  # the 1,001st name is accepted and silently not assigned
TOKYO = ZoneInfo("Asia/Tokyo")
# What the control API may set of a channel, and by which name.
SETTABLE = {
    "channel": "basic_id",
    "monthly_limit": "monthly_limit",
    "unknown_users": "unknown_users",
    "consumption_lag": "consumption_lag",
    "webhook": "webhook",
    "is_webhook_used": "is_webhook_used",
    "behaviour": "planted",
    "refuses": "refuses",
}


@dataclass(frozen=True)
class RetryKey:
    """A retry key since its first request, and the request that was accepted under it."""

    first_at: datetime
    request_id: str | None = None
    sha256: str | None = None


@dataclass
class Bucket:
    """Tokens that come back with time: `rate` of them in `per` seconds, as many at once at most."""

    rate: int
    per: int
    tokens: float
    at: datetime

    def take(self, now: datetime) -> bool:
        """Take a token; return False when there is none."""
        elapsed = max(0.0, (now - self.at).total_seconds())
        self.tokens, self.at = min(self.rate, self.tokens + elapsed * self.rate / self.per), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Channel:
    """One channel: who its friends are, what it may still send, what it has sent."""

    clinic_id: str
    basic_id: str
    monthly_limit: int | None = None
    unknown_users: str = "skipped"  # or "refused": LINE's documentation says both
    consumption_lag: int = 0  # accepted recipients that `consumption` does not show yet
    friends: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)
    multicast_on: dict[str, int] = field(default_factory=dict)
    keys: dict[str, RetryKey] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    webhook: str | None = None  # where events go, if anywhere
    is_webhook_used: bool = True  # its switch in LINE's console
    refuses: str | None = None  # a text with this in it breaks some rule of LINE's
    talk: list[dict[str, Any]] = field(default_factory=list)  # what users said, and the answers
    last_ms: int = 0  # of the last event: no two happen at one instant
    reply_tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    link_tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    rich_menus: dict[str, dict[str, Any]] = field(default_factory=dict)
    default_menu: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    altered_retries: int = 0
    planted: dict[str, Any] = field(default_factory=dict)  # of Behaviour: what users do from now on
    sendings: list[Sending] = field(default_factory=list)  # those under a unit name
    copies: Counter[str] = field(default_factory=Counter)  # that each user got so far
    leaving: dict[str, datetime] = field(default_factory=dict)  # who will block, and when
    insight_faults: list[str] = field(default_factory=list)

    def is_within_rate(self, endpoint: str, rate: int, now: datetime, per: int = 1) -> bool:
        """Return whether one more request fits the endpoint's limit, `rate` in `per` seconds."""
        return self.buckets.setdefault(endpoint, Bucket(rate, per, rate, now)).take(now)

    def retry_key(self, key: str, now: datetime) -> RetryKey:
        """Return what LINE knows of a key: nothing before, or 24 hours after, its first request."""
        found = self.keys.get(key)
        if found is None or now - found.first_at >= RETRY_KEY_LIFE:
            found = self.keys[key] = RetryKey(now)
        return found

    def left(self, now: datetime) -> int | None:
        """Return this month's remaining recipients, None without a cap."""
        if self.monthly_limit is None:
            return None
        return self.monthly_limit - self.used.get(month(now), 0)

    def change(self, values: dict[str, Any], now: datetime) -> None:
        """Take over what the control API said of this channel, and leave the rest."""
        for name in SETTABLE.keys() & values.keys():
            setattr(self, SETTABLE[name], values[name])
        if values.get("used") is not None:
            self.used[month(now)] = values["used"]

    def befriend(self, following: set[str], blocked: set[str]) -> None:
        """Take over who follows and who blocked."""
        self.friends |= following | blocked
        self.blocked = (self.blocked - following) | blocked

    def hear(self, said: dict[str, Any]) -> None:
        """Take over what a user did in the chat."""
        self.last_ms = max(self.last_ms, int(said["timestamp"]))
        if said["type"] in {"follow", "unfollow"}:
            self.leaving.pop(said["user"], None)
        if said["type"] == "follow":
            self.befriend({said["user"]}, set())
        elif said["type"] == "unfollow":
            self.befriend(set(), {said["user"]})
        self.talk.append(said)

    def change_menu(self, event: dict[str, Any]) -> None:
        """Take over a rich menu, its end, or which one everyone sees."""
        if event["event"] == "default_menu":
            self.default_menu = event["id"]
        elif event["menu"] is None:
            self.rich_menus.pop(event["id"], None)
            self.default_menu = None if self.default_menu == event["id"] else self.default_menu
        else:
            self.rich_menus[event["id"]] = event["menu"]

    def accept(self, request: dict[str, Any], now: datetime) -> None:
        """Deliver to every reachable recipient; the others are skipped and not counted.

        Somebody named twice gets two copies: what LINE does is not documented, and this
        is what must never happen to a patient.
        """
        body, key = request["body"], request["retry_key"]
        to = [body["to"]] if isinstance(body["to"], str) else body["to"]
        reached = [user for user in to if user in self.friends and user not in self.blocked]
        self.used[month(now)] = self.used.get(month(now), 0) + len(reached)
        if not isinstance(body["to"], str):
            self.multicast_on[day(now)] = self.multicast_on.get(day(now), 0) + len(reached)
        if key:
            first_at = datetime.fromisoformat(request.get("key_first_at", now.isoformat()))
            self.keys[key] = RetryKey(first_at, request["request_id"], request["sha256"])
        unit = (body.get("customAggregationUnits") or [None])[0]
        names = self.units.setdefault(month(now), [])
        if unit and unit not in names and len(names) < MAX_UNITS_A_MONTH:
            names.append(unit)
        self._react(unit if unit in names else None, reached, body["messages"], now)
        self.inbox += [
            {
                "user": user,
                "at": now.isoformat(),
                "request_id": request["request_id"],
                "retry_key": key,
                "unit": unit,
                "messages": body["messages"],
            }
            for user in reached
        ]

    def _react(
        self, unit: str | None, reached: list[str], messages: list[dict[str, Any]], now: datetime
    ) -> None:
        """Have users do with their copies what is planted: some of them will block."""
        behaviour = Behaviour(**self.planted)
        before = [(user, self.copies[user]) for user in reached]
        self.copies.update(reached)
        if unit:
            self.sendings.append(Sending(unit, now, messages, before, behaviour))
        if behaviour.blocks:
            for user, nth in before:
                after = behaviour.of(user, nth).blocks
                if after is not None:
                    self.leaving.setdefault(user, now + after)

    def due_to_leave(self, now: datetime) -> list[tuple[datetime, str]]:
        """Return whose hour to block has come, and when that was, in that order."""
        due = [(at, user) for user, at in self.leaving.items() if at <= now]
        return sorted(each for each in due if each[1] not in self.blocked)


def month(now: datetime) -> str:
    """Return the month the quota counts in, in Japan's time."""
    return now.astimezone(TOKYO).strftime("%Y-%m")


def day(now: datetime) -> str:
    """Return the day LINE counts deliveries by, as its API writes it."""
    return now.astimezone(TOKYO).strftime("%Y%m%d")
