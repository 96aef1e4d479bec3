"""What a channel may ask about what was done with its messages, by unit name.

Source: https://developers.line.biz/en/reference/messaging-api/#get-statistics-per-unit
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from aiohttp import web

from dagster_project.simulator.answers import RATE_LIMIT, Body, answer, error, new_request_id
from dagster_project.simulator.behaviour import Sending
from dagster_project.simulator.channel import TOKYO, Channel
from dagster_project.simulator.faults import SLOW, delay, fail
from dagster_project.simulator.state import State
from dagster_project.simulator.validation import UNIT

A_DAY = re.compile(r"\d{8}")
LONGEST = timedelta(days=30)  # from the first day to the last
COUNTED = timedelta(days=14)  # from the sending; what is done later is not counted
SHOWN_AFTER = timedelta(days=1)  # "wait a few days", says LINE, and not how long
SHOWN_FROM = 20  # people
AN_HOUR = 3600  # seconds
REQUESTS_AN_HOUR = 60
MEDIA = ("Played", "Played25Percent", "Played50Percent", "Played75Percent", "Played100Percent")


async def per_unit(request: web.Request, state: State, channel: Channel) -> web.StreamResponse:
    """GET /v2/bot/insight/message/event/aggregation?customAggregationUnit=&from=&to=."""
    fault, _, argument = (
        channel.insight_faults.pop(0) if channel.insight_faults else ""
    ).partition(":")
    if not channel.is_within_rate(request.path, REQUESTS_AN_HOUR, state.now(), AN_HOUR):
        return error(429, RATE_LIMIT)
    if fault == SLOW:
        await delay(argument)
    elif fault:
        return await fail(request, fault, argument, new_request_id())
    unit = request.query.get("customAggregationUnit", "")
    if not UNIT.fullmatch(unit):
        return error(400, "The value for the 'customAggregationUnit' parameter is invalid")
    days = []
    for name in ("from", "to"):
        day = _day(request.query.get(name, ""))
        if day is None:
            return error(400, f"The value for the '{name}' parameter is invalid")
        days.append(day)
    if not timedelta() <= days[1] - days[0] <= LONGEST:
        return error(400, "The period is invalid")
    sendings = [each for each in channel.sendings if each.unit == unit]
    return answer(200, _statistics(sendings, days[0], days[1], state.now()))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if A_DAY.fullmatch(text) else None
    except ValueError:
        return None


def _statistics(sendings: Sequence[Sending], first: date, last: date, now: datetime) -> Body:
    opened: Counter[str] = Counter()
    clicked: dict[str, Counter[str]] = {}
    for sending in sendings:
        link = next(iter(sending.links()), None)
        for user, has_clicked in _counted(sending, first, last, now):
            opened[user] += 1
            if link and has_clicked:
                clicked.setdefault(link, Counter())[user] += 1
    clickers = set[str]().union(*clicked.values())
    overview = {"uniqueImpression": _shown(opened), "uniqueClick": _shown(clickers)}
    overview |= {"uniqueMediaPlayed": None, "uniqueMediaPlayed100Percent": None}
    bubbles = max((len(each.messages) for each in sendings), default=0) if opened else 0
    return {
        "overview": overview,
        "messages": [_bubble(seq, opened) for seq in range(1, bubbles + 1)],
        "clicks": [_link(seq, *found) for seq, found in enumerate(clicked.items(), start=1)],
    }


def _counted(
    sending: Sending, first: date, last: date, now: datetime
) -> Iterator[tuple[str, bool]]:
    """Yield each user who opened, and whether they clicked: within the days, and shown by now."""
    for user, nth in sending.reached:
        done = sending.behaviour.of(user, nth)
        if done.opens is None or done.opens > COUNTED:
            continue
        at = sending.at + done.opens
        if at + SHOWN_AFTER <= now and first <= at.astimezone(TOKYO).date() <= last:
            yield user, done.clicks is not None


def _shown(users: Iterable[str]) -> int | None:
    """Return how many people did a thing, None where LINE does not say."""
    people = len(set(users))
    return people if people >= SHOWN_FROM else None


def _times(users: Counter[str]) -> int | None:
    return users.total() if _shown(users) else None


def _bubble(seq: int, opened: Counter[str]) -> Body:
    found: Body = {"seq": seq, "impression": _times(opened), "uniqueImpression": _shown(opened)}
    found |= {f"media{each}": None for each in MEDIA}
    return found | {f"uniqueMedia{each}": None for each in MEDIA}


def _link(seq: int, url: str, users: Counter[str]) -> Body:
    people = _shown(users)
    counts = {"click": _times(users), "uniqueClick": people, "uniqueClickOfRequest": people}
    return {"seq": seq, "url": url, **counts}
