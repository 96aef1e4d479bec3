"""A yml file with the line of every key, so that a finding can say where to look."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Keys = tuple[str | int, ...]
# The C parser is ten times as fast, and not in every build of PyYAML.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Yml:
    """What a yml file says and on which line; `error` where it is no yml at all."""

    path: Path
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Keys, int] = field(default_factory=dict)
    error: str = ""

    def line(self, *keys: str | int) -> int:
        """Return the line of a key, or of the nearest thing around it that is there."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def entries(self, section: str) -> list[tuple[int, dict[str, Any]]]:
        """Return the mappings listed in a section, each with its place in it."""
        listed = self.data.get(section)
        numbered = enumerate(listed if isinstance(listed, list) else [])
        return [(at, each) for at, each in numbered if isinstance(each, dict)]


def read_yml(path: Path) -> Yml:
    """Return a yml file; one that cannot be read says so in `error`, with its line."""
    try:
        loader = LOADER(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else {}
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        return Yml(path, lines={(): mark.line + 1 if mark else 1}, error=said)
    lines = dict(_lines(node, ())) if node else {}
    return Yml(path, data if isinstance(data, dict) else {}, lines)


def mapping(value: object) -> dict[str, Any]:
    """Return the value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def _lines(node: yaml.Node, keys: Keys) -> Iterator[tuple[Keys, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*keys, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield (*keys, at), value.start_mark.line + 1
            yield from _lines(value, (*keys, at))
