"""A16: institutions graded A, B, C, D in fixed parts (3:4:2:1), fairly to small ones, with how sure each grade is.

A score has stated parts. Each part is a mean over an institution's claims; it is compared with peers (kind, level …), shrunk towards them
as far as its own claims leave doubt (empirical Bayes), and divided by the true spread between institutions, so that parts can be weighed.

References
----------
R. DerSimonian and N. Laird, Meta-analysis in clinical trials, Controlled Clinical Trials 7 (1986) 177-188: the spread between institutions.
H. Goldstein and D. J. Spiegelhalter, League tables and their limitations, JRSS A 159 (1996) 385-443: why a rank needs its uncertainty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fraudml.audit.declaration import AuditList
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.words import say
from fraudml.claims import Snapshot
from fraudml.claims.store import months_before
from fraudml.engine import identifier

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CLUSTERS = 50
"""Into how many clusters of patients an institution's claims are put for the bootstrap: one patient's claims are not independent."""


def prepare_graded(snapshot: Snapshot, since: dt.date) -> None:
    """Makes ``graded_claims``: claims since a day with what a score may be made of.

    Besides the columns of claims: ``amount_in_question`` and ``rules`` of the evidence, ``typical_amount`` (geometric mean of claims of the
    same visit type, kind, level and registered disease) and ``days_since_last`` (of the same patient at the same institution).
    """
    snapshot.engine.table(
        "graded_claims",
        f"""
        select claim.*, place.kind, place.level, proof.amount_in_question, proof.rules,
            exp(avg(case when claim.total_amount > 0 then ln(claim.total_amount) end) over (
                partition by claim.visit_type, place.kind, place.level, claim.registered_disease)) as typical_amount,
            claim.started_on - lag(claim.started_on) over (
                partition by claim.patient_id, claim.institution_id order by claim.started_on, claim.claim_id) as days_since_last
        from claims as claim join audited_institutions as place on claim.institution_id = place.institution_id
        left join claim_evidence as proof on claim.claim_id = proof.claim_id
        where claim.settled_on > date '{since}'""",
    )


def make(run: Run, entry: AuditList) -> Listed:
    """Grades every institution that had claims in the window."""
    import pandas as pd

    lang, engine = run.lang, run.snapshot.engine
    months, fresh = entry["months"], entry.get("fresh_months", 3)
    prepare_graded(run.snapshot, months_before(run.as_of, months))
    parts = list(entry["parts"])
    sums = ", ".join(
        f"count({column}) filter (where {when}) as n_{name}_{number}, coalesce(sum({column}) filter (where {when}), 0) as s_{name}_{number}"
        for name, when in (("all", "true"), ("kept", f"settled_on > date '{months_before(run.as_of, max(months - fresh, 0))}'"))
        for number, column in enumerate(f"part_{number}" for number in range(len(parts)))
    )
    values = ", ".join(f"cast({entry['parts'][name]['sql']} as double) as part_{number}" for number, name in enumerate(parts))
    peers = [identifier(each) for each in entry.get("peers", ("kind", "level"))]
    frame = engine.query(
        f"""
        with claim as (select institution_id, patient_id, settled_on, {values} from graded_claims
            where institution_id in (select institution_id from audited_institutions where {entry.get("where", "true")})),
        pair as (select institution_id, patient_id, count(*) as claim_count, {sums} from claim group by institution_id, patient_id),
        placed as (
            select *, (row_number() over (partition by institution_id order by sha256(patient_id), patient_id) - 1) % {CLUSTERS} as cluster
            from pair)
        select institution_id, cluster, count(*) as patient_count, {", ".join(f"sum({each}) as {each}" for each in _sums(len(parts)))},
            sum(claim_count) as claim_count
        from placed group by institution_id, cluster order by institution_id, cluster"""
    )
    if frame.empty:
        return skipped(entry, say("note_nobody", lang))
    about = engine.query(
        f"select institution_id, {', '.join(f'cast({each} as varchar) as {each}' for each in peers)} from audited_institutions order by 1"
    ).set_index("institution_id")
    places = pd.Index(sorted(frame["institution_id"].unique()))
    data = _arrays(frame, places, len(parts))
    labels = peer_labels(about.loc[places], entry.get("least_peers", 8))
    model = Scores.learned(data["s_all"], data["n_all"], labels, [float(entry["parts"][name]["weight"]) for name in parts])
    rows = _graded(model, data, places, entry["grades"], run.seed, entry.get("replicates", 500), fresh / months)
    shops = {place for (place,) in engine.rows("select institution_id from audited_institutions where kind = 'pharmacy'")}
    rows["entity_type"] = ["pharmacy" if place in shops else "institution" for place in places]
    rows["peers"] = labels
    for number, name in enumerate(parts):
        rows[name] = model.raw(data["s_all"], data["n_all"])[:, number].round(4)
        rows[f"{name}_peers"] = model.peer_mean(data["s_all"], data["n_all"])[:, number].round(4)
        rows[f"{name}_part"] = model.standard(data["s_all"].sum(axis=1), data["n_all"].sum(axis=1))[:, number].round(4)
    counts = frame.groupby("institution_id")[["claim_count", "patient_count"]].sum().loc[places]
    rows.insert(6, "claim_count", counts["claim_count"].to_numpy().astype("int64"))
    rows.insert(7, "patient_count", counts["patient_count"].to_numpy().astype("int64"))
    rows = rows.sort_values("rank", kind="stable").reset_index(drop=True)
    strata = rows.groupby("grade", sort=True).size().rename("listed").reset_index()
    strata = strata.assign(stratum=strata["grade"], population=strata["listed"], frame=strata["listed"], quota=strata["listed"])
    names = {name: part[lang] for name, part in entry["parts"].items()}
    headings = names | {f"{name}_peers": say("of_peers", lang, name=said) for name, said in names.items()}
    headings |= {f"{name}_part": say("part_of", lang, name=said) for name, said in names.items()} | {"value": say("score", lang)}
    headings |= {f"p_{grade}": say("chance_of", lang, grade=grade) for grade in entry["grades"]}
    ungraded = engine.scalar(f"select count(*) from audited_institutions where {entry.get('where', 'true')}") - len(rows)
    notes = [
        say("note_grades", lang, counts=[f"{grade} {int((rows['grade'] == grade).sum())}" for grade in entry["grades"]], ungraded=ungraded),
        say("note_parts", lang, parts=[f"{names[name]} ×{entry['parts'][name]['weight']:g}" for name in parts], months=months),
        say("note_grade_chance", lang, expected=round(float(rows["chance_to_change"].sum()), 1), count=len(rows), fresh=fresh),
    ]
    if silent := [names[name] for number, name in enumerate(parts) if not data["n_all"][:, :, number].any()]:
        notes.append(say("note_silent_parts", lang, parts=silent))
    units = {f"p_{grade}": "share" for grade in entry["grades"]} | {"chance_to_change": "share", "value": "number"}
    return Listed(entry, rows, strata, headings=headings, units=units | dict.fromkeys(headings, "number") | units, notes=notes)


@dataclass(frozen=True)
class Scores:
    """What turns sums over claims into a score: peers, the spread within and between institutions, weights.

    Attributes
    ----------
    group : number of the peer group of each institution.
    within : variance of one claim's worth of a part (clusters of patients taken into account).
    between : variance of the true means between institutions of one peer group.
    weights : of the parts.
    """

    group: np.ndarray
    within: np.ndarray
    between: np.ndarray
    weights: np.ndarray

    @classmethod
    def learned(cls, sums: np.ndarray, counts: np.ndarray, labels: Sequence[str], weights: Sequence[float]) -> Scores:
        """From sums and counts (institution x cluster x part)."""
        import numpy as np

        names = sorted(set(labels))
        group = np.array([names.index(each) for each in labels])
        s, n = sums.sum(axis=1), counts.sum(axis=1)
        mean = s / np.where(n > 0, n, 1)
        used = (counts.sum(axis=2) > 0).sum(axis=1)[:, None]
        residual = ((sums - mean[:, None, :] * counts) ** 2).sum(axis=1) * np.where(used > 1, used / np.maximum(used - 1, 1), 0)
        # one variance for all: that of a clinic with three patients cannot be told from its own three
        informative = np.where(used > 1, n, 0)
        within = residual.sum(axis=0) / np.maximum(informative.sum(axis=0), 1)
        blank = cls(group, within, np.ones(sums.shape[2]), np.asarray(weights))
        variance = within / np.where(n > 0, n, np.inf)
        off = mean - blank._means(s, n)
        weight = np.where((n > 0) & (variance > 0), 1 / np.where(variance > 0, variance, 1), 0.0)
        freedom = np.maximum((weight > 0).sum(axis=0) - len(names), 0)
        excess = (weight * off**2).sum(axis=0) - freedom
        scale = weight.sum(axis=0) - (weight**2).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
        between = np.where(scale > 0, np.maximum(excess, 0) / np.where(scale > 0, scale, 1), 0.0)
        return cls(group, within, between, np.asarray(weights))

    def _means(self, s: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Mean over all claims of each institution's peers."""
        import numpy as np

        size = int(self.group.max()) + 1
        top, bottom = np.zeros((size, s.shape[1])), np.zeros((size, s.shape[1]))
        np.add.at(top, self.group, s)
        np.add.at(bottom, self.group, n)
        return (top / np.where(bottom > 0, bottom, 1))[self.group]

    def standard(self, s: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Each part as so many spreads above the peers, shrunk; nought where there are no claims or no spread between institutions."""
        import numpy as np

        off = s / np.where(n > 0, n, 1) - self._means(s, n)
        doubt = self.within / np.where(n > 0, n, 1)
        trust = self.between / np.where(self.between + doubt > 0, self.between + doubt, 1)
        spread = np.sqrt(np.where(self.between > 0, self.between, 1))
        return np.where((n > 0) & (self.between > 0), trust * off / spread, 0.0)

    def score(self, s: np.ndarray, n: np.ndarray) -> np.ndarray:
        """The weighted mean of the parts; higher = more doubtful. Rounded, so that the order of adding up decides nothing."""
        return (self.standard(s, n) @ self.weights / max(self.weights.sum(), 1e-300)).round(9)

    def raw(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        import numpy as np

        n = counts.sum(axis=1)
        return np.where(n > 0, sums.sum(axis=1) / np.where(n > 0, n, 1), np.nan)

    def peer_mean(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return self._means(sums.sum(axis=1), counts.sum(axis=1))


def shares_of(count: int, grades: Mapping[str, float]) -> dict[str, int]:
    """How many of ``count`` get each grade: largest remainders; between equal remainders the better grade.

    >>> shares_of(10, {"A": 3, "B": 4, "C": 2, "D": 1})
    {'A': 3, 'B': 4, 'C': 2, 'D': 1}
    >>> shares_of(7, {"A": 3, "B": 4, "C": 2, "D": 1})
    {'A': 2, 'B': 3, 'C': 1, 'D': 1}
    """
    whole = sum(grades.values())
    exact = {grade: count * part / whole for grade, part in grades.items()}
    given = {grade: int(value + 1e-9) for grade, value in exact.items()}
    left = count - sum(given.values())
    names = list(grades)
    for grade in sorted(names, key=lambda each: (-round(exact[each] - given[each], 9), names.index(each)))[:left]:
        given[grade] += 1
    return given


def grades_of(scores: np.ndarray, grades: Mapping[str, float]) -> np.ndarray:
    """Number of the grade (0 = best) of each institution; equal scores in the order of the institutions' identifiers."""
    import numpy as np

    order = np.argsort(scores, kind="stable")
    out = np.empty(len(scores), dtype="int64")
    out[order] = np.repeat(np.arange(len(grades)), list(shares_of(len(scores), grades).values()))
    return out


def peer_labels(about: pd.DataFrame, least: int) -> list[str]:
    """The peer group of each institution: all attributes, fewer from the right where a group would be too small."""
    import pandas as pd

    labels = pd.Series("", index=about.index, dtype="str")
    open_ones = pd.Series(True, index=about.index)
    for width in range(about.shape[1], 0, -1):
        label = about.iloc[:, :width].fillna("unknown").agg(" | ".join, axis=1)
        big = label.map(label.value_counts()) >= least
        labels = labels.where(~(open_ones & big), label)
        open_ones &= ~big
    return labels.where(~open_ones, "all").tolist()


def _graded(
    model: Scores, data: Mapping[str, np.ndarray], places: pd.Index, grades: Mapping[str, float], seed: int, replicates: int, fresh: float
) -> pd.DataFrame:
    """Grades with their chances, by resampling the clusters of patients.

    The chance of a grade is its share among gradings of resampled years. The chance to change is that of another grade next quarter though
    nobody changes: the months that stay are kept as they are, the new ones are drawn from the institution's own claims.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    s, n = data["s_all"], data["n_all"]
    score = model.score(s.sum(axis=1), n.sum(axis=1))
    grade = grades_of(score, grades)
    hits = np.zeros((len(places), len(grades)))
    changed = np.zeros(len(places))
    kept_s, kept_n = data["s_kept"].sum(axis=1), data["n_kept"].sum(axis=1)
    for _ in range(replicates):
        weight = random.poisson(1.0, s.shape[:2])
        again = grades_of(model.score(np.einsum("ig,igp->ip", weight, s), np.einsum("ig,igp->ip", weight, n)), grades)
        hits[np.arange(len(places)), again] += 1
        weight = random.poisson(fresh, s.shape[:2])
        later = model.score(kept_s + np.einsum("ig,igp->ip", weight, s), kept_n + np.einsum("ig,igp->ip", weight, n))
        changed += grades_of(later, grades) != grade
    names = np.array(list(grades))
    order = np.argsort(score, kind="stable")
    rank = np.empty(len(places), dtype="int64")
    rank[order] = np.arange(1, len(places) + 1)
    rows = pd.DataFrame(
        {"stratum": "", "rank": rank, "entity_type": "institution", "entity_id": places, "value": score, "grade": names[grade]}
    )
    for number, name in enumerate(names):
        rows[f"p_{name}"] = (hits[:, number] / replicates).round(4)
    return rows.assign(chance_to_change=(changed / replicates).round(4), drawn="whole")


def _sums(parts: int) -> list[str]:
    return [f"{kind}_{when}_{number}" for when in ("all", "kept") for number in range(parts) for kind in ("n", "s")]


def _arrays(frame: pd.DataFrame, places: pd.Index, parts: int) -> dict[str, Any]:
    """Sums and counts as arrays (institution x cluster x part)."""
    import numpy as np

    where = places.get_indexer(frame["institution_id"])
    cluster = frame["cluster"].to_numpy().astype(int)
    out = {}
    for kind in ("n", "s"):
        for when in ("all", "kept"):
            array = np.zeros((len(places), CLUSTERS, parts))
            for number in range(parts):
                array[where, cluster, number] = frame[f"{kind}_{when}_{number}"].to_numpy().astype(float)
            out[f"{kind}_{when}"] = array
    return out
