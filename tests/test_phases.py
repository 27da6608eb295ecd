"""The four phases: tables that keep to the paper, changes along TOP, and a diagram of both."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation, Text

from helpers.errors import InputError
from helpers.factors import GROUPS, load_factors
from helpers.figures.phase_diagrams import phase_diagram, third_panels
from helpers.figures.style import WIDTH
from helpers.paper.group_models import published_order
from helpers.paper.phases import (
    SUPPORTS,
    gather_links,
    list_markers,
    load_links,
    load_phases,
    time_changes,
)
from helpers.paths import DATA

MARKERS = ["TF", "ALB", "EVI", "SOC", "Cenzy"]


pytestmark = pytest.mark.usefixtures("without_a_screen")


# The tables


def test_phases_are_the_four_groups_in_their_order():
    phases = load_phases()
    assert tuple(phases.index) == GROUPS
    assert phases["order"].tolist() == [1, 2, 3, 4]
    assert phases.notna().all(axis=None)


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
    links = load_links()
    assert links["from"].isin(GROUPS).all()
    assert links["to"].isin(GROUPS).all()
    assert set(links["kind"]) == {"acts", "order"}
    assert set(links["rests_on"]) == set(SUPPORTS)
    assert ((links["study"] == "") == (links["rests_on"] == "nothing named")).all()
    cited = links.loc[links["rests_on"] == "cited", "study"]
    assert cited.str.fullmatch(r"(.+ \d{4}; )*.+ \d{4}").all()
    assert (links[["says", "section"]] != "").all(axis=None)
    assert not links.duplicated(["from", "to", "says"]).any()


def test_what_rests_on_the_sites_is_the_published_loop():
    loop = pd.read_csv(DATA / "published_loop.csv").query("quantity == 'path'")
    links = load_links()
    own = links[links["rests_on"] == "Fig. 4c"]
    assert own[["from", "to"]].to_numpy().tolist() != []
    assert sorted(zip(own["from"], own["to"], strict=True)) == sorted(
        zip(loop["from"], loop["to"], strict=True)
    )


def test_the_order_leads_from_each_phase_to_the_next():
    order = load_links().query("kind == 'order'")
    assert list(zip(order["from"], order["to"], strict=True)) == list(pairwise(GROUPS))


def test_links_are_gathered_by_arrow_in_the_order_of_what_they_rest_on():
    rows = [
        ("a", "b", "acts", "cited"),
        ("a", "b", "acts", "Fig. 4c"),
        ("a", "b", "acts", "cited"),
        ("a", "b", "order", "projections"),
        ("a", "a", "acts", "cited"),
        ("b", "a", "acts", "nothing named"),
        *(("b", "c", "acts", word) for word in reversed(SUPPORTS)),
    ]
    links = pd.DataFrame(rows, columns=["from", "to", "kind", "rests_on"])
    found = gather_links(links)
    assert found.index.tolist() == [("a", "b"), ("b", "a"), ("b", "c")]
    assert found["acts"].tolist() == ["Fig. 4c, cited", "nothing named", ", ".join(SUPPORTS)]
    assert found["order"].tolist() == ["projections", "", ""]


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


def test_unit_and_direction_of_a_marker_do_not_matter():
    top, table = simulate({"a": step(0.4), "b": step(0.6)}, 0.1, seed=1)
    alone, earlier = time_changes(top, table)
    turned, other = time_changes(top, 7 - 3 * table)
    shares = ["share", "share_low", "share_high"]
    np.testing.assert_allclose(turned[shares], alone[shares])
    np.testing.assert_allclose(other, earlier, atol=1e-12)
    np.testing.assert_allclose(turned["change_low"], -3 * alone["change_high"])


def test_the_interval_of_a_change_is_as_wide_as_its_standard_error_says():
    top, table = simulate({"a": lambda x: x}, 0.3, seed=4)
    row = time_changes(top, table, n_boot=20_000, confidence=0.683)[0].loc["a"]
    thirds = table["a"].groupby(pd.qcut(top, 3, labels=False))
    error = np.sqrt(thirds.var()[[0, 2]].sum() / 10)
    np.testing.assert_allclose((row["change_high"] - row["change_low"]) / 2, error, rtol=0.02)


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


def test_an_order_is_found_where_there_is_one():
    found = []
    for seed in range(60):
        top, table = simulate({"a": step(0.3), "b": step(0.7)}, 0.2, seed)
        found.append(time_changes(top, table, n_boot=300)[1].loc[("a", "b"), "low"] > 0)
    assert np.mean(found) > 0.9


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


def test_narrower_confidence_gives_narrower_intervals_and_the_seed_repeats_them():
    top, table = simulate({"a": step(0.5)}, 0.2, seed=1)
    wide, narrow = (time_changes(top, table, confidence=level)[0].loc["a"] for level in (0.95, 0.5))
    assert wide["share_low"] < narrow["share_low"] < narrow["share_high"] < wide["share_high"]
    pd.testing.assert_series_equal(time_changes(top, table)[0].loc["a"], wide)
    assert time_changes(top, table, seed=1)[0].loc["a", "share_low"] != wide["share_low"]


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (8, {}, "at least 9 sites"),
        (30, {"n_boot": 99}, "at least 100"),
        (30, {"confidence": 95}, "between 0 and 1"),
    ],
)
def test_too_little_is_refused(n, options, message):
    top, table = simulate({"a": step(0.5)}, 0.2, seed=1, n=n)
    with pytest.raises(InputError, match=message):
        time_changes(top, table, **options)


def test_a_gap_is_refused():
    top, table = simulate({"a": step(0.5)}, 0.2, seed=1)
    table.iloc[4, 0] = np.nan
    with pytest.raises(InputError, match="a gap"):
        time_changes(top, table)


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


@pytest.fixture(scope="module")
def diagram() -> plt.Figure:
    return draw()


def boxes_of(fig: plt.Figure) -> dict[str, np.ndarray]:
    return {
        patch.get_gid().removeprefix("box "): patch.get_window_extent().extents
        for patch in fig.findobj(FancyBboxPatch)
        if (patch.get_gid() or "").startswith("box ")
    }


def texts_of(fig: plt.Figure) -> dict[Text, np.ndarray]:
    return {text: text.get_window_extent().extents for text in fig.findobj(Text) if text.get_text()}


def lines_of(fig: plt.Figure) -> dict[str, np.ndarray]:
    """Return the points of every arrow's shaft, in pixels, close to each other."""
    found = {}
    for line in fig.axes[0].lines:
        points = fig.axes[0].transData.transform(line.get_xydata())
        at = np.linspace(0, len(points) - 1, 3000)
        columns = [np.interp(at, range(len(points)), axis) for axis in points.T]
        found[line.get_gid()] = np.stack(columns, axis=1)
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def within(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)


