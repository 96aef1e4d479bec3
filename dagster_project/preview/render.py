"""A preview on a terminal, and the same as Markdown for a pull request."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.preview.document import Block, Grid, Heading


def render(console: Console, blocks: Iterable[Block]) -> None:
    """Print for a person at a terminal."""
    for block in blocks:
        if isinstance(block, Heading):
            if block.level == 1:
                console.rule(escape(block.text))
            else:
                console.print(f"\n[bold]{escape(block.text)}[/]", highlight=False)
        elif isinstance(block, Grid):
            console.print(_table(block))
        else:
            console.print(escape(block.text), highlight=False, emoji=False)


def render_markdown(console: Console, blocks: Iterable[Block]) -> None:
    """Print GitHub's Markdown, one line a table row, whatever the terminal's width."""
    for block in blocks:
        console.print(
            f"{_markdown(block)}\n", markup=False, highlight=False, emoji=False, soft_wrap=True
        )


def _table(grid: Grid) -> Table:
    table = Table(box=None)
    for position, name in enumerate(grid.columns):
        table.add_column(
            name, justify="right" if position in grid.numbers else "left", overflow="fold"
        )
    for row in grid.rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * (block.level + 1)} {block.text}"
    if isinstance(block, Grid):
        line = [
            "---:" if position in block.numbers else "---" for position in range(len(block.columns))
        ]
        return "\n".join(_row(cells) for cells in (block.columns, line, *block.rows))
    return block.text


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
