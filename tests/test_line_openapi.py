"""Our frozen bytes against LINE's own published schema, which we did not write."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from delivery_fixtures import a_night, at, plan_rows, user, users
from jsonschema import Draft4Validator

from dagster_project.delivery.freeze import freeze
from dagster_project.line.body import render_body
from dagster_project.line.messages import load_message
from dagster_project.settings import ROOT
from dagster_project.simulator.validation import problem_of

CAMPAIGNS = sorted(path.parent.name for path in (ROOT / "dbt/campaigns").glob("*/message.json"))
FLEX = {
    "type": "flex",
    "altText": "お知らせ",
    "contents": {
        "type": "bubble",
        "body": {
            "type": "box",
            "layout": "vertical",
            "contents": [
                {"type": "text", "text": "お知らせ", "wrap": True, "weight": "bold"},
                {
                    "type": "button",
                    "action": {"type": "uri", "label": "予約", "uri": "https://example.com/"},
                },
            ],
        },
    },
}


class Schema:
    """LINE's OpenAPI schemas; a `type` picks the subtype, which JSON Schema alone does not do."""

    def __init__(self, path: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - both are safe
        self.components = {"components": document["components"]}
        self.schemas = document["components"]["schemas"]

    def errors(self, name: str, body: dict[str, Any]) -> list[str]:
        """Return what is wrong with a body, down to its last component."""
        found = self._of(name, body)
        for message in body.get("messages", []):
            for part, base in _typed(message, "Message"):
                subtype = self.schemas[base]["discriminator"]["mapping"].get(part["type"])
                found += self._of(subtype.split("/")[-1], part) if subtype else [f"no {part}"]
        return found

    def _of(self, name: str, part: object) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", **self.components}
        return [f"{name}: {error.message}" for error in Draft4Validator(schema).iter_errors(part)]


def _typed(part: Any, base: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every object that has a `type`, with the schema it is a kind of."""
    if isinstance(part, list):
        for each in part:
            yield from _typed(each, base)
    elif isinstance(part, dict):
        if "type" in part:
            yield part, base
        for name, each in part.items():
            if isinstance(each, dict | list):
                inner = "FlexContainer" if base == "Message" else "FlexComponent"
                yield from _typed(each, "Action" if name == "action" else inner)


@pytest.fixture(scope="module")
def schema(shared_data: Path) -> Schema:
    path = shared_data / "line-openapi" / "messaging-api.yml"
    if not path.exists():
        pytest.skip("LINE's OpenAPI document is not among the shared data")
    return Schema(path)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("people", [1, 2, 501])
def test_frozen_bytes_fit_lines_schema(
    schema: Schema, tmp_path: Path, campaign: str, people: int
) -> None:
    night = a_night(tmp_path)
    rows = plan_rows(users(people), campaign=campaign)
    night.plan(rows)
    freeze(
        night.engine,
        night.build,
        {row.key: [row.patient_ids] for row in rows},
        {(row.line_user_id, row.patient_ids, row.purpose) for row in rows},
        {"v1": load_message(ROOT / "dbt/campaigns", campaign)},
        at(18),
        at(10),
    )
    bodies = [json.loads(each["body"]) for each in night.batches()]  # type: ignore[arg-type]
    assert sum(1 if isinstance(b["to"], str) else len(b["to"]) for b in bodies) == people
    for body in bodies:
        name = "PushMessageRequest" if isinstance(body["to"], str) else "MulticastRequest"
        assert schema.errors(name, body) == []


def test_a_flex_message_fits_too(schema: Schema) -> None:
    body = json.loads(render_body(users(2), [FLEX], "b_unit"))
    assert schema.errors("MulticastRequest", body) == []


def spoilt(*path: str | int, value: object) -> dict[str, Any]:
    body = json.loads(render_body(users(2), [FLEX, {"type": "text", "text": "x"}], "b_unit"))
    at_last = body
    for step in path[:-1]:
        at_last = at_last[step]
    if value is None:
        del at_last[path[-1]]
    else:
        at_last[path[-1]] = value
    return body


SPOILT = [
    spoilt("messages", 1, "text", value=None),
    spoilt("messages", 0, "altText", value=None),
    spoilt("messages", 0, "type", value="bogus"),
    spoilt("messages", 1, "text", value=5),
    spoilt("messages", value=[]),
    spoilt("to", value=None),
    spoilt("to", value=[user(n) for n in range(501)]),
    spoilt("customAggregationUnits", value=["a-b"]),
    spoilt("customAggregationUnits", value=["a", "b"]),
]


@pytest.mark.parametrize("body", SPOILT)
def test_the_schema_refuses_what_the_stand_in_refuses(schema: Schema, body: dict[str, Any]) -> None:
    assert schema.errors("MulticastRequest", body)
    assert problem_of(body, is_push=False)


def test_the_schema_sees_into_a_flex_message(schema: Schema) -> None:
    bad = spoilt("messages", 0, "contents", "body", "layout", value=None)
    assert "FlexBox: 'layout' is a required property" in schema.errors("MulticastRequest", bad)
    bad = spoilt(
        "messages", 0, "contents", "body", "contents", 1, "action", value={"type": "teleport"}
    )
    assert schema.errors("MulticastRequest", bad)
