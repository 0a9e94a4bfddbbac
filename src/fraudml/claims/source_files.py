"""The files of a source: found by name or by their columns, and opened as relations of text (CSV) or of their own types (Parquet)."""

from __future__ import annotations

import csv
import fnmatch
import io
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fraudml.claims.encoding import first_line, looked_through, transcode
from fraudml.claims.mapping import TIDY, as_text
from fraudml.claims.source import Source
from fraudml.engine import Engine, identifier, literal, parquet_files
from fraudml.errors import FraudmlError, MissingInput

log = logging.getLogger("fraudml")

TEXT_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz")
ENDINGS = (*TEXT_ENDINGS, ".parquet")
DELIMITERS = ",\t;|"
NUMBERED = r"[ ._-]?\d[\d_-]*"  # what a part may bear behind the table's name


def find_files(folder: Path, source: Source) -> dict[str, list[Path]]:
    """Files of each source table: ``<table>.csv`` (or .csv.gz, .txt, .tsv, .parquet), or all such files below a folder ``<table>/``,
    or those of this name in folders of months (``2024-01/<table>.csv``, ``2024-01/<table>/…``), or numbered ones (``<table>_202401.csv``).

    Names are compared without regard to case. A table whose input is declared by a glob or by its columns is found by these. Files that
    belong to no table are named in the log.

    Raises
    ------
    MissingInput
        When the folder does not exist.
    FraudmlError
        When a table is there twice (``setl_d.csv`` beside ``setl_d.parquet``).
    """
    if not folder.is_dir():
        raise MissingInput("claims.input", f"{folder} is no folder.", "Name the folder of the source tables with input=DIR.")
    found: dict[str, list[Path]] = {}
    for table in source.source_tables():
        how = source.inputs.get(table, {})
        if "files" in how:
            files = [path for path in _files_below(folder) if fnmatch.fnmatch(path.name.lower(), str(how["files"]).lower())]
        elif "columns" in how:
            wanted = {str(each).lower() for each in how["columns"]}
            files = [path for path in _files_below(folder) if wanted <= {each.lower() for each in _header_if_text(path)}]
        else:
            files = _named(folder, table, source.source_tables())
        if files:
            found[table] = files
    others = of_other_kinds(folder, source, found)
    told = f"{_some(others)} cannot be read, files end in {', '.join(ENDINGS)}"
    if not found:
        raise MissingInput(
            "claims.no_tables",
            f"{folder} holds none of the tables of source {source.name} ({', '.join(source.source_tables()[:6])} …)"
            + (f"; {told}." if others else "."),
            "Check input= and source=.",
        )
    if others:
        log.warning("tables are passed over: %s", told)
    if beside := unread(folder, found):
        log.warning("not read, as source %s has no table of this name: %s", source.name, ", ".join(beside))
    return found


def of_other_kinds(folder: Path, source: Source, found: Collection[str]) -> list[str]:
    """Names of files that are called like a table that is not there, but are of a kind that is not read (a workbook, an archive)."""
    lacking = {table.lower() for table in source.source_tables()} - {table.lower() for table in found}
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.lower().endswith(ENDINGS) and path.name.lower().split(".")[0] in lacking
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def unread(folder: Path, found: Mapping[str, Collection[Path]]) -> list[str]:
    """Names of the files below a folder that belong to no table."""
    known = {path for paths in found.values() for path in paths}
    return [str(path.relative_to(folder)) for path in _files_below(folder) if path not in known]


def _named(folder: Path, table: str, tables: Collection[str]) -> list[Path]:
    others = {each.lower() for each in tables} - {table.lower()}

    def is_part(path: Path) -> bool:
        stem = _stem(path)
        return stem not in others and re.fullmatch(re.escape(table.lower()) + f"({NUMBERED})?", stem) is not None

    candidates: list[list[Path]] = []
    monthly: list[Path] = []
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if path.is_dir() and name == table.lower():
            if parts := _files_below(path):
                candidates.append(parts)
        elif path.is_file() and any(name == table.lower() + ending for ending in ENDINGS):
            candidates.append([path])
        elif path.is_file() and name.endswith(ENDINGS) and is_part(path):
            monthly.append(path)
        elif path.is_dir() and not name.startswith((".", "_")):
            monthly += [each for each in _files_below(path) if is_part(each) or each.parent.name.lower() == table.lower()]
    if monthly:
        candidates.append(monthly)
    if len(candidates) > 1:
        raise FraudmlError(
            "claims.table_twice",
            f"{table} is there {len(candidates)} times ({', '.join(each[0].relative_to(folder).parts[0] for each in candidates)}).",
            "Keep one of them.",
        )
    return candidates[0] if candidates else []


def _stem(path: Path) -> str:
    name = path.name.lower()
    return next(name.removesuffix(ending) for ending in sorted(ENDINGS, key=len, reverse=True) if name.endswith(ending))


def _files_below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name.lower().endswith(ENDINGS) and not path.name.startswith((".", "_"))
    )


def _header_if_text(path: Path) -> list[str]:
    return header(path)[0] if path.name.lower().endswith(TEXT_ENDINGS) else []


