"""A11, 疑点必查: past doubtful items from the ledger, each with whether it was checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fraudml.audit.declaration import AuditList
from fraudml.audit.drawing import example_key
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.sampling import sample_says
from fraudml.audit.words import say
from fraudml.wording import percent

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("lead_id", "entity_type", "entity_id", "scheme", "state", "handed_out_on", "deadline", "checked_on")


def make(run: Run, entry: AuditList) -> Listed:
    """Draws ``size`` items that were handed out up to the day, and says of each whether it was checked, and whether in time."""
    import pandas as pd

    lang = run.lang
    if run.ledger is None or run.ledger.empty:
        return skipped(entry, say("note_no_ledger", lang))
    frame = known(run.ledger, pd.Timestamp(run.as_of))
    if frame.empty:
        return skipped(entry, say("note_no_ledger", lang))
    frame["draw_key"] = [hashlib.sha256(f"{run.seed}|{entry.id}||{one}".encode()).hexdigest() for one in frame["lead_id"]]
    frame = frame.sort_values(["draw_key", "lead_id"], kind="stable")
    population, size = len(frame), min(entry["size"], len(frame))
    rows = frame.head(size).reset_index(drop=True)
    rows = rows.assign(rank=range(1, size + 1), stratum="", drawn="whole" if size == population else "random", value=1.0)
    checked = int(rows["is_checked"].sum())
    text, key = example_key(run.seed, entry.id, "", str(rows["lead_id"].iloc[0]))
    notes = [
        say("note_past_items", lang, population=population, n=size, checked=checked, share=percent(checked / size)),
        *([say("note_draw", lang, text=text, key=key[:16])] if size < population else []),
        *sample_says([("", population, size)], {}, lang),
    ]
    columns = ["stratum", "rank", *COLUMNS, "is_checked", "is_overdue", "drawn", "draw_key"]
    strata = pd.DataFrame(
        {
            "stratum": [""],
            "population": [population],
            "frame": [population],
            "quota": [entry["size"]],
            "listed": [size],
            "checked": [checked],
        }
    )
    days = dict.fromkeys(("handed_out_on", "deadline", "checked_on"), "day")
    return Listed(entry, rows[columns], strata, units=days, notes=notes)


def known(ledger: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Items handed out up to a day, with what was known of them then."""
    import pandas as pd

    frame = ledger.reindex(columns=list(COLUMNS)).copy()
    for name in ("handed_out_on", "deadline", "checked_on"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame[frame["handed_out_on"].notna() & (frame["handed_out_on"] <= as_of)]
    frame["checked_on"] = frame["checked_on"].where(frame["checked_on"] <= as_of)
    frame["is_checked"] = frame["checked_on"].notna()
    # checked after its deadline, or not at all although the deadline has passed
    frame["is_overdue"] = (frame["checked_on"].fillna(as_of) > frame["deadline"]).fillna(False)
    return frame
