"""Each lead's subject among its peers: the measures its reasons name, drawn from the behaviour vectors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fraudml.claims import Snapshot
from fraudml.engine import Engine
from fraudml.leads.table import each_row
from fraudml.reasons import Standings, cut_share
from fraudml.report.activity import Activity
from fraudml.report.pictures import peers_picture
from fraudml.report.words import say
from fraudml.vectors import UNITS, Feature, load_catalogue, peer_groups
from fraudml.vectors.catalogue import Catalogue

DOTS = (np.arange(50) + 0.5) / 50
"""Fifty dots: each stands for two of a hundred peers."""

MEDIAN_OF = re.compile(r"\{peer_median\}([^\W\d_]*)")
"""The counting word behind the peers' median in a Chinese sentence."""

MOST_PICTURES = 2
FEW = 1000
HUBS = ("institution", "pharmacy", "doctor", "patient")


def peers_pictures(
    snapshot: Snapshot, leads: pd.DataFrame, done: Activity, *, lang: str, conf_dir: str | Path | None = None
) -> dict[str, list[dict[str, Any]]]:
    """By lead id one or two pictures of the subject among its peers.

    The measures are those that the lead's reasons name; where none has a distribution, what the subject settled in the
    last twelve months (a claim: its amount). Of a ring that house, else doctor, else patient is shown who settled
    most, and named.
    """
    subjects = _subjects(leads)
    out: dict[str, list[dict[str, Any]]] = {}
    for kind, asked in subjects.groupby("kind", sort=True):
        vectors = _vectors(snapshot, str(kind), asked, conf_dir)
        for lead, pictures in _drawn(vectors, asked, lang).items():
            out[lead] = pictures
    bare = subjects[~subjects["lead_id"].isin(out.keys())]
    for kind, asked in bare.groupby("kind", sort=True):
        out |= _by_amount(snapshot, str(kind), asked, lang)
    return out


def _subjects(leads: pd.DataFrame) -> pd.DataFrame:
    """lead_id, kind, entity_id, features (named by the reasons, most important first), their texts and peer medians.

    Of a ring all members of its largest kind, each a row with ``is_member``.
    """
    rows: list[tuple[Any, ...]] = []
    for lead in each_row(leads):
        kind, entity = lead.entity_type, lead.entity_id
        if kind == "ring":
            ordered = sorted(
                lead.members,
                key=lambda member: (HUBS.index(member["entity_type"]) if member["entity_type"] in HUBS else 9, member["entity_id"]),
            )
            if not ordered:
                continue
            kind = ordered[0]["entity_type"]
            alike = [member["entity_id"] for member in ordered if member["entity_type"] == kind]
            rows += [(lead.lead_id, kind, each, [], {}, {}, True) for each in alike]
            continue
        named = [each for each in lead.reasons if each["value"] is not None and ":" not in each["feature"]]
        texts = {each["feature"]: each["text"] for each in named}
        medians = {each["feature"]: each["peer_median"] for each in named}
        rows.append((lead.lead_id, kind, entity, list(texts), texts, medians, False))
    return pd.DataFrame(rows, columns=["lead_id", "kind", "entity_id", "features", "texts", "medians", "is_member"])


def _vectors(snapshot: Snapshot, kind: str, asked: pd.DataFrame, conf_dir: str | Path | None) -> tuple[pd.DataFrame, Catalogue]:
    """Peer attributes and the measures that the reasons name, of all entities of a kind."""
    catalogue = load_catalogue(kind, conf_dir)
    path = snapshot.data_dir / "features" / f"{kind}.parquet"
    if not path.is_file():
        return pd.DataFrame(), catalogue
    engine: Engine = snapshot.engine
    engine.parquet("vectors_on_disk", path)
    has = engine.columns("vectors_on_disk")
    wanted = sorted({name for names in asked["features"] for name in names[: MOST_PICTURES + 2]} & has.keys() & catalogue.features.keys())
    attributes = [name for name in catalogue.peers if name in has]
    if not wanted:
        return pd.DataFrame(), catalogue
    columns = ", ".join(f'"{name}"' for name in ["entity_id", *attributes, *wanted])
    # a claim has one row, at its first snapshot; the others one per snapshot
    when = f"= date '{snapshot.as_of}'" if kind != "claim" else f"<= date '{snapshot.as_of}'"
    return snapshot.query(f"select {columns} from vectors_on_disk where as_of {when}"), catalogue


