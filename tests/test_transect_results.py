"""What the transect says: R, lavaan and plain counting as reference for the embedded results."""

from __future__ import annotations

import re
import subprocess
from itertools import product
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import InputError
from helpers.factors import load_factors
from helpers.paper import transect
from helpers.paper.second_look import add_plot_variables, judge_plots
from helpers.paper.site_sets import (
    EDGES,
    FIXED_SITES,
    count_site_sets,
    draw_site_sets,
    match_edges,
    set_correlations,
    values_in_sets,
)
from helpers.paper.transect import (
    EARLIER,
    add_variables,
    kind_of,
    list_loops,
    list_models,
    load_transect,
)
from helpers.paper.transect_rule import judge_relations
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.loop import find_loop
from helpers.pathmodel.spec import parse_model
from helpers.readers.sites import ZONES
from helpers.readers.transect import read_transect
from tests.conftest import ROOT
from tests.test_pathmodel import agree_with_lavaan, run_lavaan

ROUNDED = 6e-5  # of results as they are embedded
HERE = load_transect()


@pytest.fixture(scope="module")
def sites(transect_folder) -> pd.DataFrame:
    return read_transect(transect_folder)


@pytest.fixture(scope="module")
def table(sites) -> pd.DataFrame:
    return add_variables(sites)


# Reference: R


