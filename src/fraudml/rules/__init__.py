"""The rule base: every scheme of REQUIREMENTS.md as evidence that a person can check, declared in ``conf/rules/<scheme id>.yaml``.

How to write a rule
-------------------
The file's keys stand in ARCHITECTURE.md ("conf/rules"). ``sql`` is one query that yields one row per piece of evidence:

- required columns ``entity_id`` (against whom), ``claim_id`` (null where no claim is meant), ``occurred_on`` (DATE), ``amount_in_question``
  (CNY, only the excess where that is what is in question);
- optional ``entity_type`` (default: the file's ``suspect``; an ``institution`` that is a pharmacy becomes ``pharmacy`` by itself),
  ``line_id``, ``strength`` in (0, 1] (default 1: beyond doubt);
- every other column is a fact: a placeholder of the wordings ``zh`` and ``en`` (dates, numbers, texts and lists as they are). A rule
  with several kinds of traces yields a column ``sign`` and words each: ``zh: {idle: …, elsewhere: …}``.

One rule may yield evidence against several entities (``union all by name``). ``$name`` is a parameter; ``$as_of``, ``$since`` (evidence
is about claims settled after it) and ``$months`` are given; the runner drops evidence whose claim was settled on or before ``$since``
(or, without claim_id, whose ``occurred_on`` lies there), so a query may look at everything before for context.

What the SQL reads:

- the snapshot's views: every canonical table exists (empty where the source lacks it), ``claims`` and ``items`` after refunds,
  ``settlements`` before; ``needs`` names the tables and columns without which the rule is to be skipped;
- the shared relations of :mod:`fraudml.rules.relations`, one row per what ``grain`` says: ``cases`` (claim + institution + patient +
  main diagnosis + department), ``lines`` (item line + its one catalogue entry: generic, name, price cap at date and level, list type),
  ``drug_lines`` (label, dose), ``stays`` (merged settlements of one visit, amounts by charge type), ``claim_charges``,
  ``main_diagnosis``, ``claim_diagnoses`` (with registered diseases), ``patient_diseases``, ``covered_by`` (entry x ICD code that its label
  or restriction names), ``catalogue_entries`` (join ``lines.entry_id``), ``distances``;
- macros ``poisson_surprise(k, expected)`` and ``binomial_surprise(k, n, p)`` (-ln of a bound on the chance: 9.2 is 1 in 10,000),
  ``kilometres(lon1, lat1, lon2, lat2)``, ``falls_under(icd, prefix)``;
- knowledge: ``knowledge_<name>`` for each ``conf/knowledge/<name>.yaml``.

``lines`` reaches six months before the window. Group before joining; pick one row per line; order windows by value and then by id.
"""

from fraudml.knowledge import Clause, load_clauses
from fraudml.rules.amounts import deduplicate_amounts
from fraudml.rules.declaration import Parameter, Rule
from fraudml.rules.runner import load_rules, run_rules
from fraudml.rules.versions import RuleBase, rule_base

__all__ = ["Clause", "Parameter", "Rule", "RuleBase", "deduplicate_amounts", "load_clauses", "load_rules", "rule_base", "run_rules"]
