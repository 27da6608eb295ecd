"""The ledger: its rows, its rules, and the report of what the executed notebooks answered."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.errors import InputError
from helpers.paper.claims import (
    KINDS,
    NO_DATA,
    REASONS,
    RULES,
    VERDICTS,
    Answer,
    Weighed,
    agree,
    collect,
    judge,
    load_claims,
    weigh,
)
from helpers.parameters import check_parameters
from helpers.paths import DATA
from helpers.provenance import LABELS
from tools.execution import NOTEBOOKS
from tools.report import BOOK, write_report

LEDGER = load_claims()
PATH_MODELS = LEDGER.index[LEDGER["notebook"] == "07_path_models"]


def claim(rule: str, published: str = "", precision: str = "", **more: str) -> dict[str, str]:
    empty = {"kind": "claim", "built_in": "", "reason": "method ambiguous"}
    return empty | {"rule": rule, "published": published, "precision": precision} | more


@pytest.mark.parametrize(
    ("rule", "published", "precision", "value", "agrees"),
    [
        ("rounds to", "0.275", "0.001", 0.2754, "yes"),
        ("rounds to", "0.275", "0.001", 0.2756, "nearly"),
        ("rounds to", "0.275", "0.001", 0.335, "no"),
        ("rounds to", "2200", "100", 2249, "yes"),
        ("rounds to", "84;593", "1;1", [95.5, 581.8], "nearly"),
        ("rounds to", "84;593", "1;1", [95.5, 500], "no"),
        ("sign", "+", "", (0.4, 0.1, 0.7), "yes"),
        ("sign", "+", "", (0.4, -0.1, 0.7), "open"),
        ("sign", "−", "", (-0.4, -0.7, -0.1), "yes"),
        ("sign", "+", "", (-0.4, -0.7, -0.1), "no"),
        ("order", "TF > PET > SH", "", ["TF", "PET", "SH"], "yes"),
        ("order", "TF > PET > SH", "", ["PET", "TF", "SH"], "partly"),  # two pairs of three
        ("order", "TF > PET > SH", "", ["TF", "SH"], "no"),  # one pair of three
        ("order", "TF > PET > SH", "", ["SH", "TF", "PET"], "no"),
        ("order", "TF > PET > SH", "", [], "no"),
        ("order", "TF", "", ["TF"], "yes"),
        ("order", "TF", "", ["PET"], "no"),
        ("every", "all", "", (94, 94), "yes"),
        ("every", "all", "", (81, 94), "partly"),
        ("every", "all", "", (47, 94), "no"),
        ("tests", "P < 0.001", "", (3, 3), "yes"),
        ("tests", "P < 0.001", "", (2, 3), "partly"),
        ("tests", "P < 0.001", "", (1, 3), "open"),  # what was not shown is not excluded
        ("most", "most", "", (5, 8), "yes"),
        ("most", "most", "", (4, 8), "open"),
        ("statement", "", "", True, "yes"),
        ("statement", "", "", np.bool_(False), "no"),
    ],
)
def test_a_rule_says_how_far_a_result_agrees(rule, published, precision, value, agrees):
    assert agree(claim(rule, published, precision), value) == agrees


@given(st.floats(-1e4, 1e4), st.integers(0, 4))
def test_a_number_agrees_with_itself_as_it_would_be_printed(value, decimals):
    printed = claim("rounds to", f"{value:.{decimals}f}", f"1e-{decimals}")
    assert agree(printed, value) == "yes"
    assert agree(printed, value + 1.1 * 10.0**-decimals) != "yes"


@pytest.mark.parametrize(
    ("value", "label", "built_in", "verdict", "reason"),
    [
        (True, "observed", "", "reproduced", ""),
        (False, "observed", "", "not reproduced", "method ambiguous"),
        (None, "observed", "", "not testable", "method ambiguous"),
        (float("nan"), "observed", "", "not testable", "method ambiguous"),
        (True, "published", "", "reproduced", ""),
        (True, "reconstructed", "", "not testable", "values made up"),
        (False, "emulated", "", "not reproduced", "method ambiguous"),
        (None, "emulated", "", "not testable", "method ambiguous"),
        (True, "emulated", "pattern", "not testable", "pattern assumed"),
        (None, "emulated", "pattern", "not testable", "method ambiguous"),
        (True, "simulated", "pattern", "reproduced", ""),
        (True, "reconstructed", "generator", "by construction", ""),
        (False, "reconstructed", "generator", "not testable", "values made up"),
        (True, "observed", "generator", "reproduced", ""),
        (True, "observed", "definition", "by construction", ""),
        (False, "observed", "definition", "not reproduced", "method ambiguous"),
    ],
)
def test_what_was_put_in_or_made_up_is_never_called_reproduced(
    value, label, built_in, verdict, reason
):
    found = judge(claim("statement", built_in=built_in), Answer(value, label, ""))
    assert (found["verdict"], found["reason"]) == (verdict, reason)


def test_what_the_paper_says_of_its_own_sites_is_not_asked_of_a_readers(own_data):
    claims = load_claims().query("notebook == '01_data'").index
    answers = dict.fromkeys(claims, NO_DATA) | {
        "sites": ([25], "observed", "25"),
        "zone-sites": ([6, 10, 14], "observed", "6, 10, 14"),
        "transect-length": (900, "reconstructed", "900 km"),
        "factor-counts": ([14, 3, 2, 0], "published", "14, 3, 2, 0"),
        "climate-grid": ([1], "assimilated", "1°"),
    }
    own = weigh("01_data", answers).table["reason"]
    check_parameters({})
    book = weigh("01_data", answers).table["reason"]
    theirs = {"sites", "zone-sites", "factor-counts"}
    assert {*own.index[own == "other sites"]} == theirs
    assert own.drop(theirs).equals(book.drop(theirs))
    assert "other sites" not in set(book)


def test_a_pattern_that_was_assumed_is_a_reason_where_it_was_and_only_there():
    places = claim("every", built_in="pattern") | {"reason": "pattern assumed"}
    found = {
        label: judge(places, Answer(value, label, ""))
        for label, value in (("emulated", (9, 9)), ("simulated", (1, 9)), ("published", None))
    }
    assert {label: (one["verdict"], one["reason"]) for label, one in found.items()} == {
        "emulated": ("not testable", "pattern assumed"),
        "simulated": ("not reproduced", ""),
        "published": ("not testable", "data not available"),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("climatic-leader", ["supported"]),
        ("plant-leader", ["EVI"]),
        ("soil-positive", ["SOC", "SIC", "Rₛ"]),
        ("microbial-signs", ["supported"]),
        ("phase-carbon", (0.5, 0.1, 0.9)),
    ],
)
def test_a_map_that_is_a_formula_supports_no_comparison_of_places(name, value):
    row = LEDGER.loc[name]
    found = {label: judge(row, Answer(value, label, "")) for label in ("emulated", "simulated")}
    assert found["emulated"]["verdict"] == "not testable"
    assert found["emulated"]["reason"] == "pattern assumed"
    assert found["simulated"]["verdict"] in ("reproduced", "supported")


def test_a_claim_that_was_tested_is_not_short_of_data():
    lacking = claim("statement") | {"reason": "data not available"}
    verdicts = [judge(lacking, Answer(value, "observed", "")) for value in (None, True, False)]
    assert [each["reason"] for each in verdicts] == ["data not available", "", ""]
    assert [each["verdict"] for each in verdicts] == [
        "not testable",
        "reproduced",
        "not reproduced",
    ]
    simulated = judge(claim("statement", built_in="pattern"), Answer(True, "simulated", ""))
    assert simulated["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("kind", "verdicts"),
    [
        ("claim", ["reproduced", "reproduced with deviation", "partly", "not reproduced"]),
        ("question", ["supported", "not supported", "partly", "not supported"]),
        ("check", ["holds", "does not hold", "partly", "does not hold"]),
    ],
)
def test_only_a_claim_of_the_paper_is_called_reproduced(kind, verdicts):
    def verdict(rule, value, published="", precision=""):
        row = claim(rule, published, precision, kind=kind)
        return judge(row, Answer(value, "observed", ""))["verdict"]

    found = [
        verdict("every", (4, 4)),
        verdict("rounds to", 104, "100", "1"),
        verdict("every", (3, 4)),
        verdict("every", (2, 4)),
    ]
    assert found == verdicts
    assert {verdict("most", (0, 4)), verdict("every", None)} == {"undecided", "not testable"}


@pytest.mark.parametrize("change", [{"more": (True, "published", "")}, {}])
def test_a_chapter_answers_all_of_its_claims_and_no_other(change):
    answers = dict.fromkeys(PATH_MODELS, (None, "published", ""))
    weigh("07_path_models", answers)
    if not change:
        answers.popitem()
    with pytest.raises(InputError, match="claims of 07_path_models"):
        weigh("07_path_models", answers | change)


def test_answers_survive_the_notebook_and_hostile_words_do_not():
    answers = dict.fromkeys(PATH_MODELS, (None, "published", "<script>x</script>"))
    shown = weigh("07_path_models", answers)
    bundle, metadata = shown._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert 'id="claim-model-structures"' in bundle["text/html"]
    output = new_output("execute_result", bundle, metadata=metadata)
    found = collect(new_notebook(cells=[new_code_cell(outputs=[output])]))
    columns = ["value", "here", "label", "agrees", "verdict", "reason"]
    pd.testing.assert_frame_equal(found, shown.table[columns])
    assert collect(new_notebook()).empty


def test_a_long_table_folds_what_stays_undecided_and_keeps_every_row():
    asked = LEDGER[(LEDGER["notebook"] == "05_climate_and_life") & (LEDGER["kind"] == "question")]
    table = asked.assign(
        here="", value="", agrees="", label="measured", verdict="undecided", judged=False
    )
    for rows, folded in ((table, True), (table[:20], False)):
        mixed = rows.assign(verdict=["supported", *rows["verdict"][1:]])
        page = Weighed(mixed)._repr_mimebundle_()[0]["text/html"]
        shown, _, rest = page.partition("<details")
        assert bool(rest) == folded
        home = rest if folded else shown
        assert all(f'id="claim-{name}"' in home for name in rows.index[1:])
        assert f'id="claim-{rows.index[0]}"' in shown
        assert page.count('id="claim-') == len(rows)


def test_the_ledger_is_in_order():
    assert LEDGER.index.is_unique
    assert len(LEDGER) >= 60
    assert LEDGER.index.str.fullmatch(r"[a-z0-9-]+").all()
    assert set(LEDGER["notebook"]) <= {path.stem for path in NOTEBOOKS.glob("*.md")}
    assert set(LEDGER["kind"]) == set(KINDS) == set(VERDICTS)
    for kind, rows in LEDGER.groupby("kind"):
        assert set(rows["verdict"]) <= set(VERDICTS[kind])
    assert set(LEDGER["label"]) <= {*LABELS, "no data"}
    assert set(LEDGER["reason"]) <= {"", *REASONS}
    assert set(LEDGER["rule"]) <= set(RULES)
    assert set(LEDGER["built_in"]) <= {"", "definition", "generator", "pattern"}
    assert (LEDGER["section"] + LEDGER["figure"]).all()
    rounded = LEDGER[LEDGER["rule"] == "rounds to"]
    for name, row in rounded.iterrows():
        printed, units = row["published"].split(";"), row["precision"].split(";")
        for number, unit in zip(printed, units, strict=True):
            assert Decimal(unit) >= Decimal(10) ** Decimal(number).as_tuple().exponent, name
    others = LEDGER[LEDGER["rule"] != "rounds to"]
    assert (others["precision"] == "").all()


def test_what_the_paper_says_names_no_number_that_the_ledger_does_not_hold():
    tables = [LEDGER, pd.read_csv(DATA / "published_loop.csv", dtype=str)]
    known = set(re.findall(r"\d+(?:\.\d+)?", " ".join(t.to_csv() for t in tables)))
    checked = 0
    for path in NOTEBOOKS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        said = re.search(r"## What the paper says\n(.*?)\n## ", text, re.DOTALL).group(1)
        said = re.sub(r"\{cite:[pt]\}`.*?`|§+[\d., and]+|AMOS \d+", "", said)
        said = re.sub(r"(?:Fig|Eq)\. [\w–, ]+(?: and \w)?", "", said)
        for number in re.findall(r"\d+(?:\.\d+)?", said):
            assert number in known, (path.stem, number)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("name", LEDGER.index)
def test_the_claim_has_the_verdict_of_the_ledger(name):
    row = LEDGER.loc[name]
    found = collect(nbformat.read(NOTEBOOKS / f"{row['notebook']}.ipynb", 4)).loc[name]
    where = f"{row['claim']} ({row['section']} {row['figure']})"
    assert found["verdict"] == row["verdict"], f"{where}: {found['here']}"
    assert found["label"] == row["label"], where


def test_the_report_is_what_its_notebooks_say(tmp_path):
    (tmp_path / "_static").mkdir()
    write_report(book=tmp_path)
    for path in tmp_path.rglob("*.*"):
        shown = BOOK / path.relative_to(tmp_path)
        assert path.read_text() == shown.read_text(), f"{path.name} is old: make refresh"


def test_the_report_counts_every_claim_once():
    records = json.loads((BOOK / "_static" / "claims.json").read_text())
    assert [record["id"] for record in records] == list(LEDGER.index)
    for kind, rows in LEDGER.groupby("kind"):
        table = (BOOK / "_generated" / f"{kind}-verdicts.md").read_text().replace(" ", "")
        for verdict, some in rows.groupby("verdict"):
            assert re.search(rf"^\|{verdict.replace(' ', '')}\|.*\|{len(some)}\|$", table, re.M)
