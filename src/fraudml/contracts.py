"""The tables that lie between the stages: grain, keys, columns and types.

Three families:

- ``CANONICAL``: what :mod:`fraudml.claims` writes to ``data/claims/<name>.parquet``; every source is mapped to it.
- ``SCORE_COLUMNS``, ``EVIDENCE``, ``REASONS``: what scoring hands to the leads.
- ``LEADS``: one row per lead.

Types are SQL types of the DuckDB dialect. Amounts are CNY (yuan) as DOUBLE; sums are rounded to cents where shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ENTITY_TYPES = ("claim", "patient", "doctor", "institution", "pharmacy")
"""Entities that have behaviour vectors, models and scores."""

LEAD_ENTITY_TYPES = (*ENTITY_TYPES, "ring")


@dataclass(frozen=True)
class Table:
    """A declared table.

    Attributes
    ----------
    grain : what one row is.
    key : columns that identify a row.
    columns : column name -> SQL type.
    required : columns that may not be null.
    references : column -> "table.column" it must be found in (a miss is quarantined or flagged at the door).
    """

    grain: str
    key: tuple[str, ...]
    columns: dict[str, str]
    required: tuple[str, ...] = ()
    references: dict[str, str] = field(default_factory=dict)


CANONICAL: dict[str, Table] = {
    "claims": Table(
        grain="one settlement (a refund is a row of its own, with negative amounts)",
        key=("claim_id",),
        required=(
            "claim_id",
            "patient_id",
            "institution_id",
            "visit_type",
            "started_on",
            "settled_at",
            "total_amount",
        ),
        references={"patient_id": "patients.patient_id", "institution_id": "institutions.institution_id"},
        columns={
            "claim_id": "VARCHAR",
            "visit_id": "VARCHAR",
            "patient_id": "VARCHAR",
            "insurance_type": "VARCHAR",  # employee, resident, other
            "institution_id": "VARCHAR",
            "doctor_id": "VARCHAR",
            "visit_type": "VARCHAR",  # outpatient, emergency, chronic, inpatient, day_surgery, pharmacy, other
            "registered_disease": "VARCHAR",
            "started_on": "DATE",
            "ended_on": "DATE",  # a stay's last day is the day of discharge
            "nights": "INTEGER",  # ended_on - started_on, 0 for what is not a stay
            "settled_at": "TIMESTAMP",
            "settled_on": "DATE",  # day of settled_at: the day the bureau learnt of the claim
            "total_amount": "DOUBLE",
            "in_scope_amount": "DOUBLE",
            "fund_amount": "DOUBLE",
            "account_amount": "DOUBLE",
            "cash_amount": "DOUBLE",
            "is_refund": "BOOLEAN",
            "refund_of": "VARCHAR",  # claim_id of the original, found at ingest where the source leaves it out
            "credential_type": "VARCHAR",  # electronic, identity_card, social_security_card, typed
            "insured_region": "VARCHAR",
            "prescribing_institution_id": "VARCHAR",  # of an external prescription
            "prescribing_doctor_id": "VARCHAR",
            "is_manual": "BOOLEAN",
            "invoice_no": "VARCHAR",
            "is_paid": "BOOLEAN",
            "is_online": "BOOLEAN",
            "drg_code": "VARCHAR",
            "drg_weight": "DOUBLE",
            "memo": "VARCHAR",
        },
    ),
    "visits": Table(
        grain="one visit (of one or more settlements)",
        key=("visit_id",),
        required=("visit_id",),
        columns={
            "visit_id": "VARCHAR",
            "started_at": "TIMESTAMP",
            "ended_at": "TIMESTAMP",
            "department": "VARCHAR",
            "bed": "VARCHAR",
            "discharge_way": "VARCHAR",  # home, transfer, death, other
            "is_referred": "BOOLEAN",
        },
    ),
    "claim_doctors": Table(
        grain="one doctor's part in a settlement, where the source names several (attending, operating, other)",
        key=("claim_id", "doctor_id", "role"),
        required=("claim_id", "doctor_id"),
        references={"claim_id": "claims.claim_id"},
        columns={"claim_id": "VARCHAR", "doctor_id": "VARCHAR", "role": "VARCHAR"},
    ),
    "diagnoses": Table(
        grain="one diagnosis of a settlement",
        key=("claim_id", "diagnosis"),
        required=("claim_id", "diagnosis"),
        references={"claim_id": "claims.claim_id"},
        columns={"claim_id": "VARCHAR", "diagnosis": "VARCHAR", "is_main": "BOOLEAN"},
    ),
    "items": Table(
        grain="one item line of a settlement",
        key=("line_id",),
        required=("line_id", "claim_id", "item_code"),
        references={"claim_id": "claims.claim_id"},
        columns={
            "line_id": "VARCHAR",
            "claim_id": "VARCHAR",
            "occurred_at": "TIMESTAMP",
            "item_code": "VARCHAR",
            # bed, consultation, examination, laboratory, treatment, surgery, nursing, material, western_drug, herbal,
            # chinese_patent_drug, general, registration, other
            "charge_type": "VARCHAR",
            "quantity": "DOUBLE",
            "unit_price": "DOUBLE",
            "amount": "DOUBLE",
            "in_scope_amount": "DOUBLE",
            "price_cap": "DOUBLE",  # at that date and level: wins over the catalogue's
            "days_supply": "DOUBLE",
            "doctor_id": "VARCHAR",  # ordering
            "executing_doctor_id": "VARCHAR",
            "pharmacist_id": "VARCHAR",
            "department": "VARCHAR",
            "is_negotiated_drug": "BOOLEAN",
            "is_dual_channel": "BOOLEAN",
            "body_site": "VARCHAR",
            "is_discounted": "BOOLEAN",
            "trace_codes": "VARCHAR[]",
            "memo": "VARCHAR",
        },
    ),
    "patients": Table(
        grain="one person",
        key=("patient_id",),
        required=("patient_id",),
        columns={
            "patient_id": "VARCHAR",
            "sex": "VARCHAR",  # male, female
            "birth_date": "DATE",
            "death_date": "DATE",
            "region": "VARCHAR",
            "address_group": "VARCHAR",
            "longitude": "DOUBLE",
            "latitude": "DOUBLE",
            "mother_id": "VARCHAR",
        },
    ),
    "enrolments": Table(
        grain="one enrolment of a person",
        key=("patient_id", "insurance_type", "enrolled_on"),
        required=("patient_id", "insurance_type"),
        columns={
            "patient_id": "VARCHAR",
            "insurance_type": "VARCHAR",
            "enrolled_on": "DATE",
            "suspended_on": "DATE",
            "employer": "VARCHAR",
        },
    ),
    "institutions": Table(
        grain="one institution or pharmacy",
        key=("institution_id",),
        required=("institution_id", "kind"),
        columns={
            "institution_id": "VARCHAR",
            "kind": "VARCHAR",  # hospital (any care provider), pharmacy
            "level": "INTEGER",  # 3 tertiary, 2 secondary, 1 primary, 0 none
            "ownership": "VARCHAR",  # public, private
            "region": "VARCHAR",
            "beds": "INTEGER",
            "longitude": "DOUBLE",
            "latitude": "DOUBLE",
            "is_village": "BOOLEAN",
            "has_nursing_home": "BOOLEAN",
        },
    ),
    "registrations": Table(
        grain="one person's registration at one institution",
        key=("doctor_id", "institution_id", "started_on"),
        required=("doctor_id",),
        columns={
            "doctor_id": "VARCHAR",
            "institution_id": "VARCHAR",
            "department": "VARCHAR",
            "title": "VARCHAR",
            "role": "VARCHAR",  # doctor, pharmacist
            "started_on": "DATE",
            "ended_on": "DATE",
        },
    ),
    "registered_diseases": Table(
        grain="one registered disease of a person",
        key=("patient_id", "registered_disease", "started_on"),
        required=("patient_id", "registered_disease"),
        columns={
            "patient_id": "VARCHAR",
            "registered_disease": "VARCHAR",
            "disease_type": "VARCHAR",  # chronic, special
            "started_on": "DATE",
            "ended_on": "DATE",
        },
    ),
    "registrable_diseases": Table(
        grain="one registrable disease",
        key=("registered_disease",),
        required=("registered_disease",),
        columns={
            "registered_disease": "VARCHAR",
            "name": "VARCHAR",
            "disease_type": "VARCHAR",
            "icd_prefixes": "VARCHAR[]",
        },
    ),
    "catalogue": Table(
        grain="one catalogue item and validity (and level the cap holds for)",
        key=("item_code", "cap_level", "started_on"),
        required=("item_code",),
        columns={
            "item_code": "VARCHAR",
            "name": "VARCHAR",
            "list_type": "VARCHAR",  # drug, herbal, service, consumable
            "generic_code": "VARCHAR",
            "price_cap": "DOUBLE",
            "cap_level": "INTEGER",  # canonical level the cap holds for, null = all
            "covered_diagnoses": "VARCHAR[]",  # ICD prefixes of the label
            "restricted_diagnoses": "VARCHAR[]",  # ICD prefixes of the payment restriction
            "sex_limit": "VARCHAR",
            "age_min": "DOUBLE",
            "age_max": "DOUBLE",
            "level_min": "INTEGER",
            "departments": "VARCHAR[]",
            "max_count": "DOUBLE",
            "count_period_days": "INTEGER",
            "max_count_per_day": "DOUBLE",
            "max_daily_dose": "DOUBLE",
            "dose_per_unit": "DOUBLE",
            "pack_size": "DOUBLE",
            "valid_days": "INTEGER",
            "minutes": "DOUBLE",
            "contains": "VARCHAR[]",
            "started_on": "DATE",
            "ended_on": "DATE",
        },
    ),
    "inventory": Table(
        grain="institution x item x month",
        key=("institution_id", "item_code", "month"),
        required=("institution_id", "item_code", "month"),
        columns={
            "institution_id": "VARCHAR",
            "item_code": "VARCHAR",
            "month": "DATE",  # first day of the month
            "opening": "DOUBLE",
            "purchased": "DOUBLE",
            "returned": "DOUBLE",
            "closing": "DOUBLE",
            "unit": "VARCHAR",  # base, pack
        },
    ),
    "labels": Table(
        grain="one decision on an entity",
        key=("entity_type", "entity_id", "scheme", "decided_on"),
        required=("entity_type", "entity_id", "is_fraud"),
        columns={
            "entity_type": "VARCHAR",
            "entity_id": "VARCHAR",
            "is_fraud": "BOOLEAN",
            "scheme": "VARCHAR",
            "decided_on": "DATE",  # null: known from the start
            "origin": "VARCHAR",  # lead, random, report, self
        },
    ),
}

VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "claims": {
        "insurance_type": ("employee", "resident", "other"),
        "visit_type": ("outpatient", "emergency", "chronic", "inpatient", "day_surgery", "pharmacy", "other"),
        "credential_type": ("electronic", "identity_card", "social_security_card", "typed", "other"),
    },
    "visits": {"discharge_way": ("home", "transfer", "death", "other")},
    "items": {
        "charge_type": (
            *("bed", "consultation", "examination", "laboratory", "treatment", "surgery", "nursing", "material", "western_drug"),
            *("herbal", "chinese_patent_drug", "general", "registration", "other"),
        )
    },
    "patients": {"sex": ("male", "female")},
    "enrolments": {"insurance_type": ("employee", "resident", "other")},
    "institutions": {"kind": ("hospital", "pharmacy"), "ownership": ("public", "private", "other")},
    "registrations": {"role": ("doctor", "pharmacist", "other")},
    "registered_diseases": {"disease_type": ("chronic", "special", "other")},
    "registrable_diseases": {"disease_type": ("chronic", "special", "other")},
    "catalogue": {"list_type": ("drug", "herbal", "service", "consumable", "other"), "sex_limit": ("male", "female")},
    "inventory": {"unit": ("base", "pack")},
}
"""Canonical table -> column -> the words that may stand in it: rules and features compare with these, and find nothing of any other."""

REQUIRED_TABLES = ("claims", "patients", "institutions")

SCORE_COLUMNS: dict[str, str] = {
    "entity_id": "VARCHAR",
    "as_of": "DATE",
    "risk": "DOUBLE",  # in [0, 1], calibrated where labels allow
    "outlier": "DOUBLE",  # in [0, 1]: 1 - conformal p-value within the peer group
    "supervised": "DOUBLE",  # in [0, 1], null without a model
    "graph": "DOUBLE",  # in [0, 1]
    "rules": "VARCHAR[]",  # scheme ids with evidence, strongest first
    "model_version": "VARCHAR",
}
"""``scores/as_of=DATE/<entity_type>.parquet``, one row per entity."""

LIKELY_SCHEME: dict[str, str] = {
    "scheme": "VARCHAR",  # what confirmed cases like it were; null where no model can tell
    "scheme_probability": "DOUBLE",
}
"""What scores say beside, of the riskiest, where decided cases taught it."""

EVIDENCE: dict[str, str] = {
    "rule": "VARCHAR",  # scheme id
    "row": "VARCHAR",  # R01 ...
    "severity": "VARCHAR",  # clear, suspicious, screen
    "entity_type": "VARCHAR",  # who the evidence speaks against
    "entity_id": "VARCHAR",
    "claim_id": "VARCHAR",
    "line_id": "VARCHAR",  # null where the whole claim is in question
    "occurred_on": "DATE",
    "amount_in_question": "DOUBLE",  # net of refunds
    "strength": "DOUBLE",  # in [0, 1]: how far beyond the limit or the peers
    "facts": "VARCHAR",  # JSON object: values of the placeholders of the rule's wording
}
"""One row per piece of rule evidence: what :func:`fraudml.run_rules` returns."""

REASONS: dict[str, str] = {
    "entity_type": "VARCHAR",
    "entity_id": "VARCHAR",
    "feature": "VARCHAR",  # feature name, or rule:<id>, ring:<id>
    "value": "DOUBLE",
    "unit": "VARCHAR",
    "peer_median": "DOUBLE",
    "peer_percentile": "DOUBLE",  # in [0, 100]
    "contribution": "DOUBLE",  # to the log-odds of the score
    "text_zh": "VARCHAR",
    "text_en": "VARCHAR",
    "risk_without": "DOUBLE",  # the risk if the rule had found nothing, or the figures stood at the peers' median; null where not asked
}
"""Reasons frozen at scoring time, most important first within an entity."""

RINGS: dict[str, str] = {
    "ring_id": "VARCHAR",
    "as_of": "DATE",
    "scheme": "VARCHAR",
    "period_start": "DATE",
    "period_end": "DATE",
    "members": "STRUCT(entity_type VARCHAR, entity_id VARCHAR, role VARCHAR)[]",  # roles: fraudml.graph.roles
    "synchrony": "DOUBLE",
    "density": "DOUBLE",
    "expected_density": "DOUBLE",
    "p_value": "DOUBLE",
    "amount": "DOUBLE",
    "claim_ids": "VARCHAR[]",
}
"""``graph/rings.parquet``, one row per ring and as_of."""

REASON_STRUCT = (
    "STRUCT(feature VARCHAR, value DOUBLE, unit VARCHAR, peer_median DOUBLE, peer_percentile DOUBLE, contribution DOUBLE, text VARCHAR)"
)

LEADS: dict[str, str] = {
    "lead_id": "VARCHAR",
    "rank": "INTEGER",
    "as_of": "DATE",
    "period_start": "DATE",
    "period_end": "DATE",
    "entity_type": "VARCHAR",
    "entity_id": "VARCHAR",
    "members": "STRUCT(entity_type VARCHAR, entity_id VARCHAR, role VARCHAR)[]",
    "schemes": "VARCHAR[]",
    "risk": "DOUBLE",
    "amount_at_risk": "DOUBLE",
    "expected_recovery": "DOUBLE",
    "reasons": f"{REASON_STRUCT}[]",
    "counterfact": "VARCHAR",  # what would have to be otherwise for the lead not to be listed; null where nobody asked
    "evidence_claim_ids": "VARCHAR[]",
    "clauses": "VARCHAR[]",
    "check_steps": "VARCHAR[]",
    "drawn": "VARCHAR",  # ranked, random
    "model_version": "VARCHAR",
}
"""``leads/as_of=DATE/leads.parquet``, one row per lead."""
