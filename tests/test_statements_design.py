"""What chapters 14, 17 and 18 say holds: sentences that a machine can check."""

from __future__ import annotations

import nbformat
import numpy as np
import pytest
import xarray as xr

from helpers.oxygen import area_mean
from helpers.paper.simulation import draw_covariances, fit_recursive, read_truth
from helpers.pathmodel import parse_model
from helpers.readers.terrain import plateau_mask
from helpers.statistics.projections import fit_trend
from helpers.study import load_top
from tools.execution import NOTEBOOKS
from tools.standin import load_standin


@pytest.fixture(scope="module")
def ensemble() -> xr.Dataset:
    data = load_top("embedded")
    return data.assign(plateau=plateau_mask(data, 2500.0))


@pytest.fixture(scope="module")
def flux(ensemble) -> xr.DataArray:
    """Return the mean of the models on (scenario, year)."""
    land = ensemble["land_fraction"].where(ensemble["plateau"], 0)
    top = ensemble["top"].where(ensemble["plateau"])
    return area_mean(top, ensemble["area"], land).mean("model").compute()


def test_level_and_trend_of_the_stand_ins_differ_as_chapter_14_says(flux):
    future = flux.sel(year=slice(2006, None), scenario="rcp45")
    past = flux.sel(year=slice(None, 2005), scenario="rcp45")
    assert float(future.mean() - past.mean()) == pytest.approx(0.01, abs=0.001)
    assert float(fit_trend(future)["slope"]) < 0
    smooth = future.rolling(year=21, center=True).mean()
    assert 2030 < int(smooth["year"][smooth.argmax("year")]) < 2060, "most near mid-century"


def test_co2_levels_off_in_rcp45_after_the_middle_of_the_century():
    path = load_standin()["co2_ppm"]
    each = np.diff(np.interp([2006, 2050, 2099], path["years"], path["rcp45"])) / [44, 49]
    assert each[1] < each[0] / 2


def test_the_page_says_at_its_map_what_falls_and_why_before_any_verdict(ensemble):
    cells = nbformat.read(NOTEBOOKS / "14_projections.ipynb", 4).cells
    said = [
        (number, output["data"]["text/markdown"])
        for number, cell in enumerate(cells)
        for output in cell.get("outputs", [])
        if "The line falls" in output.get("data", {}).get("text/markdown", "")
    ]
    [(place, sentence)] = said
    assert "fit_trend(mean_of_models)" in cells[place - 2]["source"]
    assert "field_maps" in cells[place - 1]["source"], "right after the map"
    assert place < next(n for n, cell in enumerate(cells) if "weigh(" in cell["source"])
    future = ensemble["top"].sel(year=slice(2006, None)).where(ensemble["plateau"])
    slopes = fit_trend(future.mean("model").compute())["slope"]
    cells_of_plateau = int(ensemble["plateau"].sum())
    for scenario in ("rcp45", "rcp85"):
        falling = int((slopes.sel(scenario=scenario) < 0).sum())
        assert f"{falling} of {cells_of_plateau} cells under {scenario}" in sentence
    assert "calibrated to the difference between the means" in sentence


def test_the_oxidative_ratio_changes_no_test(flux):
    future = flux.sel(year=slice(2006, None))
    one, other = fit_trend(future), fit_trend(1.1 * future)
    for name in ("p", "p_plain", "effective_years"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-8)
    np.testing.assert_allclose(1.1 * one["slope"], other["slope"])


def chi2(text: str, S: np.ndarray, names: list[str]) -> float:
    return float(fit_recursive(parse_model(text), S, names, 500)["chi2"].iloc[0])


def test_a_turned_chain_fits_as_well_and_an_arrow_whose_ends_have_other_causes_does_not():
    chain = read_truth("b ~ 0.6 a\nc ~ 0.6 b\nd ~ 0.6 c")
    names = list(chain.correlations)
    S = draw_covariances(chain.correlations, 500, 1, np.random.default_rng(1))
    ahead, back = chi2("b ~ a\nc ~ b\nd ~ c", S, names), chi2("a ~ b\nb ~ c\nc ~ d", S, names)
    assert ahead == pytest.approx(back, abs=1e-8)

    ring = read_truth("b ~ 0.6 a\nc ~ 0.6 a\nd ~ 0.5 b + 0.4 c")
    S = draw_covariances(ring.correlations, 500, 1, np.random.default_rng(1))
    names = list(ring.correlations)
    turned = chi2("b ~ a + d\nc ~ a\nd ~ c", S, names)
    assert turned > chi2("b ~ a\nc ~ a\nd ~ b + c", S, names) + 20


def test_chapter_18_keeps_claims_of_the_paper_apart_from_questions_and_checks():
    text = (NOTEBOOKS / "18_what_survives.md").read_text(encoding="utf-8")
    assert 'survey.groupby("kind")' in text
    assert "claims rest on observed values" not in text
