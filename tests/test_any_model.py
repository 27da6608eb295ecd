"""Path models of any kind against lavaan: loops, instruments, correlated errors, equal and fixed
coefficients, defined effects, modification indices, and three published examples.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.pathmodel import (
    PathFit,
    effects,
    fit_indices,
    fit_model,
    modification_indices,
    parse_model,
    residual_correlations,
)
from tests.test_pathmodel import EFFECTS, by_pair, run_lavaan

ANY = Path(__file__).parent / "lavaan_any"
KEY = ["case", "convention", "exogenous"]
TABLES = ("estimates", "effects", "defined", "implied", "modification", "indices")
ENDS = ["estimate", "se", "standardized", "standardized_se"]
SEARCH = ["stability", "starts", "converged", "proper", "best", "ties"]


def read_tables(folder: Path) -> dict[str, dict[tuple, pd.DataFrame]]:
    """Return each of lavaan's tables by case, convention and exogenous."""
    files = {name: folder / f"{name}.csv" for name in TABLES}
    tables = {name: pd.read_csv(path) for name, path in files.items() if path.exists()}
    return {
        name: {key: rows.drop(columns=KEY) for key, rows in table.groupby(KEY)}
        for name, table in tables.items()
    }


def square(rows: pd.DataFrame, values: str, names: list[str]) -> pd.DataFrame:
    table = rows.pivot(index="to", columns="from", values=values)
    return table.combine_first(table.T).loc[names, names]


def fit_case(case: pd.Series, folder: Path, **options) -> PathFit:
    """Fit rows, or moments, as the case has them."""
    model, path = parse_model(case["model"]), folder / "data" / f"{case['data']}.csv"
    if path.exists():
        return fit_model(model, pd.read_csv(path), **options)
    moments = pd.read_csv(folder / "moments.csv").set_index("data").loc[case["data"]]
    return fit_model(model, square(moments, "value", list(model.variables)), case["n"], **options)


