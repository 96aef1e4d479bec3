"""What a clinic's chat understands and says: the words of all, and what is its own."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.yml import Keys, Yml, read_yml
from dagster_project.conversation.codes import code_in
from dagster_project.conversation.questionnaire import (
    Label,
    Part,
    Question,
    Questionnaire,
    Said,
    Vocabulary,
    read_questionnaire,
    validated,
)
from dagster_project.conversation.words import KINDS, Words, plain, words
from dagster_project.settings import ROOT

Asked = tuple[str, str]  # a questionnaire and a question of it


class Reply(Part):
    """What is answered to a message that consists of one of some words."""

    words: list[Label]
    text: Said


class Replies(Part):
    """What `replies.yaml` holds."""

    replies: list[Reply]


@dataclass(frozen=True)
class Script:
    """What one clinic's chat understands and says."""

    words: Words = field(default_factory=words)
    questionnaires: Mapping[str, Questionnaire] = field(default_factory=dict)
    replies: tuple[Reply, ...] = ()
    phone: str | None = None

    def urgent(self) -> str:
        """Return the fixed answer to an emergency, with the clinic's number where it gives one."""
        said = self.words.answers["urgent"]
        return f"{said}\n当院の電話: {self.phone}" if self.phone else said

    def started_by(self, said: str) -> Asked | None:
        """Return the first question of the questionnaire that a message starts."""
        return self._starts.get(plain(said))

    @cached_property
    def _starts(self) -> Mapping[str, Asked]:
        starts: dict[str, Asked] = {}
        for name, each in self.questionnaires.items():
            for word in each.triggers:
                starts.setdefault(plain(word), (name, each.questions[0].question))
        return starts

    def question(self, asked: Asked | None) -> Question | None:
        """Return a question, None where the clinic asks it no more."""
        found = self.questionnaires.get(asked[0]) if asked else None
        return found.asked(asked[1]) if found and asked else None

    def after(self, asked: Asked, choice: str | None) -> Asked | None:
        """Return what is asked after an answer, None at the end."""
        question = self.question(asked)
        following = question.after(choice) if question else None
        return (asked[0], following) if following else None

    def choices(self) -> list[tuple[object, ...]]:
        """Return the rows of `clinic.choices`: every choice of every question, as it is shown."""
        return [
            (
                name,
                each.title,
                each.campaign,
                question.question,
                question.text,
                choice.choice,
                choice.label,
                choice.wish,
            )
            for name, each in self.questionnaires.items()
            for question in each.questions
            for choice in question.choices
        ]

    def reply(self, said: str) -> str | None:
        """Return the clinic's own reply to a message, None where it has none."""
        return next(
            (each.text for each in self.replies if plain(said) in map(plain, each.words)), None
        )

    def is_own_words(self, said: str) -> bool:
        """Return whether a text is somebody's own: no word of the chat, no code, no emergency."""
        is_known = any(self.words.means(said, kind) for kind in KINDS) or bool(
            code_in(said) or self.started_by(said) or self.reply(said)
        )
        return said != "" and not is_known and not self.words.is_urgent(said)


def script_of(folder: Path) -> tuple[Script, list[Finding]]:
    """Return the script of a clinic's folder, and what is wrong in it, by file and line.

    A questionnaire or a list of replies that is wrong is left out; all else stands.
    """
    findings: list[Finding] = []
    taken: dict[str, str] = {}
    questionnaires: dict[str, Questionnaire] = {}
    for path in sorted((folder / "questionnaires").glob("*.yaml")):
        yml = read_yml(path)
        found, wrong = read_questionnaire(yml, vocabulary())
        if found:
            wrong = list(_taken(yml, ("triggers",), found.triggers, taken))
        if found and not wrong:
            questionnaires[found.questionnaire] = found
            taken |= {plain(word): path.name for word in found.triggers}
        findings += wrong
    replies, wrong = _replies(folder / "replies.yaml", taken)
    return Script(questionnaires=questionnaires, replies=replies), [*findings, *wrong]


def _replies(path: Path, taken: dict[str, str]) -> tuple[tuple[Reply, ...], list[Finding]]:
    if not path.exists():
        return (), []
    yml = read_yml(path)
    found, wrong = validated(Replies, yml)
    if found is None:
        return (), wrong
    findings: list[Finding] = []
    for at, reply in enumerate(found.replies):
        findings += _taken(yml, ("replies", at, "words"), reply.words, taken)
        taken |= {plain(word): path.name for word in reply.words}
    return (() if findings else tuple(found.replies)), findings


def _taken(yml: Yml, keys: Keys, said: list[str], taken: Mapping[str, str]) -> Iterator[Finding]:
    path = yml.path
    for at, word in enumerate(said):
        line = yml.line(*keys, at)
        if not plain(word):
            yield Finding(path, line, f"{word!r} has no letter", "choose another word")
        if code_in(word):
            yield Finding(path, line, f"{word!r} reads as a link code", "choose another word")
        for kind in KINDS:
            if words().means(word, kind):
                yield Finding(path, line, f"{word!r} means {kind}", "choose another word")
        if words().is_urgent(word):
            yield Finding(path, line, f"{word!r} is an emergency", "choose another word")
        if plain(word) in taken:
            wrong = f"{word!r} belongs to {taken[plain(word)]}"
            yield Finding(path, line, wrong, "choose another word")


@cache
def vocabulary() -> Vocabulary:
    """Return the items that answers can be about, and the values of each, from their seed."""
    found: dict[str, set[str]] = {}
    path = ROOT / "dbt" / "seeds" / "answer_items.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["item"], set()).add(row["value"])
    return {item: frozenset(values) for item, values in found.items()}
