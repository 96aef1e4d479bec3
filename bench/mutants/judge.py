"""Unit tests as judges of mutants: the SQL that dbt ran, with edits, straight in DuckDB."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

import duckdb

from bench.mutants.mutants import Mutant
from bench.mutants.project import Case, NotGreenError
from bench.mutants.sql import Edit

# What the database itself refuses before it reads a row is no mutant that could go unnoticed.
STILLBORN = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    STILLBORN = "stillborn"


@contextmanager
def undone(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Undo on the way out whatever was done to the warehouse meanwhile."""
    con.execute("begin")
    try:
        yield
    finally:
        con.execute("rollback")


class UnitTests:
    """The unit tests, with the rows that each expects, as its own SQL types them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, cases: Sequence[Case]) -> None:
        """Read what each expects. Raises NotGreenError when one is not met as it stands."""
        self._con = con
        for seed in frozenset[str]().union(*(case.seeds for case in cases)):
            con.execute(f'create view "__dbt__cte__{seed}" as select * from main."{seed}"')
        self._cases = {case.name: case for case in cases}
        self._expected = {case.name: self._expect(case) for case in cases}
        red = [case.name for case in cases if self._differs(case, [])]
        if red:
            raise NotGreenError(f"green in dbt and not here: {', '.join(red)}")

    def judge(self, mutant: Mutant) -> Verdict:
        """Return whether a test notices a mutant; nothing of it stays in the warehouse."""
        try:
            noticed = self._seed_noticed(mutant) if mutant.seed else self._sql_noticed(mutant)
        except STILLBORN:
            return Verdict.STILLBORN
        except duckdb.Error:
            return Verdict.KILLED  # it would stop the night
        return Verdict.KILLED if noticed else Verdict.SURVIVED

    def _sql_noticed(self, mutant: Mutant) -> bool:
        return any(
            self._differs(case, mutant.edits[name])
            for name, case in self._cases.items()
            if name in mutant.edits
        )

    def _seed_noticed(self, mutant: Mutant) -> bool:
        with undone(self._con):
            self._con.execute(mutant.change)
            return any(
                self._differs(case, [])
                for case in self._cases.values()
                if mutant.seed in case.seeds
            )

    def _differs(self, case: Case, edits: list[Edit]) -> bool:
        return self._rows(case, case.sql.after(edits)) != self._expected[case.name]

    def _rows(self, case: Case, sql: str) -> Counter[tuple[object, ...]]:
        columns = ", ".join(f'"{column}"' for column in case.columns) or "*"
        return Counter(self._con.execute(f"select {columns} from ({sql}\n)").fetchall())

    def _expect(self, case: Case) -> Counter[tuple[object, ...]]:
        described = self._con.execute(f"describe select * from ({case.sql.text}\n)").fetchall()
        types = {name: kind for name, kind, *_ in described}
        casts = ", ".join(f"cast(? as {types[column]})" for column in case.columns)
        return Counter(
            row
            for given in case.rows
            for row in self._con.execute(f"select {casts}", list(given.values())).fetchall()
        )
