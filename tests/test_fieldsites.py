"""Real sites: readers and what they refuse, R's nlme as reference, closed forms, levels."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import squareform
from statsmodels.regression.linear_model import GLS, OLS
from statsmodels.regression.mixed_linear_model import MixedLM

import helpers.fieldsites
from helpers.associations import correlate
from helpers.commands.data import SHARED
from helpers.emulate import load_reconstruction
from helpers.errors import InputError
from helpers.fieldsites import (
    add_climate,
    agreement,
    answer,
    block_effects,
    cluster_regression,
    distances,
    name_blocks,
    pool_equations,
    read_equations,
    read_field_sites,
    read_respiration,
    respiration_curve,
    screen_records,
    spatial_differences,
    spatial_gradients,
    spatial_regression,
    spatial_separation,
)
from helpers.gldas import load_climate
from helpers.gradients import fit_gradients
from helpers.pathmodel import bootstrap_effects, d_separation, parse_model, read_model

R = Path(__file__).parent / "r"
MADE_UP = pd.read_csv(R / "fieldsites_input.csv")
FAUNA, WORLDCLIM = "soil_fauna_data_final.txt", "site_clim_worldClim.txt"


@pytest.fixture(scope="module")
def genuine() -> pd.DataFrame:
    """Return the 48 genuine sites."""
    folder = SHARED / "tibet_fauna"
    if not folder.is_dir():
        pytest.skip(f"the genuine sites are not at {folder} (set TIBET_REAL_DATA)")
    return read_field_sites(folder)


@pytest.fixture(scope="module")
def srdb() -> Path:
    """Return the folder with genuine records of SRDB."""
    folder = SHARED / "srdb"
    if not folder.is_dir():
        pytest.skip(f"genuine records of SRDB are not at {folder} (set TIBET_REAL_DATA)")
    return folder


def made_up_sites() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables of the collection, with six made-up sites, as text."""
    fauna = pd.DataFrame(
        {
            "ID": range(1, 7),
            "Site": range(701, 707),
            "Long": [92.1, 93.4, 95.2, 96.8, 98.3, 100.1],
            "Lat": [32.5, 33.1, 34.7, 35.2, 33.9, 36.4],
            "Ele.m": [4700, 4600, 4300, 4250, 4100, 3300],
            "pH": [8.1, 7.4, 7.7, 7.0, 6.9, 8.3],
            "SOC": [1.2, 8.8, 5.0, 10.1, 12.4, 0.8],
            "SCNratio": [30.1, 12.2, 14.0, 12.1, 11.8, 41.0],
            "DOC": [150.0, 300.0, 210.0, 260.0, 350.0, 120.0],
            "plant.species.richness": [8, 17, 12, 20, 24, 4],
            "plant.shannon.diversity": [1.1, 1.8, 1.4, 2.0, 2.1, 0.6],
            "vege.type": ["AS", "AM", "AM", "AM", "AM", "DS"],
        }
    )
    weather = pd.DataFrame(
        {
            "Site": fauna["Site"],
            "bio1": [-45, -30, -22, -10, 3, 12],
            "bio7": [381, 370, 366, 352, 349, 402],
            "bio12": [300, 380, 410, 470, 520, 180],
        }
    )
    return fauna.astype(str), weather.astype(str)


def write_sites(folder: Path, fauna: pd.DataFrame, weather: pd.DataFrame) -> Path:
    fauna.to_csv(folder / FAUNA, sep="\t", index=False)
    weather.to_csv(folder / WORLDCLIM, sep="\t", index=False)
    return folder


def test_the_genuine_sites_have_the_units_that_the_page_says(genuine):
    assert genuine.shape == (48, 12)
    covers = genuine["land_cover"].value_counts().to_dict()
    assert covers == {"meadow": 26, "steppe": 18, "desert steppe": 4}
    assert genuine["SOC"].agg(["min", "max"]).tolist() == pytest.approx([6.3, 210.3])
    assert genuine["T_worldclim"].agg(["min", "max"]).tolist() == pytest.approx([-6.6, 4.0])
    as_percent = genuine["DOC"] / 1000 / genuine["SOC"]
    assert as_percent.max() < 0.04 < 0.3 < 10 * as_percent.max()
    assert genuine.loc[genuine["CN"] > 20, "pH"].min() > 7.8
    assert genuine.loc["751"].to_dict() == {
        "longitude": 100.88,
        "latitude": 36.32,
        "elevation": 3282,
        "land_cover": "steppe",
        "pH": 7.51,
        "SOC": pytest.approx(30.2),
        "CN": 9.27,
        "DOC": 164.98,
        "richness": 10,
        "shannon": 1.34,
        "T_worldclim": pytest.approx(0.6),
        "P_worldclim": 352,
    }


