"""Places of a dbt file where a rule can be changed, each marked with a comment of its number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

WORDS = (
    "and|or|not|is|between|case|when|else|coalesce|min|max|greatest|least|distinct|"
    "left|inner|full|union|partition|order|true|false"
)
SQL_PLACE = rf"<=|>=|<>|!=|[=<>]|(?<![\w.])\d+(?:\.\d+)?(?!\w)|\b(?:{WORDS})\b"
TEXT = r"'(?:[^'{]|''|\{\{.*?\}\}|\{(?!\{))*'"
NOT_SQL = r"--[^\n]*|\{#.*?#\}|\{%.*?%\}"
IN_FILE = re.compile(
    rf"(?P<skip>{NOT_SQL})|(?P<jinja>\{{\{{.*?\}}\}})|(?P<place>{TEXT}|{SQL_PLACE})", re.DOTALL
)
IN_SQL = re.compile(rf"(?P<place>{TEXT}|{SQL_PLACE})", re.DOTALL)
# In Jinja, SQL stands in quoted arguments that are more than a name, and windows are numbers.
IN_JINJA = re.compile(r'"(?P<sql>[^"]*)"|(?<=[(,=])(?P<gap>\s*)(?P<number>-?\d+)(?=\s*[,)])')
IS_SQL = re.compile(r"\w.*[\s()']|[\s()'].*\w", re.DOTALL)
MARK = re.compile(r"/\*(\d+)\*/")


@dataclass(frozen=True)
class Site:
    """One marked place: its number, file, line (from 1), and the text of that line."""

    number: int
    file: str
    line: int
    text: str
    is_templated: bool  # a string that Jinja fills in: what stands in it is said elsewhere


class Marker:
    """Marks files one after the other, and remembers every place it has marked."""

    def __init__(self) -> None:
        self.sites: dict[int, Site] = {}

    def mark(self, file: str, text: str) -> str:
        """Return the text of a file with every place marked."""
        lines = text.split("\n")

        def numbered(offset: int, place: str) -> str:
            line = text.count("\n", 0, offset)
            number = len(self.sites) + 1
            self.sites[number] = Site(number, file, line + 1, lines[line].strip(), "{{" in place)
            return f"/*{number}*/"

        def in_sql(start: int, sql: str) -> str:
            return IN_SQL.sub(lambda m: numbered(start + m.start(), m[0]) + m[0], sql)

        def in_jinja(start: int, match: re.Match[str]) -> str:
            if match["number"]:
                mark = numbered(start + match.start("number"), match["number"])
                return f'{match["gap"]}"{mark}{match["number"]}"'
            if not IS_SQL.search(match["sql"]):
                return match[0]
            return f'"{in_sql(start + match.start("sql"), match["sql"])}"'

        def in_file(match: re.Match[str]) -> str:
            if match["skip"]:
                return match[0]
            if match["jinja"]:
                return IN_JINJA.sub(lambda inner: in_jinja(match.start(), inner), match[0])
            return numbered(match.start(), match[0]) + match[0]

        return IN_FILE.sub(in_file, text)


def unmarked(sql: str) -> tuple[str, dict[int, int]]:
    """Return SQL without its marks, and the number of the site at each marked offset."""
    pieces: list[str] = []
    length = 0
    at: dict[int, int] = {}
    for number, piece in _pieces(sql):
        if number is not None:
            at[length] = number
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces), at


def _pieces(sql: str) -> Iterator[tuple[int | None, str]]:
    number, start = None, 0
    for match in MARK.finditer(sql):
        yield number, sql[start : match.start()]
        number, start = int(match[1]), match.end()
    yield number, sql[start:]
