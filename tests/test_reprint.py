"""The printed loop: refits of every matrix that would print it, and simulated publications."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.paper.reprint import bound_determinant, load_published_loop, matching_correlations
from helpers.pathmodel import PathModel, fit_indices, parse_model
from helpers.pathmodel.loop import find_loop, fit_many, imply_correlations
from tests.test_loop import ring

PATHS, INDICES = load_published_loop()
PUBLISHED = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in PATHS.index))
PRINTED = ["rmsea", "cfi", "nfi", "gfi"]


def matrices(found: pd.DataFrame, model: PathModel) -> np.ndarray:
    """Return the correlation matrices of a table, (rows, p, p), in the model's order."""
    names = model.variables
    S = np.tile(np.eye(len(names)), (len(found), 1, 1))
    for pair in found.columns.drop(["n", "residual"]):
        one, other = (names.index(name) for name in pair.split(", "))
        S[:, one, other] = S[:, other, one] = found[pair]
    return S


def reprint(found: pd.DataFrame, model: PathModel, decimals: tuple[int, int]) -> pd.DataFrame:
    """Return what AMOS would print of each matrix."""
    parts = [
        fit_many(model, matrices(rows, model), n).set_index(rows.index)
        for n, rows in found.groupby("n")
    ]
    fits = pd.concat(parts).loc[found.index]
    fits["chi2_df"] = fits["chi2"] / (len(model.variables) * (len(model.variables) - 3) / 2)
    coefficients = fits.filter(like="->").round(decimals[0])
    return coefficients.join(fits[["chi2_df", *PRINTED]].round(decimals[1]))


def assert_printed(
    found: pd.DataFrame,
    model: PathModel,
    coefficients: pd.Series,
    indices: pd.Series,
    decimals: tuple[int, int],
) -> None:
    expected = {f"{cause} -> {to}": value for (cause, to), value in coefficients.items()}
    expected |= {name: indices[name] for name in ("chi2_df", *PRINTED)}
    again = reprint(found, model, decimals)
    for name, value in expected.items():
        assert again[name].to_numpy() == pytest.approx(value, abs=1e-12), name


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return matching_correlations(PUBLISHED, PATHS, INDICES, draws=20_000)


def test_every_matrix_found_prints_the_papers_numbers_again(found):
    assert len(found) > 500
    assert set(found["n"]) == {44}
    assert_printed(found, PUBLISHED, PATHS, INDICES, (2, 3))


