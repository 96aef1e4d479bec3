"""Docs that cannot drift: every command, setting and model is in them."""

import re
import runpy
from pathlib import Path

import pytest
from nights import DBT

from dagster_project import transform
from dagster_project.cli import main
from dagster_project.settings import ROOT, Settings

READMES = ["README.md", "README.ja.md"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_every_command_is_in_the_readme_and_says_what_it_does(name: str) -> None:
    text = read(name)
    for command in main.commands.values():
        assert command.help, command.name
        assert f"`tagline {command.name}" in text, command.name


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_a_readme_names_is_there_and_every_link_leads_somewhere(
    name: str,
) -> None:
    text, makefile = read(name), read("Makefile")
    for target in re.findall(r"make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile, target
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


def test_every_setting_is_in_operations() -> None:
    text = read("docs/operations.md")
    hidden = {"dbt_dir"}  # where this very checkout keeps dbt
    for field in Settings.model_fields:
        assert field in hidden or f"`TAGLINE_{field.upper()}`" in text, field


def test_every_check_that_can_stop_a_night_is_in_operations() -> None:
    suites = (ROOT / "dagster_project" / "checks" / "suites").glob("exports.json")
    text = read("docs/operations.md")
    for suite in suites:
        blocks = re.findall(
            r'"severity": "critical", "meta": {"check": "(\w+)"', suite.read_text(encoding="utf-8")
        )
        assert blocks
        assert not [check for check in blocks if f"`{check}`" not in text]


def test_the_data_model_page_is_what_the_code_says() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert page["text"]() == read("docs/data-model.md"), "run `make docs`"


def test_the_folders_of_the_architecture_page_exist() -> None:
    tree = read("docs/architecture.md").split("## Where things are")[1].split("```")[1]
    top, named = ROOT, []
    for line in tree.strip().splitlines():
        entry = line.split()[0]
        top = ROOT / entry if not line.startswith(" ") else top
        named.append(top if not line.startswith(" ") else top / entry.rstrip(","))
    missing = [path for path in named if "<" not in str(path) and not Path(path).exists()]
    assert not missing


def test_live_is_declared_as_operations_says_and_never_by_default() -> None:
    assert Settings.model_fields["line"].default == "simulator"
    text = read("docs/operations.md")
    assert "TAGLINE_LINE=live" in text
    assert "TAGLINE_LINE_TOKEN_<CLINIC>" in text


def test_the_picture_of_the_models_is_what_dbt_reads(parsed: Path) -> None:
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    node = page["_node"]
    read = {
        (node(source.split(".")[-1]), node(model.name))
        for model in transform.parse(DBT, parsed).nodes.values()
        if model.resource_type == "model"
        for source in model.depends_on.nodes
        if source.startswith("model.")
    }
    assert set(page["_edges"]()) == {(source, model) for source, model in read if source != model}
