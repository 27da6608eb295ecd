"""What chapters 13 and 15, and the explorer of the loop, say holds: each sentence is computed."""

from __future__ import annotations

import json
from html import escape
from itertools import product

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page
from scipy import stats

from helpers.factors import GROUPS
from helpers.figures.style import say_share
from helpers.paper import add_plot_variables, judge_loops, load_transect, ring_plots
from helpers.paper.reprint import load_published_loop
from helpers.pathmodel import (
    PathFit,
    feedback,
    find_loop,
    fit_indices,
    fit_many,
    fit_model,
    imply_correlations,
    parse_model,
    read_loop,
    respond,
)
from helpers.study import load_study, sample_top
from tests.browser import browser  # noqa: F401
from tests.chapters import words
from tests.conftest import ROOT

PATHS, PRINTED = load_published_loop()
ARROWS = [f"{cause} -> {to}" for cause, to in PATHS.index]
LOOP = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in PATHS.index))
STATIC = ROOT / "book" / "_static"


def matrix(coefficients: pd.Series) -> pd.DataFrame:
    """Return coefficients by arrow as a matrix, row to, column from."""
    return coefficients.unstack("from").reindex(index=GROUPS, columns=GROUPS).fillna(0.0)


def tied(common: float, pair: float | None = None) -> pd.DataFrame:
    """Return the correlations of four with one common cause, and of a near-duplicate pair."""
    R = pd.DataFrame(common + (1 - common) * np.eye(4), GROUPS, GROUPS)
    if pair:
        R.loc["climatic", "plant"] = R.loc["plant", "climatic"] = pair
    return R


def draw(R: pd.DataFrame, rows: int = 44, samples: int = 10_000) -> pd.DataFrame:
    """Fit the loop to samples of a world."""
    order = list(LOOP.variables)
    truth = R.loc[order, order].to_numpy()
    S = stats.wishart.rvs(rows - 1, truth, size=samples, random_state=1) / (rows - 1)
    return fit_many(LOOP, S, rows)


def positive(found: pd.DataFrame) -> pd.Series:
    return (found[ARROWS] > 0).all(axis="columns")


def sites() -> pd.DataFrame:
    study = load_study("embedded", 2022)
    return study.factors().join(sample_top(study.sites, "embedded"))


def test_top_behind_the_loop_leaves_the_loop_as_it_is():
    data = sites()

    def fitted(file: str) -> tuple[PathFit, float]:
        fit = find_loop(read_loop(source=file), data).stable
        return fit, float(feedback(fit.coefficients)["gain"])

    alone, gain = fitted("loop")
    everything, same = fitted("loop_top_all")
    assert same == pytest.approx(gain, rel=1e-9)
    assert everything.df == alone.df
    assert fit_indices(everything)["chi2"] == pytest.approx(fit_indices(alone)["chi2"], abs=1e-9)
    some, same = fitted("loop_top_two")
    assert same == pytest.approx(gain, rel=1e-9)
    assert fit_indices(some)["chi2"] > fit_indices(alone)["chi2"] + 0.1
    _, inside = fitted("loop_top_inside")
    assert abs(inside - gain) > 0.001


# Worlds without feedback


def test_a_common_cause_and_a_near_duplicate_pair_give_what_is_printed():
    R = tied(0.917, 0.9945)
    left = R - 0.917  # the common cause taken out: a pair and two of their own
    assert np.linalg.eigvalsh(left)[0] > 0
    fit = find_loop(LOOP, R, 44).stable
    assert (fit.implied - R).abs().max(axis=None) < 0.01  # near the pairs across, too
    assert feedback(fit.coefficients)["gain"] == pytest.approx(0.4065, abs=0.002)


def test_the_printed_ring_fails_its_test_and_needs_every_arrow_however_it_was_rounded():
    text, (_, printed) = words("13"), load_published_loop()
    assert f"has p = {stats.chi2.sf(2 * printed['chi2_df'], 2):.3f}" in text
    chains = [
        parse_model("\n".join(f"{to} ~ {cause}" for to, cause in LOOP.paths if to != cut))
        for cut in GROUPS
    ]
    for b in product((-0.005, 0, 0.005), repeat=4):
        R = imply_correlations(matrix(PATHS + np.array(b)).to_numpy())
        R = pd.DataFrame(R, GROUPS, GROUPS)
        worse = min(fit_indices(fit_model(chain, R, 30))["chi2"] for chain in chains)
        assert worse > stats.chi2.isf(0.05, 1)
        if not any(b):
            assert f"by {worse:.1f} or more with thirty rows, by {worse * 43 / 29:.1f} with" in text


