"""One-time codes that link a LINE account to a chart: handed over at reception, sent in the chat.

Eight letters of thirty that cannot be mistaken for one another, 39 bits. The ledger keeps
only a digest, and an account that sends five wrong ones is locked for a day.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
LOOKS_LIKE_A_CODE = re.compile(rf"[{LETTERS}]{{{LENGTH}}}")
SEPARATORS = re.compile(r"[\s\-‐−ー―]+")
# What the holder of the phone is to a patient, and what the patient is to the holder.
RELATIONS = {
    "self": "ご本人",
    "parent": "お子さま",
    "spouse": "配偶者",
    "child": "親御さま",
    "other": "ご家族など",
}


@dataclass(frozen=True)
class Code:
    """An issued code: for which charts, each with its relation, from when until when."""

    charts: Mapping[str, str]
    issued_ms: int
    expires_ms: int

    def is_good_at(self, at_ms: int) -> bool:
        """Return whether it may be used at an instant."""
        return self.issued_ms <= at_ms < self.expires_ms


def new_code() -> str:
    """Return a fresh code."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def code_in(said: str) -> str | None:
    """Return the code a message consists of, None when it is something else."""
    text = SEPARATORS.sub("", unicodedata.normalize("NFKC", said)).upper()
    return text if LOOKS_LIKE_A_CODE.fullmatch(text) else None


def digest(code: str) -> str:
    """Return what the ledger keeps of a code."""
    return hashlib.sha256(f"tagline link code {code}".encode()).hexdigest()
