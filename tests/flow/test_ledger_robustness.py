"""Two people at once, a crash in the middle, a full disk: nothing lost, nothing twice, on both databases (L01)."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import textwrap

import openpyxl
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from fraudml.findings import FINDINGS
from fraudml.leads.table import arrow_leads
from fraudml.ledger import open_ledger
from fraudml.ledger.importing import import_workbooks
from fraudml.ledger.lists import Terms, take_in_lists

TODAY = dt.date(2024, 8, 31)
COUNT = 120


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request, tmp_path):
    return str(tmp_path / "ledger.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def data(tmp_path):
    """A list of many leads."""
    folder = tmp_path / "data" / "leads" / "as_of=2024-06-30"
    folder.mkdir(parents=True)
    plain = {"entity_type": "patient", "schemes": ["drug_resale"], "amount_at_risk": 1.0, "risk": 0.5, "drawn": "ranked"}
    rows = [plain | {"lead_id": f"L-{n:04}", "rank": n, "entity_id": f"P{n}", "as_of": dt.date(2024, 6, 30)} for n in range(COUNT)]
    pq.write_table(arrow_leads(rows), folder / "leads.parquet")
    return tmp_path / "data"


@pytest.fixture
def returned(tmp_path):
    """``returned(name, numbers)``: a workbook with findings for these leads."""

    def write(name, numbers):
        book = openpyxl.Workbook()
        book.active.append(["lead_id", *FINDINGS])
        for n in numbers:
            book.active.append([f"L-{n:04}", "属实", "追回", 10 + n, dt.date(2024, 7, 15)])
        book.save(tmp_path / name)
        return tmp_path / name

    return write


def script(tmp_path, name, body):
    """A program of its own: crashes and limits must not touch the tests."""
    head = """
        import datetime as dt, os, resource, signal, sys
        from pathlib import Path
        from fraudml.ledger import open_ledger
        from fraudml.ledger.importing import import_workbooks
        from fraudml.ledger.lists import Terms, take_in_lists
        from fraudml.ledger.store import Writer
        uri, data, *paths = sys.argv[1:]
        today = dt.date(2024, 8, 31)
    """
    path = tmp_path / f"{name}.py"
    path.write_text(textwrap.dedent(head) + textwrap.dedent(body))
    return path


IMPORT = """
    with open_ledger(uri) as ledger:
        take_in_lists(ledger, Path(data), by=str(os.getpid()), today=today, terms=Terms())
        done = import_workbooks(ledger, [Path(path) for path in paths], by=str(os.getpid()), today=today)
    print(done.taken, done.known, len(done.conflicts))
"""


def start(program, *arguments):
    return subprocess.Popen([sys.executable, program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def findings(uri):
    with open_ledger(uri) as ledger:
        return [event for event in ledger.events() if event["kind"] == "finding"]


def test_several_people_import_at_once(uri, data, returned, tmp_path):
    """All begin with no ledger at all: one makes it, the others wait; each finding is there once, by one of them."""
    same, mine = returned("same.xlsx", range(80)), returned("mine.xlsx", range(60, COUNT))
    program = script(tmp_path, "at_once", IMPORT)
    running = [start(program, uri, data, *paths) for paths in ([same], [same, mine], [mine])]
    told = [(*one.communicate(timeout=300), one.returncode) for one in running]
    assert [code for *_, code in told] == [0, 0, 0], [error for _, error, _ in told]
    counts = [tuple(map(int, out.split())) for out, *_ in told]
    assert sum(taken for taken, *_ in counts) == COUNT
    assert all(conflicts == 0 for *_, conflicts in counts)
    found = findings(uri)
    assert sorted(event["lead_id"] for event in found) == [f"L-{n:04}" for n in range(COUNT)]
    with open_ledger(uri) as ledger:
        assert len(ledger.cases()) == COUNT
        assert all(case.cents("recovered") == 1000 + 100 * int(case.lead_id[2:]) for case in ledger.cases())


@pytest.mark.parametrize("where", ["list", "import"])
def test_killed_in_the_middle(uri, data, returned, tmp_path, where):
    """What was begun is gone, what was done is kept, and the same command again finishes."""
    path = returned("one.xlsx", range(COUNT))
    kill = """
        calls, add = [], Writer.events
        def events(self, rows):
            numbers = add(self, rows)
            calls.append(1)
            if len(calls) == LIMIT:
                os.kill(os.getpid(), signal.SIGKILL)
            return numbers
        Writer.events = events
    """
    body = textwrap.dedent(kill).replace("LIMIT", "1" if where == "list" else "60") + textwrap.dedent(IMPORT)
    dying = start(script(tmp_path, "killed", body), uri, data, path)
    dying.communicate(timeout=300)
    assert dying.returncode == -signal.SIGKILL
    with open_ledger(uri) as ledger:
        kinds = [event["kind"] for event in ledger.events()]
        assert kinds == ([] if where == "list" else ["handed_out"] * COUNT)
        take_in_lists(ledger, data, by="me", today=TODAY, terms=Terms())
        done = import_workbooks(ledger, [path], by="me", today=TODAY)
    assert done.taken == COUNT
    assert len(findings(uri)) == COUNT


def test_a_full_disk(uri, data, returned, tmp_path):
    """Told in one line; the ledger is as it was; with room again the same command does it."""
    path = returned("one.xlsx", range(COUNT))
    with open_ledger(uri) as ledger:
        take_in_lists(ledger, data, by="me", today=TODAY, terms=Terms())
        before = ledger.events()
    if "://" in uri:  # the server's own answer when it cannot extend a file, after some rows
        full = """
            create function full_disk() returns trigger language plpgsql as $$ begin
                if (select count(*) from events where kind = 'finding') >= 50 then
                    raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
                end if;
                return new;
            end $$;
            create trigger full_disk before insert on events for each row execute function full_disk();
        """
        _execute(uri, full)
        limit = ""
    else:
        limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(uri) + 8192,) * 2)\n"
    failed = start(script(tmp_path, "full", limit + textwrap.dedent(IMPORT)), uri, data, path)
    _, error = failed.communicate(timeout=300)
    assert failed.returncode == 1
    assert "[ledger.full]" in error, error
    if "://" in uri:
        _execute(uri, "drop trigger full_disk on events; drop function full_disk")
    with open_ledger(uri) as ledger:
        assert ledger.events() == before
        assert import_workbooks(ledger, [path], by="me", today=TODAY).taken == COUNT


def _execute(uri, sql):
    with open_ledger(uri) as ledger, ledger.engine.begin() as connection:
        connection.execute(sa.text(sql))


def test_a_reader_is_not_kept_waiting_by_a_writer(uri, data):
    with open_ledger(uri) as ledger:
        take_in_lists(ledger, data, by="me", today=TODAY, terms=Terms())
        with open_ledger(uri) as reader, ledger.writing() as writer:
            writer.file("command", "x", None, "me")
            assert len(reader.cases()) == COUNT


def test_a_command_leaves_the_traces_it_should(uri, data, returned):
    with open_ledger(uri) as ledger:
        take_in_lists(ledger, data, by="me", today=TODAY, terms=Terms())
        import_workbooks(ledger, [returned("one.xlsx", [3])], by="importer", today=TODAY)
        event = ledger.events()[-1]
    assert json.dumps(event["outcomes"]) == '[["recovered", "", 1300]]'
    assert event["recorded_at"].replace(tzinfo=dt.UTC) <= dt.datetime.now(dt.UTC)
    assert event["cell"].endswith("!B2") and event["recorded_by"] == "importer" and event["file"] == "one.xlsx"