# The measured ring


@pytest.fixture(scope="module")
def network():
    return load_transect()


def test_the_printed_numbers_that_the_text_gives_are_those_of_the_printed_loop():
    B = matrix(PATHS)
    steps = respond(B, "climatic", steps=12)["climatic"].iloc[::4].round(2).tolist()
    assert steps[1:] == [1.41, 1.57, 1.64]
    known = {name: round(float(value), 2) for name, value in feedback(B).items()}
    assert known == {"gain": 0.41, "stability_index": 0.8, "amplification": 1.68}
    for arrow, value, end in (((0, 3), -0.75, 0.71), ((3, 2), 0, 1), ((2, 1), 1, 2.26)):
        other = B.copy()
        other.iloc[arrow] = value
        assert feedback(other)["amplification"] == pytest.approx(end, abs=0.005)


@pytest.mark.parametrize(
    "ring", ["biomass SOC bacteria", "biomass SOC fungi", "richness SOC bacteria"]
)
@pytest.mark.parametrize("ranks", [False, True])
def test_the_mirror_fits_measured_sites_as_well_as_the_ring(network, ring, ranks):
    nodes = ["TF", *ring.split()]
    R = network.correlations(nodes, ranks=ranks)
    ahead = read_loop(nodes)
    back = parse_model("\n".join(f"{cause} ~ {to}" for to, cause in ahead.paths))
    both = [find_loop(model, R, network.n) for model in (ahead, back)]
    fits = [fit for pair in both for fit in pair]
    chi2 = [fit_indices(fit)["chi2"] for fit in fits]
    assert chi2 == pytest.approx([chi2[0]] * 4, abs=1e-6)
    gain, twin = (float(feedback(fit.coefficients)["gain"]) for fit in both[0])
    assert gain * twin == pytest.approx(1, rel=1e-6)
    known = network.loops.loc[(" > ".join(nodes), "ranks" if ranks else "values", "loop", "loop")]
    assert (gain, chi2[0]) == pytest.approx((known["estimate"], known["chi2"]), abs=0.01)


def test_a_ring_with_fungi_fits_most_sets_and_hardly_one_needs_every_arrow(network):
    row = network.loops.loc[("TF > biomass > SOC > fungi", "values", "loop", "loop")]
    assert row["sets_fits"] > 0.5 > 0.01 > row["sets_clear_high"]
    assert row["low"] < 0 < row["high"] < 0.05
    assert row["p"] < 0.05


def test_no_ring_comes_near_the_printed_gain_and_only_animals_by_ranks_leave_out_zero(network):
    gains = network.loops.xs("loop", level="from")
    assert gains["high"].max() < 0.06
    above = gains.index[gains["low"] > 0]
    assert [each[:2] for each in above] == [("TF > biomass > SOC > animals", "ranks")]


def test_thirty_sites_without_a_way_back_rarely_need_every_arrow(network):
    R = network.correlations(["TF", "biomass", "SOC", "bacteria"]).set_axis(GROUPS).T
    R = R.set_axis(GROUPS)
    R.loc["microbial"] = R["microbial"] = 0.0
    R.loc["microbial", "microbial"] = 1.0
    closed = PATHS.copy()
    closed.iloc[:2] = R.loc["climatic", "plant"], R.loc["plant", "soil"]
    closed = imply_correlations(matrix(closed).to_numpy())
    shares = []
    for truth in (R, pd.DataFrame(closed, GROUPS, GROUPS)):
        order = list(LOOP.variables)
        truth = truth.loc[order, order].to_numpy()
        S = stats.wishart.rvs(29, truth, size=4000, random_state=1) / 29
        shares.append(judge_loops(LOOP, S, 30)["clear"].mean())
    assert shares[0] < 0.02
    assert 0.4 < shares[1] < 0.7


def test_rings_of_other_sites_are_fitted_as_by_hand_and_return_little():
    rings = ring_plots(n_boot=300)
    sites = add_plot_variables().dropna(subset=["fauna_abundance"])
    assert len(sites) == 46
    for plant, row in rings.iterrows():
        ring = ["TF", plant, "SOC", "fauna_abundance"]
        given = sites[ring].corr()
        model = read_loop(ring)
        fit = find_loop(model, sites[ring]).stable
        # a fitted ring keeps the correlations of neighbours
        for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert fit.implied.loc[one, other] == pytest.approx(
                given.loc[one, other], abs=1e-6
            ) or fit.implied.loc[one, other] / np.sqrt(
                fit.implied.loc[one, one] * fit.implied.loc[other, other]
            ) == pytest.approx(given.loc[one, other], abs=1e-6)
        arrows = row[row.index.str.contains("→")]
        assert np.prod(arrows) == pytest.approx(row["gain"], abs=1e-9)
        assert row["low"] < 0 < row["high"] < 0.3
        assert row["p"] == pytest.approx(stats.chi2.sf(row["chi2"], 2), rel=1e-6)


