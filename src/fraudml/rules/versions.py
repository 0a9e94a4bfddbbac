"""Versions of the rule base: what a run was judged by, kept so that a month can be judged by it again, and compared.

A version is named by what is declared: rules with their parameters, and knowledge. :func:`save_version` keeps it as a conf folder of
its own (with ``version.json``), to which nothing that is shipped later is added.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.config import WHOLE, declarations, read_yaml
from fraudml.knowledge import CLAUSES, read_table
from fraudml.rules.declaration import Rule, declared, shipped_of
from fraudml.rules.relations import all_read, named_in

if TYPE_CHECKING:
    import pandas as pd

KEY = ["rule", "row", "entity_type", "entity_id", "claim_id", "line_id", "occurred_on"]
"""What makes two pieces of evidence of two versions the same."""

COMPARISON = {
    "status": "VARCHAR",  # added, gone or changed
    **{name: "DATE" if name == "occurred_on" else "VARCHAR" for name in KEY},
    **dict.fromkeys(("amount_before", "amount_after", "strength_before", "strength_after"), "DOUBLE"),
}


@dataclass(frozen=True)
class RuleBase:
    """What is declared: ``version`` names all of it, ``rules`` and ``knowledge`` say what each entry's content is (as a hash)."""

    version: str
    rules: dict[str, str] = field(repr=False)
    knowledge: dict[str, str] = field(repr=False)


def rule_base(conf_dir: str | Path | None = None) -> RuleBase:
    """The rule base of a conf folder over the shipped one, or of a saved version.

    Returns
    -------
    ``version`` is twelve hexadecimal digits, the same for the same rules, parameters, wordings and knowledge, wherever they lie.
    """
    rules = {path.stem: _hash(_content(path)) for path in declarations("rules", conf_dir)}
    knowledge = {path.stem: _hash(_content(path), _parquet(path)) for path in declarations("knowledge", conf_dir)}
    return RuleBase(_hash([rules, knowledge])[:12], rules, knowledge)


def save_version(folder: Path, conf_dir: str | Path | None = None) -> RuleBase:
    """Keeps the rule base below ``folder`` as a conf folder named by its version, unless it is already there."""
    base = rule_base(conf_dir)
    target = folder / base.version
    if (target / WHOLE).is_file():
        return base
    beside = folder / f".{base.version}.{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    for group in ("rules", "knowledge"):
        (beside / group).mkdir(parents=True)
        for path in declarations(group, conf_dir):
            content = _content(path)
            if content == read_yaml(path):
                shutil.copyfile(path, beside / group / path.name)
            else:  # a bureau's file that changes only some keys
                (beside / group / path.name).write_text(_yaml(content), encoding="utf-8")
            if (parquet := _parquet(path)) is not None:
                shutil.copyfile(parquet, beside / group / parquet.name)
    about = {"version": base.version, "rules": base.rules, "knowledge": base.knowledge}
    (beside / WHOLE).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
    return base


def affected(before: RuleBase, after: RuleBase, rules: dict[str, Rule]) -> list[str]:
    """Ids of the rules that may find something else: their declaration or knowledge that they read is not the same.

    Parameters
    ----------
    rules : the rules of either version, by id.
    """
    names = {name for name in before.knowledge.keys() | after.knowledge.keys() if before.knowledge.get(name) != after.knowledge.get(name)}
    changed = {name for name in before.rules.keys() | after.rules.keys() if before.rules.get(name) != after.rules.get(name)}
    moved = {f"knowledge_{name}" for name in names}
    for name, rule in rules.items():
        if any(named_in(sql, moved) for sql in all_read([rule.sql])):
            changed.add(name)
    return sorted(changed)


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Evidence that two versions do not have in common.

    Parameters
    ----------
    before, after : rows of :data:`fraudml.contracts.EVIDENCE` of the same claims and day.

    Returns
    -------
    One row per rule, entity, claim, line and day that is ``added``, ``gone`` or ``changed`` (amount or strength), with the amounts in
    question in CNY and the strengths of both sides, null on the side that has none; columns :data:`COMPARISON`.
    """
    both = _pieces(before).join(_pieces(after), how="outer", lsuffix="_before", rsuffix="_after")
    amounts, strengths = both[["amount_before", "amount_after"]], both[["strength_before", "strength_after"]]
    moved = (amounts.diff(axis=1).iloc[:, 1].abs() > 0.005) | (strengths.diff(axis=1).iloc[:, 1].abs() > 0.00005)
    both["status"] = "changed"
    both.loc[both["amount_before"].isna(), "status"] = "added"
    both.loc[both["amount_after"].isna(), "status"] = "gone"
    different = both[moved | (both["status"] != "changed")].reset_index()
    return different.sort_values([*KEY[1:], "status"], kind="stable", ignore_index=True)[list(COMPARISON)]


def summary(before: pd.DataFrame, after: pd.DataFrame, rules: list[str]) -> pd.DataFrame:
    """Per rule: pieces of evidence before and after, what is added, gone and changed, entities, and amounts counted once.

    Returns
    -------
    One row per id of ``rules`` and a last row ``all``; amounts in CNY, each line counted once within the row.
    """
    import pandas as pd

    from fraudml.rules.amounts import deduplicate_amounts

    different = compare(before, after)
    rows = []
    for name in [*rules, "all"]:
        one, other, part = (table if name == "all" else table[table["rule"] == name] for table in (before, after, different))
        named = [set(zip(table["entity_type"], table["entity_id"], strict=True)) for table in (one, other)]
        worth = [float(deduplicate_amounts(table)["amount_in_question"].sum()) for table in (one, other)]
        counts = part["status"].value_counts()
        rows.append(
            {
                "rule": name,
                "evidence_before": len(one),
                "evidence_after": len(other),
                **{status: int(counts.get(status, 0)) for status in ("added", "gone", "changed")},
                "entities_added": len(named[1] - named[0]),
                "entities_gone": len(named[0] - named[1]),
                "amount_before": round(worth[0], 2),
                "amount_after": round(worth[1], 2),
            }
        )
    return pd.DataFrame(rows)


def _pieces(evidence: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    named = evidence.assign(occurred_on=pd.to_datetime(evidence["occurred_on"]))
    return named.groupby(KEY, dropna=False).agg(amount=("amount_in_question", "sum"), strength=("strength", "max"))


def _content(path: Path) -> Any:
    """What a rule or knowledge file declares, with what it takes over from the shipped file of its name."""
    if path.parent.name == "rules":
        return declared(path, shipped_of(path))
    return read_yaml(path) if path.stem == CLAUSES else read_table(path)


def _parquet(path: Path) -> Path | None:
    named = _content(path).get("parquet") if path.parent.name == "knowledge" else None
    return path.parent / named if named else None


def _hash(content: Any, file: Path | None = None) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str).encode()
    return hashlib.sha256(text + (file.read_bytes() if file else b"")).hexdigest()


def _yaml(content: Any) -> str:
    """A declaration as a person would write it: long texts in lines."""
    import yaml

    class Lines(yaml.SafeDumper):
        pass

    Lines.add_representer(
        str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    )
    return str(yaml.dump(content, Dumper=Lines, allow_unicode=True, sort_keys=False, width=140))