def header(path: Path) -> tuple[list[str], str]:
    """Column names of a text file, and the delimiter between them (the most frequent one of the header)."""
    line = first_line(path)
    delimiter = max(DELIMITERS, key=lambda each: (line.count(each), -DELIMITERS.index(each)))
    try:
        given = [name.strip() for name in next(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True))]
    except csv.Error as error:
        raise FraudmlError("claims.unreadable", f"{path.name}, header: {error}.", "Export the file again, a line per row.") from error
    names = [name or f"column {number}" for number, name in enumerate(given, start=1)]  # some close the line with a delimiter
    lowered = [name.lower() for name in names]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise FraudmlError("claims.column_twice", f"{path.name} has column {', '.join(twice)} twice.", "Rename or drop one of them.")
    return names, delimiter


def open_files(engine: Engine, name: str, files: list[Path], source: Source, scratch: Path) -> dict[str, str]:
    """Names a relation over a table's files and returns its columns (lower case) with their SQL types (or ``mapping.TIDY``).

    Parquet keeps its types where all files agree on them; a column of several types is text, so that a long identifier among numbers stays
    whole. Times that bear a zone are told by the source's clock.

    Parameters
    ----------
    scratch : folder for UTF-8 copies of GB18030 files.

    Raises
    ------
    FraudmlError
        ``claims.unreadable``, ``claims.undecodable``, ``claims.mixed_encodings`` …, naming the file.
    """
    pieces: list[tuple[str, dict[str, str]]] = []
    text = [path for path in files if path.name.lower().endswith(TEXT_ENDINGS)]
    packed = [path for path in files if path not in text]
    groups: dict[tuple[tuple[str, ...], str], list[Path]] = {}
    tidy = not packed
    for number, path in enumerate(text):
        names, delimiter = header(path)
        look = looked_through(path, delimiter)
        if not look.utf8:
            beside = scratch / f"{name}-{number}" / path.name.removesuffix(".gz")  # errors name the file
            beside.parent.mkdir()
            transcode(path, beside)
            path, look = beside, looked_through(beside, delimiter)
        tidy = tidy and look.tidy
        groups.setdefault((tuple(names), delimiter), []).append(path)
    for (columns, delimiter), paths in groups.items():
        declared = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in columns)
        listed = ", ".join(literal(str(path)) for path in paths)
        nulls = ", ".join(literal(each) for each in source.nulls)
        relation = (
            f"read_csv([{listed}], auto_detect = false, header = true, delim = {literal(delimiter)}, "
            f"quote = '\"', escape = '\"', nullstr = [{nulls}], columns = {{{declared}}})"
        )
        pieces.append((relation, dict.fromkeys(columns, "VARCHAR")))
    pieces += _packed(engine, name, packed)
    seen: dict[str, set[str]] = {}
    for _, types in pieces:
        for column, type_ in types.items():
            seen.setdefault(column.lower(), set()).add(type_)
    mixed = {column for column, types in seen.items() if len(types) > 1}
    parts = [name] if len(pieces) == 1 else [f"{name}_part_{number}" for number in range(len(pieces))]
    for part, (relation, types) in zip(parts, pieces, strict=True):
        engine.by_row(part, _opened(relation, types, mixed, source), of=relation)
    if len(parts) > 1:
        engine.view(name, "\nunion all by name\n".join(f"select * from {part}" for part in parts))
    types = engine.columns(identifier(name))
    return {column: TIDY if tidy and type_ == "VARCHAR" else type_ for column, type_ in types.items()}


def _packed(engine: Engine, name: str, paths: list[Path]) -> list[tuple[str, dict[str, str]]]:
    """Relations over Parquet files, one for all files with the same columns and types."""
    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for path in paths:
        types = engine.columns(parquet_files([path]))
        lowered = [column.lower() for column in types]
        if twice := sorted({column for column in lowered if lowered.count(column) > 1}):
            raise FraudmlError("claims.column_twice", f"{path.name} has column {', '.join(twice)} twice.", "Rename or drop one of them.")
        groups.setdefault(tuple(types.items()), []).append(path)
    pieces = []
    for number, (key, group) in enumerate(groups.items()):
        engine.parquet_parts(f"{name}_packed_{number}", group)
        pieces.append((f"{name}_packed_{number}", dict(key)))
    return pieces


def _opened(relation: str, types: Mapping[str, str], mixed: Collection[str], source: Source) -> str:
    columns = []
    packed = not relation.startswith("read_csv")
    for name, type_ in types.items():
        value, plain = identifier(name), type_
        if type_ == "TIMESTAMP WITH TIME ZONE":
            value, plain = f"timezone({literal(source.time_zone or 'UTC')}, {value})", "TIMESTAMP"
        elif type_ == "BLOB":  # some engines write text without saying that it is
            value, plain = f"coalesce(try(decode({value})), cast({value} as varchar))", "VARCHAR"
        elif type_ == "VARCHAR" and packed:  # the reader of CSV has seen to it
            value = f"case when {value} in ({', '.join(map(literal, source.nulls))}) then null else {value} end"
        if name.lower() in mixed and plain != "VARCHAR":
            value = as_text(value, plain)
        columns.append(f"{value} as {identifier(name.lower())}")
    return f"select {', '.join(columns)} from {relation}"


@contextmanager
def blaming(tables: str) -> Iterator[None]:
    """Names the source table in an error about what stands in its files."""
    try:
        yield
    except FraudmlError as error:
        if error.code != "engine.input":
            raise
        told = error.message
        if "state machine" in told:  # the engine's words for it help nobody
            told = "lines that end in different ways (some with a carriage return, some without), or a quote inside a value."
        raise FraudmlError("claims.unreadable", f"{tables}: {told}", "Export the table again.") from error
