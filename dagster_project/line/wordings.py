"""What a campaign's folder says: message.json, and message.<wording>.json where a case differs.

A wording is named by `delivery_plan`: plain, several, urgent, several_urgent, and 2, 3, ... for the
later steps of a scenario. In an A/B test each of those files is text a, and text b stands beside it
with `.b` before `.json`. All the texts of a variant are one content with one version: a message
that changes its wording is the same message.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dagster_project.line.messages import Message, content_version, load_message

PLAIN = "plain"
VARIANTS = ("a", "b")  # the letter of the first is in no file's name
CHILDREN = "{children}"  # how many patients the message is written for

Wordings = Mapping[str, Sequence[Message]]  # by content version, or "<version>/<wording>"


def named(file_name: str) -> tuple[str, str]:
    """Return of which variant the text of a file is, and of which wording: plain has no name."""
    wording = Path(file_name).stem.partition(".")[2]
    before, _, last = wording.rpartition(".")
    variant, wording = (last, before) if last in VARIANTS[1:] else (VARIANTS[0], wording)
    return variant, wording


def texts(folder: Path) -> dict[str, dict[str, list[Message]]]:
    """Return every text of a campaign's folder by its variant and its wording.

    Raises MessageError when a file cannot be read or breaks a rule, and where a variant has no
    plain text.
    """
    names = {path.name for path in folder.glob("message.*.json")} | {"message.json"}
    names |= {f"message.{variant}.json" for variant, _ in map(named, names) if variant != "a"}
    said: dict[str, dict[str, list[Message]]] = {}
    for name in sorted(names):
        variant, wording = named(name)
        said.setdefault(variant, {})[wording or PLAIN] = load_message(
            folder.parent, folder.name, name
        )
    return said


def version_of(said: Mapping[str, Sequence[Message]]) -> str:
    """Return eight hex digits that change when, and only when, any text of a variant does."""
    if said.keys() == {PLAIN}:
        return content_version(said[PLAIN])
    return content_version([{wording: messages} for wording, messages in sorted(said.items())])


def versions(campaigns_dir: Path) -> dict[str, dict[str, str]]:
    """Return the content version of each variant of every campaign folder."""
    return {folder.name: wordings_of(folder)[0] for folder in _folders(campaigns_dir)}


def wordings(campaigns_dir: Path) -> dict[str, Sequence[Message]]:
    """Return what every campaign says, for `wording` to choose from."""
    found: dict[str, Sequence[Message]] = {}
    for folder in _folders(campaigns_dir):
        found |= wordings_of(folder)[1]
    return found


def wordings_of(folder: Path) -> tuple[dict[str, str], dict[str, Sequence[Message]]]:
    """Return the content version of each variant of a campaign, and what its folder says.

    Raises MessageError when a file cannot be read or breaks a rule.
    """
    by_variant, found = {}, dict[str, Sequence[Message]]()
    for variant, said in texts(folder).items():
        version = by_variant[variant] = version_of(said)
        found |= {f"{version}/{wording}": messages for wording, messages in said.items()}
        found[version] = said[PLAIN]
    return by_variant, found


def wording(said: Wordings, version: str, name: str, patients: int) -> list[Message]:
    """Return what one account is told: the text of that wording, or the nearest there is."""
    nearest = (name, *reversed(name.split("_")))
    keys = [f"{version}/{each}" for each in nearest]
    messages = next((said[key] for key in keys if key in said), said[version])
    written = json.dumps(list(messages), ensure_ascii=False).replace(CHILDREN, str(patients))
    return list(json.loads(written))


def _folders(campaigns_dir: Path) -> list[Path]:
    return sorted(path.parent for path in campaigns_dir.glob("*/message.json"))
