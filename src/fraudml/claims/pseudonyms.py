"""Keyed pseudonyms of persons and doctors: HMAC-SHA256 at the door, the way back in a table apart.

Without a key nothing is replaced, and nothing claims to be anonymous.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from fraudml.claims.mapping import source_column
from fraudml.claims.source import Part
from fraudml.engine import Engine, identifier, literal
from fraudml.errors import FraudmlError, MissingInput

IDENTIFIERS: dict[str, dict[str, str]] = {
    "claims": {"patient_id": "patient", "doctor_id": "doctor", "prescribing_doctor_id": "doctor"},
    "items": {"doctor_id": "doctor", "executing_doctor_id": "doctor", "pharmacist_id": "doctor"},
    "claim_doctors": {"doctor_id": "doctor"},
    "patients": {"patient_id": "patient", "mother_id": "patient"},
    "enrolments": {"patient_id": "patient"},
    "registrations": {"doctor_id": "doctor"},
    "registered_diseases": {"patient_id": "patient"},
}
"""Canonical table -> identifying column -> whose identifier it is. Labels are told apart by their entity type."""

BLOCK = 64  # bytes of a SHA-256 block
LENGTH = 32  # hexadecimal digits kept: 128 bits


class Pseudonyms:
    """Replaces identifiers in the rows on their way in.

    Parameters
    ----------
    key_file : file whose bytes are the key (at least 16); None: identifiers stay.
    """

    def __init__(self, engine: Engine, key_file: Path | None) -> None:
        self.engine = engine
        self._originals: list[str] = []
        self._key = self._read(key_file) if key_file else None
        if self._key is None:
            return
        key = self._key.ljust(BLOCK, b"\0")
        inner = _blob(bytes(byte ^ 0x36 for byte in key))
        outer = _blob(bytes(byte ^ 0x5C for byte in key))
        body = f"left(sha256({outer} || unhex(sha256({inner} || encode(kind || ':' || id)))), {LENGTH})"
        engine.macro("pseudonym", f"(kind, id) as {body}")

    @property
    def mark(self) -> str | None:
        """What tells one key from another and gives neither away; None without a key."""
        return None if self._key is None else hmac.new(self._key, b"key:", "sha256").hexdigest()[:LENGTH]

    @staticmethod
    def _read(key_file: Path) -> bytes:
        import hashlib

        if not key_file.is_file():
            raise MissingInput("privacy.key_file", f"{key_file} is no file.", "Write a random key of at least 16 bytes into it.")
        key = key_file.read_bytes().strip()
        if len(key) < 16:
            raise FraudmlError("privacy.key_short", f"{key_file.name} holds {len(key)} bytes.", "A key needs at least 16.")
        return hashlib.sha256(key).digest() if len(key) > BLOCK else key

    def applied(self, rows: str, table: str, part: Part, types: Mapping[str, str]) -> str:
        """Name of canonical rows (and their source rows) with pseudonyms in place of identifiers.

        Parameters
        ----------
        rows : name of the rows as they came.
        """
        if self._key is None:
            return rows
        replaced = {name: f"pseudonym('{kind}', {identifier(name)})" for name, kind in IDENTIFIERS.get(table, {}).items()}
        kinds = dict(IDENTIFIERS.get(table, {}))
        if table == "labels":
            replaced["entity_id"] = (
                "case when entity_type in ('patient', 'doctor') then pseudonym(entity_type, entity_id) else entity_id end"
            )
        for name in types:  # the row as it came must not tell either
            fills = [each for each in replaced if each in part.columns and name in part.columns[each].reads()]
            if fills:
                kind = "entity_type" if table == "labels" else literal(kinds[fills[0]])
                replaced[f"source.{name}"] = f"pseudonym({kind}, cast({source_column(name)} as varchar))"
        if not replaced:
            return rows
        if kinds:  # all at once: the source is read again for them
            told = ", ".join(f"{{kind: {literal(kind)}, id: {identifier(name)}}}" for name, kind in kinds.items())
            pairs = f"select unnest([{told}]) as pair from {rows}"  # DuckDB 2.0 loses rows where distinct stands beside unnest
            self.engine.by_row(f"originals_{rows}", f"select pair.kind as kind, pair.id as id from ({pairs})", of=rows)
            self._originals.append(f"select distinct kind, id from originals_{rows}")
        columns = ", ".join(f"{sql} as {identifier(name)}" for name, sql in replaced.items())
        self.engine.by_row(f"pseudonymous_{rows}", f"select * replace ({columns}) from {rows}", of=rows)
        return f"pseudonymous_{rows}"

    def keep(self, data_dir: Path) -> None:
        """Writes ``private/pseudonyms.parquet`` (kind, pseudonym, id), readable by its owner alone; earlier ids stay in it."""
        if not self._originals:
            return
        folder = data_dir / "private"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "pseudonyms.parquet"
        found = list(dict.fromkeys(self._originals))
        if path.is_file():
            self.engine.parquet("pseudonyms_before", path)
            found.append("select kind, id from pseudonyms_before")
        self.engine.view("originals", f"select * from ({' union '.join(found)}) where id is not null")
        self.engine.by_row("pseudonyms", "select kind, pseudonym(kind, id) as pseudonym, id from originals", of="originals")
        mask = os.umask(0o077)
        try:
            self.engine.write("select * from pseudonyms order by all", path)
            path.chmod(0o600)  # a worker that wrote it has a mask of its own; nobody else may enter the folder
        finally:
            os.umask(mask)


def _blob(value: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::blob"
