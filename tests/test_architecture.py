"""What the design forbids, looked for in the code itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dagster_project.settings import ROOT

PACKAGE = ROOT / "dagster_project"
SQL = [*(ROOT / "dbt").rglob("*.sql"), *PACKAGE.rglob("*.sql")]
CLOCK = re.compile(r"\bdatetime\.now\(|\bdate\.today\(|\btime\.time\(|\butcnow\(")
SQL_CLOCK = re.compile(
    r"\b(current_date|current_timestamp|now\s*\(|today\s*\(|get_current_time|localtime)",
    re.IGNORECASE,
)
# The entry point, the simulator (a machine of its own), and the command that invents a sample.
MAY_READ_THE_CLOCK = {"settings.py", "cli.py", "simulator/state.py"}
MAY_IMPORT_LINE = {"line"}
SENDERS = {"assets/line.py"}


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_line_package_imports_lines_sdk() -> None:
    guilty = {
        name
        for name, source in modules()
        if any(each.split(".")[0] == "linebot" for each in imports(source))
        and name.split("/")[0] not in MAY_IMPORT_LINE
    }
    assert not guilty


def test_there_is_one_gate_to_line() -> None:
    """Only the delivery asset opens a channel, and only through the gate."""
    channel = {"dagster_project.line.client", "dagster_project.line.connect"}
    guilty = {
        name
        for name, source in modules()
        if imports(source) & channel and name.split("/")[0] != "line"
    }
    assert guilty == SENDERS
    source = (PACKAGE / "assets/line.py").read_text(encoding="utf-8")
    assert "dagster_project.delivery.run.deliver" in imports(source)


def test_only_alerts_speak_to_staff_by_line() -> None:
    """What goes past the gate is for accounts that clinic.yaml names, and holds no patient."""
    guilty = {name for name, source in modules() if "dagster_project.line.staff" in imports(source)}
    assert guilty == {"alerts.py"}


def test_nothing_reads_the_clock_below_the_entry_point() -> None:
    guilty = {
        name
        for name, source in modules()
        if CLOCK.search(source) and name not in MAY_READ_THE_CLOCK
    }
    assert not guilty


def test_no_sql_reads_the_clock() -> None:
    guilty = {path.name for path in SQL if SQL_CLOCK.search(path.read_text(encoding="utf-8"))}
    assert not guilty


def test_no_module_reaches_into_the_privates_of_dagster_or_dbt() -> None:
    guilty = {
        (name, each)
        for name, source in modules()
        # A storage has no public name: dagster.yaml, too, names it by its private one.
        if name != "event_log.py"
        for each in imports(source)
        if re.match(r"(dagster|dagster_dbt|dbt)\..*\._|(dagster|dbt|dagster_dbt)\._", each)
    }
    assert not guilty


def test_no_module_is_taken_for_a_dbt_plugin() -> None:
    """A module named dbt_* would be imported by dbt at every start."""
    assert not [name for name, _ in modules() if Path(name).name.startswith("dbt_")]


def test_a_live_host_is_named_in_one_place() -> None:
    named = {name for name, source in modules() if "api.line.me" in source}
    assert named == {"settings.py"}


def test_modules_stay_small() -> None:
    sizes = sorted(len(source.splitlines()) for _, source in modules())
    assert sizes[len(sizes) // 2] <= 90
    assert sizes[-1] <= 250


def test_every_sql_file_says_its_rule_first() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in SQL
        if "macros" not in path.parts
        and "generic" not in path.parts
        and not path.read_text(encoding="utf-8").lstrip().startswith("-- ")
    ]
    assert not silent


def test_every_model_has_its_yml_beside_it() -> None:
    models = [*(ROOT / "dbt/models").rglob("*.sql"), *(ROOT / "dbt/campaigns").rglob("*.sql")]
    assert not [path.name for path in models if not path.with_suffix(".yml").exists()]


def test_codes_are_data_and_names_are_never_matched() -> None:
    """Seven-digit disease codes, nine-digit act and drug codes, ICD-10: seeds only."""
    code = re.compile(r"'(\d{7}|\d{9}|[A-Z]\d{2}(\.?\d)?)'")
    name = re.compile(r"\blike\s+'[^']*[ぁ-んァ-ン一-龥]")
    models = [*(ROOT / "dbt/models").rglob("*.sql"), *(ROOT / "dbt/campaigns").rglob("*.sql")]
    guilty = {
        path.name
        for path in models
        if code.search(path.read_text(encoding="utf-8"))
        or name.search(path.read_text(encoding="utf-8"))
    }
    assert not guilty


def test_what_needs_a_browser_is_in_files_named_so() -> None:
    """`make test-browser` looks for its tests in those alone."""
    marked = [
        path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if "pytestmark = pytest.mark.browser" in path.read_text(encoding="utf-8")
        or "@pytest.mark.browser" in path.read_text(encoding="utf-8")
    ]
    here = Path(__file__).name
    assert {"test_browser.py", "test_report_browser.py"} <= set(marked)
    assert not [name for name in marked if not name.endswith("browser.py") and name != here]
