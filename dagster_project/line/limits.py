"""LINE's limits of message objects that its SDK does not check (Messaging API reference)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_MESSAGES = 5
MAX_TEXT_UNITS = 5000  # UTF-16 code units; LINE counts an emoji as two
MAX_ALT_TEXT = 1500
MAX_BUBBLE_BYTES = 30 * 1024
MAX_CAROUSEL_BYTES = 50 * 1024
MAX_BUBBLES = 12
MAX_QUICK_REPLIES = 13
MAX_URI = 1000
MAX_IMAGE_URL = 2000
MAX_POSTBACK = 300
MAX_LABEL = 40  # of a button in a bubble
MAX_QUICK_LABEL = 20
MAX_SENDER = 20  # letters of the name a message is shown under
SCHEMES = ("https", "tel", "line")  # LINE takes http as well; we never send anybody there
ACTIONS = ("uri", "message", "postback", "datetimepicker")
ENCODED = re.compile(r"[!-~]*")  # an address is letters, digits and signs of ASCII, no blank
BLOCKS = ("hero", "header", "body", "footer")
COMPONENTS = ("box", "text", "button", "image", "icon", "separator", "filler", "span", "video")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing in a message.json: where (JSON path), what is there, what has to be."""

    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.path}: {self.found}, expected {self.expected}"


def over_limits(messages: object) -> list[Problem]:
    """Return what LINE would refuse, or we would not send, of a list of message objects."""
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        count = len(messages) if isinstance(messages, list) else "no"
        return [Problem("$", f"{count} messages", f"a list of 1 to {MAX_MESSAGES}")]
    return [each for at, message in enumerate(messages) for each in _message(f"$[{at}]", message)]


