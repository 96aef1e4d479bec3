"""What a campaign's folder says: message.json, and message.<variant>.json where a case differs.

A variant is named by `delivery_plan`: plain, several, urgent, several_urgent, and 2, 3, ... for
the later steps of a scenario. All the texts of a folder are one content with one version: a message
that changes its variant is the same message.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dagster_project.line.messages import Message, content_version, load_message

PLAIN = "plain"
CHILDREN = "{children}"  # how many patients the message is written for

Wordings = Mapping[str, Sequence[Message]]  # by content version, or "<version>/<variant>"


def texts(folder: Path) -> dict[str, list[Message]]:
    """Return every text of a campaign's folder by its variant.

    Raises MessageError when a file cannot be read or breaks a rule.
    """
    names = {path.name for path in folder.glob("message.*.json")} | {"message.json"}
    return {
        Path(name).stem.partition(".")[2] or PLAIN: load_message(folder.parent, folder.name, name)
        for name in sorted(names)
    }


def version_of(said: Mapping[str, Sequence[Message]]) -> str:
    """Return eight hex digits that change when, and only when, any text of a folder does."""
    if said.keys() == {PLAIN}:
        return content_version(said[PLAIN])
    return content_version([{variant: messages} for variant, messages in sorted(said.items())])


def versions(campaigns_dir: Path) -> dict[str, str]:
    """Return the content version of every campaign folder."""
    return {folder.name: version_of(texts(folder)) for folder in _folders(campaigns_dir)}


def wordings(campaigns_dir: Path) -> dict[str, Sequence[Message]]:
    """Return what every campaign says, for `wording` to choose from."""
    found: dict[str, Sequence[Message]] = {}
    for folder in _folders(campaigns_dir):
        found |= wordings_of(folder)[1]
    return found


def wordings_of(folder: Path) -> tuple[str, dict[str, Sequence[Message]]]:
    """Return a campaign's content version, and what its folder says.

    Raises MessageError when a file cannot be read or breaks a rule.
    """
    said = texts(folder)
    version = version_of(said)
    variants = {f"{version}/{variant}": messages for variant, messages in said.items()}
    return version, {**variants, version: said[PLAIN]}


def wording(said: Wordings, version: str, variant: str, patients: int) -> list[Message]:
    """Return what one account is told: the text of its variant, or the nearest the folder has."""
    nearest = (variant, *reversed(variant.split("_")))
    keys = [f"{version}/{name}" for name in nearest]
    messages = next((said[key] for key in keys if key in said), said[version])
    written = json.dumps(list(messages), ensure_ascii=False).replace(CHILDREN, str(patients))
    return list(json.loads(written))


def _folders(campaigns_dir: Path) -> list[Path]:
    return sorted(path.parent for path in campaigns_dir.glob("*/message.json"))
