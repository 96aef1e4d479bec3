"""The roll of the forgotten, beside their key: what a ledger from an old backup does not know.

A line for each request, only ever added to, with its hashes and nothing that names anybody.
A ledger that has no such request is older than it, and the request is carried out again.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.forget.hashes import Forgotten, LostKeyError, id_of

LOST_KEY = (
    "{clinic_id}: the key of the forgotten persons (forget.key in the state folder) is missing or"
    " another one than that of {name} beside it: put it back from the backup"
    " (消去済みの方を照合する鍵がありません)"
)


@dataclass(frozen=True)
class Entry:
    """One request: the hash it was made for, when and by whom, and every hash of the person."""

    clinic_id: str
    hash: str
    began_at: str
    made_by: str
    key_id: str
    hashes: Sequence[str]


def roll_beside(key_path: Path) -> Path:
    """Return where the roll lies."""
    return key_path.with_name("forgotten.jsonl")


def enrol(path: Path, who: Forgotten, request: Mapping[str, str]) -> None:
    """Add a request, on the disk and not only in the cache."""
    entry = Entry(**request, key_id=id_of(who.key), hashes=sorted(who.hashes))
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{json.dumps(asdict(entry))}\n")  # the line before may have been cut off
        file.flush()
        os.fsync(file.fileno())


def unknown_to(path: Path, clinic_id: str, known: Collection[tuple[str, str]]) -> list[Entry]:
    """Return a clinic's requests that are none of the `known`, by hash and when they began.

    A line that was cut off in the writing is of a request that never came to be.
    """
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if entry.clinic_id == clinic_id and (entry.hash, entry.began_at) not in known:
            found.append(entry)
    return found


def whole_of(entry: Entry, key: bytes, path: Path) -> Forgotten:
    """Return the person of a request. Raises LostKeyError where the key is not that of the roll."""
    if entry.key_id != id_of(key):
        raise LostKeyError(LOST_KEY.format(clinic_id=entry.clinic_id, name=path.name))
    return Forgotten(entry.clinic_id, key, frozenset(entry.hashes))
