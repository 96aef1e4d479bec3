"""Who is forgotten, known by keyed hashes alone: enough to know them again, not to name them.

Patient numbers are short, so a plain hash could be guessed by trying them all. The key lies
beside the ledger and not in it: whoever has a copy of the ledger alone learns nothing.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dagster_project.ingest.reachability import patient_id


class LostKeyError(Exception):
    """The key that the ledger's hashes were made with is not there: nobody can be kept out."""


@dataclass(frozen=True)
class Forgotten:
    """Who a clinic has forgotten. Without a key there is nobody."""

    clinic_id: str = ""
    key: bytes = b""
    hashes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether anybody is forgotten."""
        return bool(self.hashes)

    def is_patient(self, patient_no: object) -> bool:
        """Return whether a patient number, leading zeros or not, is of a forgotten person."""
        return bool(self.hashes) and self.of_patient(str(patient_no)) in self.hashes

    def is_account(self, line_user_id: object) -> bool:
        """Return whether a LINE account is a forgotten one."""
        return bool(self.hashes) and self.of_account(str(line_user_id)) in self.hashes

    def of_patient(self, patient_no: str) -> str:
        """Return the hash of a patient number."""
        return self._hash("patient", patient_id(patient_no))

    def of_account(self, line_user_id: str) -> str:
        """Return the hash of a LINE user id, as long as such an id: 33 characters."""
        return self._hash("account", line_user_id)

    def _hash(self, kind: str, who: str) -> str:
        return _keyed(self.key, f"{self.clinic_id}|{kind}|{who}")


@lru_cache(maxsize=2**18)
def _keyed(key: bytes, text: str) -> str:
    return "F" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


NOBODY = Forgotten()


def accounts_among(forgotten: Forgotten, users: Iterable[object]) -> set[str]:
    """Return the forgotten ones of some LINE user ids."""
    return {str(each) for each in users if each is not None and forgotten.is_account(each)}


def patients_among(forgotten: Forgotten, numbers: Iterable[object]) -> set[str]:
    """Return the forgotten ones of some patient numbers."""
    return {str(each) for each in numbers if each is not None and forgotten.is_patient(each)}


def id_of(key: bytes) -> str:
    """Return what a ledger keeps of a key, to know it again."""
    return hmac.new(key, b"tagline forget key", hashlib.sha256).hexdigest()[:16]


def read_key(path: Path) -> bytes:
    """Return the key, empty where there is none."""
    return bytes.fromhex(path.read_text().strip()) if path.exists() else b""


def make_key(path: Path) -> bytes:
    """Return the key, made at the first use, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another made it meanwhile: that one counts
            os.link(beside, path)
        beside.unlink()
    return read_key(path)