@pytest.mark.parametrize("left_out", [(), ("EVI", "Cenzy"), tuple(MARKERS)])
def test_nothing_covers_anything(left_out):
    fig = draw(left_out)
    fig.draw_without_rendering()
    boxes, texts, lines = boxes_of(fig), texts_of(fig), lines_of(fig)
    for (one, here), (other, there) in combinations(texts.items(), 2):
        assert not overlap(here, there), f"{one} and {other} overlap"
    for text, here in texts.items():
        for box in boxes.values():
            inside = (here[:2] > box[:2]).all() and (here[2:] < box[2:]).all()
            assert inside or not overlap(here, box), f"{text} crosses the border of a box"
    for gid, points in lines.items():
        assert not any(within(points, box).any() for box in boxes.values()), gid
        # an arrow beside the boxes is interrupted by its own words only
        assert sum(within(points, here).any() for here in texts.values()) <= 1, gid
    for (one, here), (other, there) in combinations(lines.items(), 2):
        nearest = np.abs(here[::10, None] - there[None, ::10]).max(axis=-1).min()
        assert nearest > 5, f"{one} and {other} touch"
    box = fig.get_tightbbox().extents
    assert (box[:2] > -1e-9).all()
    assert (box[2:] < fig.get_size_inches() + 1e-9).all()


def test_the_diagram_is_legible_on_a_phone(diagram):
    assert diagram.get_figwidth() == WIDTH
    assert min(text.get_fontsize() for text in texts_of(diagram)) >= 8


def test_boxes_stand_in_order_and_say_sign_section_and_evidence(diagram):
    boxes = boxes_of(diagram)
    assert tuple(sorted(boxes, key=lambda phase: -boxes[phase][1])) == GROUPS
    texts = [text.get_text() for text in texts_of(diagram)]
    for phrase in (
        "ALB: − in the paper (§4.4)",
        "EVI: + in the paper (§3.2.2)",
        "here −0.88 [−0.99, −0.11] reconstructed",
        "1  climate warming",
        "SOC–Cenzy −0.88\n[−0.99, −0.11]\nreconstructed",
    ):
        assert phrase in texts
    assert not any("TF–SOC" in text for text in texts)


