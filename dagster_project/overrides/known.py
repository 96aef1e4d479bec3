"""What an override may speak of: the patients and tags a clinic has published."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.ingest.cells import clean

# One character of a label, however a system's CP932 or a keyboard wrote it; after NFKC.
SAME_CHARACTER = str.maketrans({"〜": "~", "−": "-", "‐": "-", "–": "-", "—": "-"})


@dataclass(frozen=True)
class Known:
    """A clinic's patients, and its tags: each tag's Japanese label by its name."""

    patients: frozenset[str]
    labels: Mapping[str, str]

    def tag(self, said: str) -> str:
        """Return the tag that a name or a Japanese label means.

        Raises KeyError, with what was expected, when it means none or several.
        """
        if (name := clean(said)) in self.labels:
            return name
        found = [tag for tag, label in self.labels.items() if _key(label) == _key(said)]
        if len(found) == 1:
            return found[0]
        if found:
            raise KeyError(f"one tag, by name: {' or '.join(found)}")
        words = [*self.labels, *self.labels.values()]
        near = difflib.get_close_matches(clean(said), words, n=3, cutoff=0.5)
        hint = f"perhaps {' or '.join(near)}" if near else "docs/data-model.md lists them"
        raise KeyError(f"a tag's name or Japanese label; {hint}")


def read_known(published: Path) -> Known:
    """Return what is published. Raises FileNotFoundError before a clinic's first night."""
    if not published.exists():
        raise FileNotFoundError(published)
    with duckdb.connect(str(published), read_only=True) as con:
        patients = con.execute("select patient_id from patients_today").fetchall()
        labels = con.execute(
            "select tag, label_ja from tag_catalog where retired_on is null order by family, tag"
        )
        return Known(frozenset(who for (who,) in patients), dict(labels.fetchall()))


def _key(label: str) -> str:
    return "".join(clean(label).translate(SAME_CHARACTER).split()).casefold()
