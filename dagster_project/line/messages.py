"""Message files of the campaign folders: loading, versions, and what must not be in them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from dagster_project.line.clinical import revealing
from dagster_project.line.limits import Problem, over_limits

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
        raise MessageError(f"{campaign}/{path.name}: {'; '.join(map(str, findings))}")
    return list(messages)


def content_version(messages: Sequence[Message]) -> str:
    """Return eight hex digits that change when, and only when, the content does."""
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def lint(messages: object) -> list[Problem]:
    """Return what LINE would refuse or a screen must not show; empty when all is well."""
    if not isinstance(messages, list):
        return over_limits(messages)
    return [*over_limits(messages), *_clinical("$", messages)]


def texts(value: object, path: str = "$") -> Iterator[tuple[str, str]]:
    """Return every text of a message, labels and addresses too, each with its JSON path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from texts(each, f"{path}.{name}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from texts(each, f"{path}[{at}]")


def _clinical(path: str, messages: object) -> Iterator[Problem]:
    for where, text in texts(messages, path):
        for word in revealing(text):
            yield Problem(where, f"says {word}", "no word that tells what somebody has")
