"""Published fit indices: the paper's loop, and round trips through models of known size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.paper.published import bound_discrepancy, implied_sample
from helpers.pathmodel import fit_indices, fit_model, parse_model
from tests.chapters import words

LOOP = {"chi2_df": 4.257, "rmsea": 0.275, "cfi": 0.982, "gfi": 0.922, "nfi": 0.977}  # Fig. 4c
MODELS = [
    parse_model("b ~ a\nc ~ b\nd ~ c"),
    parse_model("c ~ a + b\nd ~ c"),
    parse_model("b ~ a\nc ~ b\nd ~ c\ne ~ d + a"),
    parse_model("d ~ a + b + c\ne ~ d\nf ~ e"),
]


def without(*names: str) -> dict[str, float]:
    return {name: value for name, value in LOOP.items() if name not in names}


def test_the_papers_loop_has_44_rows_and_2_degrees_of_freedom():
    found = implied_sample(**LOOP, variables=4, paths=4)
    assert found[["n", "df"]].to_numpy().tolist() == [[44, 2]]
    row = found.iloc[0]
    assert row["drawn"]
    assert (row["chi2_low"], row["chi2_high"]) == pytest.approx((8.513, 8.515))
    assert (row["F_low"], row["F_high"]) == pytest.approx((8.513 / 43, 8.515 / 43))
    assert (row["baseline_low"], row["baseline_high"]) == pytest.approx((362.3, 378.3), abs=0.05)


def test_30_sites_would_print_another_rmsea():
    assert 30 not in implied_sample(**without(), variables=4)["n"].to_list()
    assert set(implied_sample(chi2_df=4.257, rmsea=0.335, variables=4)["n"]) == {30}
    assert implied_sample(**without("gfi", "nfi", "cfi"), variables=4)["n"].unique() == [44]


def test_gfi_is_what_bounds_the_degrees_of_freedom():
    assert implied_sample(**LOOP, variables=5)["df"].to_list() == [2, 3]
    assert implied_sample(**without("gfi"), variables=4)["df"].to_list() == [1, 2, 3, 4, 5, 6]
    assert implied_sample(**without("nfi", "cfi"), variables=4)["df"].to_list() == [2]
    for variables in (4, 5, 6, 10):
        assert set(implied_sample(**LOOP, variables=variables)["n"]) == {44}
    for paths in (3, 5):
        assert not implied_sample(**LOOP, variables=4, paths=paths)["drawn"].any()


def test_indices_that_contradict_each_other_leave_nothing():
    assert implied_sample(**without("cfi"), cfi=0.5, variables=4).empty
    assert implied_sample(**without("cfi"), cfi=0.99, variables=4).empty
    assert implied_sample(**without("gfi"), gfi=0.999, variables=4).empty


@pytest.mark.parametrize(
    ("ratio", "nfi", "cfi", "digits"),
    [(4.3, 0.9, 0.9, 1), (2.3, 0.62, 0.59, 2), (2.3, 0.64, 0.75, 2), (2.3, 0.63, 0.76, 2)],
)
def test_the_ends_of_every_range_would_be_printed_as_the_indices(ratio, nfi, cfi, digits):
    printed = {"chi2_df": ratio, "rmsea": 0.3, "nfi": nfi, "cfi": cfi}
    found = implied_sample(**printed, variables=4, digits=digits)
    assert not found.empty
    for end in ("low", "high"):
        chi2, baseline = found[f"chi2_{end}"], found[f"baseline_{end}"]
        again = {
            "chi2_df": chi2 / found["df"],
            "rmsea": np.sqrt((chi2 / found["df"] - 1) / (found["n"] - 1)),
            "nfi": 1 - chi2 / baseline,
            "cfi": 1 - (chi2 - found["df"]) / (baseline - 6),
        }
        for name, values in again.items():
            assert (values - printed[name]).abs().max() < 0.5 * 10.0**-digits + 1e-9


@given(st.lists(st.floats(0.05, 5), min_size=2, max_size=8))
def test_no_eigenvalues_leave_the_range(values):
    p = len(values)
    eigenvalues = np.array(values) * p / np.sum(values)
    gfi = p / np.sum(eigenvalues**2)
    low, high = bound_discrepancy(gfi, p, digits=9)
    assert low - 1e-9 <= -np.log(eigenvalues).sum() <= high + 1e-9


@settings(max_examples=25)
@given(
    model=st.sampled_from(MODELS),
    exogenous=st.sampled_from(["correlated", "uncorrelated"]),
    n=st.sampled_from([12, 30, 44, 150]),
    seed=st.integers(0, 9999),
    known=st.sets(st.sampled_from(["gfi", "nfi", "cfi"])),
    digits=st.sampled_from([2, 3, 4]),
)
@example(MODELS[0], "correlated", 12, 1, {"gfi", "nfi", "cfi"}, 2)  # CFI 0, below 0 if it could be
def test_the_true_sample_is_among_the_implied(model, exogenous, n, seed, known, digits):
    rng = np.random.default_rng(seed)
    p = len(model.variables)
    values = rng.standard_normal((n, p)) @ rng.standard_normal((p, p))
    data = pd.DataFrame(values, columns=list(model.variables))
    indices = fit_indices(fit_model(model, data, exogenous=exogenous))
    assume(indices["rmsea"] > 10.0**-digits)
    printed = indices[["chi2_df", "rmsea", *sorted(known)]].round(digits)
    found = implied_sample(**printed, variables=p, digits=digits).set_index(["n", "df"])
    row = found.loc[(n, indices["df"])]
    ranges = {"chi2": indices["chi2"], "p": indices["p"], "F": indices["chi2"] / (n - 1)}
    if known & {"nfi", "cfi"}:
        ranges["baseline"] = indices["chi2"] / (1 - indices["nfi"])
    for name, value in ranges.items():
        assert row[f"{name}_low"] * (1 - 1e-9) <= value <= row[f"{name}_high"] * (1 + 1e-9)


# what chapter 16 says of the printed loop


def test_the_number_of_rows_on_the_page_is_what_the_ends_of_the_rounding_leave():
    ends = [(4.2565 - 1) / 0.2755**2 + 1, (4.2575 - 1) / 0.2745**2 + 1]
    said = "N lies between {:.2f} and {:.2f}: N = 44, and no other whole number."
    assert said.format(*ends) in words("16")


def test_two_indices_tell_the_same_baseline():
    """So that four variables nearly determine one another needs NFI or CFI alone."""
    for alone in ("nfi", "cfi"):
        (row,) = implied_sample(**without(alone), variables=4).itertuples()
        assert 2.2e-4 > np.exp(-row.baseline_high / 43) > 1.4e-4
        assert np.exp(-row.baseline_low / 43) < 2.5e-4


def test_an_end_that_rounding_allows_leaves_the_other_open():
    assert bound_discrepancy(0.3, 4)[1] == np.inf
    assert bound_discrepancy(1.0, 4)[0] == 0
    found = implied_sample(chi2_df=1.1, rmsea=0.03, gfi=0.97, nfi=1.0, cfi=1.0, variables=4)
    assert np.isinf(found["baseline_high"]).all()
    assert np.isfinite(found["baseline_low"]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"chi2_df": 0.8, "rmsea": 0.0}, "RMSEA above 0"),
        ({"chi2_df": 90, "rmsea": 0.001}, "more decimals"),
        ({"rmsea": "0.9"}, "rmsea"),
        ({"nfi": 1.5}, "nfi(.|\n)*from 0 to 1"),
        ({"cfi": -0.1}, "cfi(.|\n)*from 0 to 1"),
        ({"gfi": 1.2}, "GFI above 0 and at most 1"),
        ({"gfi": 0.0}, "GFI above 0 and at most 1"),
        ({"paths": 7}, "arrows(.|\n)*from 0 to 6"),
        ({"variables": 1}, "variables(.|\n)*from 2 to 100"),
    ],
    ids=str,
)
def test_what_is_no_index_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        implied_sample(**{**LOOP, "variables": 4, **wrong})
