"""Pages that need no network and no script, written from templates."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_page(template: Path, **given: object) -> str:
    """Return a page; all it is given is escaped, and a name it is not given is an error."""
    pages = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template(template.name).render(**given)
