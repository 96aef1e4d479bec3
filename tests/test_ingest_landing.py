"""What landing keeps: each content once, whole or not at all, whatever happens to the file."""

import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_builder import HEADER, PATIENTS, ROW, TODAY, VISITS, Exports, patients

from dagster_project.ingest import READERS
from dagster_project.ingest.current import current_files, open_quarantines

TOMORROW = TODAY + timedelta(days=1)
FILE = "patients_20260601.csv"
GOOD = f"{HEADER}\n{ROW}\n"
BETTER = f"{HEADER}\n{ROW}\n13,x,男,1980/1/1,\n"
BAD = f"{HEADER}\n{ROW.replace('1970/3/2', '1970/2/30')}\n"
PATIENT = ("0012",)


def statuses(exports: Exports, as_of: date = TODAY) -> dict[str, str]:
    return {file.name: file.status for file in exports.land(as_of).files}


def current(exports: Exports, as_of: date = TODAY) -> list[str]:
    """Return the names of the files that count, and how many rows each has."""
    return [f"{row['name']} {row['rows']}" for row in current_files(exports.registry(), as_of)]


def waiting(exports: Exports, as_of: date = TODAY) -> list[str]:
    return [str(row["name"]) for row in open_quarantines(exports.registry(), as_of)]


# --- The same again -------------------------------------------------------------------------


def test_the_same_bytes_again_touch_nothing_also_under_another_name(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, GOOD)
    assert statuses(exports) == {FILE: "landed"}
    stored = {path: path.stat().st_mtime_ns for path in exports.landing.rglob("*.parquet")}
    assert statuses(exports, TOMORROW) == {FILE: "known"}
    assert {path: path.stat().st_mtime_ns for path in exports.landing.rglob("*.parquet")} == stored

    exports.write("patients_20260602.csv", GOOD)
    assert statuses(exports, TOMORROW) == {FILE: "known", "patients_20260602.csv": "landed"}
    assert {path: path.stat().st_mtime_ns for path in stored} == stored
    assert exports.rows("patients", "patient_no") == [PATIENT]
    assert current(exports, TOMORROW) == ["patients_20260602.csv 1"]


def test_a_file_that_is_gone_from_the_folder_stays_in_landing(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, GOOD)
    exports.land()
    (exports.folder / FILE).unlink()
    assert exports.land().files == ()
    assert current(exports) == [f"{FILE} 1"]


