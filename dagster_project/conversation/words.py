"""The words of the chat as data, and how a message is compared with them."""

import re
import unicodedata
from functools import cache, cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

KINDS = ("stop", "settings", "unlink", "chart", "login")  # what a message can mean by itself
NOISE = re.compile(r"[\s\-‐−ー―。、．，.,!！?？「」『』]+")


class Words(BaseModel):
    """What `words.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    stop: list[str]
    settings: list[str]
    unlink: list[str]
    chart: list[str]
    login: list[str]
    purposes: dict[str, str]
    answers: dict[str, str]
    urgent: list[str]

    def means(self, said: str, kind: str) -> bool:
        """Return whether a message is one of the words of a kind, such as stop or unlink."""
        return plain(said) in self._plain[kind]

    @cached_property
    def _plain(self) -> dict[str, frozenset[str]]:
        return {kind: frozenset(map(plain, getattr(self, kind))) for kind in KINDS}

    def is_urgent(self, said: str) -> bool:
        """Return whether a message speaks of an emergency. Better once too often."""
        heard = plain(said)
        return any(plain(word) in heard for word in self.urgent)


@cache
def words() -> Words:
    """Return the words of this release."""
    path = Path(__file__).with_name("words.yaml")
    return Words.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def plain(text: str) -> str:
    """Return a text as it is compared: one width, one case, no spaces and no punctuation."""
    return NOISE.sub("", unicodedata.normalize("NFKC", text)).casefold()
