"""Why each patient is written to, in the words of the staff: the tag, what it saw, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.authoring.words import evidence_in_japanese, threshold_in_japanese
from dagster_project.insight.source_files import files_of, named


@dataclass(frozen=True)
class _Seen:
    """One record a tag stands on."""

    label_ja: str
    value: str
    observed_on: date | None
    threshold: str | None
    file: str
    line_no: int

    def said(self, words: Mapping[str, str]) -> str:
        text = evidence_in_japanese(self.value, words) or self.value
        if self.observed_on and str(self.observed_on) not in text:
            text += f" {self.observed_on}"
        if self.threshold:
            text += f" (基準 {threshold_in_japanese(self.threshold)})"
        return f"{self.label_ja}: {text} [{self.file}:{self.line_no}]"


def reasons(
    con: duckdb.DuckDBPyConnection, campaign: str, tags: Sequence[str]
) -> dict[str, list[str]]:
    """Return why each patient is written to: the campaign's tags they have, each on its record.

    A campaign that reads a fact and no tag says what its own segment saw.
    """
    labels = con.execute("select item, label_ja from observation_items").fetchall()
    words = {str(item): str(label) for item, label in labels}
    own = con.execute(
        "select patient_id, evidence from delivery_decisions"
        " where campaign = ? and outcome = 'send'",
        [campaign],
    ).fetchall()
    rows = con.execute(
        "select d.patient_id, k.label_ja, e.value, e.observed_on, e.threshold,"
        f" {named('e')}, e.line_no"
        " from delivery_decisions d"
        " join patient_tags t on t.patient_id = d.patient_id and t.state = 'has'"
        " and list_contains($tags, t.tag)"
        " join tag_catalog k on k.tag = t.tag"
        " join tag_evidence e on e.patient_id = t.patient_id and e.tag = t.tag and e.is_decisive"
        f"{files_of('e')}"
        " where d.campaign = $campaign and d.outcome = 'send' order by k.label_ja, e.observed_on",
        {"tags": list(tags), "campaign": campaign},
    ).fetchall()
    why: dict[str, list[str]] = {}
    for patient_id, *seen in rows:
        why.setdefault(patient_id, []).append(_Seen(*seen).said(words))
    return {who: why.get(who) or [evidence] for who, evidence in own if who in why or evidence}