def units(text: str) -> int:
    """Return how long LINE finds a text: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _message(path: str, message: object) -> Iterator[Problem]:
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(message, dict) or kind not in {"text", "flex"}:
        yield Problem(f"{path}.type", repr(kind), "text or flex")
        return
    if kind == "text":
        yield from _length(f"{path}.text", message.get("text"), MAX_TEXT_UNITS)
    else:
        # What a locked phone shows to whoever holds it.
        yield from _length(f"{path}.altText", message.get("altText"), MAX_ALT_TEXT)
        yield from _contents(f"{path}.contents", message.get("contents"))
    if "sender" in message:
        yield from _sender(f"{path}.sender", message["sender"])
    if "quickReply" in message:
        yield from _quick_reply(f"{path}.quickReply", message["quickReply"])


def _sender(path: str, sender: object) -> Iterator[Problem]:
    shown = sender if isinstance(sender, dict) else {}
    yield from _length(f"{path}.name", shown.get("name"), MAX_SENDER)
    if "iconUrl" in shown:
        yield from _address(f"{path}.iconUrl", shown["iconUrl"], ("https",), MAX_IMAGE_URL)


def _length(path: str, text: object, largest: int, least: int = 1) -> Iterator[Problem]:
    if not isinstance(text, str):
        yield Problem(path, "no text", f"{least} to {largest} UTF-16 units")
    elif not least <= units(text) <= largest:
        yield Problem(path, f"{units(text)} UTF-16 units", f"{least} to {largest}")


def _contents(path: str, contents: object) -> Iterator[Problem]:
    kind = contents.get("type") if isinstance(contents, dict) else None
    if not isinstance(contents, dict) or kind not in {"bubble", "carousel"}:
        yield Problem(f"{path}.type", repr(kind), "bubble or carousel")
        return
    if kind == "bubble":
        yield from _bubble(path, contents)
        return
    yield from _bytes(path, contents, MAX_CAROUSEL_BYTES)
    bubbles = contents.get("contents")
    if not isinstance(bubbles, list) or not 1 <= len(bubbles) <= MAX_BUBBLES:
        count = len(bubbles) if isinstance(bubbles, list) else "no"
        yield Problem(f"{path}.contents", f"{count} bubbles", f"1 to {MAX_BUBBLES}")
        return
    for at, bubble in enumerate(bubbles):
        yield from _bubble(f"{path}.contents[{at}]", bubble)


def _bytes(path: str, contents: object, largest: int) -> Iterator[Problem]:
    size = len(json.dumps(contents, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > largest:
        yield Problem(path, f"{size} bytes", f"up to {largest}")


def _bubble(path: str, bubble: object) -> Iterator[Problem]:
    if not isinstance(bubble, dict) or bubble.get("type") != "bubble":
        yield Problem(path, "no bubble", "a bubble")
        return
    yield from _bytes(path, bubble, MAX_BUBBLE_BYTES)
    yield from _action(path, bubble, MAX_LABEL)
    for block in BLOCKS:
        if block in bubble:
            yield from _component(f"{path}.{block}", bubble[block])


def _component(path: str, component: object) -> Iterator[Problem]:
    kind = component.get("type") if isinstance(component, dict) else None
    if not isinstance(component, dict) or kind not in COMPONENTS:
        yield Problem(f"{path}.type", repr(kind), f"one of {', '.join(COMPONENTS)}")
        return
    if kind == "text" and not component.get("text") and not component.get("contents"):
        yield Problem(f"{path}.text", "no text", "a text, or contents of spans")
    if kind in {"image", "icon"}:
        yield from _address(f"{path}.url", component.get("url"), ("https",), MAX_IMAGE_URL)
    if kind == "button" and "action" not in component:
        yield Problem(f"{path}.action", "none", "an action")
    if kind == "box" and not isinstance(component.get("contents"), list):
        yield Problem(f"{path}.contents", "none", "a list of components")
    yield from _action(path, component, MAX_LABEL, needs_label=kind == "button")
    children = component.get("contents")
    for at, child in enumerate(children if isinstance(children, list) else []):
        yield from _component(f"{path}.contents[{at}]", child)


def _quick_reply(path: str, quick: object) -> Iterator[Problem]:
    items = quick.get("items") if isinstance(quick, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_QUICK_REPLIES:
        count = len(items) if isinstance(items, list) else "no"
        yield Problem(f"{path}.items", f"{count} items", f"1 to {MAX_QUICK_REPLIES}")
        return
    for at, item in enumerate(items):
        owner = item if isinstance(item, dict) else {}
        yield from _action(f"{path}.items[{at}]", owner, MAX_QUICK_LABEL, needs_label=True)


def _action(
    path: str, owner: Mapping[str, Any], longest: int, *, needs_label: bool = False
) -> Iterator[Problem]:
    if "action" not in owner:
        return
    action, path = owner["action"], f"{path}.action"
    kind = action.get("type") if isinstance(action, dict) else None
    if not isinstance(action, dict) or kind not in ACTIONS:
        yield Problem(f"{path}.type", repr(kind), f"one of {', '.join(ACTIONS)}")
        return
    if needs_label or "label" in action:
        yield from _length(f"{path}.label", action.get("label"), longest, int(needs_label))
    if kind == "uri":
        yield from _address(f"{path}.uri", action.get("uri"), SCHEMES, MAX_URI)
    if kind == "message":
        yield from _length(f"{path}.text", action.get("text"), MAX_POSTBACK)
    if kind in {"postback", "datetimepicker"}:
        yield from _length(f"{path}.data", action.get("data"), MAX_POSTBACK)
    if "displayText" in action:
        yield from _length(f"{path}.displayText", action["displayText"], MAX_POSTBACK)


def _address(
    path: str, address: object, schemes: tuple[str, ...], longest: int
) -> Iterator[Problem]:
    yield from _length(path, address, longest)
    scheme = re.match(r"([a-zA-Z][\w+.-]*):", address) if isinstance(address, str) else None
    if not scheme or scheme[1].lower() not in schemes:
        yield Problem(path, f"{scheme[1] if scheme else 'no'} scheme", " or ".join(schemes))
    elif isinstance(address, str) and not ENCODED.fullmatch(address):
        yield Problem(path, "letters that are not ASCII, or blanks", "them percent-encoded")