def compare(fit: PathFit, lavaan: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the largest difference from lavaan for each quantity, in units of its own."""
    names = list(fit.implied)
    sd = np.sqrt(np.diag(fit.implied))
    gap = (fit.implied - square(lavaan["implied"], "value", names)) / np.outer(sd, sd)
    left = residual_correlations(fit) - square(lavaan["implied"], "residual", names)
    worst = {"implied": gap.abs().max(axis=None), "residual": left.abs().max(axis=None)}

    ours = by_pair(fit.estimates)
    theirs = by_pair(lavaan["estimates"])
    assert set(ours.index) == set(theirs.index)
    error = theirs["se"].where(theirs["se"] > 0, 1)
    gaps = ours[ENDS] - theirs[ENDS]
    gaps[ENDS[:2]] = gaps[ENDS[:2]].div(error, axis="index")
    worst |= gaps.abs().max(skipna=False).to_dict()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = effects(fit)
    assert bool(said) == (lavaan["indices"]["stability"].iloc[0] >= 1)  # a warning where unstable
    gaps = found[list(EFFECTS)] - lavaan["effects"].set_index(["from", "to"])
    worst |= gaps.abs().max(skipna=False).to_dict()

    if "defined" in lavaan:
        theirs = lavaan["defined"].set_index("name")
        gaps = (fit.defined[ENDS] - theirs) / theirs.abs().clip(lower=1)
        worst |= gaps.abs().max(skipna=False).add_prefix("defined_").to_dict()

    if "modification" in lavaan:
        columns = ["mi", "epc", "standardized_epc"]
        ours, theirs = (
            by_pair(table)[columns]
            for table in (modification_indices(fit).reset_index(), lavaan["modification"])
        )
        gaps = (ours.reindex(theirs.index) - theirs) / theirs.abs().clip(lower=1)
        gaps = gaps.mask(theirs.isna(), 0)  # of variances
        worst |= gaps.abs().max(skipna=False).add_prefix("modification_").to_dict()

    theirs = lavaan["indices"].iloc[0]
    ours = fit_indices(fit)
    scale = theirs.abs().clip(lower=1)
    scale["rmr"] = np.sqrt((fit.sample**2).mean(axis=None))
    gaps = ((ours - theirs.drop(SEARCH)) / scale.drop(SEARCH)).abs()
    if theirs["chi2"] < 1e-9:  # of exact moments, where p shows the root of a rounding error
        gaps[["p", "p_close"]] *= ours["p"] < 1 - 1e-5
    worst |= gaps.mask(ours.isna() & theirs.drop(SEARCH).isna(), 0).to_dict()
    worst["stability"] = abs(fit.stability_index - theirs["stability"])
    worst["missed"] = max(theirs["ties"] - 1 - len(fit.others), 0)  # solutions with the same fit
    return worst


def hold_against(folder: Path) -> pd.DataFrame:
    """Return the differences of every fit, one row each."""
    cases, tables = pd.read_csv(folder / "cases.csv").set_index("case"), read_tables(folder)
    rows = {}
    for key in tables["indices"]:
        case, convention, exogenous = key
        fit = fit_case(cases.loc[case], folder, convention=convention, exogenous=exogenous)
        expected = {name: table[key] for name, table in tables.items() if key in table}
        rows[key] = compare(fit, expected)
    return pd.DataFrame(rows).T.rename_axis(KEY)


@pytest.fixture(scope="module")
def differences() -> pd.DataFrame:
    return hold_against(ANY)


def test_every_number_of_any_model_agrees_with_lavaan(differences):
    worst = differences.max()
    assert len(differences) == 156
    assert (worst[["n", "parameters", "df", "missed"]] == 0).all()
    advice = worst.index.str.startswith("modification")  # its denominators lose digits
    limit = np.where(advice, 1e-6, 1e-8)
    assert (worst <= limit).all(), worst[worst > limit]


def test_moments_of_a_model_give_its_coefficients_back():
    cases = pd.read_csv(ANY / "cases.csv").set_index("case")
    exact = {  # gains, from the truths in cases.R
        "pair_0_3": 0.3,
        "pair_minus0_5": -0.5,
        "pair_0_9": 0.9,
        "pair_1_44": 1.44,
        "pair_minus2_5": -2.5,
    }
    for name, gain in exact.items():
        fit = fit_case(cases.loc[name], ANY)
        b = fit.estimates[fit.estimates["kind"] == "path"].set_index(["to", "from"])["estimate"]
        assert b["m", "y"] * b["y", "m"] == pytest.approx(gain, abs=1e-7)
        assert [b["m", "x"], b["y", "z"]] == pytest.approx([0.8, 0.9], abs=1e-7)
        assert fit.stability_index == pytest.approx(np.sqrt(abs(gain)), abs=1e-7)


@pytest.mark.parametrize("name", ["twins_ring3", "twins_outcome"])
def test_of_two_solutions_the_stable_one_is_first_and_the_other_fits_as_well(name):
    fit = fit_case(pd.read_csv(ANY / "cases.csv").set_index("case").loc[name], ANY)
    (other,) = fit.others
    assert fit.stability_index < 1 < other.stability_index
    assert fit.stability_index * other.stability_index == pytest.approx(1, abs=1e-8)
    pd.testing.assert_frame_equal(other.implied, fit.implied, rtol=1e-8)


PUBLISHED = {  # coefficients as printed, and chi-square, df, p
    # Fox's figure for Duncan, Haller and Portes (1968)
    "peers": (
        {
            ("ROccAsp", "RIQ"): 0.24,
            ("ROccAsp", "RSES"): 0.18,
            ("ROccAsp", "FOccAsp"): 0.40,
            ("FOccAsp", "FIQ"): 0.31,
            ("FOccAsp", "FSES"): 0.22,
            ("FOccAsp", "ROccAsp"): 0.42,
        },
        {},
    ),
    # the AMOS manual, example 7
    "girls": (
        {
            ("academic", "gpa"): 0.023,
            ("academic", "attract"): -0.002,
            ("attract", "height"): 0.000,
            ("attract", "weight"): -0.002,
            ("attract", "rating"): 0.176,
            ("attract", "academic"): 1.607,
        },
        {"chi2": 2.761, "df": 2, "p": 0.25},
    ),
    # Bollen (1989), chapter 4; its chi-square is N F
    "union": (
        {
            ("deferenc", "age"): -0.087,
            ("laboract", "age"): 0.058,
            ("laboract", "deferenc"): -0.285,
            ("unionsen", "deferenc"): -0.218,
            ("unionsen", "laboract"): 0.850,
        },
        {"chi2": 1.26, "df": 3},
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_results_come_out_as_printed(name):
    printed, indices = PUBLISHED[name]
    case = pd.read_csv(ANY / "cases.csv").set_index("case").loc[name]
    fit = fit_case(case, ANY, convention="lavaan" if name == "union" else "amos")
    paths = fit.estimates[fit.estimates["kind"] == "path"].set_index(["to", "from"])["estimate"]
    for arrow, value in printed.items():
        digits = len(f"{value}".rstrip("0").partition(".")[2])
        assert abs(paths[arrow] - value) <= 0.5 * 10.0 ** -max(digits, 2) + 1e-9, arrow
    found = fit_indices(fit)
    for index, value in indices.items():
        assert round(found[index], len(f"{value}".partition(".")[2])) == value


def test_new_data_agree_with_lavaan_as_it_runs_here(tmp_path):
    rng = np.random.default_rng(1968)
    noise = rng.standard_normal((120, 6))
    noise[:, 5] += 0.5 * noise[:, 4]
    x, z, u, a, b, c = noise.T
    gain = rng.uniform(-0.9, 0.9)
    a, b = (a + x + gain * (b + z)) / (1 - gain), (a + x + b + z) / (1 - gain)
    table = pd.DataFrame({"x": x, "z": z, "u": u, "a": a, "b": b, "c": 0.5 * a - b + u + c})
    models = {
        "pair": "a ~ b + x; b ~ a + z; c ~ a + b + u",
        "alike": "a ~ k*b + x + u; b ~ k*a + z; c ~ s*a + s*b + u; joint := s^2 * k / (1 - k)",
        "outcomes": "a ~ x + z; b ~ a + u; c ~ 0.5*a + u; a ~~ b",
    }
    run_lavaan(
        tmp_path,
        table,
        {"case": list(models), "exogenous": "correlated", "model": list(models.values())},
        script=ANY / "reference.R",
    )
    worst = hold_against(tmp_path).max()
    assert worst.max() <= 1e-7, worst[worst > 1e-7]
