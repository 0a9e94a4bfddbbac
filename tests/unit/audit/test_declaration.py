"""Wrong programmes and lists are refused with file, line and what to do, before anything runs."""

from __future__ import annotations

import pytest

from fraudml.audit import load_programme, programmes, run_programme
from fraudml.errors import FraudmlError

TOP = {
    "id": "mine",
    "row": "A02",
    "kind": "top",
    "name": {"zh": "名单", "en": "list"},
    "unit": "patient",
    "strata": ["period"],
    "measure": {"sql": "count(*)", "unit": "count", "zh": "次数", "en": "count"},
    "size": 2,
}


@pytest.mark.parametrize("name", programmes())
def test_shipped_programmes_are_right(name):
    assert load_programme(name).lists


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "best"}, r"own\.yaml:\d+: kind “best” is none of"),
        ({"sizes": 3}, r"own\.yaml:\d+: .*no key “sizes”"),
        ({"size": 0}, r"own\.yaml:\d+: “size” is 0"),
        ({"size": "many"}, "“size” is many"),
        ({"share": 0.1}, "either “size” or “share”"),
        ({"name": {"zh": "名单"}}, "“name” must be given in zh and en"),
        ({"unit": "person"}, "unit “person” is none of"),
        ({"ties": "cut"}, "ties “cut” is none of"),
        ({"strata": "period"}, "“strata” must be a list of texts"),
        ({"measure": {"sql": "count(*)"}}, "“measure” needs sql, zh and en"),
        ({"where": "1 = 1; drop table claims"}, "“where” must be one SQL expression"),
        ({"needs": ["items.cost"]}, "no canonical table or column"),
        ({"id": "Not Good"}, "lower-case"),
        ({"row": "X1"}, "no row of the form"),
        ({"among": {"size": 3}}, "no key “among”"),
        ({"tiebreak": "sum(total_amount)"}, "ties: drawn"),
    ],
)
def test_a_wrong_entry_names_file_and_line(conf_dir, change, message):
    with pytest.raises(FraudmlError, match=message):
        load_programme("own", conf_dir(TOP | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"where": "colour = 'red'"}, "list “mine”.*colour"),
        ({"measure": TOP["measure"] | {"sql": "sum(cost)"}}, "cost"),
        ({"strata": ["county"]}, "county"),
        ({"having": "count(*) >"}, "list “mine”"),
    ],
)
def test_sql_is_bound_before_anything_runs(make_claims, conf_dir, change, message):
    with pytest.raises(FraudmlError, match=rf"audit\.sql.*{message}"):
        run_programme(make_claims(claims=[{}]), "own", "2024-06-30", conf_dir=conf_dir(TOP | change))


@pytest.mark.parametrize(
    ("lists", "programme", "message"),
    [
        (["no_such_list"], {}, "there is no list “no_such_list”"),
        ([TOP, TOP], {}, "stands twice"),
        ([TOP], {"periods": ["2024-13"]}, "no period"),
        ([TOP], {"periods": ["2024", "2024-03"]}, "overlap"),
        ([TOP], {"by": "paid_on"}, "no day of a claim"),
        ([TOP], {"colour": 1}, "unknown key “colour”"),
        ([TOP], {"id": "other"}, "not the file's name"),
        (["main_suppliers"], {}, "no list that stands before"),
        ([], {}, "at least one list"),
    ],
)
def test_a_wrong_programme_is_refused(conf_dir, lists, programme, message):
    with pytest.raises(FraudmlError, match=message):
        load_programme("own", conf_dir(*lists, **programme))


def test_a_bureaus_list_changes_only_the_keys_it_names(conf_dir):
    folder = conf_dir("outpatient_visits")
    (folder / "audit" / "lists").mkdir()
    (folder / "audit" / "lists" / "outpatient_visits.yaml").write_text("size: 1000\n")
    entry = load_programme("own", folder).lists[0]
    assert (entry["size"], entry.row, entry.strata) == (1000, "A02", ("period", "insurance_type"))


def test_unknown_programmes_and_lists_are_named(conf_dir):
    with pytest.raises(FraudmlError, match="there is no programme “nothing”"):
        load_programme("nothing")
    with pytest.raises(FraudmlError, match="this programme has no list other"):
        load_programme("own", conf_dir(TOP), {"other": {"size": 3}})
