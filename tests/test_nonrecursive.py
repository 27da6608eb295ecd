"""Models with loops of any kind: textbook cases of identification, and what a search finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.pathmodel import (
    feedback,
    find_loop,
    fit_from_starts,
    fit_indices,
    fit_model,
    identify,
    parse_model,
    read_model,
)
from helpers.pathmodel.frame import Frame
from helpers.study import load_study, sample_top
from tests.test_loop import DATA, FOUR, ring, simulate, unreal_data
from tests.test_pathmodel import EXOGENOUS, random_graphs, read_data, same_fit

PAIR = "m ~ y + x\ny ~ m + z"
GUJARATI = "Y1 ~ Y2 + Y3 + X1\nY2 ~ Y3 + X1 + X2\nY3 ~ Y1 + X1 + X2\nY4 ~ Y1 + Y2 + X3"
CLASS = "income ~ prestige + i\nprestige ~ income + p\nclass ~ income + prestige"
ERRORS = "income ~~ prestige\nincome ~~ class\nprestige ~~ class"
NO_P = CLASS.replace("income + p\n", "income\n").replace("class ~", "class ~ p +")
MET, MISSED = (True, True), (False, False)


# what the drawing determines


@pytest.mark.parametrize(
    ("text", "counts", "conditions"),
    [
        (PAIR, (9, 10, 9), {"m": MET, "y": MET}),
        (f"{PAIR}\nm ~~ y", (10, 10, 10), {"m": MET, "y": MET}),
        ("m ~ y\ny ~ m", (4, 3, 3), {"m": MISSED, "y": MISSED}),
        # one instrument determines one equation, and errors that do not correlate the other
        ("m ~ y + x\ny ~ m", (6, 6, 6), {"m": MISSED, "y": MET}),
        ("m ~ y + x\ny ~ m\nm ~~ y", (7, 6, 6), {"m": MISSED, "y": MET}),
        # an instrument frees a correlated error
        ("m ~ x\ny ~ m\nm ~~ y", (6, 6, 6), {"m": MET, "y": MET}),
        ("m ~ x\ny ~ m + x\nm ~~ y", (7, 6, 6), {"m": MET, "y": MISSED}),
        # Gujarati, Basic Econometrics, chapter 19: the order condition is met everywhere
        (
            GUJARATI,
            None,
            {"Y1": (True, False), "Y2": (True, False), "Y3": (True, False), "Y4": MET},
        ),
        # Bollen (1989), chapter 4: subjective social class, errors free to correlate
        (f"{CLASS}\n{ERRORS}", (15, 15, 15), dict.fromkeys(("income", "prestige", "class"), MET)),
        (
            f"{NO_P}\n{ERRORS}",
            (15, 15, 13),
            {"income": (True, False), "prestige": MET, "class": MISSED},
        ),
        # friends' aspirations, the simplest form of Duncan, Haller and Portes (1968)
        ("a ~ b + x + y\nb ~ a + v + w\na ~~ b", (19, 21, 19), {"a": MET, "b": MET}),
    ],
)
def test_textbook_cases_are_determined_as_the_books_say(text, counts, conditions):
    found = identify(parse_model(text))
    assert counts in (None, (found.parameters, found.moments, found.rank))
    table = found.equations[["order", "rank"]]
    rows = map(tuple, table.to_numpy().tolist())
    assert dict(zip(table.index, rows, strict=True)) == conditions


def test_instruments_that_may_not_correlate_are_one_parameter_fewer():
    apart = identify(parse_model(PAIR), exogenous="uncorrelated")
    assert (apart.parameters, apart.rank) == (8, 8)


@pytest.mark.parametrize("p", [3, 4, 5])
def test_a_loop_is_determined_by_independent_errors_only(p):
    found = identify(ring(p))
    assert found.parameters == found.rank == 2 * p
    assert not found.equations[["order", "rank"]].any(axis=None)


def test_models_of_the_study_are_determined():
    for name in ("loop", "loop_top_all", "loop_top_two", "loop_top_inside", "climatic", "soil"):
        found = identify(read_model(name))
        assert found.rank == found.parameters <= found.moments


@settings(max_examples=25)
@given(random_graphs(), st.sampled_from(EXOGENOUS), st.integers(0, 99))
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
    step = 1e-5 * np.eye(len(theta))
    slopes = [(frame.implied(theta + h) - frame.implied(theta - h))[lower] / 2e-5 for h in step]
    sizes = np.linalg.svd(np.array(slopes), compute_uv=False)
    assume(not ((sizes > 1e-8 * sizes[0]) & (sizes < 1e-4 * sizes[0])).any())
    found = identify(model, seed=seed)
    assert found.rank == (sizes > 1e-6 * sizes[0]).sum()
    assert found.parameters == len(theta)
    table = found.equations
    causes = [len(set(model.parents(to)) & set(model.endogenous)) for to in table.index]
    assert list(table.index) == list(model.endogenous)
    assert table["endogenous_causes"].to_list() == causes
    met = table["excluded_exogenous"] >= table["endogenous_causes"]
    np.testing.assert_array_equal(table["order"], met)
    assert (table["order"] | ~table["rank"]).all()  # the rank condition is the stricter one


# what a search finds


@pytest.mark.parametrize(("p", "gain"), [(4, 0.4), (3, 0.3), (4, -0.3)], ids=str)
def test_a_search_finds_the_two_solutions_of_the_closed_form_and_no_other(p, gain):
    data = simulate(gain, 150, seed=p, p=p)
    fits, ends = fit_from_starts(ring(p), data, starts=20)
    both = find_loop(ring(p), data)
    assert len(fits) == 2
    for one, other in zip(fits, both, strict=True):
        np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(one.theta, other.theta, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(one.estimates["se"], other.estimates["se"], rtol=1e-5)
        assert fit_indices(one)["chi2"] == pytest.approx(fit_indices(other)["chi2"], abs=1e-9)
    assert len(ends) == 20
    assert ends.index.name == "start"
    assert (ends["above"] > -1e-9).all()
    assert set(ends["solution"].dropna()) == {0, 1}
    np.testing.assert_array_equal(ends["solution"].isna(), ends["above"] >= 1e-6)
    assert feedback(fits[0].coefficients)["stability_index"] < 1


@pytest.mark.parametrize(("seed", "number"), [(1, 0), (7, 1)], ids=["stable", "twin"])
def test_every_start_is_told_where_it_led(seed, number):
    both = find_loop(FOUR, DATA)
    (alone,), _ = fit_from_starts(FOUR, DATA, starts=1, seed=seed)
    np.testing.assert_allclose(alone.coefficients, both[number].coefficients, atol=1e-7)
    many, again = (fit_from_starts(FOUR, DATA, starts=16, seed=seed) for _ in range(2))
    pd.testing.assert_frame_equal(many[1], again[1])
    assert len(many[0]) == 2
    assert many[1].loc[0, "solution"] == number
    assert many[1].loc[0, "above"] < 1e-9


@settings(max_examples=10)
@given(random_graphs(), st.sampled_from(EXOGENOUS), st.sampled_from(["amos", "lavaan"]))
def test_the_closed_form_of_a_recursive_model_is_the_one_optimum_that_a_search_finds(
    drawn, exogenous, convention
):
    model, data = drawn
    assume(np.linalg.eigvalsh(data.corr())[0] > 0.01)  # the search is no reference near collinear
    how = {"exogenous": exogenous, "convention": convention}
    (only,), _ = fit_from_starts(model, data, starts=12, **how)
    same_fit(only, fit_model(model, data, **how))
    assert (only.exogenous, only.convention) == (exogenous, convention)


@pytest.mark.parametrize("name", ["climatic", "plant", "soil", "microbial"])
def test_the_closed_form_of_the_study_is_where_a_search_ends(name):
    study = load_study("embedded", 2022)
    table, model = study.factors().join(sample_top(study.sites, "embedded")), read_model(name)
    (only,), _ = fit_from_starts(model, table, starts=3)
    np.testing.assert_allclose(only.theta, fit_model(model, table).theta, rtol=0, atol=1e-9)


def test_a_pair_with_instruments_is_found_as_the_fit_has_it():
    model, data = parse_model("c ~ a + d\nd ~ b + c"), read_data("loop200")
    same_fit(fit_from_starts(model, data, starts=10)[0][0], fit_model(model, data))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: fit_from_starts(FOUR, DATA, starts=0), "none from 0 starts"),
        (lambda: fit_from_starts(parse_model("a ~ b\nb ~ a"), DATA), "at most 3 free"),
        # the gain of -1, where both solutions meet
        (
            lambda: fit_from_starts(FOUR, *unreal_data(4, 1), starts=8),
            "fit as well: d -> a, a -> b",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
