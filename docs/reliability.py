"""Writes docs/reliability.md from what `make test-crash` measured, so that no figure is typed."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "data" / "reliability"
OUT = ROOT / "docs" / "reliability.md"
SUMS = ("lines", "stretches", "kills", "leftovers", "finished", "doubled", "lost", "unknown")
FATES = ("planned", "accepted", "skipped", "expired", "rejected", "unknown")
HEAD = """# Reliability

Written by `make test-crash`, which anyone can run: some minutes on two cores. The promise it tests:
nobody gets an occurrence twice, and nobody who was planned is silently lost, whatever is killed
where. Exactly once is impossible when LINE has forgotten a retry key (24 hours): what may or may
not have arrived by then is flagged unknown, and a person decides (`tagline retry`).

## Killed at every line

A night plans and sends a multicast and a push: `plan_night` and `deliver`, with the real ledger
(SQLite, WAL, FULL) and LINE's SDK against the simulator, which survives. The lines it executes in
`delivery`, `ledger` and `line` are enumerated. A kill leaves the bytes of the ledger's files and
what LINE has seen, nothing else, and both are read from outside at every line: where they change
begins a new stretch. Every stretch is killed with `kill -9` at its first, middle and last line.
What is left is finished in each of three ways: a minute later; a minute later, when LINE fails in
the same way again; and the next day, when LINE has forgotten the keys. At the end each phone is
compared with the ledger. `make test-crash-matrix` does the same with a kill at every line.

The fault meets the first message. Where its name begins with `accept`, LINE takes the message and
the sender does not learn of it. Unknown is people, all of them flagged, all from the next day.

"""
COLUMNS = (
    "| fault | lines | stretches | kills | leftovers | nights finished | doubled | lost | unknown |"
    "\n|---|---|---|---|---|---|---|---|---|\n"
)
WEEKS = """
## Killed weeks

{trials} weeks of a clinic, each drawn from a seed: up to 60 people, three campaigns, {launches}
launches, {kills} of them killed (at a statement, or from outside at a random moment), {requests}
requests of which up to four in five fail, people who block or withdraw, a quota that may run out,
and pauses of up to a day.

| planned | accepted | skipped | expired | rejected | unknown | doubled | lost | altered retries |
|---|---|---|---|---|---|---|---|---|
| {planned} | {accepted} | {skipped} | {expired} | {rejected} | {unknown} | {doubled} | {lost} |\
 {replays} |
"""


def main() -> None:
    """Write the page. Ends with a message when something was not measured."""
    read = {path.stem: json.loads(path.read_text()) for path in sorted(FIGURES.glob("*.json"))}
    weeks: dict[str, Any] = read.pop("weeks", {})
    if not read or not weeks:
        sys.exit("not everything was measured: run `make test-crash`")
    total = {name: sum(each[name] for each in read.values()) for name in SUMS}
    rows = [_row(f"`{name}`" if name != "none" else name, each) for name, each in read.items()]
    found = {**dict.fromkeys(FATES, 0), **weeks, **weeks["fates"]}
    OUT.write_text(
        HEAD + COLUMNS + "".join([*rows, _row("all", total)]) + WEEKS.format(**found),
        encoding="utf-8",
    )


def _row(name: str, figures: dict[str, int]) -> str:
    return f"| {name} | {' | '.join(f'{figures[each]:,}' for each in SUMS)} |\n"


if __name__ == "__main__":
    main()
