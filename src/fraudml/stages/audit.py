"""Stage ``audit``: the lists of a programme as tables, workbook and page."""

from __future__ import annotations

import datetime as dt
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from fraudml.audit import load_programme, programmes, run_programme, write_page, write_workbook
from fraudml.claims import Claims, open_claims
from fraudml.claims.source import load_source
from fraudml.claims.swap import put_in_place
from fraudml.config import as_of_days
from fraudml.engine import open_engine
from fraudml.errors import UsageError
from fraudml.ledger import open_ledger
from fraudml.progress import step
from fraudml.stages.evidence import evidence_as_of
from fraudml.stages.inputs import label_parts

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.audit import AuditResult
    from fraudml.engine import Engine

log = logging.getLogger("fraudml")


def run(config: Any) -> None:
    """Writes ``audit/NAME/``: a Parquet file per list, ``key_targets``, ``strata`` and ``protocol``, the workbook and the page."""
    if config.programme is None:
        known = ", ".join(programmes(config.conf_dir))
        raise UsageError("audit.programme", "no programme is named.", f"Write programme=NAME; known: {known}.")
    days = as_of_days(config)
    if len(days) > 1:
        raise UsageError("audit.as_of", "a programme is run as of one day.", "Give one as_of.")
    if config.lang not in ("zh", "en"):
        raise UsageError("audit.lang", f"lang={config.lang}.", "Write zh or en.")
    changes = OmegaConf.to_container(config.audit.lists) or {}
    programme = load_programme(str(config.programme), config.conf_dir, cast(dict[str, Any], changes))
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(config.data_dir, engine)
    as_of = days[0] if days else str(claims.last_month_end())
    result = run_programme(
        claims,
        programme,
        as_of,
        periods=None if config.audit.periods is None else [str(each) for each in _listed(config.audit.periods)],
        seed=config.seed,
        lang=config.lang,
        conf_dir=config.conf_dir,
        evidence=lambda: evidence_as_of(config, claims, as_of),
        scores=claim_scores(claims, as_of),
        ledger=doubtful_items(config, as_of),
        decisions=decided_cases(engine, claims, as_of, config.labels),
        source=load_source(cast(dict[str, Any], OmegaConf.to_container(config.source))),
    )
    _write(engine, result, Path(config.data_dir) / "audit" / programme.id)


def _listed(given: Any) -> list[Any]:
    """What a key holds as a list: Hydra's own, or text with commas."""
    return str(given).split(",") if isinstance(given, (str, int)) else list(given)


def claim_scores(claims: Claims, as_of: str) -> pd.DataFrame | None:
    """Risk of claims as scored on the day, where they were."""
    path = claims.data_dir / "scores" / f"as_of={as_of}" / "claim.parquet"
    if not path.is_file():
        return None
    claims.engine.parquet("scored_claims", path)
    return claims.engine.query("select entity_id, risk from scored_claims order by entity_id")


def doubtful_items(config: Any, as_of: str) -> pd.DataFrame | None:
    """Every lead that the ledger knows on the day, a row per round, with the first day on which somebody had looked at it."""
    import pandas as pd

    from fraudml.ledger.overview import row_of
    from fraudml.ledger.states import HANDED_OUT

    path = Path(config.data_dir) / "ledger.sqlite"
    if config.ledger.uri is None and not path.is_file():
        return None
    day = dt.date.fromisoformat(as_of)
    rows = []
    with open_ledger(config.ledger.uri or path) as ledger:
        for case in ledger.cases(as_of=day):
            row = row_of(case, day)
            later = [when for state, when in case.days.items() if state != HANDED_OUT]
            looked_at = [when for when in (*later, case.decided_on, case.last_on if case.state != HANDED_OUT else None) if when]
            identity = case.lead_id if case.round == 1 else f"{case.lead_id}/{case.round}"
            shown = {name: row[name] for name in ("entity_type", "entity_id", "scheme", "state")}
            rows.append({"lead_id": identity, **shown, "handed_out_on": case.opened_on, "deadline": case.due_on})
            rows[-1]["checked_on"] = min(looked_at, default=None)
    return pd.DataFrame(rows) if rows else None


def decided_cases(engine: Engine, claims: Claims, as_of: str, given: str | None) -> pd.DataFrame | None:
    """Decisions from the labels of the data folder, or from the table that ``labels`` names."""
    import pandas as pd

    frames = label_parts(engine, claims, as_of, given)
    return pd.concat(frames, ignore_index=True) if frames else None


def _write(engine: Engine, result: AuditResult, target: Path) -> None:
    """Tables, workbook and page beside the target, then renamed: the old lists are whole until the new ones are."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    beside.mkdir(parents=True)
    tables = {identity: listed.rows for identity, listed in result.lists.items()}
    tables |= {f"{identity}_links": listed.pictures["links"] for identity, listed in result.lists.items() if "links" in listed.pictures}
    tables |= {"key_targets": result.key_targets, "strata": result.strata, "protocol": result.protocol}
    for name, frame in tables.items():
        engine.register("audit_rows", frame.assign(place=range(len(frame))))
        days = [column for column in frame if str(frame[column].dtype).startswith("datetime64")]
        casts = ", ".join(f'cast("{each}" as date) as "{each}"' for each in days)
        dated = f"replace ({casts})" if days else ""
        engine.write(f"select * exclude (place) {dated} from audit_rows order by place", beside / f"{name}.parquet")
    with step("workbook and page"):
        write_workbook(result, beside / f"{target.name}.xlsx")
        write_page(result, beside / f"{target.name}.html")
    put_in_place(beside, target)
    for identity, listed in result.lists.items():
        log.info("%s: %s rows", target / f"{identity}.parquet", len(listed.rows))
    log.info("%s: %s key targets", target / f"{target.name}.xlsx", len(result.key_targets))