def test_correlations_differences_and_slopes_are_those_of_r(table, tmp_path):
    table.to_csv(tmp_path / "sites.csv", index=False)
    script = tmp_path / "ask.R"
    script.write_text(
        'd <- read.csv("sites.csv"); v <- c("biomass", "richness", "SOC", "TN", "pH", "bacteria")\n'
        "rows <- lapply(v, function(y) { t <- t.test(d[d$meadow == 1, y]); data.frame(y,\n"
        "  pearson = cor(d$TF, d[[y]]), spearman = cor(d$TF, d[[y]], method = 'spearman'),\n"
        "  slope = coef(lm(d[[y]] ~ d$elevation))[[2]], r_cover = cor(d$meadow, d[[y]]),\n"
        "  t_cover = t.test(d[[y]] ~ d$meadow, var.equal = TRUE)$statistic[[1]],\n"
        "  low = t$conf.int[1], high = t$conf.int[2], mean = t$estimate[[1]])})\n"
        'write.csv(do.call(rbind, rows), "out.csv", row.names = FALSE)\n'
    )
    try:
        subprocess.run(["Rscript", script.name], cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("Rscript is not installed")
    theirs = pd.read_csv(tmp_path / "out.csv").set_index("y")
    with_tf = HERE.judge([("TF", name, 1) for name in theirs.index]).droplevel(0)
    np.testing.assert_allclose(with_tf["r"], theirs["pearson"], atol=ROUNDED)
    np.testing.assert_allclose(with_tf["r_ranks"], theirs["spearman"], atol=ROUNDED)
    cover = HERE.judge([("meadow", name, 1) for name in theirs.index]).droplevel(0)["r"]
    np.testing.assert_allclose(cover, theirs["r_cover"], atol=ROUNDED)
    t = cover * np.sqrt((HERE.n - 2) / (1 - cover**2))
    np.testing.assert_allclose(t, -theirs["t_cover"], rtol=2e-3)  # r is rounded
    groups = HERE.groups.xs("meadow", level="group").loc[theirs.index]
    np.testing.assert_allclose(
        groups[["mean", "low", "high"]], theirs[groups.columns[1:4]], rtol=1e-3
    )
    sd = HERE.groups.xs("all", level="group")["sd"]
    r = HERE.judge([("elevation", name, 1) for name in theirs.index]).droplevel(0)["r"]
    slope = r * sd[theirs.index] / sd["elevation"]
    np.testing.assert_allclose(slope, theirs["slope"], rtol=5e-3, atol=1e-6)


def test_path_models_of_the_sites_agree_with_lavaan(table, tmp_path):
    models = list_models()
    data = table[sorted({name for model in models.values() for name in model.variables})]
    texts = []
    for model in models.values():
        lines = [line.partition("#")[0].strip() for line in model.text.splitlines()]
        texts.append("; ".join(filter(None, lines)))
    scaled = (data - data.mean()) / data.std()
    numbers = [f"model{number}" for number in range(len(models))]
    run_lavaan(tmp_path, scaled, {"structure": numbers, "model": texts})
    # two conventions; of correlated and uncorrelated causes, where there are several
    agree_with_lavaan(tmp_path, fits=sum(4 if len(m.exogenous) > 1 else 2 for m in models.values()))
    names = dict(zip(numbers, models, strict=True))
    theirs = pd.read_csv(tmp_path / "estimates.csv")
    usual = (theirs["convention"] == "lavaan") & (theirs["exogenous"] == "correlated")
    theirs = theirs[usual & (theirs["kind"] == "path")]
    assert len(theirs) == sum(len(model.paths) for model in models.values())
    for _, row in theirs.iterrows():
        key = (names[row["structure"]], "values", row["to"], row["from"], row["to"])
        assert HERE.paths.loc[key, "direct"] == pytest.approx(row["standardized"], abs=ROUNDED)


# Reference: plain computing


@pytest.mark.parametrize("scale", ["values", "ranks"])
def test_loops_solve_their_equations_and_the_ring_turned_around_fits_exactly_as_well(scale):
    loops = HERE.loops.reset_index()
    for name, loop in list_loops().items():
        R = HERE.correlations(loop.variables, ranks=scale == "ranks")
        both = find_loop(loop, R, HERE.n)
        here = loops[(loops["loop"] == name) & (loops["scale"] == scale)]
        arrows = here[here["from"] != "loop"].set_index(["from", "to"])["estimate"].astype(float)
        for (cause, to), estimate in arrows.items():
            assert estimate == pytest.approx(both.stable.coefficients.loc[to, cause], abs=5e-4)
        gain = float(here.loc[here["from"] == "loop", "estimate"].item())
        assert gain == pytest.approx(arrows.prod(), abs=2e-4)
        turned = parse_model("\n".join(f"{cause} ~ {to}" for cause, to in arrows.index))
        mirror = find_loop(turned, R, HERE.n)
        chi2 = float(here["chi2"].iloc[0])
        for fit in (both.stable, both.twin, mirror.stable):
            assert fit_indices(fit)["chi2"] == pytest.approx(chi2, abs=0.05)


@pytest.mark.parametrize(("ranks", "by"), [(False, "pearson"), (True, "spearman")])
def test_shares_of_sets_are_counted_as_pandas_would(sites, table, ranks, by):
    pairs = [("TF", "SOC"), ("elevation", "SOC"), ("meadow", "bacteria")]
    sets = draw_site_sets(sites, 1000, seed=2022)
    least = stats.t.isf(0.025, 28) / np.sqrt(28 + stats.t.isf(0.025, 28) ** 2)
    for left, right in pairs:
        r = np.array(
            [
                table[left].iloc[each].corr(table[right].iloc[each], method=by)
                for each in sets.places
            ]
        )
        row = HERE.relations.loc[(left, right)]
        end = "_ranks" if ranks else ""
        assert row[f"rise{end}"] == pytest.approx((r >= least).mean(), abs=1.01e-3)
        assert row[f"fall{end}"] == pytest.approx((r <= -least).mean(), abs=1.01e-3)


def test_a_peak_is_a_partial_correlation_and_the_middle_zone_a_contrast_of_means(sites, table):
    km = table["elevation"] / 1000
    X = np.column_stack([np.ones(len(km)), km])
    bend, soc = (y - X @ np.linalg.solve(X.T @ X, X.T @ y) for y in (-(km**2), table["SOC"]))
    assert HERE.relations.loc[("peak", "SOC"), "r"] == pytest.approx(bend.corr(soc), abs=ROUNDED)
    zone = pd.Series(np.nan, table.index)
    for number, ends in enumerate(ZONES.values()):
        zone[table["elevation"].between(*ends)] = float(number == 1)
    row = HERE.relations.loc[("middle", "SOC")]
    assert row["n"] == zone.notna().sum()
    assert row["r"] == pytest.approx(zone.corr(table["SOC"]), abs=ROUNDED)


def test_a_correlation_matrix_is_positive_definite_and_ranks_are_spearmans(table):
    codes = ["TF", "biomass", "SOC", "bacteria", "TOP"]
    for ranks, by in ((False, "pearson"), (True, "spearman")):
        R = HERE.correlations(codes, ranks=ranks)
        np.testing.assert_allclose(R, table[codes].corr(by), atol=ROUNDED)
        assert np.linalg.eigvalsh(R).min() > 0


# Where the thirty sites are: the odds, counted anew


def test_the_number_of_admissible_sets_is_that_of_a_generating_function(sites):
    meadow, height = sites["land_cover"] == "meadow", sites["elevation"]
    fixed = sites.index.isin(list(FIXED_SITES))
    total, needed = {0: 1}, {"Low": 6, "Middle": 10, "High": 14}
    for zone, ends in ZONES.items():
        inside = height.between(*ends)
        free = needed[zone] - (inside & fixed).sum()
        m, s = (int((inside & ~fixed & cover).sum()) for cover in (meadow, ~meadow))
        ways = {k: comb(m, k) * comb(s, int(free) - k) for k in range(int(free) + 1)}
        new = {}
        for (a, x), (b, y) in product(total.items(), ways.items()):
            new[a + b] = new.get(a + b, 0) + x * y
        total = new
    assert count_site_sets(sites) == total[12 - int((meadow & fixed).sum())]


def test_an_unrelated_network_hardly_ever_has_the_six_edges(sites):
    height = sites["elevation"].to_numpy()
    assert match_edges(sites["elevation"])[0] == 6
    rng = np.random.default_rng(1)
    networks = 20_000  # the same hundreds of metres, other metres
    edges = np.array(EDGES)
    hits = np.zeros(networks, int)
    for start in range(0, networks, 1000):
        moved = np.rint(height + rng.normal(0, 60, (1000, len(height))))
        hits[start : start + 1000] = (moved[:, :, None] == edges).any(axis=1).sum(axis=1)
    assert hits.max() <= 5
    each = np.array([(hits >= count).mean() for count in range(7)])
    chance = stats.binom.sf(5, 6, hits.mean() / 6)
    assert each[4] < 0.05
    assert chance * 1000 < 1e-3  # after a thousand chances to be lucky


def test_no_site_of_thirty_drawn_alike_lies_outside_the_edges_once_in_fifty(sites):
    outside = (~sites["elevation"].between(min(EDGES), max(EDGES))).sum()
    assert (len(sites), outside) == (147, 16)
    assert stats.hypergeom.pmf(0, 147, outside, 30) == pytest.approx(0.02, abs=0.005)


# Columns, kinds, refusals


def test_the_present_columns_give_the_same_without_soil_and_plants():
    present = load_transect(columns="present")
    names = present.relations.index.to_frame()
    assert not names.isin(EARLIER).any(axis=None)
    pd.testing.assert_frame_equal(present.relations, HERE.relations.loc[present.relations.index])
    assert present.judge([("TF", "SOC", 1), ("TF", "bacteria", 1)]).index.tolist() == [
        ("TF", "bacteria")
    ]
    assert present.n == 147
    assert len(present.loops) == 0
    for name in present.paths.index.unique("model"):
        assert set(EARLIER).isdisjoint(list_models()[name].variables)


def test_a_result_has_the_least_real_label_of_what_it_is_made_from():
    assert kind_of(["SOC", "bacteria", "meadow"]) == "measured"
    assert kind_of(["SOC", *load_factors().query("group == 'climatic'").index]) == "assimilated"
    assert kind_of(["SOC", "MAT", "AI"]) == "observed"
    assert kind_of(["TF", "TOP"]) == "emulated"


def test_the_claimed_sign_turns_verdict_and_share_around():
    one, other = (HERE.judge([("TF", "SOC", sign)]).iloc[0] for sign in (1, -1))
    assert [one["verdict"], other["verdict"]] == ["supported", "not supported"]
    assert [one["share"], other["share"]] == pytest.approx([1, 0], abs=0.05)
    assert one["r"] == other["r"]


def test_without_its_files_the_transect_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(transect, "DATA", tmp_path)
    with pytest.raises(InputError, match="make data SOURCE=sites"):
        load_transect()
    with pytest.raises(InputError, match=r"2021-05 or present"):
        load_transect(columns="2022")


def test_results_of_the_genuine_table_are_those_of_any_source(sites, table, transect_folder):
    few = transect.survey(read_transect(transect_folder, "present"), draws=199)
    pairs = [("elevation", "bacteria"), ("meadow", "fungi"), ("peak", "animals")]
    for pair in pairs:
        ours, theirs = few.relations.loc[pair], HERE.relations.loc[pair]
        names = ["r", "r_low", "r_ranks", "rise", "fall"]
        np.testing.assert_allclose(
            ours[names].astype(float), theirs[names].astype(float), atol=1.01e-4
        )
        assert ours["p"] == pytest.approx(theirs["p"], abs=0.12)


def test_sites_outside_the_table_leave_correlations_between_minus_one_and_one(sites, table):
    sets = draw_site_sets(sites, 20, outside=0.5)
    data = sites[["land_cover"]].join(table)
    R = set_correlations(data, ["TF", "SOC"], sets)
    values = values_in_sets(data, ["TF", "SOC"], sets)
    for matrix, value in zip(R, values, strict=True):
        np.testing.assert_allclose(matrix, np.corrcoef(value.T), atol=1e-12)


# The second look


def test_the_second_look_asks_the_sites_that_have_both_variables():
    plots = add_plot_variables()
    judged = judge_plots([("meadow", "SOC", 1), ("TF", "biomass", 1), ("TF", "nothing", 1)])
    assert judged.index.tolist() == [("meadow", "SOC"), ("TF", "biomass")]
    for (left, right), row in judged.iterrows():
        both = plots[[left, right]].dropna()
        assert row["n"] == len(both)
        assert row["r"] == pytest.approx(both.corr().iloc[0, 1])
        assert row["r_ranks"] == pytest.approx(both.corr("spearman").iloc[0, 1])
    peak = judge_plots([("peak", "pH", 1)]).iloc[0]
    X = np.column_stack([np.ones(58), plots["elevation"], plots["elevation"] ** 2])
    fit = np.linalg.lstsq(X / np.abs(X).max(axis=0), plots["pH"], rcond=None)[0]
    assert np.sign(peak["r"]) == -np.sign(fit[2])


# What must stay so


def test_verdicts_do_not_hang_on_the_seed_of_the_draws(table):
    names = ["biomass", "richness", "SOC", "TN", "pH", "CN", "bacteria", "animals"]
    pairs = [(one, other) for one in ("TF", "ALB", "AT", "SH", "meadow") for other in names]
    claims = pd.DataFrame(pairs, columns=["left", "right"]).assign(sign=1)
    known = HERE.judge([(*pair, 1) for pair in pairs])["verdict"].to_numpy()
    for seed in (1, 2):
        again = judge_relations(table, claims, draws=9999, seed=seed)["verdict"].to_numpy()
        assert (again == known).all()


def test_no_soil_or_plant_value_of_a_site_stands_in_the_repository(sites):
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    texts = [
        path.read_text(encoding="utf-8")
        for name in tracked.stdout.split()
        if (path := ROOT / name).suffix in {".csv", ".ipynb", ".md", ".json", ".html", ".yml"}
    ]
    if not texts:
        pytest.skip("this is no checkout")
    numbers = {found for text in texts for found in re.findall(r"\d+\.\d{3,}", text)}
    for name in ("SOC", "TN", "biomass", "pH", "CN", "TP", "Silt", "Sand"):
        scales = (1, 10) if name in ("SOC", "TN") else (1,)
        own = {f"{value / scale:.10g}" for value in sites[name] for scale in scales}
        own = {text for text in own if len(text.replace(".", "").lstrip("0")) >= 5}
        assert len(own & numbers) < len(own) / 10 + 1, name  # some meet by chance
