"""Models of any kind: textbook cases of identification, and what the search finds or refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.pathmodel import (
    PathFit,
    PathModel,
    effects,
    find_loop,
    fit_indices,
    fit_model,
    identify,
    parse_model,
    read_model,
)
from helpers.pathmodel.frame import Frame
from tests.random_models import Truth, difference, draw_truth, imply, search, standardize
from tests.test_loop import published, ring, simulate, unreal_data
from tests.test_pathmodel import EXOGENOUS, effects_of, random_graphs

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


def solutions(fit: PathFit) -> list[PathFit]:
    return [fit, *fit.others]


@pytest.mark.parametrize("seed", range(60))
def test_exact_moments_give_the_coefficients_back(seed):
    truth = draw_truth(np.random.default_rng(seed))
    fits = solutions(fit_model(truth.model, truth.S, 100))
    for fit in fits:
        assert fit_indices(fit)["chi2"] < 1e-6
        np.testing.assert_allclose(standardize(fit.implied), standardize(truth.S), atol=1e-6)
    assert min(difference(fit, truth) for fit in fits) < 1e-5
    indices = [fit.stability_index for fit in fits]
    assert indices == sorted(indices)
    for k, fit in enumerate(fits):  # no solution twice
        assert all(np.abs(fit.theta - other.theta).max() > 1e-6 for other in fits[:k])


@pytest.mark.parametrize("seed", range(30))
def test_no_search_from_many_starts_finds_a_better_fit_to_a_sample(seed):
    rng = np.random.default_rng(seed)
    truth = draw_truth(rng, most=5)
    S = standardize(truth.S)
    data = rng.standard_normal((100, len(S))) @ np.linalg.cholesky(S).T
    data = pd.DataFrame(data, columns=list(S)) * 10.0 ** rng.uniform(-3, 3, len(S))
    fit = fit_model(truth.model, data)
    best = search(truth.model, data.corr(), 6, rng)
    assert fit_indices(fit)["chi2"] / fit.scale < best + 1e-6


@pytest.mark.parametrize(
    ("text", "paths", "covariance"),
    [
        ("b ~ a + x\nc ~ b\nd ~ c\na ~ d", [0.6, 0.4, 0.6, 0.6, 0.9], 0),
        ("y ~ m + z\nm ~ y + x", [1.6, 1, 0.9, 1], 0),
        ("m ~ x + z\ny ~ m\nm ~~ y", [0.5, 0.5, 0.5], 0.6),
    ],
    ids=["a ring with a cause", "a pair whose gain is above 1", "an instrument"],
)
def test_models_that_general_programs_miss(text, paths, covariance):
    truth = imply(text, paths, covariance)
    fit = fit_model(truth.model, truth.S, 100)
    assert fit_indices(fit)["chi2"] < 1e-9
    assert difference(fit, truth) < 1e-6
    assert not fit.others


@pytest.mark.parametrize(("p", "gain"), [(4, 0.4), (3, 0.3), (4, -0.3)], ids=str)
def test_a_search_finds_the_two_solutions_of_the_closed_form_and_no_other(p, gain):
    data = simulate(gain, 150, seed=p, p=p)
    model = parse_model(f"{ring(p).text}\na ~ 1e-300*b")  # which has no closed form
    both = find_loop(ring(p), data)
    for one, other in zip(solutions(fit_model(model, data)), both, strict=True):
        names = list(one.coefficients)
        paths = other.coefficients.loc[names, names]
        np.testing.assert_allclose(one.coefficients, paths, rtol=1e-6, atol=1e-9)
        assert fit_indices(one)["chi2"] == pytest.approx(fit_indices(other)["chi2"], abs=1e-9)


def test_the_printed_loop_gives_its_stable_solution_and_names_the_twin():
    B, both = published()
    fit = fit_model(both.stable.model, both.stable.sample, 44)
    np.testing.assert_allclose(fit.coefficients.loc[B.index, B.columns], B, atol=1e-9)
    (twin,) = fit.others
    np.testing.assert_allclose(twin.coefficients, both.twin.coefficients, atol=1e-8)
    assert fit.stability_index == pytest.approx(0.7985, abs=5e-5)
    assert twin.stability_index == pytest.approx(2.4599**0.25, rel=1e-4)
    assert np.linalg.det(np.eye(4) - twin.coefficients) == pytest.approx(1 - 2.4599, abs=1e-4)
    for shown in (repr(fit), fit._repr_html_()):
        assert "Stability index 0.798" in shown
        assert "stability index 1.25" in shown
    for shown in (repr(twin), twin._repr_html_()):
        assert "unstable" in shown
    assert (effects(fit)["stability_index"] == fit.stability_index).all()
    table = effects_of(twin)  # which asserts the warning
    assert table.columns[-1] == "stability_index"
    assert (table["stability_index"] == twin.stability_index).all()
    assert "stability_index" not in effects(fit_model(parse_model("b ~ a"), simulate(0.4, 30, 1)))


@settings(max_examples=10)
@given(random_graphs(), st.sampled_from(EXOGENOUS), st.sampled_from(["amos", "lavaan"]))
def test_the_closed_form_of_a_recursive_model_is_the_optimum_that_a_search_finds(
    drawn, exogenous, convention
):
    model, data = drawn
    assume(np.linalg.eigvalsh(data.corr())[0] > 0.01)
    how = {"exogenous": exogenous, "convention": convention}
    one = fit_model(model, data, **how)
    to = model.endogenous[0]  # with a variance that is fixed at its optimum there is none
    left = one.estimates.query("to == @to and `from` == @to")["estimate"].item()
    other = fit_model(parse_model(f"{model.text}\n{to} ~~ {left!r}*{to}"), data, **how)
    assert not other.others
    assert fit_indices(other)["chi2"] == pytest.approx(fit_indices(one)["chi2"], abs=1e-9)
    np.testing.assert_allclose(other.coefficients, one.coefficients, atol=1e-7)


# what it refuses


PAIR_AND_CAUSES = "y ~ m + z\nm ~ y + x"
INSTRUMENT = "m ~ x + z\ny ~ m + x\nm ~~ y"
TWO = "y ~ x\nz ~ x"


def fitted(text: str, truth: Truth, n=100, **how) -> PathFit:
    return fit_model(parse_model(text), truth.S, n, **how)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        # nothing tells apart the arrows of a pair without a cause of its own
        (
            lambda: fitted("y ~ m\nm ~ y\nw ~ y\nv ~ m", recursive("y ~ m\nw ~ y\nv ~ m")),
            ["the data determine", "m -> y", "y -> m"],
        ),
        # an instrument that does nothing
        (
            lambda: fitted(INSTRUMENT, imply(INSTRUMENT, [0.5, 0, 0.5, 0.3], 0.6)),
            ["m -> y"],
        ),
        (
            lambda: fitted(f"{PAIR_AND_CAUSES}\ny ~~ m", imply(PAIR_AND_CAUSES, [0.5, 0, 0.4, 0])),
            ["m -> y", "y -> m"],
        ),
        # where both solutions of a loop meet
        (
            lambda: fitted(ring(3).text, imply(ring(3).text, [1, 0.5, -2])),
            ["the data determine", "a -> b", "b -> c", "c -> a"],
        ),
        (lambda: fit_model(ring(4), unreal_data(4, 1)[0]), ["the data determine"]),
        (
            lambda: fitted(f"{PAIR}\nm ~~ x", imply(PAIR, [0.5, 1, 0.4, 1])),
            ["the data determine"],
        ),
        (lambda: fitted("b ~ a\na ~ b", recursive("b ~ a")), ["at most 3 free parameters"]),
        (lambda: fitted("b ~ a", recursive("b ~ a"), np.inf), ["a whole number", "inf"]),
        (lambda: fitted("b ~ a", recursive("b ~ a"), np.nan), ["a whole number", "nan"]),
        (lambda: fitted("b ~ a", recursive("b ~ a"), "many"), ["a whole number", "'many'"]),
        (lambda: fitted("b ~ a", recursive("b ~ a"), 2), ["at least 3", "found:  2"]),
        (lambda: fit_model(parse_model("b ~ a"), np.eye(2), 30), ["names", "read_moments"]),
        (lambda: fit_model(parse_model("b ~ a"), np.ones((9, 2))), ["names", "DataFrame"]),
    ],
)
def test_what_no_fit_belongs_to_is_refused_in_true_words(ask, words):
    with pytest.raises(InputError) as refused:
        ask()
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        # no positive definite Psi has these
        (f"{TWO}\ny ~~ 50*z", TWO),
        ("y ~ x + z\nx ~~ 5*z\nx ~~ 1*x\nz ~~ 1*z", "y ~ x + z"),
        (f"{TWO}\ny ~~ v*y\nz ~~ v*z\ny ~~ v*z", TWO),
        # no I - B has an inverse
        ("y ~ 1*m + x\nm ~ 1*y + z", PAIR_AND_CAUSES),
        ("b ~ 1*a\nc ~ 1*b\na ~ 1*c + x", "b ~ a\nc ~ b\na ~ x"),
    ],
)
def test_constraints_that_no_parameters_meet_are_refused(text, truth):
    with pytest.raises(InputError):
        fitted(text, recursive(truth) if truth is not PAIR_AND_CAUSES else imply(truth, [0.5] * 4))


def test_a_fixed_variance_may_be_far_from_that_of_the_sample():
    truth = recursive("y ~ x\nz ~ y")
    for value in (1e-6, 0.5, 2, 1e6):
        fit = fitted(f"y ~ x\nz ~ y\ny ~~ {value}*y", truth)
        psi = fit.estimates.query("to == 'y' and `from` == 'y'")["estimate"].item()
        assert psi == pytest.approx(value, rel=1e-12)
        F = np.log(value) + 1 / value - 1  # the variance left is 1
        assert fit_indices(fit)["chi2"] == pytest.approx(99 * F, rel=1e-9)


def test_a_model_of_fixed_values_alone_is_judged():
    truth = recursive("y ~ x")
    fit = fitted("y ~ 0.5*x\nx ~~ 1*x\ny ~~ 1*y", truth)
    assert fit_indices(fit)[["df", "parameters"]].to_list() == [3, 0]
    assert fit_indices(fit)["chi2"] == pytest.approx(0, abs=1e-9)
    assert (fit.estimates["se"] == 0).all()


@pytest.mark.parametrize("n", [1e308, 10**30], ids=["float", "int"])
def test_more_rows_than_a_float_counts_are_no_crash(n):
    try:
        fit = fitted(INSTRUMENT, imply(INSTRUMENT, [0.5, 0.5, 0.5, 0.3], 0.6), n)
    except InputError:
        return
    assert np.isfinite(fit_indices(fit)["chi2"])


@pytest.mark.parametrize("r", [0.999, 0.9999, 0.99999, 0.999999])
def test_causes_that_nearly_determine_each_other_are_told_apart_as_least_squares_does(r):
    A = np.array([[1, 0], [r, np.sqrt(1 - r**2)]])  # z = r x + rest
    B = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0]])
    Psi = np.eye(4)
    Psi[:2, :2], Psi[2, 3], Psi[3, 2] = A @ A.T, 0.6, 0.6
    A = np.linalg.inv(np.eye(4) - B)
    S = pd.DataFrame(A @ Psi @ A.T, list("xzmy"), list("xzmy"))
    fit = fit_model(parse_model("m ~ x + z\ny ~ m\nm ~~ y"), S, 100)
    assert fit.estimates["estimate"][:3].to_list() == pytest.approx([0.5, 0.5, 0.5], rel=1e-4)
    assert fit_indices(fit)["chi2"] < 1e-6


@pytest.mark.parametrize("seed", [32, 131])
def test_an_optimum_that_is_flat_in_one_direction_is_one(seed):
    model, data, rng = sample(seed)
    fit = fit_model(model, data)
    assert fit_indices(fit)["chi2"] / fit.scale < search(model, data.corr(), 6, rng) + 1e-6


def test_data_that_are_likeliest_where_two_solutions_meet_are_refused():
    model, data, rng = sample(111)  # no ring: as at the gain -1 of one
    assert search(model, data.corr(), 3, rng) < 0.01
    with pytest.raises(InputError, match="the data determine"):
        fit_model(model, data)


def sample(seed: int) -> tuple[PathModel, pd.DataFrame, np.random.Generator]:
    """Return a random model and 100 rows for which it is true."""
    rng = np.random.default_rng(seed)
    truth = draw_truth(rng, most=6)
    S = standardize(truth.S)
    data = rng.standard_normal((100, len(S))) @ np.linalg.cholesky(S).T
    return truth.model, pd.DataFrame(data, columns=list(S)), rng


def test_a_matrix_without_n_is_not_taken_for_a_table():
    S = imply("b ~ a\nc ~ b\nd ~ c\ne ~ d\nf ~ e", [0.5] * 5).S
    with pytest.raises(InputError, match="n"):
        fit_model(parse_model("b ~ a"), S)


def recursive(text: str) -> Truth:
    """Return a model whose coefficients are all 0.5."""
    return imply(text, [0.5] * len(parse_model(text).paths))


MOODS = pd.DataFrame(
    np.random.default_rng(0).normal(size=(40, 3)), columns=["mood", "sleep", "stress"]
).assign(sex=["m", "f"] * 20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mood ~ sleep*stress", ["found:  sleep", 'data["x"] * data["z"]']),
        ("mood ~ slep", ["no column slep", "is slep sleep?"]),
        ("Mood ~ sleep", ["is Mood mood?"]),
        ("mood ~ sex", ["'m' at 0", "0 and 1 for classes"]),
    ],
)
def test_slips_in_a_text_and_its_table_are_named(text, words):
    with pytest.raises(InputError) as refused:
        fit_model(text, MOODS)
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_fit_prints_what_it_was_asked_for():
    model = parse_model("sleep ~ a*stress\nmood ~ b*sleep\nsleep ~~ mood\nchain := a*b\nmood ~ 1")
    fit = fit_model(model, MOODS)
    for text in (repr(fit), fit._repr_html_()):
        assert all(
            word in text for word in ("chain", "covariance", "Chi-square 0.000", "intercept")
        )


def test_a_likelihood_that_rises_as_an_arrow_grows_is_refused():
    values = np.random.default_rng(36).normal(size=(20, 5))
    data = pd.DataFrame(values, columns=list("ymwxz"))
    text = "y ~ w\nm ~ {}y\nw ~ m\ny ~ x\nw ~ z\ny ~~ m"
    with pytest.raises(InputError, match="rises without end as y -> m"):
        fit_model(text.format(""), data)
    fits = [fit_model(text.format(f"{b}*"), data) for b in (0.1, 0.5, 1, 10)]
    misfits = [fit_indices(fit)["chi2"] for fit in fits]
    assert misfits == sorted(misfits, reverse=True)
