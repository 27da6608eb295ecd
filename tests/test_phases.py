"""The four phases: tables that keep to the paper, changes along TOP, and a diagram of both."""

from __future__ import annotations

from itertools import combinations, pairwise, product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.factors import GROUPS, load_factors
from helpers.figures.phase_diagrams import phase_diagram, third_panels
from helpers.paper.group_models import published_order
from helpers.paper.phases import (
    SUPPORTS,
    gather_links,
    list_markers,
    load_links,
    load_phases,
    time_changes,
)
from helpers.paper.reprint import load_published_loop
from helpers.paths import DATA
from tests import figures as check

MARKERS = ["TF", "ALB", "EVI", "SOC", "Cenzy"]


pytestmark = pytest.mark.usefixtures("without_a_screen")


# The tables


def test_markers_are_factors_of_their_group_and_lead_it_with_the_published_sign():
    markers = list_markers(load_phases())
    assert markers.index.tolist() == MARKERS
    assert (load_factors()["group"][MARKERS] == markers["phase"]).all()
    published = pd.read_csv(DATA / "published_effects.csv", index_col="factor").loc[MARKERS]
    assert (published["rank"] == 1).all()
    assert (
        published["sign"]
        .map({"positive": "+", "negative": "−"})
        .equals(markers["sign"].rename_axis("factor"))
    )
    leaders = markers.groupby("phase", sort=False).head(1).index
    assert leaders.tolist() == [published_order(group)[0] for group in GROUPS]


def test_a_link_names_two_phases_what_it_rests_on_and_the_study_if_there_is_one():
    assert tuple(load_phases().index) == GROUPS
    links = load_links()
    assert links[["from", "to"]].isin(GROUPS).all(axis=None)
    assert set(links["rests_on"]) == set(SUPPORTS)
    assert ((links["study"] == "") == (links["rests_on"] == "nothing named")).all()
    assert (links[["says", "section"]] != "").all(axis=None)
    order = links.query("kind == 'order'")
    assert list(zip(order["from"], order["to"], strict=True)) == list(pairwise(GROUPS))
    own = links[links["rests_on"] == "Fig. 4c"]
    assert sorted(zip(own["from"], own["to"], strict=True)) == sorted(
        load_published_loop()[0].index
    )


def test_links_are_gathered_by_arrow_in_the_order_of_what_they_rest_on():
    rows = [
        ("a", "b", "acts", "cited"),
        ("a", "b", "acts", "Fig. 4c"),
        ("a", "b", "acts", "cited"),
        ("a", "b", "order", "projections"),
        ("a", "a", "acts", "cited"),
        ("b", "a", "acts", "nothing named"),
    ]
    found = gather_links(pd.DataFrame(rows, columns=["from", "to", "kind", "rests_on"]))
    assert found.index.tolist() == [("a", "b"), ("b", "a")]
    assert found["acts"].tolist() == ["Fig. 4c, cited", "nothing named"]
    assert found["order"].tolist() == ["projections", ""]


# Where along TOP a marker changes


def simulate(functions: dict, noise: float, seed: int, n: int = 30) -> tuple:
    """Return TOP and markers: functions of the share of sites passed, and noise."""
    rng = np.random.default_rng(seed)
    x = (np.arange(n) + 0.5) / n
    table = {name: f(x) + noise * rng.standard_normal(n) for name, f in functions.items()}
    shuffled = rng.permutation(n)
    return pd.Series(x)[shuffled], pd.DataFrame(table).loc[shuffled]


def step(middle: float):
    return lambda x: 1 / (1 + np.exp(-20 * (x - middle)))


def test_shares_are_those_of_the_means_of_thirds():
    top, table = simulate({"a": np.sqrt, "b": np.square}, 0.05, seed=3)
    alone, earlier = time_changes(top, table)
    thirds = pd.qcut(top, 3, labels=False)
    lower, middle, upper = table.groupby(thirds).mean().to_numpy()
    np.testing.assert_allclose(alone["change"], upper - lower)
    np.testing.assert_allclose(alone["share"], (middle - lower) / (upper - lower))
    gap = alone["share"]["a"] - alone["share"]["b"]
    np.testing.assert_allclose(earlier.loc[("a", "b"), "difference"], gap)
    np.testing.assert_allclose(
        earlier.loc[("b", "a"), ["difference", "low", "high"]],
        -earlier.loc[("a", "b"), ["difference", "high", "low"]].to_numpy(),
    )


def test_sites_that_are_equal_within_thirds_leave_nothing_to_draw():
    top = pd.Series(np.arange(9.0))
    table = pd.DataFrame({"a": np.repeat([0.0, 3.0, 4.0], 3), "b": np.repeat([5.0, 4.0, 1.0], 3)})
    alone, earlier = time_changes(top, table, n_boot=100)
    assert (alone.loc["a"] == [4, 4, 4, 0.75, 0.75, 0.75]).all()
    assert (alone.loc["b"] == [-4, -4, -4, 0.25, 0.25, 0.25]).all()
    assert (earlier.loc[("a", "b")] == 0.5).all()


def test_intervals_hold_the_truth_as_often_as_they_say():
    held, equal = [], []
    for seed in range(200):
        top, table = simulate(dict.fromkeys("ab", lambda x: x), 0.15, seed)
        alone, earlier = time_changes(top, table, n_boot=200, confidence=0.9, seed=seed)
        held.extend((alone["share_low"] < 0.5) & (alone["share_high"] > 0.5))
        gap = earlier.loc[("a", "b")]
        equal.append(gap["low"] < 0 < gap["high"])
    assert 0.88 < np.mean(held) < 0.97
    assert 0.82 < np.mean(equal) < 0.95