def test_files_no_feed_declares_are_named_and_left_alone(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write("old/patients_20260530.csv", GOOD)
    for name in ("clinic.yaml", "patients_2026.csv", "xpatients_20260601.csv", "メモ.xlsx"):
        exports.write(name, "x")
    report = exports.land()
    assert [(file.name, file.status) for file in report.files] == [
        ("old/patients_20260530.csv", "landed")
    ]
    assert report.unrecognised == ("patients_2026.csv", "xpatients_20260601.csv", "メモ.xlsx")


def test_a_day_that_does_not_exist_in_a_name_is_an_error_until_the_file_is_renamed(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path)
    path = exports.write("patients_20260631.csv", GOOD)
    error = exports.report("patients_20260631.csv").error
    assert error == "file name: found '20260631', expected a day that exists: rename the file"
    path.rename(exports.folder / "patients_20260530.csv")
    assert statuses(exports) == {"patients_20260530.csv": "landed"}
    assert waiting(exports) == []


@pytest.mark.parametrize("first", ["patients", "visits"])
def test_the_content_of_one_feed_is_no_file_of_another(tmp_path: Path, first: str) -> None:
    visits = {**VISITS, "files": "visits_{date}.csv"}
    exports = Exports(tmp_path, {"patients": PATIENTS, "visits": visits})
    second = "visits" if first == "patients" else "patients"
    header = HEADER if first == "patients" else "患者番号,来院日,科"
    row = ROW if first == "patients" else "12,2026/5/30,内科"
    exports.write(f"{first}_20260601.csv", f"{header}\n{row}\n")
    exports.land()
    exports.write(f"{second}_20260601.csv", f"{header}\n{row}\n")
    assert statuses(exports)[f"{second}_20260601.csv"] == "quarantined"


def test_two_lists_that_are_both_empty_today_are_no_mistake(tmp_path: Path) -> None:
    north, south = ({**VISITS, "files": f"{side}_{{date}}.csv"} for side in ("north", "south"))
    exports = Exports(tmp_path, {"north": north, "south": south})
    for side in ("north", "south"):
        exports.write(f"{side}_20260601.csv", "患者番号,来院日,科\n")
    assert set(statuses(exports).values()) == {"landed"}


def known(exports: Exports) -> dict[str, date]:
    return {row["name"]: row["known_on"] for row in exports.registry()}


def test_a_file_counts_from_the_day_it_came_however_old_the_day_in_its_name(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path, mode="delta")
    exports.write(FILE, GOOD)
    exports.land(TODAY)
    exports.write("patients_20260530.csv", BETTER)
    exports.land(TOMORROW)
    assert known(exports) == {FILE: TODAY, "patients_20260530.csv": TOMORROW}
    assert current(exports, TODAY) == [f"{FILE} 1"]
    assert current(exports, TOMORROW) == ["patients_20260530.csv 2", f"{FILE} 1"]
    # A run for a day gone by finds it in the folder; a later one takes nothing back.
    exports.land(TODAY)
    exports.land(TOMORROW)
    assert known(exports) == {FILE: TODAY, "patients_20260530.csv": TODAY}


# --- Bad files and their correction ---------------------------------------------------------


def test_a_bad_file_is_tried_again_and_lands_once_the_declaration_is_mended(
    tmp_path: Path,
) -> None:
    exports = patients(tmp_path)
    path = exports.write(FILE, GOOD.replace("女", "F"))
    assert exports.report(FILE).status == "quarantined"
    assert waiting(exports) == [FILE]
    assert exports.kept_of(path) == []
    assert exports.report(FILE, TOMORROW).status == "quarantined"
    (record,) = PATIENTS["records"]
    sex = {"header": "性別", "values": {"F": "female"}}
    exports.feeds = {
        "patients": {
            **PATIENTS,
            "records": [{**record, "columns": {**record["columns"], "sex": sex}}],
        }
    }
    assert exports.report(FILE, TOMORROW).status == "landed"
    assert waiting(exports, TOMORROW) == []
    # Nobody could read it on the first day: a night of that day did not have it.
    assert known(exports) == {FILE: TOMORROW}
    assert current(exports, TODAY) == []
    assert exports.rows("patients", "patient_no") == [PATIENT]
    assert exports.report(FILE, TOMORROW).status == "known"


def test_a_corrected_file_under_the_same_name_replaces_the_bad_one(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, BAD)
    assert exports.report(FILE).status == "quarantined"
    exports.write(FILE, GOOD)
    assert exports.report(FILE).status == "landed"
    assert (waiting(exports), current(exports)) == ([], [f"{FILE} 1"])


def test_a_bad_file_over_a_good_one_of_the_same_name_is_waited_for(tmp_path: Path) -> None:
    exports = patients(tmp_path)
    exports.write(FILE, GOOD)
    exports.land()
    exports.write(FILE, BAD)
    assert exports.report(FILE).status == "quarantined"
    assert waiting(exports) == [FILE]
    # The good one again, byte for byte, is the correction.
    exports.write(FILE, GOOD)
    assert exports.report(FILE).status == "landed"
    assert (waiting(exports), current(exports)) == ([], [f"{FILE} 1"])


@pytest.mark.parametrize("pattern", ["patients_{date}.csv", "patients_*.csv"])
def test_of_contents_under_one_name_the_last_one_counts_whatever_their_hashes(
    tmp_path: Path, pattern: str
) -> None:
    exports = patients(tmp_path, files=pattern)
    for content, rows in ((GOOD, 1), (BETTER, 2), (GOOD, 1), (BETTER, 2)):
        exports.write(FILE, content)
        assert exports.report(FILE).status == "landed"
        assert exports.report(FILE).status == "known"
        assert current(exports) == [f"{FILE} {rows}"]


def test_the_next_full_dump_replaces_a_bad_one_but_no_delta_does(tmp_path: Path) -> None:
    exports = Exports(tmp_path, {"patients": PATIENTS, "visits": VISITS})
    exports.write(FILE, BAD)
    exports.write("visits_20260601.csv", "患者番号,来院日,科\n12,2026/5/32,内科\n")
    exports.write("visits_20260601b.csv", "患者番号,来院日,科\n13,2026/5/30,内科\n")
    exports.land()
    assert waiting(exports) == [FILE, "visits_20260601.csv"]
    exports.write("patients_20260602.csv", GOOD)
    exports.write("visits_20260602.csv", "患者番号,来院日,科\n12,2026/6/2,内科\n")
    exports.land(TOMORROW)
    # The visits of the bad file are in no other: they are waited for.
    assert waiting(exports, TOMORROW) == ["visits_20260601.csv"]
    exports.write("visits_20260601.csv", "患者番号,来院日,科\n12,2026/5/31,内科\n")
    exports.land(TOMORROW)
    assert waiting(exports, TOMORROW) == []


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_somebody_is_writing_or_moving_is_left_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    exports = patients(tmp_path)
    path = exports.write(FILE, GOOD)
    reader = READERS["csv"]

    def touched_meanwhile(*args):
        yield from reader(*args)
        path.unlink()
        if is_there:
            path.write_text(BETTER, encoding="utf-8")

    monkeypatch.setitem(READERS, "csv", touched_meanwhile)
    assert exports.report(FILE).status == "changing"
    assert (exports.registry(), list(exports.landing.rglob("*.parquet"))) == ([], [])
    monkeypatch.undo()
    path.write_text(BETTER, encoding="utf-8")
    assert exports.report(FILE).rows == 2


# --- Crashes and memory ---------------------------------------------------------------------

CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from ingest_builder import patients
from dagster_project.ingest import landing
def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)
{where} = die
patients(Path({root!r})).land()
"""


@pytest.mark.parametrize("where", ["landing.settle", "landing.Landing.register"])
def test_a_landing_killed_half_way_leaves_nothing_that_counts_and_is_done_again(
    tmp_path: Path, where: str
) -> None:
    exports = patients(tmp_path)
    path = exports.write(FILE, GOOD)
    program = CHILD.format(tests=str(Path(__file__).parent), root=str(tmp_path), where=where)
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert exports.kept_of(path) == ["patients"]
    assert exports.registry() == []
    assert exports.rows("patients", "patient_no") == []
    assert exports.report(FILE).status == "landed"
    assert exports.rows("patients", "patient_no") == [PATIENT]
    assert not list(exports.landing.rglob("*.writing"))


MEASURED = """
import re, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from ingest_builder import patients
def peak():  # of this process alone: getrusage begins with the parent's
    found = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024
