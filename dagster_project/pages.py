"""Pages that need no network and no script, written from templates."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_page(template: Path, **given: object) -> str:
    """Return a page; all it is given is escaped, and a name it is not given is an error."""
    return _pages(template.parent).get_template(template.name).render(**given)


@cache  # compiling a template costs more than a page does
def _pages(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