def test_a_marker_that_does_not_change_has_no_time_of_change():
    kept = []
    for seed in range(100):
        top, table = simulate({"a": step(0.5), "b": np.zeros_like}, 0.2, seed)
        alone, earlier = time_changes(top, table, n_boot=300, seed=seed)
        kept.append(np.isfinite(alone.loc["b", "share_low"]))
        assert alone.loc["a"].notna().all()
        assert alone.loc["b"].notna().all() == kept[-1]
        assert earlier.loc[("a", "b")].notna().all() == kept[-1]
    assert np.mean(kept) < 0.15


# The diagram


def pretend_evidence(left_out: tuple[str, ...] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the widest numbers that there can be."""
    row = {"r": -0.88, "r_low": -0.99, "r_high": -0.11, "label": "reconstructed"}
    codes = [code for code in MARKERS if code not in left_out]
    leads = dict(zip(GROUPS, ["TF", "EVI", "SOC", "Cenzy"], strict=True))
    pairs = {
        (one, to): {"left": leads[one], "right": leads[to], **row}
        for one, to in combinations(GROUPS, 2)
        if not {leads[one], leads[to]} & set(left_out)
    }
    return pd.DataFrame({code: row for code in codes}).T, pd.DataFrame(pairs).T


def draw(left_out: tuple[str, ...] = ()) -> plt.Figure:
    return phase_diagram(load_phases(), load_links(), *pretend_evidence(left_out))[0]


def reach_of(fig: plt.Figure) -> tuple[dict, dict]:
    """Return boxes, and the points of every arrow's shaft, in pixels."""
    (ax,) = fig.axes
    return check.boxes_of(ax), {gid: check.points_of(ax, gid) for gid in check.lines_of(ax)}


@pytest.mark.parametrize("left_out", [(), ("EVI", "Cenzy"), tuple(MARKERS)])
def test_nothing_covers_anything(left_out):
    fig = draw(left_out)
    check.assert_readable(fig)
    texts = check.extents(check.texts_of(fig))
    boxes, lines = reach_of(fig)
    for here, box in product(texts, boxes.values()):
        inside = (here[:2] > box[:2]).all() and (here[2:] < box[2:]).all()
        assert inside or not check.overlap(here, box), "letters cross the border of a box"
    for gid, points in lines.items():
        assert not any(check.runs_through(points, box) for box in boxes.values()), gid
        # an arrow beside the boxes is interrupted by its own words only
        assert sum(check.runs_through(points, here) for here in texts) <= 1, gid
    for (one, here), (other, there) in combinations(lines.items(), 2):
        nearest = np.abs(here[::10, None] - there[None, ::10]).max(axis=-1).min()
        assert nearest > 5, f"{one} and {other} touch"


def test_the_diagram_follows_its_tables():
    phases, links = load_phases().iloc[:3], load_links()
    links = links[links["from"].isin(phases.index) & links["to"].isin(phases.index)]
    links = links[links["from"] == "plant"]
    fig = phase_diagram(phases, links, *pretend_evidence())[0]
    boxes, lines = reach_of(fig)
    assert list(boxes) == ["climatic", "plant", "soil"]
    assert set(lines) == {"plant to climatic", "plant to soil"}
    assert "microbial" not in fig.get_label()


def test_the_diagram_draws_its_tables_and_tells_them_in_words():
    fig = draw(("EVI",))
    boxes, lines = reach_of(fig)
    assert tuple(sorted(boxes, key=lambda phase: -boxes[phase][1])) == GROUPS
    assert set(lines) == {f"{one} to {to}" for one, to in gather_links(load_links()).index}
    for gid, points in lines.items():
        for phase, end in zip(gid.split(" to "), points[[0, -1]], strict=True):
            away = np.maximum(boxes[phase][:2] - end, end - boxes[phase][2:]).max()
            assert away <= 0.12 * fig.dpi, gid
    texts = check.words_of(fig)
    assert "here −0.88 (−0.99 to −0.11) reconstructed" in texts
    assert texts.count("here no data") == 3
    assert "soil disruption to plant rise: nothing named. " in fig.get_label()


# The thirds


def test_panels_show_sites_in_their_order_and_the_means_of_thirds():
    top, table = simulate({"TF": step(0.3), "SOC": np.zeros_like}, 0.15, seed=2)
    fig, axes = third_panels(top, table, time_changes(top, table)[0])
    check.assert_readable(fig)
    for ax, code in zip(axes.flat, table, strict=True):
        values = table[code][top.sort_values().index]
        np.testing.assert_allclose(ax.lines[0].get_ydata(), values)
        drawn = {round(line.get_ydata()[0], 9) for line in ax.lines[1:]}
        thirds = values.to_numpy().reshape(3, 10)
        assert drawn >= set(thirds.mean(axis=1).round(9))
        bands = [band.get_paths()[0].vertices[:, 1] for band in ax.collections]
        for third, band in zip(thirds, bands, strict=True):
            interval = stats.ttest_1samp(third, 0).confidence_interval()
            np.testing.assert_allclose([band.min(), band.max()], interval)
    assert "organic carbon (SOC), g kg⁻¹: no clear change" in check.words_of(fig)
    assert "2 rows of 30 dots" in fig.get_label()
    assert "SOC no clear change." in fig.get_label()
