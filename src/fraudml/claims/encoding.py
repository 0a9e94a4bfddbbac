"""The bytes of text files: which encoding they are in, whether they are tidy, and GB18030 rewritten as UTF-8 beside, in a stream."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fraudml.errors import FraudmlError

CHUNK = 1 << 18  # as much as stays in a core's cache while it is looked at


def open_bytes(path: Path) -> BinaryIO:
    """A file's bytes, unpacked where it is gzipped."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Names the file in whatever a damaged archive or disk makes the reading fail with; a transfer that broke off shows at its end only."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise FraudmlError("claims.unreadable", f"{path.name} cannot be read ({error}).", "Export it again.") from error


def first_line(path: Path) -> str:
    """The header of a text file, whatever its encoding.

    Raises
    ------
    FraudmlError
        ``claims.unreadable`` for an empty or damaged file.
    """
    with _naming(path), open_bytes(path) as stream:
        line = stream.readline(1 << 20)
    text = decoded(line.removeprefix(codecs.BOM_UTF8), path, 1).strip("\r\n")
    if not text.strip():
        raise FraudmlError("claims.empty_file", f"{path.name} has no header line.", "Export it again, with column names.")
    return text


def decoded(line: bytes, path: Path, number: int) -> str:
    """One line as text: UTF-8, else GB18030."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FraudmlError(
        "claims.undecodable",
        f"{path.name}, line {number}: bytes that are neither UTF-8 nor GB18030.",
        "Export the file again as UTF-8.",
    )


@dataclass(frozen=True)
class Look:
    """What one reading of a text file's bytes tells.

    Attributes
    ----------
    utf8 : whether it is valid UTF-8.
    tidy : whether no value has a blank around it (and it is UTF-8); where that is in doubt it is not.
    """

    utf8: bool
    tidy: bool


def looked_through(path: Path, delimiter: str) -> Look:
    """Reads a whole text file once.

    Raises
    ------
    FraudmlError
        ``claims.unreadable`` for a damaged archive, and for a quote that is never closed: the engine may take what follows for nothing and
        say nothing.
    """
    from fraudml.claims.blanks import BlankSearch

    decoder = codecs.getincrementaldecoder("utf-8")()
    blanks = BlankSearch(delimiter)
    quotes, utf8 = 0, True
    with _naming(path), open_bytes(path) as stream:
        while chunk := stream.read(CHUNK):
            quotes += chunk.count(b'"') if b'"' in chunk else 0  # to find none is faster than to count none
            utf8 = utf8 and _decodes(decoder, chunk)
            if utf8:
                blanks.look(chunk)
    blanks.finish()
    utf8 = utf8 and _decodes(decoder, b"", final=True)
    if quotes % 2:  # may be inch marks inside a text
        _refuse_open_quote(path, "utf-8" if utf8 else "gb18030")
    return Look(utf8, tidy=utf8 and not blanks.found)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    if chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_open_quote(path: Path, encoding: str) -> None:
    with open_bytes(path) as stream:
        lines = csv.reader(io.TextIOWrapper(stream, encoding, errors="replace", newline=""), strict=True)
        last = 1
        try:
            for _ in lines:
                last = lines.line_num + 1
        except csv.Error as error:
            raise FraudmlError(
                "claims.unreadable", f"{path.name}, line {last}: a quote that is never closed ({error}).", "Export the file again."
            ) from error


def transcode(path: Path, beside: Path) -> None:
    """Rewrites a GB18030 file as UTF-8.

    Raises
    ------
    FraudmlError
        ``claims.undecodable`` for bytes of neither encoding, ``claims.mixed_encodings`` where some lines are UTF-8 and others GB18030.
    """
    number, chinese_utf8 = 0, 0
    with open_bytes(path) as stream, beside.open("wb") as out:
        for lines in _line_chunks(stream):
            for line in lines.split(b"\n"):
                number += 1
                if not line.isascii() and _is_chinese_utf8(line):
                    chinese_utf8 = chinese_utf8 or number
            try:
                out.write(lines.decode("gb18030").encode("utf-8"))
            except UnicodeDecodeError:
                _name_the_line(lines, path, number, chinese_utf8)
            number -= 1  # the piece after the last newline is counted with the next chunk
    if chinese_utf8:
        raise _mixed(path, chinese_utf8)


def _line_chunks(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(CHUNK):
        chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        rest = chunk[end:]
        if end:
            yield chunk[:end]
    if rest:
        yield rest


def _is_chinese_utf8(line: bytes) -> bool:
    """Two Chinese characters of three bytes each: GB18030 text hardly ever reads so by accident."""
    try:
        return sum("\u4e00" <= each <= "\u9fff" for each in line.decode("utf-8")) >= 2
    except UnicodeDecodeError:
        return False


def _name_the_line(lines: bytes, path: Path, last: int, chinese_utf8: int) -> None:
    if chinese_utf8:
        raise _mixed(path, chinese_utf8)
    pieces = lines.split(b"\n")
    for offset, line in enumerate(pieces):
        decoded(line, path, last - len(pieces) + 1 + offset)


def _mixed(path: Path, line: int) -> FraudmlError:
    return FraudmlError(
        "claims.mixed_encodings",
        f"{path.name}: line {line} is UTF-8, others are not.",
        "Export the file again in one encoding (UTF-8 or GB18030).",
    )
