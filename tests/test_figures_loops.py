"""Figures of loops and of printed numbers: what is drawn is what was given, and can be read."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, StepPatch
from matplotlib.text import Text

from helpers.errors import InputError
from helpers.figures.loop_plots import gain_distributions, loop_panels, response_steps
from helpers.figures.printed_numbers import bound_ranges, correlation_ranges, rows_behind_rmsea
from helpers.figures.style import WIDTH
from helpers.paper.reprint import bound_determinant, load_published_loop, matching_correlations
from helpers.pathmodel import parse_model
from helpers.pathmodel.loop import feedback, respond

GREEN, RED, BLUE, ORANGE = "#006400", "#8b0000", "#0072b2", "#d55e00"
GROUPS = ["climatic", "plant", "soil", "microbial"]
PRINTED = [0.99, 0.73, 0.75, 0.75]
TURNED = [1.01, 1.37, 1.33, 1.33]
FIVE = ["TF", "CN", "SOC", "Rs", "TOP"]
WORDY = ["Transpiration of plants", "Greenness of vegetation", "soil organic carbon", "microbial"]


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
        "the loop": ring([0.00412, -123.4, 12345.6, -0.5, 0.9], FIVE),
        "its twin, which has a very long title": ring([-1e-9, 2, 3.14, -14.4, 1], FIVE, back=True),
        "the third": ring([1, 2, 3, 4, 5], FIVE),
    },
    "long names": {
        "the loop": ring([0.5, 0.6, 0.7, 0.8], WORDY),
        "its mirror": ring([0.5, 0.6, 0.7, 0.8], WORDY, back=True),
    },
    "in another order": {
        "the loop": ring([0.1, 0.2, 0.3, 0.4, 0.5], FIVE),
        "every second": ring([0.5, -0.4, 0.3, 0.2, 0.1], [*FIVE[::2], *FIVE[1::2]]),
    },
    "seven": {
        "the loop": ring([0.1, -0.2, 0.3, -0.4, 0.5, 0.6, 0.7], list("abcdefg")),
        "huge": ring([-1234.5] * 7, list("abcdefg"), back=True),
    },
    "numbers that do not fit beside each other": {
        "the loop": ring([-12345.6] * 6, [f"name {i}" for i in range(6)]),
        "its mirror": ring([-1e-10] * 6, [f"name {i}" for i in range(6)], back=True),
    },
}
every_loop = pytest.mark.parametrize("name", LOOPS)


pytestmark = pytest.mark.usefixtures("without_a_screen")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


# What was drawn, in pixels


def extents(artists) -> list[np.ndarray]:
    return [artist.get_window_extent().extents for artist in artists]


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def texts_of(fig: plt.Figure) -> list[Text]:
    return [text for text in fig.findobj(Text) if text.get_text() and text.get_visible()]


def assert_readable(fig: plt.Figure) -> None:
    """Check that no two texts overlap, nothing is cut off, and letters are large enough."""
    fig.draw_without_rendering()
    assert fig.get_figwidth() == WIDTH
    box = fig.get_tightbbox().extents
    assert (box[:2] > -1e-9).all()
    assert (box[2:] < fig.get_size_inches() + 1e-9).all()
    ticks = {
        text
        for ax in fig.axes
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim()))
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for text in (tick.label1, tick.label2)
        if not min(limits) <= tick.get_loc() <= max(limits)
    }
    texts = [text for text in texts_of(fig) if text not in ticks]
    assert min(text.get_fontsize() for text in texts) >= 8
    for (one, here), (other, there) in combinations(zip(texts, extents(texts), strict=True), 2):
        assert not overlap(here, there), f"{one.get_text()!r} and {other.get_text()!r} overlap"
        assert (here[:2] > -1).all(), one.get_text()
        assert (here[2:] < fig.get_size_inches() * fig.dpi + 1).all(), one.get_text()
    assert len(fig.get_label()) > 60


def pixels(ax: plt.Axes, line: mpl.lines.Line2D) -> np.ndarray:
    return ax.transData.transform(line.get_xydata())


# Loops side by side


def boxes_of(ax: plt.Axes) -> dict[str, np.ndarray]:
    """Return the frames of variables, in inches of the panel."""
    return {
        patch.get_gid().removeprefix("box "): np.array(
            [patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()]
        )
        for patch in ax.patches
        if isinstance(patch, FancyBboxPatch)
    }


def arrows_of(ax: plt.Axes) -> dict[str, mpl.lines.Line2D]:
    return {line.get_gid(): line for line in ax.lines}


def numbers_of(ax: plt.Axes) -> dict[str, Text]:
    return {text.get_gid(): text for text in ax.texts if text.get_gid()}


@every_loop
def test_loops_can_be_read(name):
    fig, axes = loop_panels(LOOPS[name])
    assert_readable(fig)
    assert len(axes) == len(fig.axes) == len(LOOPS[name])


@every_loop
def test_no_arrow_runs_through_a_box_or_a_foreign_number(name):
    _, axes = loop_panels(LOOPS[name])
    for ax in axes:
        frames = extents(patch for patch in ax.patches if isinstance(patch, FancyBboxPatch))
        numbers = numbers_of(ax)
        for gid, line in arrows_of(ax).items():
            points = pixels(ax, line)
            foreign = extents(text for other, text in numbers.items() if other != gid)
            for low, high in ((box[:2], box[2:]) for box in frames + foreign):
                assert not ((points > low) & (points < high)).all(axis=1).any(), gid
        for text, box in zip(numbers.values(), extents(numbers.values()), strict=True):
            assert not any(overlap(box, frame) for frame in frames), text.get_text()


@every_loop
def test_an_arrow_leads_from_cause_to_effect_with_its_number(name):
    _, axes = loop_panels(LOOPS[name])
    for ax, B in zip(axes, LOOPS[name].values(), strict=True):
        arrows, boxes = arrows_of(ax), boxes_of(ax)
        given = {
            f"{cause} to {to}": B.loc[to, cause] for to in B for cause in B if B.loc[to, cause]
        }
        assert arrows.keys() == numbers_of(ax).keys() == given.keys()
        heads = [
            patch.get_xy()[0] for patch in ax.patches if isinstance(patch, mpl.patches.Polygon)
        ]
        for (gid, line), tip in zip(arrows.items(), heads, strict=True):
            cause, to = gid.split(" to ")
            for point, box in ((line.get_xydata()[0], boxes[cause]), (tip, boxes[to])):
                away = np.maximum(np.maximum(box[:2] - point, point - box[:2] - box[2:]), 0)
                assert np.linalg.norm(away) < 0.02, gid
            x, y = numbers_of(ax)[gid].get_position()
            whole = np.vstack([line.get_xydata(), tip])
            assert np.linalg.norm(whole - [x, y], axis=1).min() < 0.03, gid
            positive = given[gid] > 0
            assert to_hex(line.get_color()) == (GREEN if positive else RED)
            assert (line.get_linestyle() == "-") == positive


@every_loop
def test_variables_stand_at_the_same_place_in_every_panel(name):
    _, axes = loop_panels(LOOPS[name])
    first, *others = (boxes_of(ax) for ax in axes)
    for boxes in others:
        assert boxes.keys() == first.keys()
        for code in first:
            np.testing.assert_allclose(boxes[code], first[code], rtol=1e-12)
    assert len({ax.get_position().size.tobytes() for ax in axes}) == 1


def test_a_reversed_arrow_runs_along_the_same_curve_outside_the_straight_way():
    _, (ax, mirror) = loop_panels(LOOPS["long names"])
    middle = np.mean([box[:2] + box[2:] / 2 for box in boxes_of(ax).values()], axis=0)
    for gid, line in arrows_of(ax).items():
        there = line.get_xdata(), line.get_ydata()
        back = arrows_of(mirror)[" to ".join(gid.split(" to ")[::-1])].get_xydata()
        away = np.linalg.norm(np.stack(there, axis=1)[:, None] - back, axis=-1).min(axis=1)
        assert np.median(away) < 0.01
        ends, half = back[[0, -1]].mean(axis=0), back[len(back) // 2]
        assert np.linalg.norm(half - middle) > np.linalg.norm(ends - middle) + 0.05


def test_the_first_column_is_on_top_and_the_loop_goes_clockwise():
    for names in (GROUPS, GROUPS[2:] + GROUPS[:2]):
        _, (ax,) = loop_panels({"the loop": FOUR_LOOPS["the loop"].loc[names, names]})
        centres = {code: box[:2] + box[2:] / 2 for code, box in boxes_of(ax).items()}
        top, right, bottom, left = (centres[name] for name in names)
        assert top[1] > max(right[1], left[1])
        assert min(right[1], left[1]) > bottom[1]
        assert left[0] < top[0] < right[0]


def test_four_loops_stand_two_by_two_in_the_given_order():
    _, axes = loop_panels(FOUR_LOOPS)
    corners = [ax.get_position().p0.round(6).tolist() for ax in axes]
    assert corners == [[0, 0.5], [0.5, 0.5], [0, 0], [0.5, 0]]
    titles = [
        next(
            text.get_text()
            for text in ax.texts
            if text.get_fontsize() == 10 and text.get_va() == "top"
        )
        for ax in axes
    ]
    assert titles == list(FOUR_LOOPS)


def test_coefficients_have_two_decimals_or_three_digits():
    _, axes = loop_panels(LOOPS["five, unlike"])
    first, second = ([text.get_text() for text in numbers_of(ax).values()] for ax in axes[:2])
    assert sorted(first) == sorted(["0.00412", "−123", "1.23e+04", "−0.50", "0.90"])
    assert sorted(second) == sorted(["−1e−09", "2.00", "3.14", "−14.4", "1.00"])


def test_gain_and_stability_are_those_of_the_loop():
    fig, axes = loop_panels(FOUR_LOOPS)
    for ax, (title, B) in zip(axes, FOUR_LOOPS.items(), strict=True):
        gain = np.prod([value for value in B.to_numpy().ravel() if value])
        index = np.abs(np.linalg.eigvals(B)).max()
        verdict = "stable" if title in ("the loop", "its mirror") else "unstable"
        lines = [f"gain {gain:.2f}", f"stability index {index:.2f}: {verdict}"]
        assert "\n".join(lines) in [text.get_text() for text in ax.texts]
        assert f"{title}: " in fig.get_label()
        assert ", ".join(lines) in fig.get_label()
    assert "climatic to plant 0.99" in fig.get_label()
    assert "plant to climatic 0.99" in fig.get_label()


def test_a_loop_of_negative_gain_may_be_unstable():
    fig, _ = loop_panels({"a loop": ring([-1.5, 1.5, 1.5, 1.5], GROUPS)})
    assert "gain −5.06, stability index 1.50: unstable" in fig.get_label()


def test_an_arrow_is_as_wide_as_its_coefficient_up_to_one():
    _, (ax, other) = loop_panels(
        {"a": ring([0.25, -0.5, 1, 40], GROUPS), "b": ring([0.5, 2, 3, 4], GROUPS)}
    )
    quarter, half, one, huge = (line.get_linewidth() for line in arrows_of(ax).values())
    assert quarter < half < one == huge
    assert one - half == pytest.approx(2 * (half - quarter))
    assert arrows_of(other)["climatic to plant"].get_linewidth() == half


def test_what_follows_from_a_loop_is_not_drawn():
    B = FOUR_LOOPS["the loop"].reindex(index=[*GROUPS, "TOP"], columns=[*GROUPS, "TOP"])
    B = B.fillna(0)
    B.loc["TOP", "plant"] = 0.5
    _, (ax,) = loop_panels({"with TOP": B})
    assert boxes_of(ax).keys() == set(GROUPS)
    assert len(arrows_of(ax)) == 4


def test_a_chain_is_refused():
    with pytest.raises(InputError, match="one loop of three variables or more"):
        loop_panels({"chain": ring([0.5, 0.5, 0.5, 0], GROUPS)})


# Step by step


def amplify(*gains: float) -> dict[str, pd.DataFrame]:
    """Return loops by their gain, each with four coefficients of one size."""
    return {
        f"gain {gain:g}": ring(
            [np.sign(gain) * abs(gain) ** 0.25, *[abs(gain) ** 0.25] * 3], GROUPS
        )
        for gain in gains
    }


def follow(loops: dict[str, pd.DataFrame], steps: int = 24, named: str = "climatic"):
    """Return the figure of these loops, the responses and the limits."""
    responses = {case: respond(B, named, steps) for case, B in loops.items()}
    with np.errstate(divide="ignore"):
        measures = {case: feedback(B) for case, B in loops.items()}
    limits = {
        case: float(each["amplification"])
        for case, each in measures.items()
        if each["stability_index"] < 1 - 1e-9
    }
    return response_steps(responses, limits, named, 4), responses, limits


CASES = {
    "ordinary": amplify(0.41, 0.8, 1, 2.46),
    "one": amplify(0.41),
    "none converges": amplify(2.46),
    "negative": amplify(-0.41, -0.9, -2.46),
    "close together": amplify(0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
    "many leave": amplify(0.3, 1.5, 2, 3, 1000),
    "huge": amplify(0.999, -0.999),
    "long names": {
        "a loop with a name that is far too long for a label, gain 0.41": ring(PRINTED, GROUPS),
        "another such name, whose gain is 2.45": ring(TURNED, GROUPS),
    },
}


@pytest.mark.parametrize("name", CASES)
def test_staircases_can_be_read(name):
    (fig, ax), _, _ = follow(CASES[name])
    assert_readable(fig)
    labels = extents(ax.texts)
    assert len(labels) == len(CASES[name])
    inner = ax.get_window_extent()
    assert min(box[0] for box in labels) > inner.x1
    assert min(box[1] for box in labels) > inner.y0 - 1


@pytest.mark.parametrize("name", CASES)
def test_staircases_show_every_step_in_rounds(name):
    (_, ax), responses, _ = follow(CASES[name])
    stairs = {line.get_gid(): line for line in ax.lines if line.get_drawstyle() == "steps-post"}
    assert stairs.keys() == responses.keys()
    for case, response in responses.items():
        x, y = stairs[case].get_data()
        np.testing.assert_allclose(x[:-1], np.arange(25) / 4)
        np.testing.assert_allclose(y[:-1], response["climatic"])
        assert (x[-1], y[-1]) == (25 / 4, y[-2])
    assert ax.get_xlim() == (0, 25 / 4)


def test_limits_are_dashed_and_numbered_in_the_colour_of_their_case():
    (fig, ax), _, limits = follow(CASES["ordinary"])
    assert limits == pytest.approx({"gain 0.41": 1 / 0.59, "gain 0.8": 5})
    stairs = {line.get_gid(): line.get_color() for line in ax.lines}
    dashed = {line.get_ydata()[0]: line for line in ax.lines if line.get_linestyle() == "--"}
    assert list(dashed) == list(limits.values())
    for case, limit in limits.items():
        assert dashed[limit].get_color() == stairs[case]
        said = f"tends to {limit:.2f}"
        assert f"{case}\n{said}" in [text.get_text() for text in ax.texts]
        assert f"{case}: {said}" in fig.get_label()


def test_the_axis_holds_what_converges_and_cuts_what_does_not():
    (fig, ax), responses, limits = follow(CASES["ordinary"])
    bottom, top = ax.get_ylim()
    assert bottom == 0
    assert max(limits.values()) < top < 1.1 * max(limits.values())
    labels = [text.get_text() for text in ax.texts]
    for case in ("gain 1", "gain 2.46"):
        last = responses[case]["climatic"].iloc[-1]
        assert last > top
        said = f"{last:.2f}" if last < 10 else f"{last:.0f}"
        assert f"{case}\n{said} after 6 rounds" in labels
        assert f"{case}: cut off: {said} after 6 rounds" in fig.get_label()
    assert sum("after" in label for label in labels) == 2


def test_what_swings_is_cut_on_both_sides_and_what_stays_is_not_called_cut():
    (_, ax), responses, _ = follow(amplify(-0.41, -2.46))
    low, high = ax.get_ylim()
    swings = responses["gain -2.46"]["climatic"]
    assert swings.min() < low
    assert swings.max() > high
    (_, ax), responses, _ = follow(amplify(-0.41, -2.46), steps=7)
    assert responses["gain -2.46"]["climatic"].max() < ax.get_ylim()[1]
    assert [text.get_text() for text in ax.texts if "−1.46 after" in text.get_text()]
    (_, ax), responses, _ = follow(amplify(2.46))
    assert ax.texts[0].get_text() == "gain 2.46\nno limit"
    assert ax.get_ylim()[1] > responses["gain 2.46"]["climatic"].max()


def test_labels_stand_in_the_order_in_which_the_lines_end():
    (_, ax), _, _ = follow(amplify(2.46, 0.41, 1, 0.8))
    heights = {text.get_text().split("\n")[0]: text.get_position()[1] for text in ax.texts}
    falling = sorted(heights, key=heights.get, reverse=True)
    assert falling == ["gain 2.46", "gain 1", "gain 0.8", "gain 0.41"]


def test_a_factor_is_called_by_its_printed_label():
    B = ring(PRINTED, ["CN", "EVI", "SOC", "Cenzy"])
    fig, ax = response_steps({"a": respond(B, "CN", 8)}, {"a": 1.68}, "CN", 4)
    assert ax.get_ylabel() == "Response of C/N\n(standard deviations)"
    assert "the response of C/N" in fig.get_label()
    assert "over 2 rounds" in fig.get_label()


# Worlds

RNG = np.random.default_rng(3)
WORLDS = {
    "ordinary": (
        {
            "one common cause": pd.Series(RNG.uniform(0.1, 0.9, 1000)),
            "a chain": pd.Series(
                [*RNG.uniform(-0.9, 0, 600), *RNG.uniform(0, 0.5, 400), *[np.nan] * 50]
            ),
        },
        {"printed": 0.4065},
    ),
    "awkward": (
        {
            "a world whose name is rather long, and longer": pd.Series([0.9999] * 5),
            "empty": pd.Series([np.nan, np.nan]),
            "at the edge": pd.Series([-1.0] * 7),
            "nearly none": pd.Series([-0.5] * 999 + [0.5]),
            "nearly all": pd.Series([0.5] * 999 + [-0.5]),
        },
        {"printed": 0.4065, "ours, with a long name": 0.38, "zero": 0.02, "high": 0.97, "low": -1},
    ),
    "unmarked": ({"alone": pd.Series([0.1, 0.2])}, {}),
}


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_can_be_read(name):
    fig, ax = gain_distributions(*WORLDS[name])
    assert_readable(fig)
    assert ax.get_position().width > 0.55


def histogram(ax: plt.Axes) -> pd.DataFrame:
    """Return every bar of the drawing: its row, left end, height and colour."""
    rows = []
    for patch in ax.patches:
        assert isinstance(patch, StepPatch)
        tops, edges, base = patch.get_data()
        rows += [
            (base, edge, base - top, to_hex(patch.get_facecolor()))
            for top, edge in zip(tops, edges[:-1], strict=True)
        ]
    return pd.DataFrame(rows, columns=["row", "left", "height", "colour"])


def test_bars_are_as_high_as_the_counts_of_gains():
    gains, marked = WORLDS["ordinary"]
    _, ax = gain_distributions(gains, marked)
    bars = histogram(ax)
    for row, values in enumerate(gains.values(), start=1):
        own = bars[bars["row"] == row].sort_values("left")
        np.testing.assert_allclose(own["left"], np.arange(-1, 1, 0.05), atol=1e-12)
        expected = [((values >= left) & (values < left + 0.05)).sum() for left in own["left"]]
        np.testing.assert_allclose(own["height"] / own["height"].max(), expected / np.max(expected))
        assert own["height"].max() == pytest.approx(0.8)
    assert ax.yaxis_inverted()
    above = bars["left"] > -0.01
    assert set(bars.loc[above, "colour"]) == {BLUE}
    assert not set(bars.loc[~above, "colour"]) & {BLUE}


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("ordinary", ["100%", "40%"]),
        ("awkward", ["100%", "none left", "0%", "< 1%", "> 99%"]),
    ],
)
def test_the_share_of_positive_gains_stands_beside_each_row(name, shares):
    gains, marked = WORLDS[name]
    fig, ax = gain_distributions(gains, marked)
    rows = {text.get_gid(): text for text in ax.texts if text.get_gid()}
    assert [rows[f"share {world}"].get_text() for world in gains] == shares
    assert [rows[f"share {world}"].get_position()[1] for world in gains] == pytest.approx(
        ax.get_yticks(), abs=0.01
    )
    ticks = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert ticks == list(gains)
    for (world, values), share in zip(gains.items(), shares, strict=True):
        assert f"{world}: {share} of {values.notna().sum()} above 0" in fig.get_label()


def test_lines_mark_zero_and_the_given_gains():
    fig, ax = gain_distributions(*WORLDS["awkward"])
    marked = WORLDS["awkward"][1]
    upright = [line for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert sorted(line.get_xdata()[0] for line in upright) == sorted([0, *marked.values()])
    labels = {text.get_text(): text.xy[0] for text in ax.texts if hasattr(text, "xy")}
    assert labels.pop("gain > 0") > 1
    assert labels == {
        "printed 0.41": 0.4065,
        "ours, with a long name 0.38": 0.38,
        "zero 0.02": 0.02,
        "high 0.97": 0.97,
        "low −1.00": -1,
    }
    assert "printed 0.41, ours, with a long name 0.38" in fig.get_label()
    assert "and at" not in gain_distributions(*WORLDS["unmarked"])[0].get_label()


# Numbers of rows


@pytest.mark.parametrize(
    "arguments",
    [
        (4.257, 0.275, 3, 30, range(10, 101)),
        (4.26, 0.28, 2, 42, range(30, 60)),
        (4.257, 0.275, 3, 44, range(2, 500)),
        (1.5, 0.275, 3, 300, range(2, 400)),
        (0.9, 0.0, 3, 30, range(10, 60)),
    ],
)
def test_numbers_of_rows_can_be_read(arguments):
    assert_readable(rows_behind_rmsea(*arguments)[0])


def points(ax: plt.Axes, label: str) -> tuple[list, list]:
    (line,) = (line for line in ax.lines if line.get_label().startswith(label))
    return line.get_xdata().tolist(), line.get_ydata().tolist()


def test_the_curve_is_the_rmsea_of_every_number_of_rows():
    _, axes = rows_behind_rmsea(4.257, 0.275, 3, 30, range(10, 101))
    n, index = points(axes[0], "_")
    assert n == list(range(10, 101))
    np.testing.assert_allclose(np.square(index) * (np.array(n) - 1), 3.257)
    n, index = points(axes[1], "_")
    assert n == [42, 43, 44, 45, 46]
    assert index[2] == pytest.approx(0.2752, abs=1e-4)


def test_the_band_holds_what_rounds_to_the_printed_rmsea():
    _, axes = rows_behind_rmsea(4.257, 0.275, 3, 30, range(10, 101))
    for ax in axes:
        (band,) = ax.patches
        ends = band.get_y(), band.get_y() + band.get_height()
        assert ends == pytest.approx((0.2745, 0.2755), abs=1e-12)
    low, high = axes[1].get_ylim()
    height = axes[1].get_window_extent().height * 0.001 / (high - low)
    assert height > 0.1 * axes[1].figure.dpi


def test_only_44_rows_print_the_rmsea_and_30_would_print_another():
    fig, axes = rows_behind_rmsea(4.257, 0.275, 3, 30, range(10, 101))
    for ax in axes:
        assert points(ax, "N = 44")[0] == [44]
    assert points(axes[0], "N = 30") == ([30], [pytest.approx(np.sqrt(3.257 / 29))])
    assert points(axes[1], "N = 30") == ([], [])
    said = [text.get_text() for text in fig.legends[0].get_texts()]
    assert said == [
        "rounds to the printed 0.275",
        "N = 44: prints 0.275",
        "N = 30, the number of sites: would print 0.335",
    ]
    assert "N = 44: prints 0.275; N = 30, the number of sites: would print 0.335" in fig.get_label()


def test_several_numbers_of_rows_may_agree_and_the_stated_be_among_them():
    fig, axes = rows_behind_rmsea(4.26, 0.28, 2, 42, range(30, 60))
    expected = [n for n in range(30, 60) if f"{np.sqrt(3.26 / (n - 1)):.2f}" == "0.28"]
    assert points(axes[0], f"N = {expected[0]} to {expected[-1]}")[0] == expected == [42, 43, 44]
    assert "N = 42, the number of sites: prints 0.28" in fig.get_label()


def test_no_number_of_rows_may_agree_and_a_stated_one_beside_the_range_is_drawn():
    fig, axes = rows_behind_rmsea(1.5, 0.275, 3, 500, range(2, 400))
    assert "No N drawn prints it" in fig.get_label()
    assert points(axes[0], "no N") == ([], [])
    assert points(axes[0], "N = 500")[0] == [500]
    assert 7 in points(axes[1], "_")[0]


# Ranges

DETERMINANTS = pd.DataFrame(
    {
        "low": [7e-5, 1.84e-4, 2e-3],
        "high": [2.7e-4, 2.67e-4, 2.1e-3],
        "value": [1.6e-4, np.nan, np.nan],
    },
    index=["the four coefficients", "the indices with N = 44, df = 2", "N = 30, df = 1"],
)
RANGES = {
    "ordinary": (DETERMINANTS, True),
    "one": (DETERMINANTS.iloc[:1], True),
    "without values": (DETERMINANTS[["low", "high"]], True),
    "endless": (DETERMINANTS.assign(low=[0, 0, 1e-9]), True),
    "narrow": (pd.DataFrame({"low": [1.1], "high": [1.15]}, ["a"]), True),
    "linear": (pd.DataFrame({"low": [-3.0, 0.5], "high": [1.0, 0.6]}, ["a", "b"]), False),
    "long": (
        DETERMINANTS.set_axis([f"{name}, and so on and on" for name in DETERMINANTS.index]),
        True,
    ),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_can_be_read(name):
    table, log = RANGES[name]
    fig, ax = bound_ranges(table, "Determinant |R|", log=log)
    assert_readable(fig)
    assert ax.get_position().width > 0.6
    low, high = ax.get_xlim()
    if log:
        assert high < 2.6 * table["high"].max()
    assert sum(low <= tick <= high for tick in ax.get_xticks()) >= 2


@pytest.mark.parametrize("name", ["ordinary", "without values", "linear", "long"])
def test_bars_reach_from_low_to_high(name):
    table, log = RANGES[name]
    fig, ax = bound_ranges(table, "Determinant |R|", log=log)
    bars = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert [list(bar.get_xdata()) for bar in bars] == table[["low", "high"]].to_numpy().tolist()
    assert [bar.get_ydata()[0] for bar in bars] == list(range(len(table)))
    assert ax.yaxis_inverted()
    low, high = ax.get_xlim()
    assert low < table["low"].min() < table["high"].max() < high
    assert ax.get_xscale() == ("log" if log else "linear")
    for row in table.itertuples():
        assert f"{row.Index}: {row.low:.3g} to {row.high:.3g}" in fig.get_label()
    names = [
        label.get_text().replace("\n", " ").replace("\xa0", " ") for label in ax.get_yticklabels()
    ]
    assert names == list(table.index)


def test_values_are_dots_where_there_are_any():
    fig, ax = bound_ranges(DETERMINANTS, "Determinant |R|", log=True)
    (dots,) = (line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(dots.get_xdata(), DETERMINANTS["value"])
    assert "the four coefficients: 7e-05 to 0.00027 (0.00016);" in fig.get_label()
    assert fig.get_label().count("(") == 1


def test_a_range_down_to_zero_leaves_a_logarithmic_axis_as_an_arrow():
    _, ax = bound_ranges(RANGES["endless"][0], "Determinant |R|", log=True)
    arrows = [line for line in ax.lines if line.get_marker() == "<"]
    left = ax.get_xlim()[0]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in arrows] == [(left, 0), (left, 1)]
    assert left < 1e-9
    _, ax = bound_ranges(DETERMINANTS, "Determinant |R|", log=True)
    assert not [line for line in ax.lines if line.get_marker() == "<"]


def test_powers_of_ten_are_written_with_raised_exponents():
    fig, ax = bound_ranges(DETERMINANTS, "Determinant |R|", log=True)
    fig.draw_without_rendering()
    labels = dict(
        zip(ax.get_xticks(), (text.get_text() for text in ax.get_xticklabels()), strict=True)
    )
    assert labels[1e-4] == "10⁻⁴"


# Correlations


@pytest.fixture(scope="module")
def matches() -> pd.DataFrame:
    paths, indices = load_published_loop()
    model = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in paths.index))
    found = matching_correlations(model, paths, indices, draws=3000)
    assert len(found) > 50
    return found


NEIGHBOURS = ["plant, soil", "soil, microbial", "plant, climatic", "microbial, climatic"]


def awkward() -> pd.DataFrame:
    names = ["TF", "CN", "SOC", "Cenzy", "a variable of long name"]
    rng = np.random.default_rng(0)
    pairs = {f"{a}, {b}": np.tanh(rng.normal(0, 1.5, 50)) for a, b in combinations(names, 2)}
    return pd.DataFrame(pairs).assign(n=44, residual=0.01)


def test_correlations_can_be_read(matches):
    for table in (matches, matches.iloc[:1], awkward()):
        fig, ax = correlation_ranges(table, NEIGHBOURS)
        assert_readable(fig)
        assert ax.get_xlim()[1] == 1


def test_ranges_and_quartiles_of_correlations_are_those_of_the_matches(matches):
    fig, ax = correlation_ranges(matches, NEIGHBOURS)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    medians = matches[rows].median()
    assert medians.is_monotonic_decreasing
    assert ax.yaxis_inverted()
    assert set(rows) == set(matches.columns) - {"n", "residual"}
    for place, pair in enumerate(rows):
        own = [line for line in ax.lines if line.get_ydata()[0] == place]
        whole, box, dot = sorted(own, key=lambda line: (len(line.get_xdata()) == 1, line.get_lw()))
        assert list(whole.get_xdata()) == [matches[pair].min(), matches[pair].max()]
        np.testing.assert_allclose(box.get_xdata(), np.quantile(matches[pair], [0.25, 0.75]))
        assert dot.get_xdata()[0] == pytest.approx(medians[pair])
        neighbours = pair in NEIGHBOURS
        assert dot.get_marker() == ("o" if neighbours else "D")
        assert {to_hex(line.get_color()) for line in own} == {BLUE if neighbours else ORANGE}
        low, high = matches[pair].min(), matches[pair].max()
        said = f"{medians[pair]:.3f} ({low:.3f} to {high:.3f})"
        assert f"{pair}{'' if neighbours else ' (not neighbours)'} {said}" in fig.get_label()
    names = {text.get_text() for text in fig.legends[0].get_texts()}
    assert names == {"neighbours in the loop", "not neighbours"}


def test_factors_in_pairs_are_called_by_their_printed_labels():
    _, ax = correlation_ranges(awkward(), [])
    assert "TF, C/N" in [label.get_text() for label in ax.get_yticklabels()]


def test_without_matches_the_figure_says_so():
    for table in (pd.DataFrame(), pd.DataFrame(columns=["n", "a, b", "residual"])):
        fig, axes = correlation_ranges(table, [])
        assert fig.get_label() == "No matrix of correlations would print these numbers."
        assert axes.size == 0


def test_determinants_of_the_printed_loop_make_a_bar():
    low, high = bound_determinant(np.array(PRINTED))
    table = pd.DataFrame({"low": [low], "high": [high]}, ["the four coefficients"])
    _, ax = bound_ranges(table, "Determinant |R|", log=True)
    assert list(ax.lines[0].get_xdata()) == [low, high]
