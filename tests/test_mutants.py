"""The mutation harness: a mistake that tests miss is reported, one that they notice is not."""

import shutil
from pathlib import Path

import pytest
from nights import DBT

from bench.mutants.mutations import edits
from bench.mutants.project import Marked, NotGreenError
from bench.mutants.run import run
from bench.mutants.seeds import seed_mutants
from bench.mutants.sites import Marker, unmarked
from bench.mutants.sql import Sql

TAG = "tag_visits_frequent"
RULE = "where visits_12_months >= 6 or"


@pytest.mark.parametrize(
    ("sql", "mistakes"),
    [
        ("a >= 3", {"a > 3", "a >= 4", "a >= 2"}),
        ("a <> 'x'", {"a = 'x'", "a <> '~'"}),
        ("a in ('Two words')", set()),
        ("b < 0.5", {"b <= 0.5", "b < 0.6", "b < 0.4"}),
        ("p and q or r", {"p or q or r", "p and q and r"}),
        ("p between q and r", {"p not between q and r"}),
        ("p between q and r and s", {"p not between q and r and s", "p between q and r or s"}),
        ("not p", {"p"}),
        ("p is not null", {"p is null"}),
        ("p is null", {"p is not null"}),
        ("p is not distinct from q", {"p is distinct from q"}),
        ("count(distinct p)", {"count( p)"}),
        ("max(p)", {"min (p)"}),
        ("coalesce(p, q, r)", {"coalesce( q, p , r)", "coalesce(p, q )"}),
        ("case when p then 1 else 0 end", {"0", "case when p then 1 end"}),
        (
            "case when p then q when r then s end",
            {"case when r then s end", "case when p then q end"},
        ),
        ("from p left join q", {"from p inner join q"}),
        ("from p full outer join q", {"from p left join q"}),
        ("(select p union all select q)", {"(select p )", "( select q)"}),
        ("over (order by p, q desc)", {"over (order by p desc , q desc)", "over (order by p, q )"}),
        (
            "over (partition by p, q order by r)",
            {
                "over (partition by true , q order by r)",
                "over (partition by p, true order by r)",
                "over (partition by p, q order by r desc )",
            },
        ),
        ("-- a comment of 3 and 4\np", set()),
    ],
)
def test_each_kind_of_mistake(sql: str, mistakes: set[str]) -> None:
    read = Sql.of(Marker().mark("a.sql", sql))
    assert read.text == sql
    made = {" ".join(read.after([edit]).split()) for edit in edits(read)}
    assert made == {" ".join(mistake.split()) for mistake in mistakes}


def test_marks_go_into_sql_alone_and_windows_that_a_macro_is_called_with() -> None:
    text = (
        "{# 3 and 4 #}{% if x == 3 %}{{ ref('a') }} -- 5\n"
        'where {{ add_months("day", 12) }} < {{ f("min(p) or q") }} and p = \'{{ band }}\'\n'
    )
    marker = Marker()
    marked = marker.mark("a.sql", text)
    assert unmarked(marked)[0] == text.replace("12", '"12"')
    assert [site.line for site in marker.sites.values()] == [2] * 7
    assert [site.number for site in marker.sites.values() if site.is_templated] == [7]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the dbt project, to be changed."""
    return shutil.copytree(
        DBT, tmp_path / "original", ignore=shutil.ignore_patterns("target", "logs")
    )


def change(project: Path, before: str, after: str) -> None:
    path = next(project.rglob(f"{TAG}.sql"))
    assert before in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(before, after), "utf-8")


def test_what_no_test_minds_is_reported_and_what_one_minds_is_not(
    project: Path, tmp_path: Path
) -> None:
    change(project, RULE, f"{RULE} visits_12_months > 9000 or")
    (tmp_path / "run").mkdir()
    outcome = run([TAG], with_oracle=False, original=project)
    survived = [(each.before, each.after) for each in outcome.survived if each.line == 18]
    assert sorted(survived) == [("9000", "8999"), ("9000", "9001"), (">", ">=")]
    told = str(next(each for each in outcome.survived if each.after == "9001"))
    assert told.startswith(f"dbt/models/tags/visits/{TAG}.sql:18  number +1: 9000 -> 9001\n")
    noticed = [(each.before, each.after) for each in outcome.unit_tests if each.line == 18]
    assert {(">=", ">"), ("6", "7"), ("6", "5"), ("is", "is not")} <= set(noticed)
    assert 0 < outcome.share < 1


def test_nothing_is_judged_while_a_unit_test_is_red(project: Path) -> None:
    change(project, RULE, RULE.replace("6", "7"))
    with pytest.raises(NotGreenError, match=TAG.removeprefix("tag_")):
        run([TAG], with_oracle=False, original=project)


def test_seeds_that_only_results_answers_or_campaigns_read_are_not_mutated(
    parsed: Path, tmp_path: Path
) -> None:
    seeds = Marked(DBT, parsed, tmp_path, {}).rule_seeds()
    assert {"vaccine_schedule", "answer_items", "age_bands", "condition_concepts"} <= seeds
    only_others = {"result_rules", "answer_rules", "review_rules", "consent_purposes"}
    assert not seeds & (only_others | {"decision_reasons", "screening_excluded_conditions"})
    assert {mutant.seed for mutant in seed_mutants(DBT, {"age_bands"})} == {"age_bands"}
    assert not seed_mutants(DBT, {"drug_codes"}), "an extract of a master"