def test_an_arrow_leads_from_its_phase_to_the_other(diagram):
    boxes = boxes_of(diagram)
    inch = diagram.dpi
    lines = lines_of(diagram)
    assert set(lines) == {f"{one} to {to}" for one, to in gather_links(load_links()).index}
    for gid, points in lines.items():
        for phase, end, reach in zip(gid.split(" to "), points[[0, -1]], (0.02, 0.1), strict=True):
            box = boxes[phase]
            away = np.maximum(np.maximum(box[:2] - end, end - box[2:]), 0)
            assert np.linalg.norm(away) <= reach * inch, gid
    notes = [text for text in diagram.axes[0].texts if isinstance(text, Annotation)]
    heads = [note.xy for note in notes]
    heads = diagram.axes[0].transData.transform(heads)
    assert len(heads) == len(lines)
    for head, points in zip(heads, lines.values(), strict=True):
        assert np.linalg.norm(head - points[-1]) < 0.1 * inch


def test_line_and_words_say_what_an_arrow_rests_on(diagram):
    arrows = gather_links(load_links())
    legend = diagram.legends[0]
    labels = [text.get_text() for text in legend.get_texts()]
    by_word = dict(zip(labels, legend.get_lines(), strict=True))
    styles = {word: line._unscaled_dash_pattern for word, line in by_word.items()}
    assert len(styles) == len({str(style) for style in styles.values()}) == 3
    texts, points = texts_of(diagram), lines_of(diagram)
    lines = {line.get_gid(): line for line in diagram.axes[0].lines}
    for (cause, to), row in arrows.iterrows():
        gid = f"{cause} to {to}"
        assert lines[gid]._unscaled_dash_pattern == styles[row["acts"].split(", ")[0]]
        on_it = [text for text, box in texts.items() if within(points[gid], box).any()]
        if row["order"]:
            words = f"{row['acts']}\norder: {row['order']}"
            assert words in [text.get_text() for text in texts]
        else:
            assert [text.get_text().replace("\n", " ") for text in on_it] == [row["acts"]]


def test_words_tell_all_that_is_drawn():
    fig = draw(("EVI",))
    assert [text.get_text() for text in texts_of(fig)].count("here no data") == 3
    words = fig.get_label()
    assert words.startswith("4 boxes, one below the other. 1  climate warming: TF: + in the paper")
    assert "2  plant rise: EVI: + in the paper (§3.2.2); here no data. " in words
    assert "soil disruption to plant rise: nothing named. " in words
    loop = "climate warming to plant rise: Fig. 4c, cited; that one follows the other: "
    assert loop in words
    assert "other: nothing named; here SOC with Cenzy −0.88 [−0.99, −0.11] reconstructed. " in words
    assert "TF with SOC" not in words
    assert "9 arrows. " in words
    assert words.endswith("Within one phase, not drawn: 1.")


def test_the_diagram_follows_its_tables():
    phases, links = load_phases().iloc[:3], load_links()
    links = links[links["from"].isin(phases.index) & links["to"].isin(phases.index)]
    links = links[links["from"] == "plant"]
    fig = phase_diagram(phases, links, *pretend_evidence())[0]
    assert list(boxes_of(fig)) == ["climatic", "plant", "soil"]
    assert set(lines_of(fig)) == {"plant to climatic", "plant to soil"}
    assert "microbial" not in fig.get_label()


# The thirds


def test_panels_show_sites_in_their_order_and_the_means_of_thirds():
    top, table = simulate({"TF": step(0.3), "SOC": np.zeros_like}, 0.15, seed=2)
    alone, _ = time_changes(top, table)
    fig, axes = third_panels(top, table, alone)
    for ax, code in zip(axes.flat, table, strict=True):
        values = table[code][top.sort_values().index]
        np.testing.assert_allclose(ax.lines[0].get_ydata(), values)
        means = [line.get_ydata()[0] for line in ax.lines if line.get_linewidth() == 2]
        np.testing.assert_allclose(means, values.to_numpy().reshape(3, 10).mean(axis=1))
        borders = [line.get_xdata()[0] for line in ax.lines if line.get_linewidth() == 0.8]
        assert borders == [10.5, 20.5]
    row = alone.loc["TF"]
    said = f"share {row['share']:.2f} [{row['share_low']:.2f}, {row['share_high']:.2f}]"
    assert axes[0, 0].get_title(loc="left") == f"TF: {said}".replace("-", "−")
    assert axes[1, 0].get_title(loc="left") == "SOC: no clear change"
    assert "2 rows of 30 dots" in fig.get_label()
    assert "SOC no clear change." in fig.get_label()
    assert fig.get_figwidth() == WIDTH
    fig.draw_without_rendering()
    assert (fig.get_tightbbox().extents[2:] < fig.get_size_inches() + 1e-9).all()