def test_the_packaged_relief_and_climate_are_at_the_genuine_sites(genuine):
    sites = add_climate(genuine)
    elevation = agreement(sites["elevation"], sites["relief"])
    assert elevation["rmse"] == pytest.approx(187, abs=1)
    assert sites["cell"].nunique() == 25
    assert sites.loc["751", "cell"] == "36.5 N, 100.5 E"
    cell = load_climate()["Tair_f_inst"].sel(lat=36.5, lon=100.5)
    assert sites.loc["751", "AT"] == float(cell)
    together = sites.groupby("cell")["PRE"].nunique()
    assert (together == 1).all()


def test_a_collection_may_be_a_folder_or_a_subfolder(tmp_path):
    (tmp_path / "tibet_fauna").mkdir()
    write_sites(tmp_path / "tibet_fauna", *made_up_sites())
    outside = read_field_sites(tmp_path)
    pd.testing.assert_frame_equal(outside, read_field_sites(tmp_path / "tibet_fauna"))
    assert outside.loc["702", "SOC"] == 88
    assert outside.loc["701", "T_worldclim"] == -4.5
    assert list(outside["land_cover"]) == ["steppe", *["meadow"] * 4, "desert steppe"]


def test_order_and_extra_columns_do_not_matter(tmp_path):
    fauna, weather = made_up_sites()
    write_sites(tmp_path, fauna, weather)
    plain = read_field_sites(tmp_path)
    write_sites(tmp_path, fauna.assign(more="x"), weather.iloc[::-1])
    pd.testing.assert_frame_equal(read_field_sites(tmp_path), plain)


def put(table: str, row: int, column: str, value: str):
    """Return a change of one cell."""

    def change(fauna: pd.DataFrame, weather: pd.DataFrame) -> tuple:
        (fauna if table == "fauna" else weather).loc[row, column] = value
        return fauna, weather

    return change


def in_other_units(column: str, factor: float, table: str = "fauna"):
    """Return a change of the unit of a column."""

    def change(fauna: pd.DataFrame, weather: pd.DataFrame) -> tuple:
        chosen = fauna if table == "fauna" else weather
        chosen[column] = (chosen[column].astype(float) * factor).astype(str)
        return fauna, weather

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, w: (f.drop(columns="pH"), w), "no column pH"),
        (lambda f, w: (f, w.drop(columns="bio12")), "no column bio12"),
        (lambda f, w: (f[:0], w), "no rows"),
        (lambda f, w: (f, w.drop(index=2)), "site 703"),
        (put("fauna", 1, "pH", "neutral"), "'neutral'"),
        (put("fauna", 1, "pH", ""), "an empty cell"),
        (put("fauna", 1, "pH", "NaN"), "an empty cell"),
        (put("fauna", 1, "pH", "77"), "between 2 and 12"),
        (put("fauna", 3, "Lat", "352"), "degrees north"),
        (put("fauna", 3, "Site", "702"), "('702',) in 2 rows"),
        (put("fauna", 4, "vege.type", "forest"), "'forest'"),
        (in_other_units("SOC", 10), "g per 100 g"),
        (in_other_units("Ele.m", 0.001), "(m)"),
        (in_other_units("bio7", 0.1, "weather"), "tenths of a degree"),
        (in_other_units("bio12", 0.001, "weather"), "mm a year"),
    ],
)
def test_a_site_table_that_cannot_be_right_is_refused(change, said, tmp_path):
    write_sites(tmp_path, *change(*made_up_sites()))
    with pytest.raises(InputError) as refusal:
        read_field_sites(tmp_path)
    assert said in str(refusal.value)


def test_a_place_that_is_there_twice_is_refused(tmp_path):
    fauna, weather = made_up_sites()
    fauna.loc[5, ["Long", "Lat"]] = fauna.loc[4, ["Long", "Lat"]]
    write_sites(tmp_path, fauna, weather)
    with pytest.raises(InputError, match="a place that is there twice counts twice"):
        read_field_sites(tmp_path)


