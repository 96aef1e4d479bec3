"""Acceptance D22: one clinic is no business of another, whatever they have in common."""

from datetime import timedelta
from random import Random

import duckdb
from clinic_builder import Row, user
from nights import MONDAY, World

from dagster_project.settings import Settings

TREES = 10_000
AT_ONCE = 250
Tree = tuple[str, ...] | tuple[str, "Tree"] | tuple[str, "Tree", "Tree"]


def rows_of(first: int, count: int, users_from: int, seed: int) -> dict[str, list[Row]]:
    """Return patients with numbers that the other clinic has too, and a life of their own."""
    chance = Random(seed)  # noqa: S311
    numbers = [f"{n:05d}" for n in range(first, first + count)]
    return {
        "patients": [
            {
                "patient_no": number,
                "sex": chance.choice(["male", "female", "unknown"]),
                "birth_date": MONDAY - timedelta(days=chance.randint(0, 33_000)),
            }
            for number in numbers
        ],
        "visits": [
            {
                "patient_no": chance.choice(numbers),
                "visited_on": MONDAY - timedelta(days=chance.randint(1, 500)),
                "department": chance.choice(["内科", "小児科", "皮膚科", ""]),
            }
            for _ in range(count * 3)
        ],
        "conditions": [
            {"patient_no": number, "code": "8833421", "started_on": "2025-04-01"}
            for number in numbers[:: chance.randint(2, 4)]
        ],
        "line_links": [
            {"line_user_id": user(users_from + at), "patient_no": number}
            for at, number in enumerate(numbers)
        ],
    }


def random_tree(chance: Random, tags: list[str], depth: int = 4) -> Tree:
    kind = chance.choice(["tag", "tag", "not", "and", "or"]) if depth else "tag"
    if kind == "tag":
        return ("tag", chance.choice(tags))
    if kind == "not":
        return ("not", random_tree(chance, tags, depth - 1))
    return (kind, random_tree(chance, tags, depth - 1), random_tree(chance, tags, depth - 1))


def as_sql(tree: Tree) -> str:
    match tree:
        case ("tag", tag):
            return f'"{tag}"'
        case ("not", inner):
            return f"(not {as_sql(inner)})"
        case (kind, left, right):
            return f"({as_sql(left)} {kind} {as_sql(right)})"


def as_set(tree: Tree, held: dict[str, set[str]], everyone: set[str]) -> set[str]:
    match tree:
        case ("tag", tag):
            return held[tag]
        case ("not", inner):
            return everyone - as_set(inner, held, everyone)
        case ("and", left, right):
            return as_set(left, held, everyone) & as_set(right, held, everyone)
        case (_, left, right):
            return as_set(left, held, everyone) | as_set(right, held, everyone)


def wide(con: duckdb.DuckDBPyConnection, tags: list[str]) -> None:
    columns = ", ".join(f"coalesce(bool_or(t.tag = '{tag}'), false) as \"{tag}\"" for tag in tags)
    con.execute(
        f"create temp table wide as select p.patient_id, {columns} from patients_today p"
        " left join patient_tags t on t.patient_id = p.patient_id and t.state = 'has'"
        " group by p.patient_id"
    ).fetchall()


def test_d22_ten_thousand_condition_trees_find_nobody_of_the_other_clinic(world: World) -> None:
    ours = rows_of(100, 60, users_from=0, seed=1)
    theirs = rows_of(123, 60, users_from=1_000, seed=2)
    world.write("ours", MONDAY, ours)
    world.write("theirs", MONDAY, theirs)
    assert world.nightly(MONDAY) == 0

    assert world.calls("ours") > 0
    assert world.calls("theirs") > 0
    assert set(world.received("ours")) <= {user(n) for n in range(60)}
    assert set(world.received("theirs")) <= {user(n) for n in range(1_000, 1_060)}

    chance = Random(22)  # noqa: S311
    settings: Settings = world.settings(MONDAY)
    for clinic_id, rows in (("ours", ours), ("theirs", theirs)):
        with duckdb.connect(str(settings.published_path(clinic_id)), read_only=True) as con:
            pairs = con.execute(
                "select tag, patient_id from patient_tags where state = 'has'"
            ).fetchall()
            tags = sorted({tag for tag, _ in pairs})
            held = {tag: {who for each, who in pairs if each == tag} for tag in tags}
            everyone = {str(row["patient_no"]).lstrip("0") for row in rows["patients"]}
            assert set().union(*held.values()) <= everyone
            wide(con, tags)
            for _ in range(TREES // 2 // AT_ONCE):
                trees = [random_tree(chance, tags) for _ in range(AT_ONCE)]
                picked = ", ".join(f"list(patient_id) filter ({as_sql(t)})" for t in trees)
                (found,) = con.execute(f"select {picked} from wide").fetchall()
                for tree, people in zip(trees, found, strict=True):
                    assert set(people or []) == as_set(tree, held, everyone), as_sql(tree)
