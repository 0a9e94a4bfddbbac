"""Fixtures for all tests: canonical tables from a few readable rows, and a PostgreSQL server of their own."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fraudml.claims import Claims, write_claims

Rows = list[dict[str, Any]]
ENGINES = "tests/engines/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadfile`` a worker takes a file, and one of them takes all that run on Spark: Java is started once."""
    from xdist.scheduler import LoadFileScheduling

    class OneSpark(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return ENGINES if file.startswith(ENGINES) else file

    return OneSpark(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture
def make_claims(tmp_path: Path) -> Callable[..., Claims]:
    """``make_claims(claims=[{...}], items=[{...}], …)``: writes canonical tables and opens them.

    What a row leaves out gets a plain default: claim ids C1, C2 …, outpatient visits of patient P1 at hospital H1 by doctor
    D1 costing 100; patients and institutions that the claims name are added (H… hospitals of level 2, Y… pharmacies).
    """

    def make(*, claims: Rows, items: Rows | None = None, data_dir: Path | None = None, **tables: Rows) -> Claims:
        rows = [_claim(number, row) for number, row in enumerate(claims, 1)]
        out: dict[str, Rows] = {"claims": rows}
        if items is not None:
            first_day = {row["claim_id"]: row["started_on"] for row in rows}
            out["items"] = [_item(number, row, first_day) for number, row in enumerate(items, 1)]
        given = {row["patient_id"]: row for row in tables.pop("patients", [])}
        people = {row["patient_id"] for row in rows} | given.keys()
        out["patients"] = [
            {"sex": "female", "birth_date": "1970-05-05", "region": "R1"} | given.get(one, {}) | {"patient_id": one}
            for one in sorted(people)
        ]
        given = {row["institution_id"]: row for row in tables.pop("institutions", [])}
        places = {row["institution_id"] for row in rows} | given.keys()
        out["institutions"] = [
            {
                "kind": "pharmacy" if one.startswith("Y") else "hospital",
                "level": 0 if one.startswith("Y") else 2,
                "ownership": "public",
                "region": "R1",
            }
            | given.get(one, {})
            | {"institution_id": one}
            for one in sorted(places)
        ]
        return write_claims(_frames(out | tables), data_dir or tmp_path / "data")

    return make


def _frames(tables: Mapping[str, Rows]) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}


def _claim(number: int, row: dict[str, Any]) -> dict[str, Any]:
    plain = {
        "claim_id": f"C{number}",
        "patient_id": "P1",
        "institution_id": "H1",
        "visit_type": "outpatient",
        "insurance_type": "employee",
        "started_on": "2024-06-03",
        "total_amount": 100.0,
        "is_refund": False,
    }
    full = plain | row
    full.setdefault("visit_id", "V" + full["claim_id"])
    if full["visit_type"] != "pharmacy":
        full.setdefault("doctor_id", "D1")
    full.setdefault("ended_on", full["started_on"])
    full.setdefault("settled_at", f"{full['ended_on']} 10:00:00")
    for name, share in (
        ("in_scope_amount", 1.0),
        ("fund_amount", 0.7),
        ("account_amount", 0.1),
        ("cash_amount", 0.2),
    ):
        full.setdefault(name, round(full["total_amount"] * share, 2))
    return full


def _item(number: int, row: dict[str, Any], first_day: Mapping[str, str]) -> dict[str, Any]:
    full: dict[str, Any] = {
        "line_id": f"L{number}",
        "claim_id": "C1",
        "charge_type": "western_drug",
        "quantity": 1.0,
        "unit_price": 10.0,
    } | row
    if "amount" not in full:
        full["amount"] = round(full["quantity"] * full["unit_price"], 2)
    full.setdefault("occurred_at", f"{first_day.get(full['claim_id'], '2024-06-03')} 09:00:00")
    return full


@pytest.fixture
def random_rows() -> Callable[..., dict[str, Rows]]:
    """``random_rows(seed, count)``: a small town's fourteen months as rows for ``make_claims(**rows)``, refunds and all tables."""
    return _random_rows


def _random_rows(seed: int = 0, count: int = 400, first: str = "2023-06-01", days: int = 420) -> dict[str, Rows]:
    chance = random.Random(seed)
    people = [f"P{number}" for number in range(25)]
    start = dt.date.fromisoformat(first)
    claims: Rows = []
    items: Rows = []
    diagnoses: Rows = []
    for number in range(count):
        claim_id = f"C{seed}_{number}"
        kind = chance.choice(["outpatient"] * 4 + ["pharmacy"] * 3 + ["inpatient", "inpatient", "chronic", "emergency"])
        day = start + dt.timedelta(days=chance.randrange(days))
        nights = chance.randrange(1, 12) if kind == "inpatient" else 0
        end = day + dt.timedelta(days=nights)
        at = chance.randrange(86_000) // 500 * 500 + number % 500  # no two at the same second
        row: dict[str, Any] = {
            "claim_id": claim_id,
            "patient_id": chance.choice(people),
            "institution_id": ("Y" if kind == "pharmacy" else "H") + str(chance.randrange(4)),
            "visit_type": kind,
            "insurance_type": "employee" if chance.random() < 0.7 else "resident",
            "started_on": str(day),
            "ended_on": str(end),
            "settled_at": f"{end} {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}",
            "total_amount": chance.choice([20.0, 50.0, round(chance.lognormvariate(5, 1), 2)]),
            "credential_type": chance.choice(["electronic", "typed"]),
            "insured_region": chance.choice(["R1", "R2"]),
            "is_manual": chance.random() < 0.1,
            "drg_code": chance.choice(["G1", "G2"]) if kind == "inpatient" else None,
            "drg_weight": round(chance.uniform(0.3, 3), 2) if kind == "inpatient" else None,
        }
        if kind == "pharmacy":
            row["prescribing_doctor_id"] = f"D{chance.randrange(8)}" if chance.random() < 0.4 else None
            row["prescribing_institution_id"] = f"H{chance.randrange(4)}" if row["prescribing_doctor_id"] else None
        else:
            row["doctor_id"] = f"D{chance.randrange(8)}"
            for place, code in enumerate(chance.sample(["I10", "I11.9", "J00", "K29.1", "K29.2", "E11.9"], chance.randrange(1, 4))):
                diagnoses.append({"claim_id": claim_id, "diagnosis": code, "is_main": place == 0})
        claims.append(row)
        for _ in range(chance.randrange(1, 5)):
            charge = chance.choice(["western_drug", "herbal", "examination", "laboratory", "bed", "treatment", "surgery", "material"])
            moment = day + dt.timedelta(days=chance.randrange(nights + 1))
            items.append(
                {
                    "line_id": f"L{seed}_{len(items)}",
                    "claim_id": claim_id,
                    "item_code": f"{charge}{chance.randrange(3)}",
                    "charge_type": charge,
                    "quantity": float(chance.randrange(1, 6)),
                    "unit_price": chance.choice([8.0, 12.5, 30.0]),
                    "days_supply": float(chance.choice([7, 14, 30])) if charge in ("western_drug", "herbal") else None,
                    "doctor_id": f"D{chance.randrange(8)}" if chance.random() < 0.3 else None,
                    "pharmacist_id": f"F{chance.randrange(3)}" if kind == "pharmacy" else None,
                    "is_negotiated_drug": charge == "western_drug" and chance.random() < 0.2,
                    "occurred_at": f"{moment} {chance.randrange(24):02}:{chance.randrange(60):02}:{len(items) % 60:02}",
                }
            )
        if chance.random() < 0.06:  # given back, whole or in part, some days later
            back = -row["total_amount"] * chance.choice([1.0, 0.4])
            later = f"{end + dt.timedelta(days=chance.randrange(1, 60))} 12:00:00"
            claims.append(
                row
                | {
                    "claim_id": f"{claim_id}_back",
                    "is_refund": True,
                    "refund_of": claim_id,
                    "total_amount": round(back, 2),
                    "settled_at": later,
                }
            )
    codes = sorted({row["item_code"] for row in items})
    return {
        "claims": claims,
        "items": items,
        "diagnoses": diagnoses,
        "patients": [
            {
                "patient_id": one,
                "sex": chance.choice(["male", "female"]),
                "birth_date": f"{chance.randrange(1935, 2015)}-03-0{chance.randrange(1, 9)}",
                "death_date": f"2024-0{chance.randrange(2, 6)}-11" if place < 3 else None,
                "region": chance.choice(["R1", "R2"]),
                "address_group": f"A{place // 4}",
                "longitude": 120 + chance.random() / 2,
                "latitude": 30 + chance.random() / 2,
            }
            for place, one in enumerate(people)
        ],
        "institutions": [
            {
                "institution_id": f"{letter}{place}",
                "kind": "hospital" if letter == "H" else "pharmacy",
                "level": place if letter == "H" else 0,
                "ownership": "private" if place == 3 else "public",
                "region": f"R{1 + place % 2}",
                "beds": 4 + place if letter == "H" else None,
                "is_village": place == 0,
                "longitude": 120.2 + place / 50,
                "latitude": 30.1 + place / 70,
            }
            for letter in "HY"
            for place in range(4)
        ],
        "registrations": [
            {"doctor_id": f"D{place}", "institution_id": f"H{place % 4}", "department": f"dept{place % 3}", "role": "doctor"}
            for place in range(8)
        ],
        "registered_diseases": [{"patient_id": one, "registered_disease": "M01", "started_on": "2023-01-01"} for one in people[::3]],
        "enrolments": [{"patient_id": one, "insurance_type": "employee", "enrolled_on": "2020-01-01"} for one in people],
        "catalogue": [
            {
                "item_code": code,
                "list_type": "service" if code[0] in "elbts" else "drug",
                "generic_code": "X1" if code in ("western_drug0", "western_drug1") else None,
                "price_cap": 12.0,
                "cap_level": level,
                "minutes": 20.0 if code.startswith("treatment") else None,
                "max_daily_dose": 2.0,
                "dose_per_unit": 5.0,
                "started_on": since,
            }
            for code in codes
            for level, since in ((None, "2020-01-01"), (2, "2020-01-01"), (None, "2024-01-01"))
        ],
        "inventory": [
            {
                "institution_id": place,
                "item_code": code,
                "month": f"2024-0{month}-01",
                "opening": 5.0,
                "purchased": 4.0,
                "returned": 0.0,
                "closing": 3.0,
                "unit": "base",
            }
            for place in ("H1", "H2", "Y1")
            for code in codes
            if code.startswith(("western", "herbal"))
            for month in range(1, 7)
        ],
    }


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Callable[..., str]]:
    """A throw-away PostgreSQL cluster on a free port: ``postgresql_server(command, …)`` runs ``psql`` and returns its address."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip("no PostgreSQL server is installed (Debian: postgresql; make system)")
    tools = (found[-1] if found else Path(str(on_path))).parent
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="fraudml-postgresql-"))
    if os.getuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("nobody")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def call(tool: str, *arguments: str | Path) -> None:
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"HOME": str(folder)}
        told = folder / f"{tool}.log"
        with told.open("ab") as log:
            done = subprocess.run(
                [tools / tool, *arguments], cwd=folder, env=plain, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **who
            )
        if done.returncode:
            raise RuntimeError(f"{tool}: {told.read_text()[-2000:]}")

    def start() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -F"
        call("pg_ctl", "-D", folder / "data", "-w", "-t", "60", "-l", folder / "server.log", "-o", settings, "start")
        return port

    try:
        call("initdb", "-D", folder / "data", "-U", "fraudml", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        try:
            port = start()
        except RuntimeError:  # another program took the port in between
            port = start()
        address = ("-h", "127.0.0.1", "-p", str(port), "-U", "fraudml")

        def psql(*commands: str, database: str = "postgres") -> str:
            each = [part for command in commands for part in ("-c", command)]
            if each:
                call("psql", *address, "-d", database, "-q", "-v", "ON_ERROR_STOP=1", *each)
            return f"postgresql://fraudml:secret@127.0.0.1:{port}/{database}"

        yield psql
    finally:
        with contextlib.suppress(RuntimeError):  # it never started
            call("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count(1)


@pytest.fixture
def postgresql(postgresql_server: Callable[..., str]) -> str:
    """Address of a new, empty PostgreSQL database (``postgresql://…``); skips where there is no server to start."""
    name = f"test{next(_numbers)}"
    postgresql_server(f"create database {name}")
    return postgresql_server(database=name)
