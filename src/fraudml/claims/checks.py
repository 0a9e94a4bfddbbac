"""What is checked at the door, declared beside the schema: condition, reason code, severity, wording.

A row that cannot be interpreted is quarantined; a row that is odd but readable is accepted and counted as a flag, because the odd
rows are what the rules look for (a price above the cap, a service after death, an amount that is not quantity × price).
Amounts are compared to a cent, sums of lines to a cent per line.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

QUARANTINE, FLAG = "quarantine", "flag"


@dataclass(frozen=True)
class Check:
    """One check of a canonical table.

    Attributes
    ----------
    sql : condition over the table's canonical columns that is true for a row at fault; null counts as “no fault”.
    severity : ``quarantine`` (the row is kept apart) or ``flag`` (accepted and counted).
    reads : other canonical tables (``kept_…``: of earlier months) that the condition reads; without them the check is left out.
    columns : where the fault lies, if in one column.
    """

    table: str
    code: str
    severity: str
    sql: str
    zh: str
    en: str
    reads: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def _absent(column: str, known: str) -> str:
    """Condition that a value is known and not among those of a query.

    Written as a membership, not as ``not in``: of that Spark compares each row with every other, because one of them might be unknown.
    """
    return f"({column} is not null and not coalesce({column} in ({known}), false))"


CHECKS: tuple[Check, ...] = (
    Check(
        "claims", "invalid_settlement", QUARANTINE, "not is_valid", "结算记录无效(vali_flag=0)", "settlement marked invalid (vali_flag=0)"
    ),
    Check(
        "claims",
        "unknown_patient",
        QUARANTINE,
        _absent("patient_id", "select patient_id from known_patients"),
        "参保人不在人员信息表中",
        "patient not in the table of persons",
    ),
    Check(
        "claims",
        "unknown_institution",
        QUARANTINE,
        _absent("institution_id", "select institution_id from known_institutions") + " and not coalesce(is_manual, false)",
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
    Check(
        "claims",
        "settled_in_another_month",
        QUARANTINE,
        "claim_id in (select claim_id from kept_claims)",
        "该结算号已在其他月份入库",
        "this settlement stands in another month already",
        ("kept_claims",),
    ),
    Check(
        "items",
        "settled_in_another_month",
        QUARANTINE,
        "line_id in (select line_id from kept_items)",
        "该明细号已在其他月份入库",
        "this line stands in another month already",
        ("kept_items",),
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
        "claims",
        "negative_part",
        FLAG,
        "not is_refund and least(fund_amount, account_amount, cash_amount, in_scope_amount) < -0.005",
        "非退费记录中有负的支付金额",
        "a negative part of the payment without a refund",
    ),
    Check(
        "claims",
        "refund_without_original",
        FLAG,
        "is_refund and (refund_of is null or " + _absent("refund_of", "select claim_id from all_settlements where not is_refund") + ")",
        "退费找不到原结算,未能冲抵",
        "refund whose original is not there: it nets nothing",
    ),
    Check(
        "claims",
        "items_unequal_total",
        FLAG,
        "abs(total_amount - items_total) > 0.01 * item_count + 0.005",  # each line is rounded for itself
        "明细合计≠结算总费用",
        "item lines do not sum to the settlement",
        ("items",),
    ),
    Check(
        "claims", "after_death", FLAG, "started_on > death_date", "死亡日期之后发生服务", "service after the date of death", ("patients",)
    ),
    Check(
        "claims",
        "not_enrolled",
        FLAG,
        "is_enrolled is null",
        "就诊当日不在参保期内",
        "no enrolment covers the day of service",
        ("enrolments",),
    ),
    Check(
        "claims",
        "unknown_outside_institution",
        FLAG,
        "is_manual and " + _absent("institution_id", "select institution_id from known_institutions"),
        "手工报销的机构不在本地机构表",
        "manual reimbursement of an institution outside the table",
    ),
    Check(
        "items",
        "orphan",
        QUARANTINE,
        _absent("claim_id", "select claim_id from known_claims"),
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
    Check("items", "no_quantity", FLAG, "quantity is null or quantity = 0", "数量为空或为零", "quantity empty or zero"),
    Check(
        "items",
        "outside_claim",
        FLAG,
        "cast(occurred_at as date) < claim_started_on or cast(occurred_at as date) > claim_ended_on",
        "费用发生时间不在就诊起止日期之内",
        "the service lies outside its settlement's first and last day",
        ("claims",),
    ),
    Check("items", "no_time", FLAG, "occurred_at is null", "费用发生时间为空", "no time of the service"),
    Check(
        "items",
        "unknown_item",
        FLAG,
        _absent("item_code", "select item_code from known_catalogue"),
        "项目编码不在目录中",
        "item not in the catalogue",
        ("catalogue",),
    ),
    Check(
        "diagnoses",
        "orphan",
        QUARANTINE,
        _absent("claim_id", "select claim_id from known_claims"),
        "所属结算不存在或已隔离",
        "its settlement is missing or quarantined",
    ),
    Check(
        "claim_doctors",
        "orphan",
        QUARANTINE,
        _absent("claim_id", "select claim_id from known_claims"),
        "所属结算不存在或已隔离",
        "its settlement is missing or quarantined",
    ),
    Check("patients", "death_before_birth", FLAG, "death_date < birth_date", "死亡日期早于出生日期", "death before birth"),
    Check(
        "patients",
        "implausible_birth",
        FLAG,
        "birth_date < date '1890-01-01' or birth_date > date '2199-12-31'",
        "出生日期明显不合理",
        "implausible date of birth",
    ),
    Check("enrolments", "suspended_before_enrolled", FLAG, "suspended_on < enrolled_on", "停保早于参保", "suspended before enrolled"),
    *(
        Check(
            table,
            "unknown_person",
            FLAG,
            _absent("patient_id", "select patient_id from known_patients"),
            "参保人不在人员信息表中",
            "person not in the table of persons",
        )
        for table in ("enrolments", "registered_diseases")
    ),
    *(
        Check(
            table,
            "unknown_place",
            FLAG,
            _absent("institution_id", "select institution_id from known_institutions"),
            "机构不在定点医药机构表中",
            "institution not in the table of institutions",
        )
        for table in ("registrations", "inventory")
    ),
    Check("registrations", "ended_before_started", FLAG, "ended_on < started_on", "结束日期早于开始日期", "ends before it starts"),
    Check("visits", "ended_before_started", FLAG, "ended_at < started_at", "结束时间早于开始时间", "ends before it starts"),
    Check(
        "inventory",
        "negative_stock",
        FLAG,
        "least(opening, purchased, closing) < 0",
        "库存或进货数量为负",
        "negative stock or purchase",
    ),
    Check(
        "labels",
        "unknown_entity_type",
        QUARANTINE,
        "entity_type not in ('patient', 'doctor', 'institution', 'pharmacy', 'claim')",
        "标签对象类型未知",
        "a label for an unknown kind of entity",
    ),
)

OTHER_CODES: dict[str, tuple[str, str]] = {
    "not_a_date": ("日期无法识别", "not a date"),
    "not_a_number": ("数值无法识别", "not a number"),
    "not_a_flag": ("是否标志无法识别", "not a yes or no"),
    "not_a_list": ("列表无法识别", "not a list"),
    "unknown_code": ("代码不在对照表中", "code not in the mapping"),
    "missing_value": ("必填项为空", "a required value is missing"),
    "duplicate_key": ("主键重复", "duplicate key"),
    "repeated_row": ("与已有记录完全相同,合并为一条", "the same in every column as a row that is there, folded into it"),
    "unlisted_code": ("代码不在对照表中,按“其他”处理", "code not in the mapping, read as other"),
}
"""Codes that follow from the schema and the mapping: types, required columns, keys, codes. All but the last two quarantine the row."""


def checks_of(table: str, severity: str, tables: Collection[str]) -> list[Check]:
    """Checks of a table with a severity, in order of declaration, that the tables at hand can serve."""
    return [check for check in CHECKS if check.table == table and check.severity == severity and set(check.reads) <= set(tables)]


def wording(code: str, lang: str) -> str:
    """What a reason code means, for people."""
    index = 0 if lang == "zh" else 1
    if code in OTHER_CODES:
        return OTHER_CODES[code][index]
    return next((check.zh, check.en)[index] for check in CHECKS if check.code == code)
