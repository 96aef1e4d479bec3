"""Pairs of tags held by nearly the same people, held against sets in Python."""

from collections.abc import Iterator, Mapping, Set
from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import DBT, MONDAY

from dagster_project import transform

BORDER = 0.9
members = st.sets(st.integers(0, 20))
# Tags as they are, and beside each one that lacks a few of its people.
tags = st.lists(st.tuples(members, st.sets(st.integers(0, 20), max_size=3)), max_size=4)


@pytest.fixture(scope="module")
def warehouse(parsed: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Return a warehouse in memory with what the model reads, and the model's SQL."""
    manifest = transform.parse(DBT, parsed)
    name = "tag_overlaps"
    sql = transform.compile_models(manifest, DBT, parsed, MONDAY, [name])[name]
    database = manifest.nodes[f"model.tagline.{name}"].database
    with duckdb.connect(":memory:") as con:
        con.execute(f"attach ':memory:' as {database}").fetchall()
        con.execute(f"use {database}").fetchall()
        con.execute("create table patient_tags (patient_id text, tag text, state text)")
        con.execute("create table patients_today (patient_id text)")
        con.execute(
            "create table review_rules as select 'overlapping' as finding, ? as threshold,"
            " 6 as rank, '' as label_ja, '' as to_do, date '2020-01-01' as valid_from,"
            " cast(null as date) as valid_to",
            [BORDER],
        )
        yield con, sql


def overlaps(
    warehouse: tuple[duckdb.DuckDBPyConnection, str], held: Mapping[str, Set[int]], patients: int
) -> dict[frozenset[str], tuple[int, int]]:
    con, sql = warehouse
    con.execute("delete from patient_tags")
    con.execute("delete from patients_today")
    con.execute("insert into patients_today select range::text from range(?)", [patients])
    for tag, who in held.items():
        con.execute(
            "insert into patient_tags select unnest(?::integer[])::text, ?, 'has'",
            [sorted(who), tag],
        )
    return {
        frozenset((one, other)): (shared, either)
        for one, other, shared, either, _ in con.execute(sql).fetchall()
    }


@settings(max_examples=60, deadline=None)
@given(tags)
def test_exactly_the_pairs_that_share_nine_of_ten(
    warehouse: tuple[duckdb.DuckDBPyConnection, str],
    drawn: list[tuple[set[int], set[int]]],
) -> None:
    held: dict[str, set[int]] = {}
    for n, (who, lost) in enumerate(drawn):
        held |= {f"t{n}": who, f"t{n}_fewer": who - lost}
    expected = {
        frozenset((a, b)): (len(held[a] & held[b]), len(held[a] | held[b]))
        for a, b in combinations(held, 2)
        if held[a] | held[b] and len(held[a] & held[b]) / len(held[a] | held[b]) >= BORDER
    }
    assert overlaps(warehouse, held, 21) == expected


def test_a_pair_is_counted_over_all_blocks_of_patients(
    warehouse: tuple[duckdb.DuckDBPyConnection, str],
) -> None:
    """One block of bits holds 65,536 patients."""
    everybody = set(range(70_000))
    held = {"all": everybody, "nine": set(range(63_000)), "under": set(range(62_999))}
    assert overlaps(warehouse, held, 70_000) == {
        frozenset(("all", "nine")): (63_000, 70_000),
        frozenset(("nine", "under")): (62_999, 63_000),
    }
