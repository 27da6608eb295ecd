"""Models with loops of any kind: textbook cases of identification, and what a search finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.pathmodel import (
    effects,
    fit_from_starts,
    fit_indices,
    fit_model,
    identify,
    nonrecursive,
    parse_model,
    read_model,
)
from helpers.pathmodel.frame import Frame
from helpers.pathmodel.loop import feedback, fit_loop
from helpers.pathmodel.nonrecursive import Identification
from tests.test_loop import DATA, FOUR, ring, simulate, unreal_data
from tests.test_pathmodel import random_graphs, read_data, same_fit

INSTRUMENTS = parse_model("m ~ y + x\ny ~ m + z")


def conditions(found: Identification, name: str) -> dict[str, bool]:
    return found.equations[name].to_dict()


# what the drawing determines


def test_a_pair_with_an_instrument_for_each_is_determined():
    found = identify(INSTRUMENTS)
    assert found.equations.to_dict("index") == {
        "m": {"endogenous_causes": 1, "excluded_exogenous": 1, "order": True, "rank": True},
        "y": {"endogenous_causes": 1, "excluded_exogenous": 1, "order": True, "rank": True},
    }
    assert (found.parameters, found.moments, found.rank) == (9, 10, 9)
    joined = identify(parse_model(f"{INSTRUMENTS.text}\nm ~~ y"))
    assert (joined.parameters, joined.moments, joined.rank) == (10, 10, 10)
    apart = identify(INSTRUMENTS, exogenous="uncorrelated")
    assert (apart.parameters, apart.rank) == (8, 8)


def test_a_pair_without_instruments_is_not():
    found = identify(parse_model("m ~ y\ny ~ m"))
    assert (found.parameters, found.moments, found.rank) == (4, 3, 3)
    assert not found.equations[["order", "rank"]].any(axis=None)


def test_one_instrument_determines_one_equation():
    found = identify(parse_model("m ~ y + x\ny ~ m"))
    assert conditions(found, "order") == {"m": False, "y": True}
    assert conditions(found, "rank") == {"m": False, "y": True}
    assert (found.parameters, found.rank) == (6, 6)  # by errors that do not correlate
    joined = identify(parse_model("m ~ y + x\ny ~ m\nm ~~ y"))
    assert (joined.parameters, joined.rank) == (7, 6)


@pytest.mark.parametrize("p", [3, 4, 5])
def test_a_loop_is_determined_by_independent_errors_only(p):
    found = identify(ring(p))
    assert found.parameters == found.rank == 2 * p
    assert not found.equations[["order", "rank"]].any(axis=None)
    assert (found.equations["endogenous_causes"] == 1).all()
    assert (found.equations["excluded_exogenous"] == 0).all()


def test_models_of_the_study_are_determined():
    for name in ("loop", "loop_top_all", "loop_top_two", "loop_top_inside", "climatic", "soil"):
        found = identify(read_model(name))
        assert found.rank == found.parameters <= found.moments


def test_gujaratis_model_meets_the_order_condition_everywhere_and_the_other_once():
    # Gujarati, Basic Econometrics, chapter 19: order and rank conditions of identifiability
    model = parse_model(
        "Y1 ~ Y2 + Y3 + X1\nY2 ~ Y3 + X1 + X2\nY3 ~ Y1 + X1 + X2\nY4 ~ Y1 + Y2 + X3"
    )
    found = identify(model)
    assert found.equations["order"].all()
    assert conditions(found, "rank") == {"Y1": False, "Y2": False, "Y3": False, "Y4": True}
    assert found.equations["endogenous_causes"].to_list() == [2, 1, 1, 2]
    assert found.equations["excluded_exogenous"].to_list() == [2, 1, 1, 2]


CLASS = "income ~ prestige + i\nprestige ~ income + p\nclass ~ income + prestige"
CORRELATED = "income ~~ prestige\nincome ~~ class\nprestige ~~ class"


def test_bollens_subjective_class_model_is_just_determined():
    # Bollen (1989), chapter 4: objective and subjective social class, errors free to correlate
    found = identify(parse_model(f"{CLASS}\n{CORRELATED}"))
    assert found.equations[["order", "rank"]].all(axis=None)
    assert (found.parameters, found.moments, found.rank) == (15, 15, 15)
    without = CLASS.replace("income + p\n", "income\n").replace("class ~", "class ~ p +")
    found = identify(parse_model(f"{without}\n{CORRELATED}"))
    assert conditions(found, "order") == {"income": True, "prestige": True, "class": False}
    assert conditions(found, "rank") == {"income": False, "prestige": True, "class": False}
    assert found.rank == 13


def test_friends_aspirations_are_determined_twice_over():
    # the simplest form of Duncan, Haller and Portes (1968)
    found = identify(parse_model("mine ~ yours + a + b\nyours ~ mine + c + d\nmine ~~ yours"))
    assert found.equations[["order", "rank"]].all(axis=None)
    assert found.equations["excluded_exogenous"].to_list() == [2, 2]
    assert found.rank == found.parameters == found.moments - 2


def test_an_instrument_frees_a_correlated_error():
    with_one = identify(parse_model("m ~ x\ny ~ m\nm ~~ y"))
    assert with_one.rank == with_one.parameters == with_one.moments == 6
    assert with_one.equations.loc["y"].to_list() == [1, 1, True, True]
    without = identify(parse_model("m ~ x\ny ~ m + x\nm ~~ y"))
    assert (without.parameters, without.rank) == (7, 6)
    assert not without.equations.loc["y", ["order", "rank"]].any()


@settings(max_examples=25)
@given(random_graphs(), st.sampled_from(["correlated", "uncorrelated"]), st.integers(0, 99))
def test_recursive_models_are_always_determined(drawn, exogenous, seed):
    model, _ = drawn
    found = identify(model, exogenous, seed)
    assert found.rank == found.parameters == model.count_parameters(exogenous)
    assert found.moments == model.count_moments()


@st.composite
def drawings(draw):
    """Draw a model of up to five variables, with loops, covariances or without."""
    names = list("abcde")[: draw(st.integers(2, 5))]
    pairs = [(to, cause) for to in names for cause in names if to != cause]
    paths = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=8, unique=True))
    both = [pair for pair in pairs if pair[0] < pair[1]]
    joined = draw(st.lists(st.sampled_from(both), max_size=2, unique=True))
    lines = [f"{to} ~ {cause}" for to, cause in paths] + [f"{a} ~~ {b}" for a, b in joined]
    return parse_model("\n".join(lines))


@settings(max_examples=40)
@given(drawings(), st.integers(0, 99))
def test_the_rank_is_that_of_differences_of_moments(model, seed):
    frame = Frame(model, "correlated")
    rng = np.random.default_rng(seed)
    theta = np.r_[rng.uniform(-0.9, 0.9, len(frame.paths)), rng.uniform(0.5, 1, len(frame.spreads))]
    lower = np.tril_indices(len(frame.names))

    def moments(theta: np.ndarray) -> np.ndarray:
        return frame.implied(theta)[lower]

    step = 1e-5 * np.eye(len(theta))
    slopes = [(moments(theta + each) - moments(theta - each)) / 2e-5 for each in step]
    sizes = np.linalg.svd(np.array(slopes), compute_uv=False)
    assume(not ((sizes > 1e-8 * sizes[0]) & (sizes < 1e-4 * sizes[0])).any())
    found = identify(model, seed=seed)
    assert found.rank == (sizes > 1e-6 * sizes[0]).sum()
    assert found.parameters == len(theta)


@settings(max_examples=40)
@given(drawings())
def test_the_rank_condition_is_stricter_than_the_order_condition_allows(model):
    table = identify(model).equations
    causes = [len(set(model.parents(to)) & set(model.endogenous)) for to in table.index]
    assert list(table.index) == list(model.endogenous)
    assert table["endogenous_causes"].to_list() == causes
    np.testing.assert_array_equal(
        table["order"], table["excluded_exogenous"] >= table["endogenous_causes"]
    )
    assert (table["order"] | ~table["rank"]).all()


# what a search finds


@pytest.mark.parametrize(("p", "gain"), [(4, 0.4), (3, 0.3), (4, -0.3)], ids=str)
def test_a_search_finds_the_two_solutions_of_the_closed_form_and_no_other(p, gain):
    data = simulate(gain, 150, seed=p, p=p)
    found = fit_from_starts(ring(p), data, starts=20)
    both = fit_loop(ring(p), data)
    assert len(found.fits) == 2
    for one, other in zip(found.fits, both, strict=True):
        np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(one.theta, other.theta, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(one.estimates["se"], other.estimates["se"], rtol=1e-5)
        assert fit_indices(one)["chi2"] == pytest.approx(fit_indices(other)["chi2"], abs=1e-9)
    ends = found.ends
    assert len(ends) == 20
    assert ends.index.name == "start"
    assert (ends["above"] > -1e-9).all()
    assert set(ends["solution"].dropna()) == {0, 1}
    np.testing.assert_array_equal(ends["solution"].isna(), ends["above"] >= 1e-6)
    for number, end in enumerate(found.fits):
        assert feedback(end.coefficients)["stability_index"] < 1 or number == 1


def test_the_search_goes_where_its_starts_lead():
    one, same, other = (fit_from_starts(FOUR, DATA, starts=8, seed=seed).ends for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not np.isclose(one["above"], other["above"], rtol=1e-6, atol=0).all()


@pytest.mark.parametrize(("seed", "number"), [(1, 0), (7, 1)], ids=["stable", "twin"])
def test_every_start_is_told_where_it_led(seed, number):
    both = fit_loop(FOUR, DATA)
    (alone,) = fit_from_starts(FOUR, DATA, starts=1, seed=seed).fits
    np.testing.assert_allclose(alone.coefficients, both[number].coefficients, atol=1e-7)
    many = fit_from_starts(FOUR, DATA, starts=16, seed=seed)
    assert len(many.fits) == 2
    assert many.ends.loc[0, "solution"] == number
    assert many.ends.loc[0, "above"] < 1e-9


@pytest.mark.parametrize("exogenous", ["correlated", "uncorrelated"])
@pytest.mark.parametrize("convention", ["amos", "lavaan"])
def test_a_model_with_one_solution_has_one(exogenous, convention):
    model, data = parse_model("b ~ a\nc ~ a + b\nd ~ c"), read_data("chain30")
    options = {"exogenous": exogenous, "convention": convention}
    found = fit_from_starts(model, data, starts=6, **options)
    (only,) = found.fits
    expected = fit_model(model, data, **options)
    same_fit(only, expected)
    assert (only.exogenous, only.convention) == (exogenous, convention)
    assert found.ends["solution"].notna().any()


def test_a_pair_with_instruments_is_found_as_the_fit_has_it():
    model, data = parse_model("c ~ a + d\nd ~ b + c"), read_data("loop200")
    found = fit_from_starts(model, data, starts=10)
    expected = fit_model(model, data)
    same_fit(found.fits[0], expected)
    np.testing.assert_allclose(effects(found.fits[0])["total"], effects(expected)["total"])


def test_the_gain_of_minus_1_where_both_solutions_meet_is_refused():
    (data,) = unreal_data(4, 1)
    with pytest.raises(InputError, match="other values would fit as well: d -> a, a -> b"):
        fit_from_starts(FOUR, data, starts=8)


def test_searches_that_all_end_elsewhere_are_refused(monkeypatch):
    monkeypatch.setattr(nonrecursive, "_reach", lambda *_: None)
    with pytest.raises(InputError, match="none from 2 starts"):
        fit_from_starts(FOUR, DATA, starts=2)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: identify(FOUR, exogenous="free"), "correlated or uncorrelated"),
        (lambda: fit_from_starts(FOUR, DATA, starts=0), "none from 0 starts"),
        (lambda: fit_from_starts(FOUR, DATA, convention="EQS"), "amos or lavaan"),
        (lambda: fit_from_starts(FOUR, DATA, exogenous="free"), "correlated or uncorrelated"),
        (lambda: fit_from_starts(FOUR, DATA.drop(columns="c")), "no column c"),
        (lambda: fit_from_starts(parse_model("a ~ b\nb ~ a"), DATA), "at most 3 free"),
    ],
)
def test_what_cannot_be_searched_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
