"""The words of the chat as data, and how a message is compared with them."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

KINDS = ("stop", "settings", "unlink", "chart", "login")  # what a message can mean by itself
NOISE = re.compile(r"[\W_ー]+")  # spaces, signs, pictures, marks that change only how a sign looks
KATAKANA = {each: each - 0x60 for each in range(ord("ァ"), ord("ヶ") + 1)}  # as hiragana
GAP = "*"  # in a wording: up to eight letters of other words


class Words(BaseModel):
    """What `words.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    stop: list[str]
    stop_anywhere: list[str]
    settings: list[str]
    unlink: list[str]
    chart: list[str]
    login: list[str]
    purposes: dict[str, str]
    answers: dict[str, str]
    urgent: list[str]

    def means(self, said: str, kind: str) -> bool:
        """Return whether a message is one of the words of a kind, such as stop or unlink.

        Stopping may be asked for within a sentence: rather once too often than not heard.
        """
        heard = plain(said)
        return heard in self._plain[kind] or (
            kind == "stop" and self._stops.search(heard) is not None
        )

    def word_meant(self, said: str, kinds: Iterable[str]) -> str | None:
        """Return the word that means what a message does, itself where it is one; None if none.

        The first of the kinds that it is of counts.
        """
        kind = next((each for each in kinds if self.means(said, each)), None)
        if kind is None:
            return None
        return said if plain(said) in self._plain[kind] else str(getattr(self, kind)[0])

    def is_urgent(self, said: str) -> bool:
        """Return whether a message speaks of an emergency. Better once too often."""
        return self._emergencies.search(plain(said)) is not None

    @cached_property
    def _plain(self) -> dict[str, frozenset[str]]:
        return {kind: frozenset(map(plain, getattr(self, kind))) for kind in KINDS}

    @cached_property
    def _stops(self) -> re.Pattern[str]:
        return _any_of(self.stop_anywhere)

    @cached_property
    def _emergencies(self) -> re.Pattern[str]:
        return _any_of(self.urgent)


@cache
def words() -> Words:
    """Return the words of this release."""
    path = Path(__file__).with_name("words.yaml")
    return Words.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def plain(text: str) -> str:
    """Return a text as it is compared: one width, case and kana, letters and figures alone."""
    heard = NOISE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return heard.translate(KATAKANA)


def _any_of(wordings: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of some wordings in a plain text."""
    parts = ([re.escape(plain(part)) for part in each.split(GAP)] for each in wordings)
    return re.compile("|".join(".{0,8}".join(each) for each in parts))
