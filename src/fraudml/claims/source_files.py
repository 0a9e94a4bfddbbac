"""The files of a source: found by name or by their columns, and opened as relations of text (CSV) or of their own types (Parquet)."""

from __future__ import annotations

import csv
import fnmatch
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudml.claims.encoding import first_line, looked_through, transcode
from fraudml.claims.source import Source
from fraudml.engine import Engine, identifier, literal
from fraudml.errors import FraudmlError, MissingInput

TEXT_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz")
ENDINGS = (*TEXT_ENDINGS, ".parquet")
DELIMITERS = ",\t;|"


def find_files(folder: Path, source: Source) -> dict[str, list[Path]]:
    """Files of each source table: ``<table>.csv`` (or .csv.gz, .txt, .tsv, .parquet), or all such files below a folder ``<table>/``,
    or those of this name in folders of months (``2024-01/<table>.csv``, ``2024-01/<table>/…``).

    Names are compared without regard to case. A table whose input is declared by a glob or by its columns is found by these.

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
            files = _named(folder, table)
        if files:
            found[table] = files
    if not found:
        raise MissingInput(
            "claims.no_tables",
            f"{folder} holds none of the tables of source {source.name} ({', '.join(source.source_tables()[:6])} …).",
            "Check input= and source=.",
        )
    return found


def _named(folder: Path, table: str) -> list[Path]:
    candidates: list[list[Path]] = []
    monthly: list[Path] = []
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if path.is_dir() and name == table.lower():
            if parts := _files_below(path):
                candidates.append(parts)
        elif path.is_file() and any(name == table.lower() + ending for ending in ENDINGS):
            candidates.append([path])
        elif path.is_dir() and not name.startswith((".", "_")):
            monthly += [each for each in _files_below(path) if table.lower() in (_stem(each), each.parent.name.lower())]
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
    names = [name.strip() for name in next(csv.reader(io.StringIO(line), delimiter=delimiter))]
    lowered = [name.lower() for name in names]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise FraudmlError("claims.column_twice", f"{path.name} has column {', '.join(twice)} twice.", "Rename or drop one of them.")
    return names, delimiter


def open_files(engine: Engine, name: str, files: list[Path], source: Source, scratch: Path) -> dict[str, str]:
    """Names a relation over a table's files and returns its columns (lower case) with their SQL types.

    Parameters
    ----------
    scratch : folder for UTF-8 copies of GB18030 files.

    Raises
    ------
    FraudmlError
        ``claims.unreadable``, ``claims.undecodable``, ``claims.mixed_encodings`` …, naming the file.
    """
    pieces = []
    text = [path for path in files if path.name.lower().endswith(TEXT_ENDINGS)]
    packed = [path for path in files if path not in text]
    groups: dict[tuple[tuple[str, ...], str], list[Path]] = {}
    for number, path in enumerate(text):
        names, delimiter = header(path)
        if not looked_through(path):
            beside = scratch / f"{name}-{number}" / path.name.removesuffix(".gz")  # errors name the file
            beside.parent.mkdir()
            transcode(path, beside)
            path = beside
        groups.setdefault((tuple(names), delimiter), []).append(path)
    for (columns, delimiter), paths in groups.items():
        declared = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in columns)
        listed = ", ".join(literal(str(path)) for path in paths)
        nulls = ", ".join(literal(each) for each in source.nulls)
        pieces.append(
            f"select {_lowered(columns)} from read_csv([{listed}], auto_detect = false, header = true, delim = {literal(delimiter)}, "
            f"quote = '\"', escape = '\"', nullstr = [{nulls}], columns = {{{declared}}})"
        )
    if packed:
        listed = ", ".join(literal(str(path)) for path in packed)
        relation = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        pieces.append(f"select {_lowered(engine.columns(relation))} from {relation}")
    engine.view(name, "\nunion all by name\n".join(pieces))
    return engine.columns(identifier(name))


@contextmanager
def blaming(tables: str) -> Iterator[None]:
    """Names the source table in an error about what stands in its files."""
    try:
        yield
    except FraudmlError as error:
        if error.code != "engine.input":
            raise
        raise FraudmlError("claims.unreadable", f"{tables}: {error.message}", "Export the table again.") from error


def _lowered(names: Iterable[str]) -> str:
    return ", ".join(f"{identifier(name)} as {identifier(name.lower())}" for name in names)
