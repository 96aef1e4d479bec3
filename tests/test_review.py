"""Acceptance D7: a bad tag is hard to keep: findings, decisions, and what is retired stays away."""

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from clinic_builder import user, write_clinic
from delivery_fixtures import Night as Delivery
from delivery_fixtures import ScriptedLine, a_night, plan_rows, ready, users
from ledgers import database_on, postgres_server
from nights import MONDAY, at
from published_nights import publish_night
from review_project import write_project, write_segment
from rich.console import Console
from sqlalchemy import Engine, select

from dagster_project import transform
from dagster_project.authoring.finding import Finding
from dagster_project.authoring.lint import lint
from dagster_project.authoring.project import Project
from dagster_project.authoring.references import references
from dagster_project.cli import main
from dagster_project.clinic import load_clinic
from dagster_project.delivery.run import deliver
from dagster_project.exit_codes import FAILED, OK
from dagster_project.ingest import ingest_clinic
from dagster_project.ledger.store import open_existing, open_ledger
from dagster_project.ledger.tables import audit
from dagster_project.ledger.tag_decisions import (
    Decision,
    DecisionError,
    decide,
    decisions,
    decisions_for_warehouse,
    retired,
)
from dagster_project.prepare import Night, Rows, prepare
from dagster_project.publish import Build, publish, set_stage
from dagster_project.review.commands import Wish, record, show
from dagster_project.review.read import Review, read_review
from dagster_project.rules import rules_of
from dagster_project.settings import Settings

TUESDAY = MONDAY + timedelta(days=1)
STILL = ("still_1", "still_2", "still_3")  # no change, no send
UNUSED = ("unused_1", "unused_2")
SENT, QUIET = "sent_yesterday", "never_sent"
TAGS = {
    **{name: (1 + 30 * n, 30 + 30 * n) for n, name in enumerate((*STILL, *UNUSED))},
    "pair_of_100": (201, 300),
    "pair_of_93": (201, 293),
    "of_6": (301, 306),
    "of_20": (311, 330),
    "still_but_sent": (331, 360),
    "moved_lately": (361, 390),
    "young": (391, 420),
    "overlapping_less": (212, 300),  # 89 of the hundred, and 82 of a hundred with the 93
    **{f"plain_{n}": (421 + 25 * n, 445 + 25 * n) for n in (0, 1, 2, 3, 4, 6)},
    "all_of_plain": (546, 620),
}
CAMPAIGNS = {
    SENT: ["still_but_sent", "of_6", "pair_of_100", "plain_0", "plain_1", "plain_2"],
    QUIET: [*STILL, "pair_of_93", "of_20", "moved_lately", "young", "overlapping_less",
            "plain_3", "plain_4", "plain_6"],
}  # fmt: skip
READERS = {"plain_6": "all_of_plain"}
PATIENTS = range(1, 621)
EXPECTED = {
    *((tag, "unchanged_and_unsent", None) for tag in STILL),
    *((tag, "never_referenced", None) for tag in UNUSED),
    ("of_6", "too_few_members", None),
    ("pair_of_93", "overlapping", "pair_of_100"),
}


# On Monday it moved 179 days ago, on Tuesday it stands still as long as the others.
GROWN_STILL = {("moved_lately", "unchanged_and_unsent", None)}


def began(tag: str) -> date:
    """Return the day of the first, and for the still ones of the last, change."""
    days = {"still_1": 180, "still_2": 181, "still_3": 400, "still_but_sent": 200, "young": 100}
    return MONDAY - timedelta(days=days.get(tag, 200))


def moved(tag: str) -> date | None:
    """Return the day of the last change of a tag that did not stand still."""
    if tag in (*STILL, "still_but_sent", "young"):
        return None
    return MONDAY - timedelta(days=179 if tag == "moved_lately" else 10)


def history() -> list[tuple[str, str, str, date, str]]:
    return [
        (tag, str(n), "gained", began(tag) if n > first else moved(tag) or began(tag), "v")
        for tag, (first, last) in TAGS.items()
        for n in range(first, last + 1)
    ]


