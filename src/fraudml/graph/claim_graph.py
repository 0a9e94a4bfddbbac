"""The graph of a snapshot as one object: edges, measures and rings as tables, neighbourhoods as networkx."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from fraudml.claims.store import Claims, Snapshot, day, refuse_unopened
from fraudml.errors import FraudmlError
from fraudml.graph.covisits import co_visits
from fraudml.graph.edges import PAIRS, end_columns, expose_encounters, pair_edges
from fraudml.graph.measures import centrality, degrees, overlap
from fraudml.graph.membership import companions, patients_of_providers, prescription_lift, ring_scores
from fraudml.graph.prescriptions import prescription_pairs
from fraudml.graph.proximity import confirmed_entities, confirmed_proximity
from fraudml.graph.rings import find_rings
from fraudml.graph.structure import index_graph
from fraudml.graph.travel import travel

if TYPE_CHECKING:
    import networkx

log = logging.getLogger("fraudml")

Node = tuple[str, str]  # entity type, id
Link = tuple[Node, Node, dict[str, float]]


KINDS = ("patient", "doctor", "institution", "pharmacy")


@dataclass(frozen=True, eq=False, repr=False)  # tables have no truth value to compare by, and are too long to show
class ClaimGraph:
    """Who met whom in the twelve months up to a day.

    Attributes
    ----------
    as_of : the day.
    edges : pair -> one row per pair that met (``fraudml.graph.edges``).
    measures : one row per entity: entity_type, entity_id, as_of, measures (``features/graph.yaml`` words them).
    rings : one row per ring (``fraudml.contracts.RINGS``).
    """

    as_of: dt.date
    edges: dict[str, pd.DataFrame]
    measures: pd.DataFrame
    rings: pd.DataFrame
    ring_claims: pd.DataFrame

    def __repr__(self) -> str:
        pairs = ", ".join(f"{len(frame)} {pair}" for pair, frame in self.edges.items())
        return f"<ClaimGraph as of {self.as_of}: {len(self.measures)} entities, edges: {pairs}; {len(self.rings)} rings>"

    def ego(self, entity_id: str, entity_type: str | None = None) -> networkx.Graph:
        """An entity, its counterparts, and the edges among them.

        Parameters
        ----------
        entity_id : of a patient, doctor, institution or pharmacy.
        entity_type : needed only where two kinds of entity share the id.

        Returns
        -------
        a graph whose nodes are ids (``type:id`` where two kinds of entity share the id) with ``entity_type`` and ``entity_id``;
        edges bear ``n`` (claims in twelve months) and ``amount`` (CNY).

        Raises
        ------
        FraudmlError
            When no such entity has an edge, several have one, or there is no such kind of entity.
        """
        if entity_type is not None and entity_type not in KINDS:
            raise FraudmlError("graph.entity_type", f"“{entity_type}” is no kind of entity.", f"Kinds: {', '.join(KINDS)}.")
        centres = [
            kind
            for kind in (KINDS if entity_type is None else (entity_type,))
            if any(
                end == kind and (self.edges[pair][column] == entity_id).any()
                for pair in PAIRS
                for (end, _), column in zip(PAIRS[pair], end_columns(pair), strict=True)
            )
        ]
        if not centres:
            who = f"{entity_type} {entity_id}" if entity_type else str(entity_id)
            raise FraudmlError("graph.unknown_entity", f"{who} met nobody in the twelve months up to {self.as_of}.")
        if len(centres) > 1:
            raise FraudmlError(
                "graph.ambiguous_entity", f"{entity_id} is the id of a {' and of a '.join(centres)}.", f"Add entity_type={centres[0]!r}."
            )
        centre = (centres[0], entity_id)
        near = {centre}
        for left, right, _ in self._links(touching={centre}):
            near |= {left, right}
        return self._networkx([link for link in self._links(touching=near) if link[0] in near and link[1] in near])

    def to_networkx(self) -> networkx.Graph:
        """The whole graph, for small data: nodes and edges as in :meth:`ego`."""
        return self._networkx(list(self._links()))

    def timeline(self, ring_id: str) -> pd.DataFrame:
        """Claims of a ring by day and member: what a time strip is drawn from.

        Returns
        -------
        met_on, ended_on, patient_id, doctor_id, institution_id, pharmacy_id, visit_type, claim_id, amount; sorted by day.
        """
        of_ring = self.ring_claims[self.ring_claims["ring_id"] == ring_id]
        if of_ring.empty:
            raise FraudmlError("graph.unknown_ring", f"there is no ring {ring_id} as of {self.as_of}.")
        return of_ring.drop(columns="ring_id").reset_index(drop=True)

    def _links(self, touching: set[Node] | None = None) -> Iterator[Link]:
        for pair, ((left, _), (right, _)) in PAIRS.items():
            frame = self.edges[pair]
            left_column, right_column = end_columns(pair)
            if touching is not None:
                frame = frame[
                    frame[left_column].isin([i for kind, i in touching if kind == left])
                    | frame[right_column].isin([i for kind, i in touching if kind == right])
                ]
            for a, b, n, amount in zip(frame[left_column], frame[right_column], frame["n_12m"], frame["amount_12m"], strict=True):
                yield (left, a), (right, b), {"n": int(n), "amount": float(amount)}

    def _networkx(self, links: list[Link]) -> networkx.Graph:
        import networkx

        kinds: dict[str, set[str]] = {}
        for left, right, _ in links:
            for kind, entity_id in (left, right):
                kinds.setdefault(entity_id, set()).add(kind)
        graph = networkx.Graph(as_of=self.as_of)

        def name(node: Node) -> str:
            return node[1] if len(kinds[node[1]]) == 1 else f"{node[0]}:{node[1]}"

        for left, right, weight in links:
            for node in (left, right):
                graph.add_node(name(node), entity_type=node[0], entity_id=node[1])
            graph.add_edge(name(left), name(right), **weight)
        return graph


def claim_graph(claims: Claims, as_of: str | dt.date, seed: int = 0) -> ClaimGraph:
    """Builds the graph of the twelve months up to ``as_of``.

    Parameters
    ----------
    claims : the canonical tables.
    as_of : the day; claims settled and decisions made later play no part. Months without a claim give an empty graph, and a warning.
    seed : of what is drawn in the search for rings.

    Raises
    ------
    FraudmlError
        ``graph.claims`` for anything but open claims; ``as_of.format`` for what is no day.

    Examples
    --------
    >>> import fraudml as fm
    >>> graph = fm.claim_graph(fm.open_claims("data"), as_of="2024-06-30")  # doctest: +SKIP
    >>> graph.ego("P0001").number_of_edges()  # doctest: +SKIP
    """
    refuse_unopened(claims, "graph", snapshots=False)
    with claims.at(day(as_of), months=12, materialise=["claims"]) as snapshot:
        expose_encounters(snapshot)
        edges = {pair: pair_edges(snapshot, pair) for pair in PAIRS}
        if all(frame.empty for frame in edges.values()):
            log.warning("nobody met anybody in the 12 months up to %s: the graph is empty", snapshot.as_of)
        index = index_graph(edges)
        covisits = co_visits(snapshot)
        prescribed = prescription_pairs(snapshot)
        rings = find_rings(snapshot, covisits, prescribed, seed)
        central = centrality(index)
        companions_of = companions(covisits, index)
        parts = [
            index.nodes,
            degrees(index, edges),
            central,
            overlap(index),
            travel(index, snapshot),
            companions_of,
            patients_of_providers(index, companions_of, snapshot),
            prescription_lift(prescribed, index),
            ring_scores(rings, index, snapshot),
            confirmed_proximity(index, confirmed_entities(snapshot), central["core_number"].to_numpy()),
        ]
        measures = pd.concat(parts, axis=1)
        measures.insert(2, "as_of", snapshot.as_of)
        return ClaimGraph(snapshot.as_of, edges, measures, rings, _claims_of(rings, snapshot))


def _claims_of(rings: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    listed = rings[["ring_id", "claim_ids"]].explode("claim_ids").rename(columns={"claim_ids": "claim_id"}).astype("str")
    snapshot.engine.register("listed_ring_claims", listed)
    return snapshot.query("""
        select ring.ring_id, claim.met_on, claim.ended_on, claim.patient_id, claim.doctor_id, claim.institution_id, claim.pharmacy_id,
            claim.visit_type, claim.claim_id, claim.amount
        from listed_ring_claims as ring join encounters as claim on ring.claim_id = claim.claim_id
        order by ring.ring_id, claim.met_on, claim.patient_id, claim.claim_id""")
