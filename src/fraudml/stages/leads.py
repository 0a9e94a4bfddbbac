"""``fraudml leads``: the ranked list as table, workbook and page."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from fraudml.config import as_of_days
from fraudml.errors import MissingInput, UsageError
from fraudml.progress import step
from fraudml.wording import LANGUAGES

log = logging.getLogger("fraudml")

FILES = ("leads.parquet", "leads.xlsx", "leads.html", "manifest.json")


def run(config: Any) -> None:
    """Writes ``leads/as_of=DATE/`` for each day asked for, by default the latest that is scored."""
    data_dir = Path(config.data_dir)
    if config.lang not in LANGUAGES:
        raise UsageError("leads.lang", f"lang={config.lang}.", f"Languages: {', '.join(LANGUAGES)}.")
    if config.leads.by not in (None, "region"):
        raise UsageError("leads.by", f"leads.by={config.leads.by}.", "Workbooks can be divided by region.")
    days = as_of_days(config) or [_latest(data_dir / "scores")]
    for as_of in days:
        _one_day(config, data_dir, as_of)


def _one_day(config: Any, data_dir: Path, as_of: str) -> None:
    from fraudml.claims import open_claims
    from fraudml.claims.swap import put_in_place
    from fraudml.engine import open_engine

    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    tables = read_scored(engine, data_dir, as_of)  # what is missing is said before the slow imports
    from fraudml.leads import Policy, arrow_leads, ranking
    from fraudml.leads.closed import set_closed_aside
    from fraudml.report import write_reports
    from fraudml.report.dossier import places
    from fraudml.report.evidence import evidence_claims
    from fraudml.stages.ledger_leads import known_leads

    policy = Policy.read(config.leads)
    known = known_leads(config, as_of)
    scores, hits, rings = set_closed_aside(tables["scores"], tables["hits"], tables["rings"], known.closed, as_of, policy.months)
    target = data_dir / "leads" / f"as_of={as_of}"
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    beside.mkdir(parents=True)
    with open_claims(data_dir, engine).at(as_of, months=policy.months) as snapshot:
        with step("leads ranked"):
            result = ranking(
                scores,
                config.capacity,
                evidence=hits,
                reasons=tables["reasons"],
                rings=rings,
                claims=snapshot,
                lang=config.lang,
                as_of=as_of,
                seed=config.seed,
                policy=policy,
                conf_dir=config.conf_dir,
                before=known.open,
            )
            # what is open in the ledger is carried with the day on which it was first listed
            first_listed = {identity: known.since.get(identity, as_of) for identity in result.leads["lead_id"]}
        engine.register("leads_rows", arrow_leads(result.leads))
        engine.register("evidence_rows", result.evidence)
        engine.write("select * from leads_rows order by rank", beside / "leads.parquet")
        engine.write(
            "select * replace (cast(occurred_on as date) as occurred_on) from evidence_rows order by lead_id, place",
            beside / "evidence.parquet",
        )
        with step("workbook and page"):
            files = write_reports(
                snapshot, result, beside, lang=config.lang, by=config.leads.by, conf_dir=config.conf_dir, first_listed=first_listed
            )
        regions = {
            identity: where["region"]
            for identity, where in places(snapshot, result.leads, evidence_claims(snapshot, result.evidence)).items()
        }
    handed_out = {"first_listed": first_listed, "regions": regions, "rest": dict(result.rest), "closed": len(known.closed)}
    _manifest(config, policy, as_of, result.counts, handed_out, tables["read"], beside, files)
    put_in_place(beside, target)
    for name in FILES:
        log.info("%s: %s leads", target / name, len(result.leads))


def read_scored(engine: Any, data_dir: Path, as_of: str) -> dict[str, Any]:
    """Scores by entity type, evidence, reasons and rings as of a day; ``read`` lists the files.

    Raises
    ------
    MissingInput
        When the day is not scored.
    """
    from fraudml.contracts import ENTITY_TYPES, LIKELY_SCHEME, SCORE_COLUMNS

    folder = data_dir / "scores" / f"as_of={as_of}"
    scored = {name: folder / f"{name}.parquet" for name in ENTITY_TYPES if (folder / f"{name}.parquet").is_file()}
    if not scored:
        raise MissingInput("leads.no_scores", f"{folder} holds no scores.", f"Run `fraudml score as_of={as_of}` first.")
    read = list(scored.values())
    scores = {}
    for name, path in scored.items():
        engine.parquet("scored", path)
        has = engine.columns("scored")
        wanted = SCORE_COLUMNS | LIKELY_SCHEME
        columns = ", ".join(each if each in has else f"cast(null as {kind}) as {each}" for each, kind in wanted.items())
        scores[name] = engine.query(f"select {columns} from scored")
    others: dict[str, Any] = {}
    for name, path in (
        ("hits", folder / "evidence" / "hits.parquet"),
        ("reasons", folder / "evidence" / "reasons.parquet"),
        ("rings", data_dir / "graph" / "rings.parquet"),
    ):
        others[name] = None
        if path.is_file():
            engine.parquet("part", path)
            only = f"where as_of = date '{dt.date.fromisoformat(as_of)}'" if name == "rings" else ""
            others[name] = engine.query(f"select * from part {only}")
            read.append(path)
    return {"scores": scores, "read": read, **others}


def _manifest(
    config: Any, policy: Any, as_of: str, counts: Any, handed_out: dict[str, Any], read: list[Path], folder: Path, files: list[Path]
) -> None:
    from dataclasses import asdict
    from importlib.metadata import version

    content = {
        "as_of": as_of,
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "fraudml": version("fraudml"),
        "parameters": {"capacity": config.capacity, "lang": config.lang, "seed": config.seed, "by": config.leads.by, **asdict(policy)},
        "counts": dict(counts) | {"carried": sum(day < as_of for day in handed_out["first_listed"].values())},
        **handed_out,  # what the ledger takes in beside the leads: since when, which region's, how many the random draws stand for
        "inputs": {str(path.relative_to(config.data_dir)): _checksum(path) for path in read},
        "outputs": {path.name: _checksum(path) for path in [folder / "leads.parquet", folder / "evidence.parquet", *files]},
    }
    (folder / "manifest.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _checksum(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _latest(scores: Path) -> str:
    days = sorted(path.name.removeprefix("as_of=") for path in scores.glob("as_of=*"))
    if not days:
        raise MissingInput("leads.no_scores", f"{scores} holds no scores.", "Run `fraudml score` first.")
    return days[-1]


def latest_files(data_dir: Path) -> list[Path]:
    """Where the newest workbook and page lie."""
    folder = data_dir / "leads" / f"as_of={_latest(data_dir / 'leads')}"
    return [folder / "leads.xlsx", folder / "leads.html"]


if __name__ == "__main__":
    for path in latest_files(Path(sys.argv[1])):
        print(path)  # noqa: T201