def test_files_that_are_absent_or_broken_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such folder"):
        read_field_sites(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such file"):
        read_field_sites(tmp_path)
    with pytest.raises(InputError, match=r"srdb-data\.csv"):
        read_respiration(tmp_path)
    write_sites(tmp_path, *made_up_sites())
    (tmp_path / FAUNA).write_text("Site\tpH\n1\t7\t8\t9\n2\t7\t8\t9\t10\n", encoding="utf-8")
    with pytest.raises(InputError, match="one header line"):
        read_field_sites(tmp_path)
    (tmp_path / FAUNA).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="one header line"):
        read_field_sites(tmp_path)
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path / "empty"))
    for read in (read_field_sites, read_respiration):
        with pytest.raises(InputError, match="make data SOURCE=fieldsites"):
            read()


def test_sites_without_climate_are_refused(tmp_path, monkeypatch):
    fauna, weather = made_up_sites()
    sites = read_field_sites(write_sites(tmp_path, fauna, weather))
    with pytest.raises(InputError, match="site 701"):
        add_climate(sites.assign(longitude=sites["longitude"].where(sites.index != "701", 20.0)))
    holed = load_climate()
    holed["Tair_f_inst"].loc[{"lat": 34.5, "lon": 95.5}] = np.nan
    monkeypatch.setattr(helpers.fieldsites, "load_climate", lambda: holed)
    with pytest.raises(InputError, match="site 703: AT"):
        add_climate(sites)


def test_agreement_is_that_of_hand_arithmetic():
    field, packaged = pd.Series([1.0, 2, 3, 4]), pd.Series([2.0, 2, 5, 4])
    found = agreement(field, packaged)
    r = np.corrcoef(field, packaged)[0, 1]
    np.testing.assert_allclose(found, [0.75, np.sqrt(5 / 4), 2, r])


def test_regressions_agree_with_nlme():
    reference = pd.read_csv(R / "fieldsites.csv", index_col=["what", "name"])
    for name in ("y", "z"):
        for what in ("gls", "lme"):
            fit = (
                spatial_regression(MADE_UP[name], MADE_UP[["x"]], MADE_UP, n_boot=100)
                if what == "gls"
                else cluster_regression(MADE_UP[name], MADE_UP["study"], MADE_UP[["x"]])
            )
            line = fit.table[["estimate", "se"]].to_numpy().T.ravel()
            ours = [*line, *fit.dependence, fit.sd]
            np.testing.assert_allclose(ours, reference.loc[(what, name)].dropna(), rtol=2e-5)


def test_a_mixed_model_agrees_with_statsmodels():
    design = np.column_stack([np.ones(len(MADE_UP)), MADE_UP["x"]])
    theirs = MixedLM(MADE_UP["y"], design, groups=MADE_UP["study"]).fit(reml=True)
    ours = cluster_regression(MADE_UP["y"], MADE_UP["study"], MADE_UP[["x"]])
    np.testing.assert_allclose(ours.table["estimate"], theirs.fe_params, rtol=1e-4)


def test_far_places_give_ordinary_least_squares():
    """Where no neighbour is near and nothing is shared, dependence changes nothing."""
    rng = np.random.default_rng(3)
    data = MADE_UP.assign(y=rng.standard_normal(len(MADE_UP)))
    fit = spatial_regression(data["y"], data[["x"]], data, n_boot=4000)
    plain = OLS(data["y"], np.column_stack([np.ones(len(data)), data["x"]])).fit()
    assert fit.dependence["nugget"] > 0.9 or fit.dependence["range"] < 30
    np.testing.assert_allclose(fit.table["estimate"], plain.params, atol=0.05)
    assert fit.table.loc["x", "p"] == pytest.approx(np.asarray(plain.pvalues)[1], abs=0.05)


def test_units_change_estimates_but_no_test():
    one = spatial_regression(MADE_UP["y"], MADE_UP[["x"]], MADE_UP, n_boot=200)
    scaled = MADE_UP.assign(x=1e-6 * MADE_UP["x"] + 3, y=100 * MADE_UP["y"] - 7)
    two = spatial_regression(scaled["y"], scaled[["x"]], scaled, n_boot=200)
    assert two.table.loc["x", "estimate"] == pytest.approx(
        1e8 * one.table.loc["x", "estimate"], rel=1e-3
    )
    assert two.table.loc["x", "t"] == pytest.approx(one.table.loc["x", "t"], rel=1e-3)