# The explorer: its words are true of every gain


@pytest.fixture(scope="module")
def explorer(browser) -> Page:  # noqa: F811
    """Return a page with the explorer alone, without the built book."""
    page = browser.new_page()
    start = escape(json.dumps({"variables": GROUPS, "coefficients": PATHS.to_list()}))
    page.set_content(
        '<div class="cell"><div id="fig-x"></div></div>'
        f'<div data-widget="loop-explorer" data-figure="fig-x" data-start="{start}"></div>'
    )
    for name in ("widgets", "loop-explorer", "loop-explorer-page"):
        page.add_script_tag(path=STATIC / f"{name}.js")
    return page


_TYPE = """b => {
    const boxes = document.querySelectorAll("input[type=number]");
    b.forEach((each, i) => (boxes[i].value = each));
    boxes[0].dispatchEvent(new Event("input", { bubbles: true }));
    const chart = document.querySelector(".widget-chart");
    return {
        status: document.querySelector("[role=status]").textContent,
        caption: chart.querySelector("figcaption").textContent,
        label: chart.querySelector("svg").getAttribute("aria-label"),
        dashed: chart.querySelectorAll(".limit").length,
    };
}"""
_RNG = np.random.default_rng(20)
TYPED = [
    *([1, 1, 1, g] for g in (-2.5, -1.3, -1, -0.6, 0, 0.6, 0.95, 1, 1.3, 2.5)),
    *([0.5, 2, g, 1] for g in (-2, -1, -0.5, 0.5, 0.9, 1, 2)),
    *([2.5, 0.4, g, 0.5] for g in (-2.5, -2, -1, 0, 1, 1.99, 2, 2.5)),
    *_RNG.uniform(-2.5, 2.5, (40, 4)).round(2).tolist(),
]


@pytest.mark.parametrize("b", TYPED, ids=str)
def test_the_words_of_the_explorer_are_true(explorer, b):
    said = explorer.evaluate(_TYPE, b)
    g = float(np.prod(b))
    B = matrix(pd.Series(b, PATHS.index))
    steps = respond(B, "climatic", steps=4 * 40)["climatic"].to_numpy()[::4]
    assert "nothing. " not in said["caption"]
    limit = 1 / (1 - g) if abs(g) < 1 - 1e-6 else None
    if limit is None:
        assert not abs(np.diff(steps)[-1]) < 1e-3  # no limit: rounds never come to rest
        assert "It has no limit." in said["caption"]
        assert "it has no limit" in said["label"]
        assert said["dashed"] == 0
        assert "does not settle:" in said["status"]
        adds = np.diff(steps[:4])
        for word, true in {
            "adds as much as": np.allclose(adds, 1),
            "takes back what": np.allclose(adds, [-1, 1, -1]),
            "adds more than": g > 1 and (np.diff(adds) > 0).all(),
            "swings more widely": g < -1 and (np.abs(adds[1:]) > np.abs(adds[:-1])).all(),
        }.items():
            assert (word in said["status"]) == true
    else:
        shown = f"{limit:.3f}".replace("-", "−")
        assert "no limit" not in said["caption"] + said["label"]
        assert f"it tends to {shown}" in said["label"]
        assert said["status"].startswith("The loop settles: ")
        assert f"becomes {shown} there" in said["status"]
        assert ("Dashed" in said["caption"]) == (said["dashed"] == 1) == (limit <= 8)
        assert (f"It tends to {shown}, above the chart." in said["caption"]) == (limit > 8)
    real = not np.isnan(imply_correlations(B.to_numpy())).any() if abs(abs(g) - 1) > 1e-6 else False
    real &= (np.abs(b) != 1).all()  # an error variance of 0 is met but for rounding
    assert ("same correlations" in said["status"]) == (real and g != 0)


def test_none_and_all_are_not_said_of_a_few_and_nearly_all():
    said = {0: "0.0%", 4e-4: "< 0.1%", 6e-4: "0.1%", 0.9994: "99.9%", 0.9995: "> 99.9%"}
    assert {share: say_share(share) for share in said} == said
    assert say_share(1.0) == "100.0%"
