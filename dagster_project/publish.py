"""The published warehouse: it appears only when every blocking check passed.

A night is built aside in ``work/`` and renamed over the published file, so a
reader sees all of a night or nothing of it. The file itself says which night it
is (``meta.build``) and from which files it was made (``meta.source_files``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

# Of the published tables, as `send`, the morning sheet and the results read them. One more whenever
# one of them, or a column of theirs, comes or goes: a file of another layout is left unread.
LAYOUT = 2


@dataclass(frozen=True)
class Build:
    """One night's build of one clinic: what was built, as of which business day."""

    clinic_id: str
    build_id: str
    as_of: date
    built_at: datetime
    layout: int = LAYOUT


class NotPublishableError(Exception):
    """The build has not passed everything it has to pass."""


class OtherLayoutError(Exception):
    """A published file that another version of us wrote; the text says what becomes of it."""


# A build goes through these stages in this order; only the last may be published.
STAGES = ("prepared", "derived", "decided")


def read_build(path: Path) -> Build | None:
    """Return the build a warehouse file holds, or None when there is no file."""
    if not path.exists():
        return None
    with duckdb.connect(str(path), read_only=True) as con:
        return build_of(con)


@contextmanager
def reading_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a published file. Raises OtherLayoutError for one of another layout."""
    with duckdb.connect(str(path), read_only=True) as con:
        build = build_of(con)
        if build.layout != LAYOUT:
            raise OtherLayoutError(f"{build.clinic_id}: {other_layout(build)}")
        yield con


def other_layout(build: Build) -> str:
    """Return what people are told of a file that another version of us published."""
    return (
        f"公開されている {build.as_of} の夜は別の版 (レイアウト {build.layout}、今は {LAYOUT}) が"
        "作りました。次の夜 (`tagline nightly`) が作り直すまで何も送りません"
    )


def build_of(con: duckdb.DuckDBPyConnection) -> Build:
    """Return the build behind an open warehouse connection; before there were layouts, layout 0."""
    cursor = con.execute("select * from meta.build")
    names = [str(column[0]) for column in cursor.description or ()]
    said = dict(zip(names, cursor.fetchall()[0], strict=True))
    built_at = datetime.fromisoformat(said["built_at"])
    return Build(
        said["clinic_id"], said["build_id"], said["as_of"], built_at, said.get("layout") or 0
    )


def set_stage(con: duckdb.DuckDBPyConnection, build: Build, stage: str) -> None:
    """Record how far a build has come. Raises NotPublishableError when another took its place."""
    done = con.execute(
        "update meta.build set stage = ? where build_id = ? returning build_id",
        [stage, build.build_id],
    ).fetchall()
    if not done:
        message = f"{build.clinic_id}: another run replaced build {build.build_id}: run one alone"
        raise NotPublishableError(message)


def require_stage(con: duckdb.DuckDBPyConnection, *stages: str) -> None:
    """Raise NotPublishableError unless the build stands at one of these stages."""
    (found,) = con.execute("select stage from meta.build").fetchall()[0]
    if found not in stages:
        message = f"this build stands at '{found}', expected {' or '.join(stages)}: run `nightly`"
        raise NotPublishableError(message)


def publish(work: Path, published: Path) -> Build:
    """Publish a decided build and return it.

    Raises NotPublishableError when a step is missing or a blocking verdict on the
    clinic failed, or when a later day is published already. Whatever was published
    before stays until the rename.
    """
    if not work.exists():
        message = f"no build in progress at {work.name}: run `nightly`"
        raise NotPublishableError(message)
    with duckdb.connect(str(work)) as con:
        require_stage(con, "decided")
        failed = con.execute(
            "select check_name from checks.verdicts where scope = 'clinic'"
            " and severity = 'blocking' and not is_passed order by 1"
        ).fetchall()
        if failed:
            message = "blocking checks failed: " + ", ".join(name for (name,) in failed)
            raise NotPublishableError(message)
        build = build_of(con)
        stands = read_build(published)
        if stands and build.as_of < stands.as_of:
            # The tag history lives in the published file: an earlier day would cut it off.
            message = f"{stands.as_of} is published, and {build.as_of} is earlier: nothing replaced"
            raise NotPublishableError(message)
        # Landing is Parquet elsewhere; views on it would dangle when the file is moved.
        con.execute("drop schema landing cascade").fetchall()
        con.execute("checkpoint").fetchall()
    published.parent.mkdir(parents=True, exist_ok=True)
    # A stale write-ahead log beside the target would not match the new file.
    Path(f"{published}.wal").unlink(missing_ok=True)
    work.replace(published)
    return build