rows, peaks = [], []
for size in ("small", "large"):
    exports = patients(Path({root!r}) / size, encoding="cp932")
    rows.append(exports.report("patients_20260601.csv").rows)
    peaks.append(peak())
print(*rows, peaks[1] - peaks[0])
"""


def test_three_times_the_file_takes_no_more_memory(tmp_path: Path) -> None:
    block = (f"0012,漆原 千鶴,女,1970/3/2,{'備考' * 30}\n" * 1_000).encode("cp932")
    blocks = {"small": 20_000_000 // len(block), "large": 60_000_000 // len(block)}
    for size, count in blocks.items():
        exports = patients(tmp_path / size)
        path = exports.write("patients_20260601.csv", f"{HEADER}\n", "cp932")
        with path.open("ab") as file:
            for _ in range(count):
                file.write(block)
    program = MEASURED.format(tests=str(Path(__file__).parent), root=str(tmp_path))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    small, large, grown = map(int, done.stdout.split())
    assert (small, large) == (blocks["small"] * 1_000, blocks["large"] * 1_000)
    # Held whole, 40 MB more of text would be 200 MB more of cells.
    assert grown < 60, f"{grown} MB more for 40 MB more of a file"


# --- Deltas ---------------------------------------------------------------------------------

VISIT_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "02", "３"]),
        st.dates(date(2026, 1, 1), TODAY).map(str),
        st.sampled_from(["内科", "", "小児科"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(rows=VISIT_ROWS, cut=st.integers(0, 12), is_first_early=st.booleans())
def test_a_delta_split_over_two_files_and_two_nights_lands_the_same_records(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    cut: int,
    *,
    is_first_early: bool,
) -> None:
    def text(part: list[tuple[str, str, str]]) -> str:
        return "\n".join(["患者番号,来院日,科", *map(",".join, part)])

    root = tmp_path_factory.mktemp("split")
    whole = Exports(root / "whole", {"visits": VISITS})
    whole.write("visits_20260601.csv", text(rows))
    whole.land()
    halves = Exports(root / "halves", {"visits": VISITS})
    parts = [("visits_20260601a.csv", rows[:cut]), ("visits_20260601b.csv", rows[cut:])]
    for name, part in parts if is_first_early else reversed(parts):
        halves.write(name, text(part))
        halves.land()
    columns = ("patient_no", "visited_on", "department")
    found = Counter(halves.rows("visits", *columns))
    if rows[:cut] == rows[cut:]:
        # The same bytes under two names are one file, as an export copied twice is.
        found += found
    assert found == Counter(whole.rows("visits", *columns))
    assert sum(found.values()) == len(rows)