def test_a_contrast_of_one_coefficient_is_that_coefficient():
    causes = MADE_UP[["x"]].assign(x2=MADE_UP["x"] ** 2)
    sums = pd.DataFrame({"x": [1, 1], "x2": [0, 2]}, index=["alone", "both"])
    fit = spatial_regression(MADE_UP["y"], causes, MADE_UP, contrasts=sums, n_boot=200)
    np.testing.assert_allclose(fit.table.loc["alone"], fit.table.loc["x"])
    V = fit.covariance
    variance = V.loc["x", "x"] + 4 * V.loc["x2", "x2"] + 4 * V.loc["x", "x2"]
    assert fit.table.loc["both", "se"] == pytest.approx(np.sqrt(variance))
    t = fit.table.loc["both", "t"]
    assert (fit.table.loc["both", "p_above"] < 0.5) == (t > 0)


def test_an_interval_leaves_out_zero_where_the_test_rejects():
    for name, confidence in product(("y", "z"), (0.5, 0.9, 0.99, 0.995)):
        fit = spatial_regression(
            MADE_UP[name], MADE_UP[["x"]], MADE_UP, n_boot=999, confidence=confidence
        )
        row = fit.table.loc["x"]
        student = stats.t.ppf((1 + confidence) / 2, len(MADE_UP) - 2)
        assert fit.critical["x"] > 0.95 * student
        assert (row["low"] > 0 or row["high"] < 0) == (row["p"] <= 1 - confidence + 0.001)


def test_a_cause_as_smooth_as_the_errors_needs_more_than_students_t():
    far = squareform(distances(MADE_UP))
    smooth = np.linalg.cholesky(0.95 * np.exp(-far / 800) + 0.05 * np.eye(len(far)))
    fields = smooth @ np.random.default_rng(5).standard_normal((len(far), 5))
    fits = [
        spatial_regression(pd.Series(y), MADE_UP[["longitude"]], MADE_UP, n_boot=499)
        for y in fields.T
    ]
    reach = np.mean([fit.critical["longitude"] for fit in fits])
    assert reach > 1.2 * stats.t.ppf(0.975, len(far) - 2)


def test_a_simulated_field_is_fitted_with_its_own_best_dependence():
    """Fields of neighbours get the t of generalized least squares, plain noise gets ordinary t."""
    far = squareform(distances(MADE_UP))
    smooth = np.exp(-far / 1000)
    problem = helpers.fieldsites._pose(MADE_UP["y"], MADE_UP[["x"]], None, len(MADE_UP))
    noise = np.random.default_rng(6).standard_normal((len(far), 20))
    for grid in ([smooth, np.eye(len(far))], [np.eye(len(far)), smooth]):
        for R in (smooth, np.eye(len(far))):
            fields = np.linalg.cholesky(R) @ noise
            t = helpers.fieldsites._refit(problem, grid, fields)
            theirs = [GLS(y, problem.X, sigma=R).fit().tvalues for y in fields.T]
            np.testing.assert_allclose(t[1], np.array(theirs)[:, 1])


def test_smooth_fields_rarely_seem_to_depend_on_each_other():
    """Two unrelated smooth fields: the level is kept within what 60 cases can show."""
    rng = np.random.default_rng(7)
    places = MADE_UP[["longitude", "latitude"]]
    far = squareform(distances(places))
    smooth = np.linalg.cholesky(0.95 * np.exp(-far / 800) + 0.05 * np.eye(len(far)))
    found = []
    for _ in range(40):
        y, x = (smooth @ rng.standard_normal((len(far), 2))).T
        fit = spatial_regression(pd.Series(y), pd.DataFrame({"x": x}), places, n_boot=199)
        plain = OLS(y, np.column_stack([np.ones(len(x)), x])).fit()
        found.append([fit.table.loc["x", "p"] <= 0.05, plain.pvalues[1] <= 0.05])
    spatial, independent = np.mean(found, axis=0)
    assert spatial <= 0.15  # 6 of 40; at a level of 5 %, more would come in 1 % of runs
    assert independent > 0.2


def test_intervals_hold_the_slope_that_was_put_in():
    rng = np.random.default_rng(8)
    places = MADE_UP[["longitude", "latitude"]]
    far = squareform(distances(places))
    smooth = np.linalg.cholesky(0.7 * np.exp(-far / 200) + 0.3 * np.eye(len(far)))
    held = []
    for _ in range(30):
        y = 2 * MADE_UP["x"] + smooth @ rng.standard_normal(len(far))
        row = spatial_regression(y.rename("y"), MADE_UP[["x"]], places, n_boot=199).table.loc["x"]
        held.append(row["low"] <= 2 <= row["high"])
    assert np.mean(held) >= 0.86


