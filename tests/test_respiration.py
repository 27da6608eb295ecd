"""Soil respiration of the field: SRDB's rules and units, and means of studies that are alike."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from helpers.errors import InputError
from helpers.readers.respiration import (
    load_respiration,
    read_equations,
    read_respiration,
    read_srdb,
    screen_records,
)
from helpers.reconstruction import load_reconstruction, soil_respiration
from helpers.statistics import cluster_regression, pool_equations, respiration_curve
from tests.conftest import GENUINE


@pytest.fixture(scope="module")
def srdb() -> Path:
    """Return the folder with genuine records of SRDB."""
    folder = GENUINE / "srdb"
    if not folder.is_dir():
        pytest.skip(f"genuine records of SRDB are not at {folder} (set TIBET_REAL_DATA)")
    return folder


RECORD = {
    "Record_number": "1",
    "Study_number": "10",
    "Latitude": "33.5",
    "Longitude": "95.0",
    "Elevation": "4000",
    "MAT": "-2",
    "Study_temp": "",
    "Rs_annual": "400",
    "Duplicate_record": "",
    "Quality_flag": "",
    "Site_ID": "A",
    "Manipulation": "None",
    "Manipulation_level": "",
    "Ecosystem_type": "Grassland",
}
EQUATION = {
    "Record_number": "1",
    "Model_type": "Exponential, R=a exp(b(T-c))",
    "Model_output_units": "umol CO2/m2/s",
    "Model_temp_min": "0",
    "Model_temp_max": "15",
    "T_depth": "5",
    "Model_paramA": "0.8",
    "Model_paramB": "0.1",
    "Model_paramC": "0",
    **dict.fromkeys(["R10", "Q10_0_10", "Q10_5_15", "Q10_10_20", "Q10_0_20"], ""),
}


def write_records(
    folder: Path, *changes: dict, plain: dict = RECORD, name: str = "srdb-data.csv"
) -> Path:
    rows = [plain | {"Record_number": str(k)} | change for k, change in enumerate(changes, 1)]
    pd.DataFrame(rows).to_csv(folder / name, index=False)
    return folder


write_equations = partial(write_records, plain=EQUATION, name="srdb-equations.csv")


def test_the_rule_takes_plateau_grassland_only(tmp_path):
    outside = [
        {"Latitude": "25.9"},
        {"Latitude": "40.1"},
        {"Longitude": "74.9"},
        {"Longitude": "104.1"},
        {"Elevation": "2800"},
        {"Latitude": ""},
        {"Elevation": "high"},
        {"Latitude": "3350", "MAT": "wrong, but elsewhere"},
        {"Ecosystem_type": "Forest", "Site_ID": "Königsee"},
    ]
    inside = [{}, {"Ecosystem_type": "Alpine MEADOW"}, {"Ecosystem_type": "Wetland"}]
    path = write_records(tmp_path, *outside, *inside) / "srdb-data.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))  # as SRDB has places
    found = read_respiration(tmp_path)
    assert found.index.tolist() == [10, 11, 12]
    assert found["T"].tolist() == [-2, -2, -2]


def test_the_rule_takes_all_of_what_it_made(tmp_path, srdb):
    part = read_respiration(srdb)
    assert len(part) == 411
    whole = pd.read_csv(next(srdb.glob("srdb_tibet*.csv")), dtype=str, keep_default_na=False)
    forest = whole.iloc[:5].assign(Ecosystem_type="Forest", Record_number=["1", "2", "3", "4", "5"])
    pd.concat([forest, whole]).to_csv(tmp_path / "srdb-data.csv", index=False)
    pd.testing.assert_frame_equal(read_respiration(tmp_path), part)


def test_the_temperature_is_that_of_the_year_where_it_is_reported(tmp_path):
    found = read_respiration(write_records(tmp_path, {"Study_temp": "1.5"}, {}, {"MAT": ""}))
    np.testing.assert_allclose(found["T"], [1.5, -2, np.nan])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MAT": "271.2"}, "degrees Celsius"),
        ({"Record_number": "1"}, "there twice counts twice"),
        ({"Rs_annual": "-9999"}, "between -500 and 10000 (g C m-2)"),
    ],
)
def test_records_that_cannot_be_right_are_refused(change, said, tmp_path):
    with pytest.raises(InputError) as refusal:
        read_respiration(write_records(tmp_path, {}, change))
    assert said in str(refusal.value)


def test_a_table_of_other_places_is_refused(tmp_path):
    with pytest.raises(InputError, match="found:  none"):
        read_respiration(write_records(tmp_path, {"Latitude": "10"}))


def test_manipulated_or_doubtful_records_and_copies_are_left_out(tmp_path):
    records = read_respiration(
        write_records(
            tmp_path,
            {},
            {"Manipulation": ""},
            {"Manipulation": "none", "Manipulation_level": "Dry control"},
            {"Quality_flag": "Q01, Q03"},
            {"Quality_flag": "Q1"},
            {"Ecosystem_type": "Wetland"},
            {"Manipulation": "Warmed"},
            {"Manipulation": "", "Manipulation_level": "+1.3 C"},
            {"Quality_flag": "Q01, Q11"},
            {"Duplicate_record": "77", "Study_number": "11"},
        )
    )
    assert screen_records(records).index.tolist() == [1, 2, 3, 4, 5]


def test_equations_come_in_one_form_and_one_unit(tmp_path):
    write_records(tmp_path, *[{"Study_number": str(k)} for k in range(5)])
    records = read_respiration(tmp_path)
    write_equations(
        tmp_path,
        {},
        {"Model_type": "Q10, R=a b^((T-c)/10)", "Model_paramB": str(np.e)},
        {"Model_paramC": "10", "Model_paramA": str(0.8 * np.e)},
        {"Model_output_units": ""},
        {"Model_type": "Linear, R=a+b(T-c)"},
    )
    table = read_equations(records, tmp_path)
    assert table.index.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table["beta"], 0.1)
    np.testing.assert_allclose(table["alpha"], [0.8, 0.8, 0.8, np.nan])


@pytest.mark.parametrize(
    ("unit", "grams", "seconds"),
    [
        ("umol CO2/m2/s", 44.009e-6, 1),
        ("mg CO2/m2/s", 1e-3, 1),
        ("mg CO2/m2/hr", 1e-3, 3600),
        ("g CO2/m2/hr", 1, 3600),
        ("g CO2/m2/day", 1, 86400),
        ("mg C/m2/hr", 1e-3 * 44.009 / 12.011, 3600),
        ("g C/m2/hr", 44.009 / 12.011, 3600),
        ("g C/m2/day", 44.009 / 12.011, 86400),
    ],
)
def test_every_unit_stands_for_its_mass_of_carbon_dioxide(unit, grams, seconds, tmp_path):
    records = read_respiration(write_records(tmp_path, {}))
    write_equations(tmp_path, {"Model_output_units": unit, "Model_paramA": "2"})
    (alpha,) = read_equations(records, tmp_path)["alpha"]
    assert alpha * 1e-6 * 44.009 == pytest.approx(2 * grams / seconds)


def test_equations_that_contradict_themselves_or_repeat_are_left_out(tmp_path):
    records = read_respiration(write_records(tmp_path, *[{}] * 7))
    write_equations(
        tmp_path,
        {"R10": str(0.8 * np.e), "Q10_0_10": "2.72"},
        {"Model_paramA": "0.9", "R10": "25"},
        {"Model_paramA": "1.0", "Q10_5_15": "4.9"},
        {},
        {"Model_paramA": "-0.4"},
        {"Model_paramB": "", "R10": "2"},
        {"Model_paramA": "1.1", "Q10_0_20": "2.75"},
    )
    assert read_equations(records, tmp_path).index.tolist() == [1, 7]


def test_files_that_are_absent_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"srdb-data\.csv"):
        read_respiration(tmp_path)
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="make data SOURCE=sites"):
        read_respiration()


def test_equations_that_cannot_be_read_are_refused(tmp_path):
    records = read_respiration(write_records(tmp_path, {}))
    with pytest.raises(InputError, match=r"srdb-equations\.csv"):
        read_equations(records, tmp_path)
    with pytest.raises(InputError, match="'much'"):
        read_equations(records, write_equations(tmp_path, {"Model_paramA": "much"}))
    with pytest.raises(InputError, match="found:  none"):
        read_equations(records, write_equations(tmp_path, {"Model_type": "Other"}))


def test_the_books_equation_is_one_of_the_genuine_ones(srdb):
    found = read_respiration(srdb)
    records = screen_records(found)
    assert (len(found), len(records)) == (411, 148)
    table = read_equations(records, srdb)
    assert len(table) == 19
    book = load_reconstruction()["soil_respiration"]
    assert table.loc[3792, ["alpha", "beta"]].tolist() == [book["alpha"], book["beta"]]
    reported = pd.read_csv(srdb / "srdb-equations.csv").set_index("Record_number")["R10"]
    r10 = (table["alpha"] * np.exp(10 * table["beta"])).dropna()
    both = pd.concat([r10, reported.reindex(r10.index)], axis=1).dropna()
    assert len(both) == 16
    np.testing.assert_allclose(both[0], both["R10"], rtol=1e-3)
    assert soil_respiration(pd.Series([283.15]))[0] == pytest.approx(reported[3792], rel=1e-3)


def test_the_mean_of_equal_studies_is_the_mean_of_their_means():
    rng = np.random.default_rng(2)
    studies = np.repeat(np.arange(8), 3)
    beta = 0.1 + 0.03 * rng.standard_normal(8)[studies] + 0.01 * rng.standard_normal(24)
    table = pd.DataFrame({"alpha": np.exp(rng.standard_normal(24)), "beta": beta})
    table.loc[23, "alpha"] = np.nan
    clusters = pd.Series(studies)
    pooled = pool_equations(table, clusters, 0.9)
    means = table["beta"].groupby(studies).mean()
    low, high = stats.t.interval(0.9, 7, means.mean(), stats.sem(means))
    np.testing.assert_allclose(
        pooled.loc["beta", ["estimate", "low", "high"]], [means.mean(), low, high], rtol=1e-4
    )
    np.testing.assert_allclose(
        pooled.loc["Q10", "estimate":"high"],
        np.exp(10 * pooled.loc["beta", "estimate":"high"]),
        rtol=1e-4,
    )
    assert pooled["equations"].tolist() == [24, 24, 23, 23]
    curve = respiration_curve(table, clusters, np.array([0.0, 10.0]), 0.9)
    columns = ["estimate", "low", "high"]
    np.testing.assert_allclose(curve[columns], pooled.loc[["alpha", "R10"], columns])


def _alike(between: float, seed: int) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    """Return 30 values of nine studies of unequal size, and a cause."""
    rng = np.random.default_rng(seed)
    studies = np.repeat(np.arange(9), [1, 2, 2, 3, 3, 4, 4, 5, 6])
    x = rng.standard_normal(30)
    y = 0.5 * x + between * rng.standard_normal(9)[studies] + 0.3 * rng.standard_normal(30)
    return pd.Series(y, name="y"), pd.Series(studies), pd.DataFrame({"x": x})


def _restricted(y: pd.Series, studies: pd.Series, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and standard errors at the highest restricted likelihood, by search."""
    same = np.equal.outer(studies.to_numpy(), studies.to_numpy())

    def fit(share: float) -> tuple[float, np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(share * same + (1 - share) * np.eye(len(y)))
        A = np.linalg.inv(X.T @ inverse @ X)
        coefficients = A @ X.T @ inverse @ y
        rest = y - X @ coefficients
        freedom = len(y) - X.shape[1]
        variance = rest @ inverse @ rest / freedom
        logs = freedom * np.log(variance) - np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(A)[1]
        return logs, coefficients, np.sqrt(variance * np.diag(A))

    best = optimize.minimize_scalar(
        lambda share: fit(share)[0], bounds=(0, 0.999), options={"xatol": 1e-9}
    )
    return fit(best.x)[1:]


@pytest.mark.parametrize("between", [0.0, 0.4])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_a_slope_has_as_many_degrees_of_freedom_as_there_are_studies_to_spare(between, unit):
    y, studies, x = _alike(between, seed=6)
    X = np.column_stack([np.ones(len(y)), x])
    coefficients, errors = _restricted(y, studies, X)
    reach = stats.t.ppf(0.95, 9 - 2) * errors
    expected = unit * np.array([coefficients, coefficients - reach, coefficients + reach]).T
    found = cluster_regression(unit * y, studies, x, confidence=0.9)
    assert list(found.index) == ["constant", "x"]
    assert list(found) == ["estimate", "low", "high"]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4 * unit)


