"""The published warehouse: it appears only when every blocking check passed.

A night is built aside in ``work/`` and renamed over the published file, so a
reader sees all of a night or nothing of it. The file itself says which night it
is (``meta.build``) and from which files it was made (``meta.source_files``).
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Build:
    """One night's build of one clinic: what was built, as of which business day."""

    clinic_id: str
    build_id: str
    as_of: date
    built_at: datetime


class NotPublishableError(Exception):
    """The build has not passed everything it has to pass."""


# A build goes through these stages in this order; only the last may be published.
STAGES = ("prepared", "derived", "decided")


def read_build(path: Path) -> Build | None:
    """Return the build a warehouse file holds, or None when there is no file."""
    if not path.exists():
        return None
    with duckdb.connect(str(path), read_only=True) as con:
        return build_of(con)


def build_of(con: duckdb.DuckDBPyConnection) -> Build:
    """Return the build behind an open warehouse connection."""
    clinic_id, build_id, as_of, built_at = con.execute(
        "select clinic_id, build_id, as_of, built_at from meta.build"
    ).fetchall()[0]
    return Build(clinic_id, build_id, as_of, datetime.fromisoformat(built_at))


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
