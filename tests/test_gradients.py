"""Gradients: R's own lm as reference, closed forms, calibration and refused input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.gradients import describe_shape, fit_gradients

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "gradients_input.csv")
FACTORS = SITES[["line", "peak", "noise"]]


def test_every_number_agrees_with_r():
    reference = pd.read_csv(R / "gradients.csv", index_col="factor")
    fits = fit_gradients(SITES["elevation"], FACTORS, confidence=0.9)
    pd.testing.assert_frame_equal(fits[reference.columns], reference, rtol=1e-9)


def test_shapes_are_those_that_were_put_in():
    shape = describe_shape(fit_gradients(SITES["elevation"], FACTORS))
    assert shape.to_dict() == {
        "line": "rises",
        "peak": "peaks mid-slope",
        "noise": "no clear trend",
    }
    mirrored = describe_shape(fit_gradients(SITES["elevation"], -FACTORS))
    assert mirrored.to_dict() == {
        "line": "falls",
        "peak": "dips mid-slope",
        "noise": "no clear trend",
    }


def test_a_bend_outside_the_sites_is_no_peak():
    rising = pd.DataFrame({"y": -((SITES["elevation"] / 1000 - 6) ** 2) + 0.1 * FACTORS["noise"]})
    fits = fit_gradients(SITES["elevation"], rising)
    assert fits.loc["y", "vertex"] > SITES["elevation"].max()
    assert describe_shape(fits)["y"] == "rises"


def test_false_peaks_are_rarer_than_alpha():
    rng = np.random.default_rng(11)
    noise = pd.DataFrame(rng.standard_normal((30, 400))).add_prefix("y")
    fits = fit_gradients(SITES["elevation"], noise)
    assert (fits["p_peak"] < 0.05).mean() < 0.05
    # p of the slope is uniform: 400 draws, so within 4 standard errors of 0.05
    assert (fits["p"] < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))


@settings(deadline=None, max_examples=25)
@given(shift=st.floats(-1e3, 1e3), stretch=st.floats(1e-3, 1e3))
def test_the_unit_of_a_factor_changes_slopes_but_no_verdict(shift, stretch):
    plain = fit_gradients(SITES["elevation"], FACTORS)
    other = fit_gradients(SITES["elevation"], FACTORS * stretch + shift)
    np.testing.assert_allclose(other["slope"], plain["slope"] * stretch, rtol=1e-5)
    free = ["r", "r_low", "r_high", "p", "p_curvature", "p_peak", "p_dip", "vertex"]
    np.testing.assert_allclose(other[free], plain[free], rtol=1e-4)
    np.testing.assert_allclose(other["delta_aicc"], plain["delta_aicc"], atol=1e-4)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(InputError, match="confidence\n  needed: a number between 0 and 1"):
        fit_gradients(SITES["elevation"], FACTORS, confidence)


def test_an_alpha_outside_0_to_1_is_refused():
    with pytest.raises(InputError, match="alpha"):
        describe_shape(fit_gradients(SITES["elevation"], FACTORS), alpha=5)


def test_too_few_sites_gaps_and_constants_are_refused():
    with pytest.raises(InputError, match="more than 5 sites"):
        fit_gradients(SITES["elevation"][:5], FACTORS[:5])
    with pytest.raises(InputError, match=r"column 'flat'(.|\n)*1 at every site"):
        fit_gradients(SITES["elevation"], FACTORS.assign(flat=1.0))
    with pytest.raises(InputError, match=r"column 'noise'(.|\n)*a gap"):
        fit_gradients(SITES["elevation"], FACTORS.replace(FACTORS.loc[3, "noise"], np.nan))
