"""Acceptance D5, replay, in seconds: one night again, and what was tampered with is found.

Whole histories are replayed in test_replay.py (`make test-long`).
"""

import io
import re

import duckdb
from nights import MONDAY, World
from rich.console import Console

from dagster_project.replay.command import run_replay


def said_of_monday(world: World) -> tuple[int, str]:
    said = io.StringIO()
    console = Console(file=said, width=250)
    code = run_replay(world.settings(MONDAY), ["good"], MONDAY, MONDAY, console)
    return code, said.getvalue()


def data_of(world: World) -> dict[str, bytes]:
    """Return every warehouse and landed file there is; locks and journals come and go."""
    return {
        str(path): path.read_bytes()
        for path in (world.folder / "data").rglob("*")
        if path.suffix in {".duckdb", ".parquet"}
    }


def test_d5_a_night_comes_out_as_it_was_published_but_for_what_nobody_can_explain(
    planned: World,
) -> None:
    """One holder is taken out of what was published: that one is found, and no other."""
    path = planned.settings(MONDAY).published_path("good")
    with duckdb.connect(str(path)) as con:
        taken = "tag = 'sex_female' and patient_id = '7'"
        assert con.execute(f"delete from tag_events where {taken}").fetchall() == [(1,)]
        assert con.execute(f"delete from patient_tags where {taken}").fetchall() == [(1,)]
        ((held,),) = con.execute("select count(*) from patient_tags").fetchall()
    before = data_of(planned)
    code, said = said_of_monday(planned)
    assert code == 1
    found = re.findall(r"\((\w+)\): .*?、公開のみ (\d+)、再現のみ (\d+)、(.*?)、患者 (.*)", said)
    assert [tuple(part.strip() for part in each) for each in found] == [
        ("sex_female", "0", "1", "説明できない", "7")
    ]
    (line,) = (line.split() for line in said.splitlines() if line.strip().startswith(str(MONDAY)))
    assert line[1:4] == [f"{held:,}", f"{held + 1:,}", f"{held:,}"]
    assert data_of(planned) == before