@dataclass
class Here:
    """An installation whose tags are those of this file, with Monday's night published."""

    settings: Settings
    target: Path

    @property
    def work(self) -> Path:
        return self.settings.work_path("here")

    @property
    def published(self) -> Path:
        return self.settings.published_path("here")

    def on(self, day: date) -> Settings:
        return self.settings.model_copy(update={"business_day": day, "at": at(day, 9)})

    def prepare(self, day: date, number: int = 1) -> Build:
        clinic = load_clinic(self.settings.exports_dir / "here" / "clinic.yaml")
        build = Build("here", f"{day}-{number}", day, at(day, 2))
        sent: Rows = [
            (f"here/{SENT}/1/v1/2026-05", SENT, 1, user(331), "331", "accepted",
             MONDAY - timedelta(days=1), None)
        ]  # fmt: skip
        night = Night(
            build,
            clinic,
            self.settings.landing_dir(),
            self.published,
            rules=rules_of(transform.parse(self.settings.dbt_dir, self.target)),
            deliveries=sent,
            decisions=decisions_for_warehouse(open_ledger(self.settings.ledger())),
            contents={SENT: {"a": "v1"}, QUIET: {"a": "v1"}},
        )
        prepare(self.work, night)
        return build

    def build(self, day: date, *selection: str) -> list[transform.NodeResult]:
        dbt = self.settings.dbt_dir
        return transform.build(dbt, self.target, self.work, day, selection)

    def lint(self) -> list[Finding]:
        gone = retired(open_ledger(self.settings.ledger()), TUESDAY)
        return lint(self.settings.dbt_dir, MONDAY, {tag: it.made_on for tag, it in gone.items()})

    def mended(self, campaign: str, tags: Sequence[str]) -> "Here":
        """Return the installation with a project whose campaign names only these tags."""
        dbt = self.settings.data_dir.parent / "mended"
        shutil.copytree(self.settings.dbt_dir, dbt)
        write_segment(dbt, campaign, tags, priority=1)
        settings = self.settings.model_copy(update={"dbt_dir": dbt})
        return Here(settings, self.settings.data_dir.parent / "target_mended")

    def build_models(self, day: date, what: str) -> None:
        models = self.build(day, "--select", what, "--exclude-resource-type", "test")
        assert not [node for node in models if not node.is_ok]

    def query(self, path: Path, query: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(query).fetchall()

    def review(self) -> Review:
        found = read_review(self.published)
        assert found is not None
        return found

    def say(self, *wishes: Wish, day: date = MONDAY) -> tuple[int, str]:
        """Record decisions, or list what there is to decide; return the last code and the text."""
        said = io.StringIO()
        console = Console(file=said, width=160)
        code = OK if wishes else show(self.on(day), [], console)
        for wish in wishes:
            code = record(self.on(day), wish, console)
        return code, said.getvalue()


def retire(tag: str, **changes: object) -> Wish:
    wish = {"tag": tag, "action": "retire", "reason": "使わない", "by": "院長"}
    return Wish(**{"into": None, "until": None, **wish, **changes})  # type: ignore[arg-type]


def keep(tag: str, **changes: object) -> Wish:
    return retire(tag, **{"action": "keep", **changes})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """Return the installation after a first night, built by dbt from exports and a history."""
    folder = tmp_path_factory.mktemp("review")
    settings = Settings(
        data_dir=folder / "data", exports_dir=folder / "exports", dbt_dir=folder / "dbt",
        business_day=MONDAY,
    )  # fmt: skip
    here = Here(settings, folder / "target")
    write_project(settings.dbt_dir, TAGS, CAMPAIGNS, READERS)
    rows = {
        "patients": [{"patient_no": str(n)} for n in PATIENTS],
        "visits": [{"patient_no": str(n), "visited_on": "2025-06-02"} for n in PATIENTS],
        "line_links": [{"line_user_id": user(n), "patient_no": str(n)} for n in PATIENTS],
    }
    exports = write_clinic(settings.exports_dir, "here", MONDAY, rows)
    clinic = load_clinic(exports / "clinic.yaml")
    ingest_clinic(clinic, exports, settings.landing_dir(), MONDAY)
    build = here.prepare(MONDAY)
    with duckdb.connect(str(here.work)) as con:
        con.executemany("insert into previous.tag_events values (?, ?, ?, ?, ?)", history())
    broken = [node for node in here.build(MONDAY) if not node.is_ok]
    assert not broken, broken
    with duckdb.connect(str(here.work)) as con:
        set_stage(con, build, "decided")
    publish(here.work, here.published)
    return here


@pytest.fixture
def here(installed: Here, tmp_path: Path) -> Here:
    """Return the installation after its first night, to be decided on and changed."""
    folder = tmp_path / "here"
    shutil.copytree(installed.settings.data_dir.parent, folder)
    moved = {each: folder / each.removesuffix("_dir") for each in ("data_dir", "exports_dir")}
    settings = installed.settings.model_copy(update=moved)
    return Here(settings, installed.target)


def found(review: Iterable[object]) -> set[tuple[str, str, str | None]]:
    return {(each.tag, each.finding, each.other_tag) for each in review}  # type: ignore[attr-defined]


def test_d7_exactly_the_seven_findings_each_with_its_owner(installed: Here) -> None:
    assert len(TAGS) == 20
    review = installed.review()
    assert len(review.findings) == 7
    assert found(review.open) == EXPECTED
    assert {each.owner for each in review.open} == {f"{tag}の責任者" for tag, *_ in EXPECTED}
    said = {each.tag: each.said for each in review.open}
    assert said["pair_of_93"] == "pair_of_100 と 93.0 % 重なる (両方 93 人、どちらか 100 人)"
    assert said["of_6"] == "該当 6 人"
    assert said["still_1"] == "最後の増減 2025-12-03 (180 日前)、最後の配信 なし"
    assert all(each.to_do.endswith("。") for each in review.open)


def test_dbt_and_lint_see_the_same_files_that_name_a_tag(installed: Here) -> None:
    """A tag that reads another names it; comments do not."""
    project = Project(installed.settings.dbt_dir)
    by_lint = {
        (tag, place.path.relative_to(project.dbt_dir).with_suffix(".sql").as_posix())
        for tag in TAGS
        for place in references(project, tag)
    }
    found = installed.query(installed.published, "select tag, path from tag_references")
    assert set(found) == by_lint
    assert {path for tag, path in by_lint if tag == "all_of_plain"} == {
        "models/tags/numbers/tag_plain_6.sql"
    }
    assert len({tag for tag, _ in by_lint}) == len(TAGS) - len(UNUSED)


def test_the_list_says_what_why_whose_and_what_to_do(installed: Here) -> None:
    code, text = installed.say()
    flat = "".join(text.split())
    assert code == OK
    assert "7件" in flat
    for word in ("番号301〜306(of_6)", "該当者が少ない", "該当6人", "of_6の責任者"):
        assert word in flat


def test_d7_a_retired_tag_stops_the_night_until_nobody_names_it(here: Here) -> None:
    """Two are retired; one is still named, and the build says by which file."""
    code, text = here.say(retire("unused_1"), retire("番号 301〜306"))
    assert code == OK
    assert "campaigns/sent_yesterday/seg_sent_yesterday.sql:10" in text
    assert "delete dbt/models/tags/numbers/tag_of_6.sql and" in text

    here.prepare(TUESDAY)
    (stopped,) = [node for node in here.build(TUESDAY) if node.status in {"error", "fail"}]
    assert stopped.unique_id == "model.tagline.retired_tags"
    assert "タグ of_6 は 2026-06-01 に廃止されましたが、まだ使われています" in stopped.message
    assert "tag of_6 is retired and still named by campaigns/sent_yesterday/" in stopped.message
    assert "unused_1" not in stopped.message
    assert here.query(here.work, "select stage from meta.build") == [("prepared",)]
    with duckdb.connect(str(here.work)) as con, pytest.raises(duckdb.CatalogException):
        con.execute("select * from delivery_plan").fetchall()
    lines = [each.shown(here.settings.dbt_dir) for each in here.lint()]
    assert [line.split(";")[0] for line in lines if "retired since" in line] == [
        f"campaigns/{SENT}/seg_{SENT}.sql:10: tag 'of_6' is retired since 2026-06-01",
        f"campaigns/{SENT}/seg_{SENT}.yml:17: tag 'of_6' is retired since 2026-06-01",
        "models/tags/numbers/tag_of_6.sql:1: warning: retired since 2026-06-01",
        "models/tags/numbers/tag_unused_1.sql:1: warning: retired since 2026-06-01",
    ]

    mended = here.mended(SENT, [tag for tag in CAMPAIGNS[SENT] if tag != "of_6"])
    build = mended.prepare(TUESDAY)
    assert not [node for node in mended.build(TUESDAY) if not node.is_ok]
    gone = "tag in ('of_6', 'unused_1')"
    assert mended.query(mended.work, f"select * from patient_tags where {gone}") == []
    assert mended.query(mended.work, f"select * from tag_counts where {gone}") == []
    cited = (
        "select count(*), count(*) filter (c.tags like '%,of_6,%' or c.tags like '%,unused_1,%'"
        " or d.evidence in ('of_6', 'unused_1')) from delivery_decisions d"
        " join campaigns c using (campaign) where d.outcome = 'send'"
    )
    ((messages, of_retired),) = mended.query(mended.work, cited)
    assert messages
    assert of_retired == 0
    assert mended.query(
        mended.work,
        "select tag, ended_as, held_to, count(*) from tag_history where held_to is not null"
        " group by all order by all",
    ) == [("of_6", "retired", TUESDAY, 6), ("unused_1", "retired", TUESDAY, 30)]
    assert mended.query(
        mended.work, f"select distinct retired_on from tag_catalog where {gone}"
    ) == [(MONDAY,)]
    with duckdb.connect(str(mended.work)) as con:
        set_stage(con, build, "decided")
    publish(mended.work, mended.published)
    left = {each for each in EXPECTED | GROWN_STILL if each[0] not in {"of_6", "unused_1"}}
    assert found(mended.review().open) == left
    code, text = mended.say(day=TUESDAY)
    assert "廃止: of_6 2026-06-01 院長" in text


def test_what_is_kept_is_silent_to_its_day_and_what_comes_new_is_not(here: Here) -> None:
    until = TUESDAY + timedelta(days=1)
    code, text = here.say(keep("of_6", until=until), keep("pair_of_100", until=until))
    assert code == OK
    assert f"{until} まで出しません" in text
    kept = {("of_6", "too_few_members", None), ("pair_of_93", "overlapping", "pair_of_100")}
    here.prepare(TUESDAY)
    here.build_models(TUESDAY, "+tag_review +proposed_tags")
    for day, silent in ((TUESDAY, kept), (until, kept), (until + timedelta(days=1), set())):
        here.build_models(day, "tag_review")
        review = read_review(here.work)
        assert review is not None
        assert found(review.kept) == silent
        assert found(review.open) == (EXPECTED | GROWN_STILL) - silent


def test_a_retired_tag_that_is_kept_again_is_in_use_again(here: Here) -> None:
    here.say(retire("unused_1"), keep("unused_1"))
    here.prepare(TUESDAY)
    here.build_models(TUESDAY, "+patient_tags")
    query = "select count(*) from patient_tags where tag = 'unused_1'"
    assert here.query(here.work, query) == [(30,)]


@pytest.mark.parametrize(
    ("wish", "because"),
    [
        (retire("of_7"), "no tag of_7"),
        (retire("of_6", reason=" "), "--reason"),
        (retire("of_6", by=" "), "--by"),
        (retire("of_6", until=TUESDAY), "--until goes with keep"),
        (retire("of_6", into="of_20"), "needs --into"),
        (retire("of_6", action="merge"), "needs --into"),
        (retire("of_6", action="merge", into="of_6"), "cannot be merged into"),
        (retire("of_6", action="merge", into="nothing"), "no tag nothing"),
        (keep("of_6", into="of_20"), "--into goes with merge"),
        (keep("of_6", until=MONDAY), "is not after 2026-06-01"),
        (keep("of_20"), "nothing is found of of_20"),
    ],
)
def test_a_decision_that_cannot_be_says_why_and_writes_nothing(
    installed: Here, wish: Wish, because: str
) -> None:
    code, text = installed.say(wish)
    assert code == FAILED
    assert because in text
    assert decisions(open_ledger(installed.settings.ledger())) == []


def test_a_merged_tag_is_retired_in_favour_of_the_other(here: Here) -> None:
    merge = retire("pair_of_93", action="merge", into="pair_of_100")
    code, _ = here.say(merge)
    assert code == OK
    code, text = here.say(retire("pair_of_93"), day=TUESDAY)
    assert (code, "is retired since 2026-06-01" in text) == (FAILED, True)
    code, text = here.say(retire("of_6", action="merge", into="pair_of_93"))
    assert (code, "cannot be merged into" in text) == (FAILED, True)
    here.prepare(TUESDAY)
    bad = [node for node in here.build(TUESDAY, "--select", "+retired_tags") if not node.is_ok]
    assert "or name pair_of_100 instead" in bad[0].message


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        yield open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        return
    with postgres_server() as server, database_on(server) as url:
        opened = open_ledger(url)
        yield opened
        opened.dispose()


def test_the_ledger_keeps_the_reason_and_the_warehouse_does_not(engine: Engine) -> None:
    kept = [("too_few_members", None), ("overlapping", "u")]
    decide(engine, Decision("t", "keep", "患者が増える予定", "院長", None, TUESDAY, kept), MONDAY,
           at(MONDAY, 9))  # fmt: skip
    decide(engine, Decision("t", "merge", "同じ人", "院長", "u"), TUESDAY, at(TUESDAY, 9))
    assert [(each.finding, each.other_tag, each.reason) for each in decisions(engine)] == [
        ("too_few_members", None, "患者が増える予定"),
        ("overlapping", "u", "患者が増える予定"),
        (None, None, "同じ人"),
    ]
    assert "患者が増える予定" not in str(decisions_for_warehouse(engine))
    assert retired(engine, MONDAY) == {}
    assert retired(engine, TUESDAY)["t"].into_tag == "u"
    with engine.connect() as con:
        said = [tuple(row) for row in con.execute(select(audit.c.clinic_id, audit.c.detail))]
    assert said == [("*", "keep t until 2026-06-02, by 院長"), ("*", "merge t into u, by 院長")]
    with pytest.raises(DecisionError):
        decide(engine, Decision("t", "retire", "", "院長"), MONDAY, at(MONDAY, 9))
    assert len(decisions(engine)) == 3


def published_plan(path: Path, night: Delivery) -> None:
    """Write what the sender reads of a published night: two campaigns, one on the tag t."""
    rows = [*plan_rows(users(3)), *plan_rows(users(2, first=10), campaign="other", priority=4)]
    publish_night(path, night.build, rows)
    with duckdb.connect(str(path)) as con:
        con.execute("insert into tag_references by name select * from (values ('t', 'lapsed'),"
                    " ('u', 'other'), ('t', null)) v(tag, campaign)")  # fmt: skip


@pytest.mark.parametrize("is_frozen", [False, True])
def test_what_was_planned_before_a_tag_was_retired_is_not_sent(
    tmp_path: Path, *, is_frozen: bool
) -> None:
    """Also not what waits in a batch that has reached nobody."""
    night = ready(a_night(tmp_path), 3) if is_frozen else a_night(tmp_path)
    rows = [*plan_rows(users(3)), *plan_rows(users(2, first=10), campaign="other", priority=4)]
    night.plan(rows)
    published_plan(tmp_path / "published.duckdb", night)
    decide(night.engine, Decision("t", "retire", "使わない", "院長"), MONDAY, at(MONDAY, 9))
    can_reach = {(row.line_user_id, row.patient_ids, row.purpose) for row in rows}
    messages = {"v1": [{"type": "text", "text": "お知らせ"}]}
    report = deliver(
        night.engine, night.clinic, tmp_path / "published.duckdb", can_reach, messages,
        night.line, night.clock, night.clock.sleep,
    )  # fmt: skip
    assert (report.refused, report.sent.accepted) == (3, 2)
    assert isinstance(night.line, ScriptedLine)
    assert len(night.line.sent) == 1
    reasons = {(each["campaign"], each["state"], each["reason"]) for each in night.intents()}
    assert reasons == {("lapsed", "skipped", "tag_retired"), ("other", "batched", None)}


def test_lint_reads_retired_tags_from_a_ledger_that_is_there_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGLINE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TAGLINE_BUSINESS_DAY", str(MONDAY))
    assert CliRunner().invoke(main, ["lint"]).exit_code == OK
    assert not (tmp_path / "ledger.db").exists()
    assert open_existing(f"sqlite:///{tmp_path / 'ledger.db'}") is None
    words = ["retire", "--reason", "使わない", "--by", "院長"]
    assert (
        CliRunner().invoke(main, ["review", "decide", "breast_screening_due", *words]).exit_code
        == OK
    )
    done = CliRunner().invoke(main, ["lint"])
    assert done.exit_code == FAILED
    assert "seg_womens_screening.sql:16: tag 'breast_screening_due' is retired" in done.output
    monkeypatch.setenv("TAGLINE_BUSINESS_DAY", str(MONDAY - timedelta(days=1)))
    assert CliRunner().invoke(main, ["lint"]).exit_code == OK


def test_before_the_first_night_there_is_nothing_to_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clinic(tmp_path / "exports", "new", MONDAY, {})
    for name, folder in (("DATA", "data"), ("EXPORTS", "exports")):
        monkeypatch.setenv(f"TAGLINE_{name}_DIR", str(tmp_path / folder))
    done = CliRunner().invoke(main, ["review"])
    assert (done.exit_code, "tagline nightly" in done.output) == (OK, True)
    done = CliRunner().invoke(main, ["review", "--clinic", "elsewhere"])
    assert (done.exit_code, "there: new" in done.output) == (FAILED, True)
