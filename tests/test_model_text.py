"""Path models as text: lavaan as reference, what a drawing says, defined effects, and refusals."""

from __future__ import annotations

import math
import pickle
import random
import shutil
import subprocess
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.pathmodel import PathModel, parse_model, read_model
from tests.conftest import ROOT

LAVAAN = Path(__file__).parent / "lavaan"
NAMES = ["TF", "EVI", "SOC", "soil.C", "x1", "x_2", ".z", "Cenzy", "e1", "T"]
LABELS = ["a", "b", "c.1", "start", "exp", "lambda", "is"]
NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e-3, 2.5e10, -0.125]


def slots_of(model: PathModel) -> dict[tuple, str | float | None]:
    """Return the label or value of all that a model draws, None where it is free."""
    said = {(to, "~", cause): None for to, cause in model.paths}
    said |= {(frozenset(pair), "~~"): None for pair in model.covariances}
    for (left, sign, right), mark in model.modifiers.items():
        said[(left, sign, right) if sign == "~" else (frozenset({left, right}), sign)] = mark
    return said


def agree_with_lavaan(folder: Path, texts: int) -> None:
    """Compare what is read of each text with what lavaan reads."""
    table = pd.read_csv(folder / "language.csv", keep_default_na=False)
    split = f"\n{(folder / 'language.txt').read_text(encoding='utf-8')}".split("\n----")
    assert len(split) == texts == table["text"].nunique()
    for (_, rows), text in zip(table.groupby("text"), split, strict=True):
        model = parse_model(text)
        theirs, values = {}, {}
        for kind, left, sign, right, fixed, label in rows.iloc[:, 1:].to_numpy():
            pair = (left, sign, right) if sign == "~" else (frozenset({left, right}), sign)
            if kind == "defined":
                values[left] = float(fixed)
            elif kind == "drawn":
                theirs[pair] = label or (None if fixed in ("", "NA") else float(fixed))
                if left == right and theirs[pair] is None:  # as every variance is
                    del theirs[pair]
        assert slots_of(model) == theirs
        both = {frozenset(pair) for pair in permutations(model.endogenous, 2)}
        ends = model.all_covariances(convention="lavaan")[len(model.all_covariances()) :]
        added = rows.query("kind == 'added'")[["left", "right"]].to_numpy()
        assert {frozenset(pair) for pair in ends} == {frozenset(pair) for pair in added}
        assert {frozenset(pair) for pair in ends} <= both
        labels = dict.fromkeys(label for label in rows["label"] if label)
        given = {label: 0.3 + 0.2 * k for k, label in enumerate(labels, start=1)}
        assert model.define(given) == pytest.approx(values, rel=1e-13, nan_ok=True)


def test_the_language_is_lavaans():
    agree_with_lavaan(LAVAAN, texts=10)


