"""Bytes to lines: strict, incremental, in blocks, so that a file of any size fits.

CP932 is decoded here and not by DuckDB, whose encodings extension corrupts data at
buffer boundaries. An undecodable byte names its line.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

from dagster_project.ingest.errors import BadFileError

BLOCK = 4 * 1024 * 1024
LONGEST_LINE = 1024 * 1024  # characters; past it this is no file of lines
END_OF_FILE = "\x1a"  # CP/M's, still written at the end of UKE files
BYTE_ORDER_MARK = "\ufeff"
# Bytes that stand for nothing in CP932, and that Python's codec lets pass as these.
NO_CHARACTERS = {
    "\x80": 0x80, "\uf8f0": 0xA0, "\uf8f1": 0xFD, "\uf8f2": 0xFE, "\uf8f3": 0xFF,
}  # fmt: skip


def blocks(path: Path, encoding: str) -> Iterator[list[str]]:
    """Yield a file's lines without their ends (CRLF, LF or CR), some thousands at a time.

    Raises BadFileError at a byte that is not text in this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    rest = ""
    seen = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            text = rest + _decoded(decoder, block, encoding, seen, rest)
            if seen == 0 and text.startswith(BYTE_ORDER_MARK):
                raise BadFileError(1, None, "a byte order mark", "encoding: utf-8-sig")
            # A CR at the end of a block may be half of a CRLF: leave it for the next one.
            held = "\r" if text.endswith("\r") else ""
            *whole, rest = _split(text.removesuffix(held) if held else text)
            rest += held
            if len(rest) > LONGEST_LINE:
                raise BadFileError(seen + len(whole) + 1, None, "no line end", "a file of lines")
            seen += len(whole)
            yield ["" if line == END_OF_FILE else line for line in whole]
    rest += _decoded(decoder, b"", encoding, seen, rest, final=True)
    if last := rest.rstrip("\r" + END_OF_FILE):
        yield [last]


def _split(text: str) -> list[str]:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _decoded(
    decoder: codecs.IncrementalDecoder,
    block: bytes,
    encoding: str,
    seen: int,
    rest: str,
    *,
    final: bool = False,
) -> str:
    try:
        text = decoder.decode(block, final)
    except UnicodeDecodeError as error:
        # Line ends are single bytes in every encoding read here, and never part of a character.
        before = rest + error.object[: error.start].decode("latin-1")
        raise _undecodable(error.object[error.start], before, encoding, seen) from error
    if encoding == "cp932":
        passed = [(text.index(char), byte) for char, byte in NO_CHARACTERS.items() if char in text]
        if passed:
            at, byte = min(passed)
            raise _undecodable(byte, rest + text[:at], encoding, seen)
    return text


def _undecodable(byte: int, before: str, encoding: str, seen: int) -> BadFileError:
    line = seen + len(_split(before))
    return BadFileError(line, None, f"byte 0x{byte:02X}", f"text in {encoding}")
