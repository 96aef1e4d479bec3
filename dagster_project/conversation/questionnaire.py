"""A questionnaire as a clinic writes it: `questionnaires/<name>.yaml` in its folder.

LINE's limits are from https://developers.line.biz/en/reference/messaging-api/ (quick reply:
13 items, label 20; postback data 300; a Flex bubble holds any of what fits there).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dagster_project.authoring.finding import Finding
from dagster_project.authoring.yml import Keys, Yml
from dagster_project.conversation.words import words

END = "end"
MAX_SEVERAL = 12  # the thirteenth quick reply ends the choosing
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Label = Annotated[str, Field(min_length=1, max_length=20)]
Said = Annotated[str, Field(min_length=1, max_length=2000)]
Vocabulary = Mapping[str, frozenset[str]]  # the values of each item of seed answer_items


class Part(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Part)


class Choice(Part):
    """One answer to tap. `means` is what it says in the vocabulary, an item and its value."""

    choice: Name
    label: Label
    means: dict[str, str] = Field(default={}, max_length=1)
    wish: bool = False
    next: Name | None = None


class Question(Part):
    """One question: choices to tap, one or several, or a text in the patient's own words."""

    question: Name
    text: Said
    choices: list[Choice] = Field(default=[], max_length=13)
    choose: Literal["one", "several"] = "one"
    free_text: bool = False
    show: Literal["quick_reply", "buttons"] = "quick_reply"
    next: Name | None = None

    def after(self, choice: str | None) -> str | None:
        """Return the question that follows an answer, None at the end."""
        own = next((each.next for each in self.choices if each.choice == choice), None)
        following = own or self.next
        return None if following == END else following

    def named(self, choice: str | None) -> Choice | None:
        """Return a choice by its name."""
        return next((each for each in self.choices if each.choice == choice), None)


class Questionnaire(Part):
    """Questions in the order and the branches they are asked, and the words that start them."""

    questionnaire: Name
    version: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
    title: Label
    triggers: list[Annotated[str, Field(min_length=1, max_length=20)]] = Field(min_length=1)
    after: Literal["linked"] | None = None
    survey: bool = False
    campaign: Name | None = None
    questions: list[Question] = Field(min_length=1, max_length=50)
    thanks: Said = "ご回答ありがとうございました。"

    def asked(self, question: str) -> Question | None:
        """Return a question by its name."""
        return next((each for each in self.questions if each.question == question), None)


def read_questionnaire(
    yml: Yml, vocabulary: Vocabulary
) -> tuple[Questionnaire | None, list[Finding]]:
    """Return a questionnaire, or None with every finding, each with its line."""
    found, findings = validated(Questionnaire, yml)
    if found is None:
        return None, findings
    findings = [
        Finding(yml.path, yml.line(*keys), wrong, to_do)
        for keys, wrong, to_do in _wrong(found, yml.path, vocabulary)
    ]
    return (None if findings else found), findings


def validated(model: type[P], yml: Yml) -> tuple[P | None, list[Finding]]:
    """Return what a yml file holds as a model, or None with every finding and its line."""
    if yml.error:
        return None, [Finding(yml.path, yml.line(), yml.error, "mend the YAML")]
    try:
        return model.model_validate(yml.data), []
    except ValidationError as error:
        return None, [_finding(yml, each["loc"], each["msg"]) for each in error.errors()]


def _finding(yml: Yml, loc: Keys, said: str) -> Finding:
    # A missing key has no line of its own; the nearest thing around it has.
    where = ".".join(map(str, loc))
    return Finding(yml.path, yml.line(*loc), f"{where}: {said}", "see docs/operations.md")


def _wrong(
    found: Questionnaire, path: Path, vocabulary: Vocabulary
) -> Iterator[tuple[Keys, str, str]]:
    if found.questionnaire != path.stem:
        wrong = f"questionnaire is {found.questionnaire!r}"
        yield ("questionnaire",), wrong, f"write the file's name, {path.stem!r}"
    names = [each.question for each in found.questions]
    for at, question in enumerate(found.questions):
        here: Keys = ("questions", at)
        if question.question in names[:at]:
            yield (*here, "question"), f"a second {question.question!r}", "name each question once"
        if bool(question.choices) == question.free_text:
            yield here, "choices and free_text", "give choices, or free_text: true, and not both"
        # Only forwards: nobody can be led round in a circle.
        for keys, following in _followed(here, question):
            if following != END and following not in names[at + 1 :]:
                yield keys, f"next is {following!r}", "name a question further down, or end"
        if question.choose == "several":
            yield from _wrong_several(here, question)
        yield from _wrong_choices(here, question, vocabulary)


def _wrong_several(here: Keys, question: Question) -> Iterator[tuple[Keys, str, str]]:
    if question.free_text:
        yield (*here, "choose"), "several of no choices", "leave choose out"
    if question.show == "buttons":
        yield (*here, "show"), "several with buttons", "show: quick_reply"
    if len(question.choices) > MAX_SEVERAL:
        wrong = f"several of {len(question.choices)}"
        yield (*here, "choices"), wrong, f"{MAX_SEVERAL} fit beside the tap that ends it"
    for at, choice in enumerate(question.choices):
        if choice.next:
            wrong = "next of one choice of several"
            yield (*here, "choices", at, "next"), wrong, "give the question its next"


def _followed(here: Keys, question: Question) -> Iterator[tuple[Keys, str]]:
    if question.next:
        yield (*here, "next"), question.next
    for at, choice in enumerate(question.choices):
        if choice.next:
            yield (*here, "choices", at, "next"), choice.next


def _wrong_choices(
    here: Keys, question: Question, vocabulary: Vocabulary
) -> Iterator[tuple[Keys, str, str]]:
    names = [each.choice for each in question.choices]
    for at, choice in enumerate(question.choices):
        keys = (*here, "choices", at)
        if choice.choice in names[:at]:
            yield (*keys, "choice"), f"a second {choice.choice!r}", "name each choice once"
        if words().is_urgent(choice.label):
            yield (
                (*keys, "label"),
                f"{choice.label!r} is an emergency",
                "no choice and no tag of it",
            )
        for item, value in choice.means.items():
            if value not in vocabulary.get(item, frozenset()):
                wrong = f"no {item} {value!r} in seed answer_items"
                yield (*keys, "means"), wrong, "name an item and a value of it"