def test_new_texts_are_read_as_lavaan_reads_them_here(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not installed")
    if subprocess.run(["Rscript", "-e", "library(lavaan)"], capture_output=True).returncode:
        pytest.skip("R has no lavaan")
    rng = random.Random(1921)
    texts = [write_out(*draw_model(rng), rng) for _ in range(60)]
    (tmp_path / "language.txt").write_text("----\n".join(texts), encoding="utf-8")
    command = ["Rscript", str(LAVAAN / "language.R"), str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    agree_with_lavaan(tmp_path, texts=60)


# A model that is drawn at random, and written out in any of many ways


def draw_model(rng: random.Random) -> tuple[dict[tuple, str | float | None], dict[str, str]]:
    """Draw labels and values by (left, sign, right), None where free, and defined effects."""
    names = rng.sample(NAMES, rng.randint(2, 6))
    pairs = list(permutations(names, 2))
    arrows = sorted(rng.sample(pairs, rng.randint(1, len(pairs))), key=lambda pair: pair[0])
    model = {(to, "~", cause): draw_mark(rng) for to, cause in arrows}
    model[*arrows[0][:1], "~", arrows[0][1]] = rng.choice([None, *LABELS])
    joined = dict.fromkeys(name for pair in arrows for name in pair)
    for one, other in rng.sample(pairs, rng.randint(0, len(pairs) // 3)):
        if (other, "~~", one) not in model:
            model[one, "~~", other] = draw_mark(rng)
    for name in rng.sample(list(joined), rng.randint(0, 2)):
        model[name, "~~", name] = rng.choice([None, "v", 0.5, 3.0])
    labels = sorted({mark for mark in model.values() if isinstance(mark, str)})
    defined = {}
    for k in range(rng.randint(0, 3) if labels else 0):
        some = rng.choices([*labels, *defined, "2", "1e-1"], k=4)
        one, two, three = rng.choices([" + ", "-", "*", " / ", "*-", "^", "**"], k=3)
        defined[f"d.{k}"] = rng.choice(["", "-", "2*"]) + rng.choice(
            [
                f"{some[0]}{one}{some[1]}{two}{some[2]}{three}{some[3]}",
                f"({some[0]}{one}{some[1]}){two}exp({some[2]})",
                f"sqrt( ({some[0]}{one}{some[1]})^2 ){two}{some[2]}",
            ]
        )
    return model, defined


def draw_mark(rng: random.Random) -> str | float | None:
    return rng.choice([None, None, rng.choice(LABELS), rng.choice(NUMBERS)])


def write_out(model: dict, defined: dict[str, str], rng: random.Random) -> str:
    """Write a model with spaces, comments and broken lines, terms joined or each by itself."""
    space = ["", "", " ", "\t ", "\n", " # why ~ not; \n\n  # a + line\n", " ! := \n  "]
    end = ["\n", " ;", " ; # the end\n\n", "   ! the end\n"]
    text, before = "", None
    for (left, sign, right), mark in model.items():
        around = f"{rng.choice(space)}*{rng.choice(space)}"
        if mark is None:
            term = rng.choice(["", f"NA{around}", f"start(0.5){around}", "0.2?"]) + right
        elif isinstance(mark, str) and rng.random() < 0.3:
            term = f'label("{mark}"){around}{right}'
        else:
            term = f"{mark}{around}{right}"
        if before == (left, sign) and rng.random() < 0.7:
            text += f"{rng.choice(space)}+{rng.choice(space)}"
        else:
            text += f"{rng.choice(end)}{left}{rng.choice([' ', ''])}{sign}{rng.choice(space)}"
        text += term
        before = left, sign
    for name, formula in defined.items():
        text += f"{rng.choice(end)}{name}:={rng.choice(space)}{formula}"
    return f"{text}{rng.choice(end)}\n"


@given(st.randoms(use_true_random=False))
def test_a_model_reads_the_same_however_it_is_written(rng):
    said, defined = draw_model(rng)
    model = parse_model(write_out(said, defined, rng))
    assert list(model.paths) == [
        (to, cause) for (to, sign, cause), mark in said.items() if sign == "~" and mark != 0
    ]
    assert list(model.covariances) == [
        (one, other)
        for (one, sign, other), mark in said.items()
        if sign == "~~" and mark != 0 and one != other
    ]
    assert model.modifiers == {slot: mark for slot, mark in said.items() if mark is not None}
    assert model.defined == defined
    assert set(model.variables) == {name for left, _, right in said for name in (left, right)}
    other = parse_model(write_out(said, defined, rng))
    assert (other.paths, other.covariances) == (model.paths, model.covariances)
    assert (other.modifiers, other.defined) == (model.modifiers, model.defined)


# What follows from a text


def test_what_a_drawing_says():
    model = parse_model("d ~ c + a  # why d\n\n# a comment\nc ~ a+b\na ~~ b\nd ~ b  # and b")
    assert model.endogenous == ("c", "d")
    assert set(model.exogenous) == {"a", "b"}
    assert model.reasons == {"d": "why d; and b"}
    assert model.count_parameters() == model.count_parameters("uncorrelated") == 5 + 4 + 1
    assert model.recursive
    assert not parse_model("c ~ a + d\nd ~ b + c").recursive
    assert not parse_model("c ~ a\nd ~ a\nc ~~ d").recursive
    for name in ("climatic", "plant", "soil", "microbial"):
        assert read_model(name).recursive


def test_reasons_of_a_statement_are_joined():
    model = parse_model("y ~ x  # one\n  # of its own\n  + z  ! two\nz ~ x; m ~ x # three\na ~~ b#")
    assert model.reasons == {"y": "one; two", "m": "three"}


@pytest.mark.parametrize(
    ("text", "free", "restricted"),
    [
        ("m ~ x\ny ~ m", 2 + 3, False),
        ("m ~ a*x\ny ~ b*m", 2 + 3, False),
        ("m ~ a*x\ny ~ a*m", 1 + 3, True),
        ("m ~ 0.5*x\ny ~ m", 1 + 3, True),
        ("m ~ 0.5*x\ny ~ a*m\nz ~ a*m\ny ~~ 1*y", 1 + 3, True),
        ("m ~ x\ny ~ m + 0*x", 2 + 3, False),
        ("m ~ x\ny ~ m + NA*x", 3 + 3, False),
        ("y ~ x + z", 2 + 3 + 1, False),
        ("y ~ x + z\nx ~~ 0*z", 2 + 3, False),
        ("y ~ x + z\nx ~~ 0.2*z", 2 + 3, True),
        ("y ~ x + z\nx ~~ v*x\nz ~~ v*z\nx ~~ c*z", 2 + 2 + 1, True),
    ],
)
def test_labels_and_fixed_values_take_freedom_away(text, free, restricted):
    model = parse_model(text)
    assert model.count_parameters() == free
    assert model.restricted is restricted
    assert model.recursive


def test_what_is_fixed_at_0_is_not_drawn():
    model = parse_model("y ~ a + 0*b\na ~~ 0*b\nw ~ 0*y\nv ~ a\nv ~~ 0*w")
    assert model.paths == (("y", "a"), ("v", "a"))
    assert model.exogenous == ("a", "b")
    assert set(model.endogenous) == {"y", "w", "v"}
    assert model.all_covariances() == model.all_covariances(convention="lavaan") == ()
    assert model.count_parameters() == 2 + 5
    assert ("b", "w") in model.claims()
    assert ("a", "b") in model.claims()


def test_errors_of_final_outcomes_correlate_where_lavaan_has_it():
    model = parse_model("m ~ x + z\ny ~ m\nw ~ m\nv ~ m\ny ~~ c*w")
    assert model.all_covariances() == (("y", "w"), ("x", "z"))
    assert set(model.all_covariances("uncorrelated", "lavaan")) == {
        ("y", "w"), ("y", "v"), ("w", "v")
    }  # fmt: skip
    assert model.count_parameters(convention="lavaan") == model.count_parameters() + 2


def test_models_that_say_different_things_differ():
    text = "m ~ a*x\ny ~ a*m\nd := 2*a"
    model = parse_model(text)
    same = [parse_model(text), pickle.loads(pickle.dumps(model))]
    other = PathModel(text, model.paths, modifiers={("m", "~", "x"): "a"}, defined=model.defined)
    assert all(each == model and hash(each) == hash(model) for each in same)
    assert other != model
    assert PathModel(text, model.paths, modifiers=model.modifiers, defined={"d": "a"}) != model


def test_what_is_left_out_is_said():
    remarks = parse_model("y ~ 1 + x\nm ~ start(0.5)*x").remarks
    assert [remark.split(":")[0] for remark in remarks] == [
        "path model, line 1",
        "path model, line 2",
    ]
    assert "intercept" in remarks[0]
    assert "starting value" in remarks[1]
    assert not parse_model("m ~ a*x\ny ~~ m").remarks


# Defined effects

EFFECT = "m ~ a*x\ny ~ b*m + c*x\nindirect := a*b\nshare := indirect/(indirect + c)"
CURVED = f"{EFFECT}\ncurved := exp(-a)*log(b)/sqrt(c) - share^2 + (-a)^3 + b^c"


def test_whole_bootstraps_are_defined_at_once():
    model = parse_model(f"{CURVED}\nconstant := 2")
    draws = dict(zip("abc", np.random.default_rng(3).uniform(0.1, 2, (3, 50)), strict=True))
    together = model.define(draws)
    for k in range(50):
        one = model.define({label: values[k] for label, values in draws.items()})
        assert one == pytest.approx({name: values[k] for name, values in together.items()})
    assert together["constant"].shape == (50,)


@settings(max_examples=40)
@given(*[st.floats(0.1, 3)] * 3)
def test_complex_steps_give_the_slopes_of_defined_effects(a, b, c):
    slopes = {
        label: parse_model(CURVED).define({"a": a, "b": b, "c": c} | {label: step})["curved"].imag
        for label, step in {"a": a + 1e-30j, "b": b + 1e-30j, "c": c + 1e-30j}.items()
    }
    share, both = a * b / (a * b + c), (a * b + c) ** 2
    root = math.exp(-a) / math.sqrt(c)
    expected = {
        "a": -root * math.log(b) - 2 * share * b * c / both - 3 * a**2,
        "b": root / b - 2 * share * a * c / both + c * b ** (c - 1),
        "c": -root * math.log(b) / (2 * c) + 2 * share * a * b / both + b**c * math.log(b),
    }
    assert {label: 1e30 * slope for label, slope in slopes.items()} == pytest.approx(
        expected, rel=1e-9, abs=1e-12
    )


def test_a_defined_effect_without_a_value_is_no_number():
    model = parse_model("y ~ a*x\nb := 1/a\nc := log(-b)\nd := a/(a - a)\ne := (a - 2)^0.5")
    values = model.define({"a": 0})
    assert values.pop("b") == np.inf
    assert np.isnan(list(values.values())).all()


@pytest.mark.parametrize(
    "formula",
    [
        "", "a b", "a +", "2a", "a = 2", "a, b", "a.real(", "a[0]", "'a'", "a; b", "a == 2",
        "a if a else a", "lambda: a", "a and a", "[a]", "{}", "()", "exp", "exp()", "exp(a, a)",
        "exp(*a)", "exp(a=2)", "sin(a)", "__import__('os')", "a.__class__()", "(a)(a)", "a @ a",
        "a // a", "a % a", "1e400", "1j", "0x1g", "\u03b1", "a\u00d7a", "a\\", "(" * 10_000,
        "-" * 10_000 + "a", "(" * 250 + "a" + ")" * 250, "+".join(["a"] * 1000),
    ],
)  # fmt: skip
def test_a_formula_of_anything_else_is_refused(formula):
    with pytest.raises(InputError, match="line 2"):
        parse_model(f"y ~ a*x + b*z\nd := {formula}")
    with pytest.raises(InputError):
        PathModel("", (("y", "x"),), defined={"d": formula}).define({"a": 1.0, "b": 1.0})


# Refusals


def test_all_that_is_at_fault_is_told_together():
    with pytest.raises(InputError) as refusal:
        parse_model("f =~ y1\ny ~ x\nz ~ x:y\n\ng =~ y2\nz ~ 0,5*x", where="mine")
    told = [refusal.value, *refusal.value.others]
    assert [fault.where for fault in told] == ["mine, line 1, and in mine, line 5", "mine, line 3",
                                               "mine, line 6"]  # fmt: skip


def test_names_that_do_not_go_together_are_told_together():
    with pytest.raises(InputError) as refusal:
        parse_model("y ~ a*x + x*z\nw ~ 1\nd := e\nd2 := d + f\na := 2")
    assert len([refusal.value, *refusal.value.others]) == 4
    for line in (1, 2, 3, 4, 5):
        assert f"line {line}" in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "y ~ .", "y ~ ..", "y ~ 1x", "y ~ x +", "y +\nz ~ x", "y", "y ~", "~", "y ~ -x",
        "y ~ x - z", "y ~ x z", "y x ~ z", "y ~ 2", "y ~ a*b*x", "y ~ 2*3*x", "y ~ (x)",
        "y ~ a*(x + z)", "y ~ NA*0*x", "y ~ NA*x + 0*x", "y ~ x + x", "y ~ a?x",
        'y ~ label("a)*x', "y ~ label(a)*x", 'y ~ label("a b")*x', "y ~ x ~ z", "y ~~~ x",
        "y ~ x = z", "y ~ x\nd + e := 1", "y ~ a\\*x", "y ~ x\ny ~~ 1", "y ~ x\ny ~~ -1*y",
        "y ~ $x", "y ~ 0*x", "0 ~ x", "1 ~~ x", "y ~ x\n2 := 3", "y ~ start(a)*x",
        "y ~ lower(0)*x", "y ~ x %in% z", "level: 1\ny ~ x", "y <- x", "y ~ '",
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(text):
    with pytest.raises(InputError):
        parse_model(text)
