"""Bytes to lines: strict, incremental, in blocks, so that a file of any size fits.

CP932 is decoded here and not by DuckDB, whose encodings extension corrupts data at
buffer boundaries. An undecodable byte names its line.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

from dagster_project.ingest.errors import BadFileError

BLOCK = 4 * 1024 * 1024
END_OF_FILE = "\x1a"  # CP/M's, still written at the end of UKE files


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield a file's lines without their ends (CRLF, LF or CR). Raises BadFileError."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    rest = ""
    seen = 0
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            try:
                text = rest + decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                before = bytes(error.object[: error.start])
                line = seen + rest.count("\n") + before.count(b"\n") + 1
                byte = f"byte 0x{error.object[error.start]:02X}"
                raise BadFileError(line, None, byte, f"text in {encoding}") from error
            if not block:
                break
            # A CR at the end of a block may be half of a CRLF: leave it for the next one.
            held = text.endswith("\r")
            parts = (text[:-1] if held else text).replace("\r\n", "\n").replace("\r", "\n")
            *whole, rest = parts.split("\n")
            rest += "\r" if held else ""
            seen += len(whole)
            yield from whole
    last = text.rstrip("\r\n" + END_OF_FILE)
    if last:
        yield last