@pytest.fixture(scope="module")
def hill() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return 40 made-up sites with elevation, and a peak, a line and noise on it."""
    rng = np.random.default_rng(12)
    elevation = pd.Series(rng.uniform(3000, 5000, len(MADE_UP)), name="elevation")
    km = (elevation - 4000) / 1000
    noise = rng.standard_normal((len(km), 3)) * 0.2
    values = pd.DataFrame({"peak": -2 * km**2, "line": km, "noise": 0 * km}) + noise
    values["late"] = -2 * (km - 0.6) ** 2 + noise[:, 0]
    return MADE_UP.assign(elevation=elevation), values


def test_peaks_and_slopes_are_those_that_were_put_in(hill):
    places, values = hill
    fits = spatial_gradients(places["elevation"], values, places, n_boot=999)
    assert fits.loc["peak", "p_peak"] < 0.01 < 0.5 < fits.loc["peak", "p_dip"]
    assert (
        fits.loc["peak", "vertex_low"]
        < fits.loc["peak", "vertex"]
        < fits.loc["peak", "vertex_high"]
    )
    assert fits.loc["peak", "vertex"] == pytest.approx(4000, abs=60)
    assert fits.loc["peak", "vertex_high"] - fits.loc["peak", "vertex_low"] < 300
    assert fits.loc["line", ["slope_low", "slope_high"]].between(0.7, 1.3).all()
    assert fits.loc["line", "p"] < 0.01 < fits.loc["line", "p_peak"]
    assert fits.loc["noise", "p"] > 0.05
    assert np.isinf(fits.loc["noise", "vertex_high"])
    assert fits.loc["late", "p_peak"] < 0.01
    assert fits.loc["late", "vertex"] == pytest.approx(4600, abs=100)
    mirrored = spatial_gradients(places["elevation"], -values, places, n_boot=999)
    assert mirrored.loc["peak", "p_dip"] < 0.01


def test_without_neighbours_gradients_are_the_plain_ones(hill):
    places, values = hill
    near = spatial_gradients(places["elevation"], values, places, n_boot=999)
    plain = fit_gradients(places["elevation"], values)
    np.testing.assert_allclose(near["slope"], plain["slope"], atol=0.06)
    np.testing.assert_allclose(near.loc["peak", "vertex"], plain.loc["peak", "vertex"], atol=30)


def test_the_curve_is_as_flat_as_the_test_allows_at_the_ends_of_its_vertex(hill):
    places, values = hill
    row = spatial_gradients(places["elevation"], values[["late"]], places, n_boot=200).iloc[0]
    km = (places["elevation"] - places["elevation"].mean()) / 1000
    ends = (row[["vertex_low", "vertex_high"]] - places["elevation"].mean()) / 1000
    fit = spatial_regression(
        values["late"],
        pd.DataFrame({"km": km, "km2": km**2}),
        places,
        contrasts=pd.DataFrame({"km": 1.0, "km2": 2 * ends.astype(float)}),
        n_boot=200,
    )
    np.testing.assert_allclose(fit.table.loc[ends.index, "t"].abs(), fit.critical["km2"])


def test_ends_of_the_interval_of_a_ratio_are_as_far_as_the_test_reaches():
    V, parts, critical = np.array([[0.04, 0.01], [0.01, 0.09]]), np.array([1.0, 2.0]), 2.2
    ends = np.array(helpers.fieldsites._fieller(parts, V, critical))
    variance = V[0, 0] - 2 * ends * V[0, 1] + ends**2 * V[1, 1]
    np.testing.assert_allclose((parts[0] - ends * parts[1]) ** 2, critical**2 * variance)
    assert ends[0] < 0.5 < ends[1]
    assert helpers.fieldsites._fieller(parts, 30 * V, critical) == (-np.inf, np.inf)


def test_a_difference_of_groups_is_a_regression_on_membership():
    groups = pd.Series(np.where(MADE_UP["x"] > 0, "meadow", "steppe"))
    groups[:4] = "desert steppe"
    values = MADE_UP[["y", "z"]]
    values = values.add(3.0 * (groups == "meadow"), axis="index")
    pair = ("meadow", "steppe")
    found = spatial_differences(values, groups, pair, MADE_UP, n_boot=999)
    assert (found["low"] > 0).all()
    assert (found["p"] == 0.001).all()
    turned = spatial_differences(values, groups, pair[::-1], MADE_UP, n_boot=999)
    np.testing.assert_allclose(turned["difference"], -found["difference"], rtol=1e-4)
    others = values.where(groups.isin(pair), values + 50)
    again = spatial_differences(others, groups, pair, MADE_UP, n_boot=999)
    pd.testing.assert_frame_equal(again, found)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"n_boot": 20}, "at least 100 fields"), ({"confidence": 95}, "between 0 and 1")],
)
def test_regressions_refuse_impossible_options(options, said):
    with pytest.raises(InputError, match=said):
        spatial_regression(MADE_UP["y"], MADE_UP[["x"]], MADE_UP, **options)


def test_regressions_refuse_gaps_and_too_few():
    with pytest.raises(InputError, match="at least 5 sites"):
        spatial_regression(MADE_UP["y"][:4], MADE_UP[["x"]][:4], MADE_UP[:4])
    with pytest.raises(InputError, match="at least 5 clusters"):
        cluster_regression(MADE_UP["y"], MADE_UP["study"] % 4, MADE_UP[["x"]])
    with pytest.raises(InputError, match="a gap"):
        spatial_regression(MADE_UP["y"].where(MADE_UP["y"] > 0), MADE_UP[["x"]], MADE_UP)
    with pytest.raises(InputError, match="a side above 0"):
        name_blocks(MADE_UP, 0)


def test_distances_are_those_of_the_sphere():
    places = pd.DataFrame({"longitude": [90.0, 90.0, 91.0], "latitude": [30.0, 31.0, 30.0]})
    north, east, _ = distances(places)
    assert north == pytest.approx(np.radians(1) * 6371, rel=1e-4)
    assert east == pytest.approx(north * np.cos(np.radians(30)), rel=1e-4)


MODEL = parse_model("m ~ a + b\nz ~ m + b")


@pytest.fixture(scope="module")
def chain() -> pd.DataFrame:
    """Return 40 sites of a small model."""
    rng = np.random.default_rng(4)
    a, b, e, f = rng.standard_normal((4, len(MADE_UP)))
    m = 0.6 * a + 0.3 * b + e
    return pd.DataFrame({"a": a, "b": b, "m": m, "z": 0.5 * m - 0.4 * b + f})


def test_a_block_for_each_site_gives_the_usual_bootstrap(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    ours = block_effects(MODEL, chain, "z", blocks, n_boot=500, seed=3)
    usual = bootstrap_effects(MODEL, chain, "z", n_boot=500, seed=3).table.droplevel("to")
    columns = ["total", "total_low", "total_high"]
    np.testing.assert_allclose(ours[columns], usual.loc[ours.index, columns])
    np.testing.assert_allclose(ours["direct"].dropna(), usual["direct"][ours["direct"].notna()])
    assert ours["direct"].isna().sum() == 1


def test_copies_of_sites_within_a_block_tell_nothing_new(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    once = block_effects(MODEL, chain, "z", blocks, n_boot=300)
    copied = pd.concat([chain, chain, chain], ignore_index=True)
    thrice = block_effects(MODEL, copied, "z", pd.Series([*blocks] * 3), n_boot=300)
    np.testing.assert_allclose(thrice, once)


def test_few_blocks_are_refused(chain):
    blocks = pd.Series(chain.index % 4, chain.index)
    with pytest.raises(InputError, match="at least 5"):
        block_effects(MODEL, chain, "z", blocks)


def test_blocks_are_cells_of_degrees():
    places = pd.DataFrame({"longitude": [91.9, 92.0, 93.99], "latitude": [33.9, 32.1, 32.0]})
    assert name_blocks(places).tolist() == ["32 N, 90 E", "32 N, 92 E", "32 N, 92 E"]


def test_claims_are_tested_at_their_effective_number_of_sites(chain):
    found = spatial_separation(MODEL, chain, MADE_UP)
    claims = d_separation(MODEL, chain).claims
    pd.testing.assert_frame_equal(found[claims.columns], claims)
    assert (found["n"] <= len(chain)).all()
    places = MADE_UP[["longitude", "latitude"]]
    far = squareform(distances(places))
    smooth = np.linalg.cholesky(np.exp(-far / 800) + 0.01 * np.eye(len(far)))
    model = parse_model("m ~ a\nz ~ m")
    fields = pd.DataFrame(smooth @ np.random.default_rng(4).standard_normal((len(far), 3)))
    alike = spatial_separation(model, fields.set_axis(["a", "m", "z"], axis=1), places).iloc[0]
    assert alike["n"] < 25
    given = fields[[1]].set_axis(["m"], axis=1)
    test = correlate(
        fields[[0]].set_axis(["a"], axis=1),
        fields[[2]].set_axis(["z"], axis=1),
        given=given,
        sizes=pd.Series([alike["n"]], pd.MultiIndex.from_tuples([("a", "z")])),
    )
    assert alike["p_spatial"] == pytest.approx(test["p"].iloc[0])
    assert alike["p_spatial"] > alike["p"]


@pytest.mark.parametrize(
    ("low", "high", "sign", "said"),
    [
        (0.1, 0.5, 1, "holds"),
        (0.1, 0.5, -1, "does not hold"),
        (-0.5, -0.1, -1, "holds"),
        (-0.5, -0.1, 1, "does not hold"),
        (-0.1, 0.5, 1, "cannot be told"),
        (-0.1, 0.5, -1, "cannot be told"),
        (0.0, 0.5, 1, "cannot be told"),
    ],
)
def test_an_answer_needs_an_interval_on_one_side(low, high, sign, said):
    assert answer(low, high, sign) == said


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
    "R10": "",
    "Q10_0_10": "",
    "Q10_5_15": "",
    "Q10_10_20": "",
    "Q10_0_20": "",
}


def write_records(folder: Path, *changes: dict, name: str = "srdb-data.csv") -> Path:
    rows = [RECORD | {"Record_number": str(k)} | change for k, change in enumerate(changes, 1)]
    pd.DataFrame(rows).to_csv(folder / name, index=False)
    return folder


def write_equations(folder: Path, *changes: dict) -> Path:
    rows = [EQUATION | {"Record_number": str(k)} | change for k, change in enumerate(changes, 1)]
    pd.DataFrame(rows).to_csv(folder / "srdb-equations.csv", index=False)
    return folder


def test_the_rule_takes_plateau_grassland_only(tmp_path):
    outside = [
        {"Latitude": "25.9"},
        {"Latitude": "40.1"},
        {"Longitude": "74.9"},
        {"Longitude": "104.1"},
        {"Elevation": "2800"},
        {"Latitude": ""},
        {"Ecosystem_type": "Forest"},
    ]
    inside = [{}, {"Ecosystem_type": "Alpine MEADOW"}, {"Ecosystem_type": "Wetland"}]
    found = read_respiration(write_records(tmp_path, *outside, *inside))
    assert found.index.tolist() == [8, 9, 10]
    assert found["T"].tolist() == [-2, -2, -2]


def test_the_rule_takes_all_of_what_it_made(tmp_path, srdb):
    part = read_respiration(srdb)
    assert len(part) == 411
    whole = pd.read_csv(next(srdb.glob("srdb_tibet*.csv")), dtype=str, keep_default_na=False)
    forest = whole.iloc[:5].assign(Ecosystem_type="Forest", Record_number=["1", "2", "3", "4", "5"])
    pd.concat([forest, whole]).to_csv(tmp_path / "srdb-data.csv", index=False)
    pd.testing.assert_frame_equal(read_respiration(tmp_path), part)


def test_names_in_another_encoding_do_no_harm(tmp_path):
    write_records(tmp_path, {"Site_ID": "Königsee"}, {})
    path = tmp_path / "srdb-data.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    assert len(read_respiration(tmp_path)) == 2


def test_the_temperature_is_that_of_the_year_where_it_is_reported(tmp_path):
    found = read_respiration(write_records(tmp_path, {"Study_temp": "1.5"}, {}, {"MAT": ""}))
    np.testing.assert_allclose(found["T"], [1.5, -2, np.nan])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Elevation": "high"}, "'high'"),
        ({"Latitude": "3350"}, "degrees north"),
        ({"MAT": "271.2"}, "degrees Celsius"),
        ({"Record_number": ""}, "an empty cell"),
        ({"Record_number": "1"}, "a record that is there twice"),
    ],
)
def test_records_that_cannot_be_right_are_refused(change, said, tmp_path):
    with pytest.raises(InputError) as refusal:
        read_respiration(write_records(tmp_path, {}, change))
    assert said in str(refusal.value)


def test_a_table_of_other_places_is_refused(tmp_path):
    with pytest.raises(InputError, match="none among 1"):
        read_respiration(write_records(tmp_path, {"Latitude": "10"}))


def test_every_rule_counts_what_it_leaves(tmp_path):
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
    kept, steps = screen_records(records)
    assert kept.index.tolist() == [1, 2, 3, 4, 5]
    assert steps["records"].tolist() == [10, 9, 7, 6, 5]
    assert steps["studies"].tolist() == [2, 2, 2, 2, 1]


def test_equations_come_in_one_form_and_one_unit(tmp_path):
    write_records(tmp_path, *[{"Study_number": str(k)} for k in range(8)])
    records = read_respiration(tmp_path)
    write_equations(
        tmp_path,
        {},
        {"Model_type": "Q10, R=a b^((T-c)/10)", "Model_paramB": str(np.e)},
        {"Model_paramC": "10", "Model_paramA": str(0.8 * np.e)},
        {"Model_output_units": "mg CO2/m2/hr", "Model_paramA": str(0.8 * 44.009 * 3.6)},
        {"Model_output_units": "g C/m2/day", "Model_paramA": str(0.8 * 12.011 * 0.0864)},
        {"Model_output_units": "mg C/m2/hr", "Model_paramA": str(0.8 * 12.011 * 3.6)},
        {"Model_output_units": ""},
        {"Model_type": "Linear, R=a+b(T-c)"},
    )
    table = read_equations(records, tmp_path).table
    assert table.index.tolist() == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(table["beta"], 0.1)
    np.testing.assert_allclose(table["alpha"], [*[0.8] * 6, np.nan])


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
    table, steps = read_equations(records, tmp_path)
    assert table.index.tolist() == [1, 7]
    assert steps["records"].tolist() == [7, 5, 3, 2]


def test_equations_that_cannot_be_read_are_refused(tmp_path):
    records = read_respiration(write_records(tmp_path, {}))
    with pytest.raises(InputError, match=r"srdb-equations\.csv"):
        read_equations(records, tmp_path)
    with pytest.raises(InputError, match="'much'"):
        read_equations(records, write_equations(tmp_path, {"Model_paramA": "much"}))
    with pytest.raises(InputError, match="none among 1"):
        read_equations(records, write_equations(tmp_path, {"Model_type": "Other"}))
    lacking = pd.DataFrame([EQUATION]).drop(columns="R10")
    lacking.to_csv(tmp_path / "srdb-equations.csv", index=False)
    with pytest.raises(InputError, match="no column R10"):
        read_equations(records, tmp_path)


def test_the_books_equation_is_one_of_the_genuine_ones(srdb):
    records = screen_records(read_respiration(srdb))
    assert records.steps["records"].tolist() == [411, 393, 149, 148, 148]
    table, steps = read_equations(records.table, srdb)
    assert steps["records"].tolist() == [36, 22, 21, 19]
    book = load_reconstruction()["soil_respiration"]
    assert table.loc[3792, ["alpha", "beta"]].to_dict() == {
        "alpha": book["alpha"],
        "beta": book["beta"],
    }
    reported = pd.read_csv(srdb / "srdb-equations.csv").set_index("Record_number")["R10"]
    r10 = (table["alpha"] * np.exp(10 * table["beta"])).dropna()
    both = pd.concat([r10, reported.reindex(r10.index)], axis=1).dropna()
    assert len(both) == 16
    np.testing.assert_allclose(both[0], both["R10"], rtol=1e-3)


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
        pooled.loc["Q10", "estimate":"new_high"],
        np.exp(10 * pooled.loc["beta", "estimate":"new_high"]),
        rtol=1e-4,
    )
    variances = table["beta"].groupby(studies).var().mean()
    between = means.var() - variances / 3
    reach = stats.t.ppf(0.95, 7) * np.sqrt(means.var() / 8 + between + variances)
    assert pooled.loc["beta", "new_high"] == pytest.approx(means.mean() + reach, rel=1e-4)
    assert pooled["equations"].tolist() == [24, 24, 23, 23]
    curve = respiration_curve(table, clusters, np.array([0.0, 10.0]), 0.9)
    columns = ["estimate", "low", "high", "new_low", "new_high"]
    np.testing.assert_allclose(curve[columns], pooled.loc[["alpha", "R10"], columns])


def test_the_page_model_is_recursive_and_says_why():
    model = read_model("field_climate")
    assert model.recursive
    assert set(model.reasons) == set(model.endogenous)
    assert set(model.variables) == {"PRE", "AT", "richness", "pH", "SOC", "CN"}
