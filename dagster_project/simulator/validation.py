"""What LINE refuses in a request body, as far as its reference says; unknown properties pass."""

import json
import re
from collections.abc import Callable
from typing import Any

from dagster_project.simulator.answers import Body, invalid, one_error

USER_ID = re.compile(r"U[0-9a-f]{32}")
UNIT = re.compile(r"[A-Za-z0-9_]{1,30}")
MAX_TO = 500
MAX_MESSAGES = 5
MAX_TEXT_UNITS = 5000  # UTF-16 code units
MAX_BUTTONS_TEXT, MAX_ACTIONS = 160, 4
MAX_ALT_TEXT = 1500
MAX_CONTENTS = {"bubble": 30 * 1024, "carousel": 50 * 1024}


def problem_of(body: Body, *, is_push: bool) -> Body | None:
    """Return the error LINE answers for a push or multicast body, None when it has none."""
    return (
        (_to_one(body.get("to")) if is_push else _to_many(body.get("to")))
        or _units(body.get("customAggregationUnits", []))
        or _flag(body.get("notificationDisabled", False))
        or problem_of_messages(body.get("messages"))
    )


def problem_of_messages(messages: object) -> Body | None:
    """Return the error LINE answers for a list of message objects, None when it has none."""
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        return one_error("messages", f"Size must be between 1 and {MAX_MESSAGES}")
    for position, message in enumerate(messages):
        kind = message.get("type") if isinstance(message, dict) else None
        check = KINDS.get(str(kind))
        if check is None:
            rule = f"Must be one of the following values: [{', '.join(KINDS)}]"
            return one_error(f"messages[{position}].type", rule)
        if problem := check(f"messages[{position}]", message):
            return problem
    return None


def _to_one(to: object) -> Body | None:
    return None if isinstance(to, str) and USER_ID.fullmatch(to) else invalid("'to'")


def _to_many(to: object) -> Body | None:
    if not isinstance(to, list) or not 1 <= len(to) <= MAX_TO:
        return one_error("to", f"Size must be between 1 and {MAX_TO}")
    for position, user in enumerate(to):
        if not isinstance(user, str) or not USER_ID.fullmatch(user):
            return invalid(f"to[{position}]")
    return None


def _units(units: object) -> Body | None:
    named = isinstance(units, list) and all(isinstance(each, str) for each in units)
    if not named or not isinstance(units, list) or len(units) > 1:
        return one_error("customAggregationUnits", "Size must be between 0 and 1")
    if not all(UNIT.fullmatch(unit) for unit in units):
        return one_error("customAggregationUnits[0]", "Must match ^[a-zA-Z0-9_]{1,30}$")
    return None


def _flag(flag: object) -> Body | None:
    return None if isinstance(flag, bool) else invalid("'notificationDisabled'")


def _text(name: str, message: dict[str, Any]) -> Body | None:
    return _length(f"{name}.text", message.get("text"), MAX_TEXT_UNITS)


def _flex(name: str, message: dict[str, Any]) -> Body | None:
    contents = message.get("contents")
    kind = contents.get("type") if isinstance(contents, dict) else None
    largest = MAX_CONTENTS.get(str(kind))
    if largest is None:
        return one_error(f"{name}.contents", "Must be a bubble or a carousel")
    if len(json.dumps(contents, ensure_ascii=False).encode()) > largest:
        return one_error(f"{name}.contents", f"Must not be larger than {largest} bytes")
    return _length(f"{name}.altText", message.get("altText"), MAX_ALT_TEXT)


def _template(name: str, message: dict[str, Any]) -> Body | None:
    template = message.get("template")
    if not isinstance(template, dict) or template.get("type") != "buttons":
        return one_error(f"{name}.template", "Must be of type buttons")  # the one we use
    actions = template.get("actions")
    if not isinstance(actions, list) or not 1 <= len(actions) <= MAX_ACTIONS:
        return one_error(f"{name}.template.actions", f"Size must be between 1 and {MAX_ACTIONS}")
    problem = _length(f"{name}.template.text", template.get("text"), MAX_BUTTONS_TEXT)
    return problem or _length(f"{name}.altText", message.get("altText"), MAX_ALT_TEXT)


def _length(name: str, text: object, largest: int) -> Body | None:
    if not isinstance(text, str) or not text:
        return one_error(name, "May not be empty")
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > largest:
        return one_error(name, f"Length must be between 0 and {largest}")
    return None


KINDS: dict[str, Callable[[str, dict[str, Any]], Body | None]] = {
    "text": _text,
    "flex": _flex,
    "template": _template,
}
