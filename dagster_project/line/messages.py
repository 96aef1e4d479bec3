"""Message files of the campaign folders: loading, versions, and what must not be in them."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote

MAX_TEXT_UNITS = 5000  # UTF-16 code units; LINE counts an emoji as two
MAX_ALT_TEXT = 1500
MAX_MESSAGES = 5
MAX_BUBBLE_BYTES = 30 * 1024

Message = dict[str, object]


class MessageError(Exception):
    """A message.json that must not be sent; the text names the file and every finding."""


def load_message(campaigns_dir: Path, campaign: str, name: str = "message.json") -> list[Message]:
    """Return a campaign's message objects. Raises MessageError when a rule is broken."""
    path = campaigns_dir / campaign / name
    try:
        messages = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MessageError(f"{path.name} of {campaign}: {error}") from error
    findings = lint(messages)
    if findings:
        raise MessageError(f"{campaign}/{path.name}: {'; '.join(findings)}")
    return list(messages)


def content_version(messages: Sequence[Message]) -> str:
    """Return eight hex digits that change when, and only when, the content does."""
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def lint(messages: object) -> list[str]:
    """Return what LINE would refuse or a lock screen must not show; empty when all is well.

    The limits are those of the Messaging API reference that the SDK does not check.
    """
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        return [f"expected a list of 1 to {MAX_MESSAGES} message objects"]
    findings = []
    for number, message in enumerate(messages, start=1):
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "text":
            findings += _lint_length(f"message {number}: text", message.get("text"), MAX_TEXT_UNITS)
        elif kind == "flex":
            findings += _lint_flex(number, message)
        else:
            findings.append(f"message {number}: type {kind!r}, expected text or flex")
        # All of it, not the text alone: labels and addresses are seen as well.
        written = json.dumps(message, ensure_ascii=False)
        findings += [f"message {number}: says {word}" for word in revealing(written)]
    return findings


def _lint_length(what: str, text: object, largest: int) -> list[str]:
    if not isinstance(text, str):
        return [f"{what} is not a text"]
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return [] if 0 < units <= largest else [f"{what} has {units} UTF-16 units, 1 to {largest} fit"]


def _lint_flex(number: int, message: Message) -> list[str]:
    # altText is what a locked phone shows to whoever holds it.
    findings = _lint_length(f"message {number}: altText", message.get("altText"), MAX_ALT_TEXT)
    contents = message.get("contents")
    kind = contents.get("type") if isinstance(contents, dict) else None
    if kind not in {"bubble", "carousel"}:
        findings.append(f"message {number}: contents of type {kind!r}, expected bubble or carousel")
    if len(json.dumps(contents, ensure_ascii=False).encode()) > MAX_BUBBLE_BYTES:
        findings.append(f"message {number}: bubble over {MAX_BUBBLE_BYTES} bytes")
    return findings


def revealing(text: str) -> list[str]:
    """Return the clinical words in a text: diseases, organs, drugs, tests, some departments.

    However they are written: full or half width, large or small letters, in an address.
    """
    folded = _folded(unquote(text))
    return [word for word in _clinical_words() if _folded(word) in folded]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _clinical_words() -> tuple[str, ...]:
    text = Path(__file__).with_name("clinical_words.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and line[0] != "#")