def _drawn(given: tuple[pd.DataFrame, Catalogue], asked: pd.DataFrame, lang: str) -> dict[str, list[dict[str, Any]]]:
    vectors, catalogue = given
    if vectors.empty:
        return {}
    vectors = vectors.set_index("entity_id")
    standings = Standings(vectors, catalogue, peer_groups(vectors, catalogue))
    out: dict[str, list[dict[str, Any]]] = {}
    for subject in each_row(asked):
        if subject.entity_id not in vectors.index:
            continue
        pictures: list[dict[str, Any]] = []
        for name in subject.features:
            if name not in vectors.columns or len(pictures) == MOST_PICTURES:
                continue
            value = vectors.loc[subject.entity_id, name]
            standing = standings.of(subject.entity_id, name)
            if standing is None:
                continue
            peers = standings.peers(subject.entity_id, name)
            if len(peers) < FEW:  # among few it shows that the entity is not its own peer
                peers = np.delete(peers, np.flatnonzero(peers == value)[:1])
            feature = catalogue.features[name]
            scale = 100.0 if feature.unit == "share" else 1.0
            unit = counting_word(feature, lang)
            each_one = len(peers) <= len(DOTS)
            dots = peers if each_one else peers[(DOTS * len(peers)).astype(int)]
            median = subject.medians.get(name)
            drawing = peers_picture(
                (dots * scale).tolist(),
                float(value) * scale,
                unit,
                lang,
                median=None if median is None else median * scale,
                each_one=each_one,
                above=None if each_one else cut_share(standing[0]),
            )
            pictures.append({"kind": "peers", "name": drawing.title, "drawing": drawing, "caption": subject.texts[name]})
        if pictures:
            out[subject.lead_id] = pictures
    return out


def counting_word(feature: Feature, lang: str) -> str:
    """What a figure is counted in, by the same word as in the feature's sentence: 人次, 张, 公里.

    >>> counting_word(load_catalogue("institution").features["admission_rate"], "zh")
    '次'
    """
    if feature.unit == "share":
        return "%"
    said = MEDIAN_OF.search(feature.wording["zh"])
    if lang == "zh" and said:
        return said[1]
    return "" if feature.unit == "codes" else UNITS[feature.unit][0 if lang == "zh" else 1]


def _by_amount(snapshot: Snapshot, kind: str, asked: pd.DataFrame, lang: str) -> dict[str, list[dict[str, Any]]]:
    column = {"patient": "patient_id", "doctor": "doctor_id", "claim": "claim_id"}.get(kind, "institution_id")
    only = ""
    if kind in ("institution", "pharmacy"):
        only = (
            f"and institution_id in (select institution_id from institutions where kind {'=' if kind == 'pharmacy' else '<>'} 'pharmacy')"
        )
    snapshot.engine.register("asked", asked[["lead_id", "entity_id", "is_member"]].astype({"lead_id": "str", "entity_id": "str"}))
    snapshot.engine.table(
        "spent", f"select {column} as entity_id, sum(total_amount) as amount from claims where {column} is not null {only} group by 1"
    )
    quantiles: Any = snapshot.engine.scalar(f"select quantile_disc(amount, {DOTS.tolist()}) from spent")
    rows = snapshot.engine.rows("""
        select lead_id, entity_id, is_member, amount from asked join spent using (entity_id)
        qualify row_number() over (partition by lead_id order by amount desc, entity_id) = 1""")
    what = say("caption_amount_claim" if kind == "claim" else "caption_amount", lang)
    return {
        lead: [
            {
                "kind": "peers",
                "name": say("picture_peers", lang),
                "drawing": peers_picture(
                    [float(each) for each in quantiles], amount, say("yuan", lang), lang, who="this_member" if is_member else "this_one"
                ),
                "caption": say("caption_member", lang, who=entity, what=what) if is_member else what,
            }
        ]
        for lead, entity, is_member, amount in rows
    }
