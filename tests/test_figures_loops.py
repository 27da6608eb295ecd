"""Figures of loops and of printed numbers: what is drawn is what was given, and can be read."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.figures.loop_plots import gain_distributions, loop_panels, response_steps, ring_arrows
from helpers.figures.printed_numbers import correlation_ranges, rows_behind_rmsea
from helpers.paper import load_transect
from helpers.paper.reprint import load_published_loop, matching_correlations
from helpers.pathmodel import parse_model
from helpers.pathmodel.loop import respond
from tests import figures as check

GROUPS = ["climatic", "plant", "soil", "microbial"]
PRINTED = [0.99, 0.73, 0.75, 0.75]
TURNED = [1.01, 1.37, 1.33, 1.33]
FIVE = ["TF", "CN", "SOC", "Rs", "TOP"]

pytestmark = pytest.mark.usefixtures("without_a_screen")


def ring(values: list[float], names: list[str], back: bool = False) -> pd.DataFrame:
    """Return the matrix of a loop: the first name acts on the second, ..., or the other way."""
    B = pd.DataFrame(0.0, names, names)
    for value, (one, other) in zip(values, pairwise([*names, names[0]]), strict=True):
        B.loc[(one, other) if back else (other, one)] = value
    return B


FOUR_LOOPS = {
    "the loop": ring(PRINTED, GROUPS),
    "its twin": ring(TURNED, GROUPS),
    "its mirror": ring(PRINTED, GROUPS, back=True),
    "the mirror's twin": ring(TURNED, GROUPS, back=True),
}
LOOPS = {
    "four": FOUR_LOOPS,
    "one of three": {"a loop": ring([0.5, 0.6, -0.7], ["a", "b", "c"])},
    "five, unlike": {
        "the loop": ring([0.00412, -123.4, 0.99, -0.5, 0.9], FIVE),
        "its twin": ring([-1e-9, 2, 3.14, -14.4, 1], FIVE, back=True),
        "the third": ring([1, 2, 3, 4, 5], FIVE),
    },
    "in another order": {
        "the loop": ring([0.1, 0.2, 0.3, 0.4, 0.5], FIVE),
        "every second": ring([0.5, -0.4, 0.3, 0.2, 0.1], [*FIVE[::2], *FIVE[1::2]]),
    },
}


# Loops side by side


@pytest.mark.parametrize("name", LOOPS)
def test_loops_can_be_read_and_show_their_coefficients(name):
    fig, axes = loop_panels(LOOPS[name])
    check.assert_readable(fig)
    assert len(axes) == len(LOOPS[name])
    first = check.boxes_of(axes[0])
    shown = {"−1e−09", "0.004", "3.14", "−14.4", "−123"}
    assert name != "five, unlike" or shown <= set(check.words_of(fig))
    for ax, B in zip(axes, LOOPS[name].values(), strict=True):
        given = {f"{one} to {to}": B.loc[to, one] for to in B for one in B if B.loc[to, one]}
        check.assert_diagram(ax, given)
        corner = ax.get_window_extent().p0 - axes[0].get_window_extent().p0
        for code, box in check.boxes_of(ax).items():
            np.testing.assert_allclose(box - np.tile(corner, 2), first[code], atol=1e-6)


def test_gain_and_stability_are_those_of_the_loop():
    loops = FOUR_LOOPS | {"a negative one": ring([-1.5, 1.5, 1.5, 1.5], GROUPS)}
    fig, axes = loop_panels(loops)
    for ax, (title, B) in zip(axes, loops.items(), strict=True):
        gain = np.prod([value for value in B.to_numpy().ravel() if value])
        index = np.abs(np.linalg.eigvals(B)).max()
        verdict = "stable" if title in ("the loop", "its mirror") else "unstable"
        lines = [f"gain {gain:.2f}", f"stability index {index:.2f}: {verdict}"]
        lines = [line.replace("-", "−") for line in lines]
        assert {title, "\n".join(lines)} <= {text.get_text() for text in ax.texts}
        assert f"{title}: " in fig.get_label()
        assert ", ".join(lines) in fig.get_label()
    assert "climatic to plant 0.99" in fig.get_label()


def test_what_follows_from_a_loop_is_not_drawn_and_a_chain_is_refused():
    B = FOUR_LOOPS["the loop"].reindex(index=[*GROUPS, "TOP"], columns=[*GROUPS, "TOP"])
    B = B.fillna(0)
    B.loc["TOP", "plant"] = 0.5
    _, (ax,) = loop_panels({"with TOP": B})
    assert check.boxes_of(ax).keys() == set(GROUPS)
    assert len(check.lines_of(ax)) == 4
    with pytest.raises(InputError, match="one loop of three variables or more"):
        loop_panels({"chain": ring([0.5, 0.5, 0.5, 0], GROUPS)})


# Rings that were measured


def test_an_arrow_that_rings_share_is_drawn_once_with_its_values_and_the_printed_number():
    loops = load_transect().loops
    codes = {code: code for ring in loops.index.levels[0] for code in ring.split(" > ")}
    fig, (ax, gains) = ring_arrows(loops, {0: 0.99, -1: 0.41}, codes)
    check.assert_readable(fig)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    arrows = {(one, other) for _, _, one, other in loops.index if one != "loop"}
    assert sorted(rows) == sorted(f"{one} → {other}" for one, other in arrows)
    assert len(gains.get_yticklabels()) == 6
    first = loops.loc[("TF > richness > SOC > bacteria", "values", "TF", "richness")]
    drawn = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 1]
    assert drawn[0][0] == pytest.approx(first["estimate"])
    both = [
        {segment[0][0] for lines in each.collections for segment in lines.get_segments()}
        for each in (ax, gains)
    ]
    assert both == [{0.99}, {0.41}]


def test_without_rings_the_figure_says_so():
    loops = load_transect(columns="present").loops
    assert ring_arrows(loops, {}, {})[0].get_label().startswith("No ring was measured")


# Step by step


def amplify(*gains: float) -> dict[str, pd.DataFrame]:
    """Return loops by their gain, each with four coefficients of one size."""
    sizes = {gain: abs(gain) ** 0.25 for gain in gains}
    return {
        f"gain {gain:g}": ring([np.sign(gain) * size, size, size, size], GROUPS)
        for gain, size in sizes.items()
    }


def follow(loops: dict[str, pd.DataFrame]) -> tuple:
    """Return the figure of these loops, and the responses."""
    responses = {case: respond(B, "climatic", 24)["climatic"] for case, B in loops.items()}
    with np.errstate(divide="ignore"):
        return *response_steps(loops, "climatic", 6), responses


CASES = {
    "ordinary": amplify(0.41, 0.8, 1, 2.46),
    "negative": amplify(-0.41, -0.9, -2.46),
    "close together": amplify(0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
    "many leave": amplify(0.3, 1.5, 2, 3, 1000),
}


@pytest.mark.parametrize("name", CASES)
def test_staircases_can_be_read_and_show_every_step_in_rounds(name):
    fig, ax, responses = follow(CASES[name])
    check.assert_readable(fig)
    labels = check.extents(ax.texts)
    assert len(labels) == len(CASES[name])
    assert min(box[0] for box in labels) > ax.get_window_extent().x1
    stairs = {line.get_gid(): line for line in ax.lines if line.get_drawstyle() == "steps-post"}
    assert stairs.keys() == responses.keys()
    for case, response in responses.items():
        x, y = stairs[case].get_data()
        np.testing.assert_allclose(x, np.arange(26) / 4)
        np.testing.assert_allclose(y, [*response, response.iloc[-1]])


def test_limits_are_drawn_and_what_leaves_the_axis_is_said_to_be_cut():
    fig, ax, responses = follow(CASES["ordinary"])
    limits = {"gain 0.41": 1 / 0.59, "gain 0.8": 5}
    stairs = {line.get_gid(): line.get_color() for line in ax.lines}
    dashed = {line.get_color(): line.get_ydata()[0] for line in ax.lines if line.get_ls() == "--"}
    assert dashed == pytest.approx({stairs[case]: limit for case, limit in limits.items()})
    for case, limit in limits.items():
        assert f"{case}\ntends to {limit:.2f}" in check.words_of(fig)
        assert f"{case}: tends to {limit:.2f}" in fig.get_label()
    assert max(limits.values()) < ax.get_ylim()[1] < 1.1 * max(limits.values())
    for case in ("gain 1", "gain 2.46"):
        last = responses[case].iloc[-1]
        said = f"{last:.2f}" if last < 10 else f"{last:.0f}"
        assert f"{case}\n{said} after 6 rounds" in check.words_of(fig)
        assert f"{case}: cut off: {said} after 6 rounds" in fig.get_label()
    heights = {text.get_text().split("\n")[0]: text.get_position()[1] for text in ax.texts}
    assert sorted(heights, key=heights.get) == ["gain 0.41", "gain 0.8", "gain 1", "gain 2.46"]


def test_what_swings_is_cut_on_both_sides():
    _, ax, responses = follow(amplify(-0.41, -2.46))
    swings = responses["gain -2.46"]
    assert swings.min() < ax.get_ylim()[0] < ax.get_ylim()[1] < swings.max()


# Worlds

CHAIN = [*np.linspace(-0.9, -0.01, 600), *np.linspace(0.01, 0.5, 400), *[np.nan] * 50]
WORLDS = {
    "a chain": (CHAIN, "40%"),
    "a world whose name is rather long, and longer": ([0.9999] * 5, "100%"),
    "empty": ([np.nan, np.nan], "none left"),
    "nearly none": ([-1.0] * 999 + [0.5], "< 1%"),
    "nearly all": ([0.5] * 999 + [-0.5], "> 99%"),
}


def test_worlds_can_be_read_with_their_counts_and_shares():
    gains = {world: pd.Series(values) for world, (values, _) in WORLDS.items()}
    shares = [share for _, share in WORLDS.values()]
    fig, ax = gain_distributions(gains, 0.4065)
    check.assert_readable(fig)
    edges = np.linspace(-1, 1, 41)
    for base, (world, share) in enumerate(zip(gains, shares, strict=True), start=1):
        values = gains[world].dropna()
        bars = [patch.get_data() for patch in ax.patches if patch.get_data().baseline == base]
        heights = base - np.concatenate([bar.values for bar in bars])
        counts = np.histogram(values, edges)[0]
        np.testing.assert_allclose(heights, 0.8 * counts / max(counts.max(), 1), atol=1e-9)
        assert f"{world}: {share} of {len(values)} above 0" in fig.get_label()
    assert [text.get_text() for text in ax.texts if text.get_gid()] == shares
    assert check.rows_of(ax) == list(gains)
    upright = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert upright == [0, 0.4065]
    assert "printed 0.41" in check.words_of(fig)
    assert "printed 0.41" in fig.get_label()


# Numbers of rows


def points(ax: plt.Axes, label: str) -> dict[float, float]:
    (line,) = (line for line in ax.lines if line.get_label().startswith(label))
    return dict(zip(*line.get_data(), strict=True))


@pytest.mark.parametrize(
    ("printed", "stated", "rows", "agreeing", "said"),
    [
        ((4.257, 0.275, 3), 30, range(10, 101), [44], "sites: would print 0.335"),
        ((4.26, 0.28, 2), 42, range(30, 60), [42, 43, 44], "sites: prints 0.28"),
        ((1.5, 0.275, 3), 500, range(2, 400), [], "No N drawn prints it"),
        ((0.9, 0.0, 3), 30, range(10, 60), range(10, 60), "N = 10 to 59: prints 0.000"),
    ],
)
def test_the_rows_that_print_an_rmsea_are_marked(printed, stated, rows, agreeing, said):
    chi2_df, rmsea, decimals = printed
    fig, axes = rows_behind_rmsea(*printed, stated, rows)
    check.assert_readable(fig)
    curve = points(axes[0], "_")
    assert list(curve) == sorted({*rows, stated})
    for n, index in curve.items():
        assert index == pytest.approx(np.sqrt(max(chi2_df - 1, 0) / (n - 1)))
    ends = " to ".join(dict.fromkeys(f"{n}" for n in (*agreeing[:1], *agreeing[-1:])))
    assert list(points(axes[0], f"N = {ends}:" if agreeing else "no N")) == list(agreeing)
    assert list(points(axes[0], f"N = {stated}, the")) == [stated]
    assert set(agreeing) <= points(axes[1], "_").keys()
    (band,) = axes[1].patches
    half = 0.5 * 10.0**-decimals
    assert (band.get_y(), band.get_height()) == pytest.approx((rmsea - half, 2 * half))
    assert said in fig.get_label()


# Correlations

NEIGHBOURS = ["plant, soil", "soil, microbial", "plant, climatic", "microbial, climatic"]


@pytest.fixture(scope="module")
def matches() -> dict[str, pd.DataFrame]:
    paths, indices = load_published_loop()
    model = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in paths.index))
    found = matching_correlations(model, paths, indices, draws=3000)
    pairs = combinations(["TF", "CN", "SOC", "Cenzy", "Rs"], 2)
    rng = np.random.default_rng(0)
    awkward = {f"{a}, {b}": np.tanh(rng.normal(0, 1.5, 50)) for a, b in pairs}
    awkward |= {"n": 44, "residual": 0}
    return {"found": found, "one": found[:1], "awkward": pd.DataFrame(awkward)}


@pytest.mark.parametrize("name", ["found", "one", "awkward"])
def test_ranges_and_quartiles_of_correlations_are_those_of_the_matches(name, matches):
    table = matches[name].drop(columns=["n", "residual"])
    fig, ax = correlation_ranges(matches[name], NEIGHBOURS)
    check.assert_readable(fig)
    order = table.median().sort_values(ascending=False)
    ticks = check.rows_of(ax)
    for place, (pair, median) in enumerate(order.items()):
        own = [line for line in ax.lines if line.get_ydata()[0] == place]
        whole, box, dot = sorted(own, key=lambda line: (len(line.get_xdata()) == 1, line.get_lw()))
        low, high = table[pair].min(), table[pair].max()
        assert list(whole.get_xdata()) == [low, high]
        np.testing.assert_allclose(box.get_xdata(), np.quantile(table[pair], [0.25, 0.75]))
        assert dot.get_xdata()[0] == pytest.approx(median)
        beside = "" if pair in NEIGHBOURS else " (not neighbours)"
        assert ticks[place] == pair.replace("CN", "C/N").replace("Rs", "Rₛ")
        said = f"{ticks[place]}{beside} {median:.3f} ({low:.3f} to {high:.3f})"
        assert said in fig.get_label()
    assert "No matrix" in correlation_ranges(matches[name][:0], NEIGHBOURS)[0].get_label()
