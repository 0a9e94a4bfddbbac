"""What the subjects of all leads did in the period: by month, by day, and the claims of rings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fraudml.claims import Snapshot
from fraudml.claims.store import months_before
from fraudml.leads import UNEXPLAINED
from fraudml.leads.table import each_row
from fraudml.report.pictures import Lane
from fraudml.report.ring_pictures import Visit

SUBJECTS, PROVEN = "subjects", "evidence_of_leads"
"""Tables that :func:`activity` leaves in the snapshot's session for other pictures: whose claims are drawn (lead_id, entity_type,
entity_id); the evidence claims (lead_id, asked, proof and the claim)."""

LANES = ("inpatient", "day_surgery", "emergency", "outpatient", "chronic", "pharmacy", "other")
COLUMNS = (("patient_id", ("patient",)), ("doctor_id", ("doctor",)), ("institution_id", ("institution", "pharmacy")))


@dataclass(frozen=True)
class Activity:
    """Months, days and rings' claims of all leads' subjects.

    Attributes
    ----------
    first, last : the period that is drawn.
    """

    first: dt.date
    last: dt.date
    by_month: dict[str, dict[dt.date, tuple[float, float]]]
    by_day: dict[str, dict[str, list[tuple[dt.date, int, int, bool]]]]
    claim_rows: pd.DataFrame

    def months(self, lead_id: str) -> list[tuple[dt.date, float, float]]:
        """Every month of the period: first day, yuan settled, yuan in question."""
        known = self.by_month.get(lead_id)
        if known is None:
            return []
        out, month = [], self.first.replace(day=1)
        while month <= self.last:
            total, asked = known.get(month, (0.0, 0.0))
            out.append((month, max(total, asked), asked))
            month = (month + dt.timedelta(days=32)).replace(day=1)
        return out

    def lanes(self, lead_id: str) -> dict[str, Lane]:
        """By kind of visit: day, nights, claims, whether in question."""
        known = self.by_day.get(lead_id, {})
        return {name: known[name] for name in LANES if name in known}

    def visits(self, lead_id: str) -> list[Visit]:
        """A ring's evidence claims, by day."""
        own = self.claim_rows[self.claim_rows["lead_id"] == lead_id]
        return [
            Visit(
                str(row.patient_id),
                tuple(str(one) for one in (row.doctor_id, row.prescriber_id, row.institution_id) if isinstance(one, str)),
                row.started_on.date(),
                float(row.total_amount),
            )
            for row in each_row(own)
        ]


def activity(snapshot: Snapshot, leads: pd.DataFrame, evidence: pd.DataFrame) -> Activity:
    """Gathers the activity of all leads: a patient's whole year also for a single claim, a ring's evidence claims."""
    engine = snapshot.engine
    last = snapshot.as_of
    first = months_before(last, 12) + dt.timedelta(days=1)
    engine.register("lead_subjects", leads[["lead_id", "entity_type", "entity_id"]])
    asked = evidence.dropna(subset=["claim_id"]).assign(proof=evidence["rule"] != UNEXPLAINED)
    asked = asked.groupby(["lead_id", "claim_id"], as_index=False).agg(amount=("amount", "sum"), proof=("proof", "max"))
    engine.register("lead_claims", asked.astype({"lead_id": "str", "claim_id": "str"}))
    engine.table(
        PROVEN,
        """
        select asked.lead_id, asked.amount as asked, asked.proof, claim.claim_id, claim.patient_id, claim.doctor_id, claim.institution_id,
            claim.visit_type, claim.started_on, claim.settled_on, claim.nights, claim.total_amount
        from lead_claims as asked join claims as claim using (claim_id)""",
    )
    # whose claims are drawn: the subject's own; for a single claim its patient's
    engine.table(
        SUBJECTS,
        """
        select lead_id, entity_type, entity_id from lead_subjects where entity_type not in ('claim', 'ring')
        union all
        select subject.lead_id, 'patient', claim.patient_id
        from lead_subjects as subject join claims as claim on claim.claim_id = subject.entity_id where subject.entity_type = 'claim'""",
    )
    by_month, by_day = [], []
    for column, kinds in COLUMNS:
        chosen = "(" + ", ".join(f"'{kind}'" for kind in kinds) + ")"
        source = f"claims as claim join subjects as subject on claim.{column} = subject.entity_id and subject.entity_type in {chosen}"
        by_month.append(
            "select subject.lead_id, date_trunc('month', claim.settled_on) as month, sum(claim.total_amount) as total"
            f" from {source} group by all"
        )
        if column == "patient_id":
            by_day.append(f"""
                select subject.lead_id, claim.visit_type, claim.started_on as day, coalesce(claim.nights, 0) as nights, 1 as count,
                    coalesce(asked.proof, false) as flagged
                from {source} left join lead_claims as asked on asked.lead_id = subject.lead_id and asked.claim_id = claim.claim_id""")
    # where there are too many visits to draw, those in question are
    by_day.append("""
        select lead_id, visit_type, started_on, coalesce(nights, 0), 1, proof from evidence_of_leads
        where lead_id not in (select lead_id from subjects where entity_type = 'patient')""")
    by_month.append("""
        select lead_id, date_trunc('month', settled_on), sum(total_amount) from evidence_of_leads
        where lead_id not in (select lead_id from subjects) group by all""")
    months = engine.rows(f"""
        with total as ({" union all ".join(by_month)}),
        asked as (select lead_id, date_trunc('month', settled_on) as month, sum(asked) as asked from evidence_of_leads group by all)
        select lead_id, cast(month as date) as month, coalesce(total.total, 0) as total, coalesce(asked.asked, 0) as asked
        from total full join asked using (lead_id, month)""")
    days = engine.rows(f"""
        select lead_id, case when visit_type in {LANES} then visit_type else 'other' end as lane, day,
            cast(max(nights) as integer) as nights, cast(sum(count) as integer) as count, bool_or(flagged) as flagged
        from ({" union all ".join(by_day)}) where day between date '{first}' and date '{last}'
        group by all order by lead_id, lane, day""")
    by_lead: dict[str, dict[dt.date, tuple[float, float]]] = {}
    for lead, month, total, asked_then in months:
        by_lead.setdefault(lead, {})[month] = (float(total), float(asked_then))
    lanes: dict[str, dict[str, list[tuple[dt.date, int, int, bool]]]] = {}
    for lead, lane, *marks in days:
        lanes.setdefault(lead, {}).setdefault(lane, []).append(tuple(marks))
    rings = leads.loc[leads["entity_type"] == "ring", "lead_id"]
    engine.register("ring_leads", rings.to_frame().astype("str"))
    claim_rows = snapshot.query(
        """select proof.lead_id, proof.patient_id, proof.doctor_id, claim.prescribing_doctor_id as prescriber_id, proof.institution_id,
            proof.started_on, proof.total_amount
        from evidence_of_leads as proof join ring_leads using (lead_id) join claims as claim on proof.claim_id = claim.claim_id
        where proof.started_on is not null order by proof.lead_id, proof.started_on, proof.claim_id"""
    )
    return Activity(first, last, by_lead, lanes, claim_rows)
