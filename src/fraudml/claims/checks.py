"""What is checked at the door, declared beside the schema: condition, reason code, severity, wording.

A row that cannot be interpreted is quarantined; a row that is odd but readable is accepted and counted as a flag, because the odd
rows are what the rules look for (a price above the cap, a service after death, an amount that is not quantity × price).
Amounts are compared to a cent.
"""

from __future__ import annotations

from dataclasses import dataclass

QUARANTINE, FLAG = "quarantine", "flag"


@dataclass(frozen=True)
class Check:
    """One check of a canonical table.

    Attributes
    ----------
    sql : condition over the table's canonical columns that is true for a row at fault; null counts as “no fault”.
    severity : ``quarantine`` (the row is kept apart) or ``flag`` (accepted and counted).
    """

    table: str
    code: str
    severity: str
    sql: str
    zh: str
    en: str


CHECKS: tuple[Check, ...] = (
    Check(
        "claims", "invalid_settlement", QUARANTINE, "not is_valid", "结算记录无效(vali_flag=0)", "settlement marked invalid (vali_flag=0)"
    ),
    Check(
        "claims",
        "unknown_patient",
        QUARANTINE,
        "patient_id not in (select patient_id from known_patients)",
        "参保人不在人员信息表中",
        "patient not in the table of persons",
    ),
    Check(
        "claims",
        "unknown_institution",
        QUARANTINE,
        "institution_id not in (select institution_id from known_institutions) and not coalesce(is_manual, false)",
        "机构不在定点医药机构表中(手工报销除外)",
        "institution not in the table of institutions (manual reimbursements excepted)",
    ),
    Check(
        "claims",
        "positive_refund",
        QUARANTINE,
        "is_refund and total_amount > 0.005",
        "退费记录金额为正,无法判断方向",
        "a refund with a positive amount: its direction cannot be told",
    ),
    Check(
        "claims",
        "negative_amount",
        QUARANTINE,
        "total_amount < -0.005 and not coalesce(is_refund, false)",
        "金额为负但未标记退费",
        "negative amount without a refund flag",
    ),
    Check("claims", "dates_reversed", QUARANTINE, "ended_on < started_on", "结束日期早于开始日期", "ends before it starts"),
    Check(
        "claims",
        "implausible_date",
        QUARANTINE,
        "started_on < date '1990-01-01' or started_on > date '2199-12-31' or abs(date_diff('day', ended_on, settled_on)) > 3660",
        "日期明显不合理(1990年以前,或结算与就诊相差十年以上)",
        "implausible date (before 1990, or settled ten years away from the service)",
    ),
    Check(
        "claims",
        "parts_unequal_total",
        FLAG,
        "abs(total_amount - coalesce(fund_amount, 0) - coalesce(account_amount, 0) - coalesce(cash_amount, 0)) > 0.015 "
        "and fund_amount is not null and cash_amount is not null",
        "基金+账户+现金≠总费用",
        "fund + account + cash differs from the total",
    ),
    Check(
        "claims",
        "scope_above_total",
        FLAG,
        "abs(in_scope_amount) > abs(total_amount) + 0.015",
        "政策范围内费用大于总费用",
        "in-scope amount above the total",
    ),
    Check("claims", "settled_before_service", FLAG, "settled_on < started_on", "结算日期早于就诊日期", "settled before the service began"),
    Check(
        "items",
        "orphan",
        QUARANTINE,
        "claim_id not in (select claim_id from known_claims)",
        "所属结算不存在或已隔离",
        "its settlement is missing or quarantined",
    ),
    Check(
        "items",
        "price_times_quantity",
        FLAG,
        "abs(amount - quantity * unit_price) > 0.015 and not coalesce(is_discounted, false)",
        "金额≠数量×单价",
        "amount differs from quantity × unit price",
    ),
    Check(
        "diagnoses",
        "orphan",
        QUARANTINE,
        "claim_id not in (select claim_id from known_claims)",
        "所属结算不存在或已隔离",
        "its settlement is missing or quarantined",
    ),
    Check("patients", "death_before_birth", FLAG, "death_date < birth_date", "死亡日期早于出生日期", "death before birth"),
    Check("enrolments", "suspended_before_enrolled", FLAG, "suspended_on < enrolled_on", "停保早于参保", "suspended before enrolled"),
)

OTHER_CODES: dict[str, tuple[str, str]] = {
    "not_a_date": ("日期无法识别", "not a date"),
    "not_a_number": ("数值无法识别", "not a number"),
    "not_a_flag": ("是否标志无法识别", "not a yes or no"),
    "not_a_list": ("列表无法识别", "not a list"),
    "unknown_code": ("代码不在对照表中", "code not in the mapping"),
    "missing_value": ("必填项为空", "a required value is missing"),
    "duplicate_key": ("主键重复", "duplicate key"),
}
"""Codes that follow from the schema itself: types, required columns, keys. All quarantine the row."""


def row_checks(table: str, severity: str) -> list[Check]:
    """Checks of a table with a severity, in order of declaration."""
    return [check for check in CHECKS if check.table == table and check.severity == severity]


def wording(code: str, lang: str) -> str:
    """What a reason code means, for people."""
    index = 0 if lang == "zh" else 1
    if code in OTHER_CODES:
        return OTHER_CODES[code][index]
    return next((check.zh, check.en)[index] for check in CHECKS if check.code == code)
