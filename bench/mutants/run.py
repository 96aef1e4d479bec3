"""The whole run: mutants, first before the unit tests, what is left before the oracle."""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from bench.mutants.declared import Declared, declared
from bench.mutants.judge import UnitTests, Verdict
from bench.mutants.mutants import Mutant, mutants
from bench.mutants.project import Marked, marked_project
from bench.mutants.seeds import seed_mutants
from dagster_project.settings import ROOT


@dataclass
class Outcome:
    """What became of every mutant; those that the database refuses to run are only counted."""

    unit_tests: list[Mutant] = field(default_factory=list)
    oracle: list[Mutant] = field(default_factory=list)
    survived: list[Mutant] = field(default_factory=list)
    declared: list[tuple[Mutant, Declared]] = field(default_factory=list)
    stillborn: int = 0

    @property
    def share(self) -> float:
        """Return the share that was noticed of all that could be, from 0 to 1."""
        noticed = len(self.unit_tests) + len(self.oracle)
        return noticed / max(noticed + len(self.survived), 1)


def run(
    models: Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    *,
    with_oracle: bool = True,
    original: Path = ROOT / "dbt",
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Judge the mutants of some models, or of all models and seeds, or so many picked by a seed.

    Raises NotGreenError when a unit test or the oracle is not content with the rules as they are.
    """
    with tempfile.TemporaryDirectory() as name:
        marked = marked_project(Path(name), original)
        names = list(models) or marked.rule_models()
        cases = marked.cases(names)
        sql = {name: (name, text) for name, text in marked.models(names).items()}
        sql |= {case.name: (case.model, case.sql) for case in cases}
        found = mutants(sql, marked.sites, marked.dbt_dir)
        if not models:
            found += seed_mutants(marked.dbt_dir, marked.rule_seeds())
        if limit is not None:
            found = random.Random(seed).sample(found, min(limit, len(found)))  # noqa: S311
        say(f"{len(found)} mutants, {len(cases)} unit tests, all green as the rules stand")
        outcome, left = Outcome(), []
        with duckdb.connect(str(marked.warehouse)) as con:
            con.execute("set threads = 1")
            judge = UnitTests(con, cases)
            for mutant in found:
                verdict = judge.judge(mutant)
                outcome.stillborn += verdict == Verdict.STILLBORN
                if verdict == Verdict.KILLED:
                    outcome.unit_tests.append(mutant)
                elif verdict == Verdict.SURVIVED:
                    left.append(mutant)
        if with_oracle and left:
            say(f"{len(left)} left for the oracle")
            left = _oracle(marked, Path(name) / "oracle", left, outcome)
        _excuse(left, outcome)
        return outcome


def _oracle(marked: Marked, folder: Path, left: list[Mutant], outcome: Outcome) -> list[Mutant]:
    from bench.mutants.oracle_net import Oracle  # noqa: PLC0415  # costs a second, needed last

    judge = Oracle(marked, folder)
    noticed = [judge.notices(mutant) for mutant in left]
    outcome.oracle += [mutant for mutant, is_seen in zip(left, noticed, strict=True) if is_seen]
    return [mutant for mutant, is_seen in zip(left, noticed, strict=True) if not is_seen]


def _excuse(left: list[Mutant], outcome: Outcome) -> None:
    known = declared()
    for mutant in left:
        reason = next((each for each in known if each.is_of(mutant)), None)
        if reason is None:
            outcome.survived.append(mutant)
        else:
            outcome.declared.append((mutant, reason))