def test_the_residual_of_a_matrix_is_the_rmr_of_its_fit(found):
    names = list(PUBLISHED.variables)
    S = matrices(found, PUBLISHED)
    for row in (0, len(found) // 2, len(found) - 1):
        fit = find_loop(PUBLISHED, pd.DataFrame(S[row], names, names), 44).stable
        assert found["residual"].iloc[row] == pytest.approx(fit_indices(fit)["rmr"], rel=1e-6)


def test_matrices_that_print_the_papers_numbers_are_much_alike(found):
    climate_and_plants = found["plant, climatic"]
    assert climate_and_plants.between(0.9935, 0.9965).all()
    others = found.drop(columns=["n", "residual", "plant, climatic"])
    assert others.shape[1] == 5
    assert others.stack().round(2).between(0.90, 0.94).all()
    assert np.linalg.det(matrices(found, PUBLISHED)).min() > 1e-4
    assert found["residual"].between(0.003, 0.008).all()
    lowest = found.drop(columns=["n", "residual"]).min().min()
    assert 0.895 < lowest < 0.9, "0.9 would be too much for the page"


@pytest.mark.parametrize("order", [(0.99, 0.75, 0.73, 0.75), (0.99, 0.75, 0.75, 0.73)], ids=str)
def test_another_order_around_the_loop_changes_little(found, order):
    """As the limitations of chapter 16 say: by 0.02 at the most."""
    other = matching_correlations(PUBLISHED, pd.Series(order, PATHS.index), INDICES, draws=20_000)
    ends = [
        np.sort(each.drop(columns=["n", "residual"]).agg(["min", "max"]), axis=1)
        for each in (found, other)
    ]
    np.testing.assert_allclose(*ends, atol=0.005)
    for half, end in ((-0.0005, "max"), (0.0005, "min")):
        needed = [(INDICES["rmr"] + half) / each["residual"].agg(end) for each in (found, other)]
        assert needed[0] == pytest.approx(needed[1], abs=0.02)


def publish(p: int, n: int, seed: int, decimals: tuple[int, int]):
    """Return correlations of a sample of a true loop with misfit, and what is printed of its fit.

    The first sample whose RMSEA is far from 0, its coefficients positive, is taken.
    """
    rng = np.random.default_rng(seed)
    model = ring(p)
    while True:
        B = np.zeros((p, p))
        B[np.arange(p), np.arange(p) - 1] = rng.uniform(0.5, 0.85, p)
        R = imply_correlations(B)
        if np.isnan(R).any():
            continue
        S = np.corrcoef(rng.multivariate_normal(np.zeros(p), R, n).T)
        row = fit_many(model, S[None], n).iloc[0]
        coefficients = row.filter(like="->")
        if row["rmsea"] > 0.09 and (coefficients > 0).all():
            break
    row["chi2_df"] = row["chi2"] / (p * (p - 3) / 2)
    pairs = [tuple(name.split(" -> ")) for name in coefficients.index]
    coefficients.index = pd.MultiIndex.from_tuples(pairs, names=["from", "to"])
    printed = row[["chi2_df", *PRINTED]].round(decimals[1])
    return S, model, coefficients.round(decimals[0]), printed


@pytest.mark.parametrize(
    ("p", "n", "decimals", "draws"),
    [
        (4, 96, (2, 3), 8000),
        (4, 44, (2, 2), 2000),
        (5, 63, (2, 3), 20_000),
        (6, 74, (2, 3), 20_000),
    ],
    ids=str,
)
def test_the_sample_behind_a_publication_is_among_those_found(p, n, decimals, draws):
    for seed in (n, n + 1):
        S, model, coefficients, printed = publish(p, n, seed, decimals)
        options = {"draws": draws, "decimals": decimals}
        found = matching_correlations(model, coefficients, printed, **options)
        assert_printed(found, model, coefficients, printed, decimals)
        rows = found[found["n"] == n]
        assert len(rows) >= 20
        low, high = (getattr(matrices(rows, model), end)(axis=0) for end in ("min", "max"))
        slack = 0.1 * (high - low) + 1e-12  # they are drawn, and leave out the ends
        assert ((low - slack <= S) & (high + slack >= S)).all()


@pytest.mark.parametrize(
    "changed",
    [{"cfi": 0.5}, {"gfi": 0.999}, {"nfi": 0.9}, {"chi2_df": 4.3}, {"rmsea": 0.0951}],
    ids=str,
)
def test_indices_that_contradict_each_other_are_printed_of_no_matrix(changed):
    none = matching_correlations(PUBLISHED, PATHS, {**INDICES, **changed}, draws=4000)
    assert none.empty


def test_the_order_and_the_signs_of_coefficients_change_no_more_than_they_must(found):
    sign = pd.Series([-1, 1, -1, -1], list(PUBLISHED.variables))
    turned = PATHS[::-1] * [sign[cause] * sign[to] for cause, to in PATHS.index[::-1]]
    other = matching_correlations(PUBLISHED, turned, INDICES, draws=4000)
    assert len(other) == pytest.approx(len(found) / 5, rel=0.3)
    assert_printed(other, PUBLISHED, turned, INDICES, (2, 3))
    wild = PATHS.where(PATHS != 0.73, 1.4)  # which no variances allow
    assert matching_correlations(PUBLISHED, wild, INDICES, draws=500).empty


def test_the_bounds_of_the_determinant_are_those_that_chapter_16_shows():
    low, high = bound_determinant(PATHS.to_numpy())
    assert (low, high) == (pytest.approx(7.15e-5, abs=5e-8), pytest.approx(2.68e-4, abs=5e-7))
    exact = bound_determinant(PATHS.to_numpy(), decimals=9)
    assert exact == pytest.approx((1.60e-4, 1.60e-4), abs=2e-7)


@settings(max_examples=20)
@given(
    st.lists(st.floats(0.1, 0.9), min_size=3, max_size=6),
    st.sampled_from([1, 2]),
    st.integers(0, 99),
)
def test_no_coefficients_that_round_alike_leave_the_bounds(coefficients, decimals, seed):
    p = len(coefficients)
    printed = np.round(coefficients, decimals)
    low, high = bound_determinant(printed, decimals)
    half = 0.5 * 10.0**-decimals
    B = np.zeros((2000, p, p))
    rng = np.random.default_rng(seed)
    B[:, np.arange(p), np.arange(p) - 1] = printed + rng.uniform(-half, half, (2000, p))
    determinants = np.nan_to_num(np.linalg.det(imply_correlations(B)))
    assert low - 1e-12 <= determinants.min()
    assert determinants.max() <= high + 1e-12


SWAPPED = PATHS.rename({"plant": "soil", "soil": "plant"})


@pytest.mark.parametrize(
    ("model", "coefficients", "message"),
    [
        (parse_model(f"{PUBLISHED.text}\nTOP ~ plant"), PATHS, "one loop and nothing else"),
        (PUBLISHED, PATHS[:3], "found:  climatic -> plant, plant -> soil, soil -> microbial\n"),
        (PUBLISHED, SWAPPED, "needed: a coefficient for each of (.|\n)*found:  climatic -> soil"),
        (parse_model("b ~ a\nc ~ b"), PATHS, "one loop of three"),
    ],
    ids=["more", "fewer", "others", "chain"],
)
def test_a_loop_that_was_not_printed_is_refused(model, coefficients, message):
    with pytest.raises(InputError, match=message):
        matching_correlations(model, coefficients, INDICES, draws=10)