def test_studies_that_are_no_more_alike_than_others_share_nothing():
    """Each study holds the same values: its mean cannot vary, and the estimate of that is 0."""
    y = pd.Series(np.tile([1.0, 2.0, 4.0], 6), name="y")
    studies = pd.Series(np.repeat(np.arange(6), 3))
    found = cluster_regression(y, studies).loc["constant"]
    reach = stats.t.ppf(0.975, 5) * stats.sem(y)
    np.testing.assert_allclose(
        found[["estimate", "low", "high"]], y.mean() + reach * np.array([0, -1, 1]), rtol=1e-4
    )


def test_few_studies_and_gaps_are_refused():
    y, studies, x = _alike(0.3, seed=1)
    with pytest.raises(InputError, match="at least 5 clusters"):
        cluster_regression(y, studies % 4, x)
    assert len(cluster_regression(y, studies % 5, x)) == 2
    with pytest.raises(InputError, match="at least 4 clusters"):
        cluster_regression(y, studies % 3)
    with pytest.raises(InputError, match="a gap"):
        cluster_regression(y.where(y > 0), studies)
    with pytest.raises(InputError, match="between 0 and 1"):
        cluster_regression(y, studies, confidence=95)


def test_the_embedded_table_is_what_screening_leaves(srdb):
    table, again = load_respiration(), read_srdb(srdb)
    pd.testing.assert_frame_equal(table, again.assign(site=again["site"].astype(str)), atol=1e-6)
    records = screen_records(read_respiration(srdb))
    equations = read_equations(records, srdb)
    assert table["beta"].count() == len(equations)
    np.testing.assert_allclose(table["beta"].dropna(), equations["beta"].sort_index(), atol=1e-6)


def test_embedded_equations_lie_on_the_plateau_and_warm_soil_breathes_more_in_each():
    table = load_respiration()
    assert table["latitude"].between(26, 40).all()
    assert (table["elevation"] > 2800).all()
    assert (table["beta"].dropna() > 0).all()
    assert table.loc[table["alpha"].notna(), "beta"].notna().all()
