"""Figures of path models: what is drawn says what was computed, and nothing covers anything."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text

from helpers.factors import GROUPS, load_factors
from helpers.figures.effect_plots import effect_bars, effect_groups, rank_chances
from helpers.figures.path_diagrams import effect_web, path_diagram
from helpers.figures.style import GROUP_COLOURS, WIDTH
from helpers.pathmodel import effects, fit_model, parse_model, read_model
from helpers.study import load_study, sample_top

GREEN, RED = "#006400", "#8b0000"
LOOP = "EVI ~ TF\nSOC ~ EVI\nCenzy ~ SOC\nTF ~ Cenzy\n"
LETTERS = "abcdef"
CLIMATIC = load_factors().query("group == 'climatic'").index
MODELS = {
    "all indicators": f"TOP ~ {' + '.join(CLIMATIC)}",
    "chain": "b ~ a\nc ~ b\nTOP ~ c",
    "early outcome": "TOP ~ a\nb ~ a\nc ~ b",
    "one arrow": "TOP ~ TF",
    "loop": LOOP,
    "loop with outcome": LOOP + "TOP ~ TF + EVI + SOC + Cenzy",
    "outcome in the loop": LOOP.replace("TF ~ Cenzy", "TF ~ TOP\nTOP ~ Cenzy"),
    "loop with causes": LOOP + "TF ~ PRE\nEVI ~ CG",
    "every arrow": "\n".join(
        f"{to} ~ {' + '.join((LETTERS + 'T')[:i])}" for i, to in enumerate([*LETTERS, "TOP"]) if i
    ),
    "crowded": "\n".join(f"m{i} ~ a{i}\nTOP ~ a{i} + m{i}" for i in range(5)),
    "dense": "c ~ a + b\nd ~ a + b + c\ne ~ b + c\nf ~ a + c + d + e\nTOP ~ a + b + d + e + f",
}


pytestmark = pytest.mark.usefixtures("without_a_screen")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fits() -> dict:
    """Return the book's four models, fitted to the embedded study."""
    study = load_study()
    data = study.factors().join(sample_top(study.sites))
    return {group: fit_model(read_model(group), data) for group in GROUPS}


def pretend(text: str, seed: int = 0) -> SimpleNamespace:
    """Return what a diagram needs of a fit, with coefficients out of the air."""
    model, rng = parse_model(text), np.random.default_rng(seed)
    rows = [(to, "path", cause, rng.uniform(-1, 1)) for to, cause in model.paths]
    rows += [(name, "covariance", name, rng.uniform()) for name in model.variables]
    rows += [(*pair, rng.uniform(-1, 1)) for pair in spread_pairs(model)]
    estimates = pd.DataFrame(rows, columns=["to", "kind", "from", "standardized"])
    return SimpleNamespace(model=model, estimates=estimates)


def spread_pairs(model) -> list[tuple[str, str, str]]:
    return [(one, "covariance", other) for one, other in model.all_covariances()]


@pytest.fixture(scope="module")
def draw(fits):
    """Return a function that draws a model by its name, once."""
    return cache(lambda name: path_diagram(fits.get(name) or pretend(MODELS[name]))[0])


every_model = pytest.mark.parametrize("name", [*GROUPS, *MODELS])


# What was drawn, in pixels


def boxes_of(fig: plt.Figure) -> dict[str, np.ndarray]:
    """Return (left, bottom, right, top) of every variable's box."""
    return {
        patch.get_gid().removeprefix("box "): patch.get_window_extent().extents
        for patch in fig.findobj(FancyBboxPatch)
        if (patch.get_gid() or "").startswith("box ")
    }


def numbers_of(fig: plt.Figure) -> dict[str, Text]:
    return {text.get_gid(): text for text in fig.findobj(Text) if text.get_gid()}


def extents_of(fig: plt.Figure) -> dict[str, np.ndarray]:
    return {gid: text.get_window_extent().extents for gid, text in numbers_of(fig).items()}


def lines_of(fig: plt.Figure) -> dict[str, mpl.lines.Line2D]:
    return {line.get_gid(): line for line in fig.axes[0].lines if line.get_gid()}


def points_of(fig: plt.Figure, gid: str) -> np.ndarray:
    """Return points of a line, dense enough that none of them leaps over a box or number."""
    points = fig.axes[0].transData.transform(lines_of(fig)[gid].get_xydata())
    at = np.linspace(0, len(points) - 1, 2000)
    return np.stack([np.interp(at, range(len(points)), axis) for axis in points.T], axis=1)


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def runs_through(points: np.ndarray, box: np.ndarray) -> bool:
    return bool(((points > box[:2]) & (points < box[2:])).all(axis=1).any())


def middle(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2


def arrows_under_numbers(fig: plt.Figure) -> list[tuple[str, str]]:
    return [
        (number, line)
        for number, extent in extents_of(fig).items()
        for line in lines_of(fig)
        if line != number and runs_through(points_of(fig, line), extent)
    ]


def assert_clear(fig: plt.Figure) -> None:
    boxes, numbers = boxes_of(fig), extents_of(fig)
    for kind in (boxes, numbers):
        for (one, here), (other, there) in combinations(kind.items(), 2):
            assert not overlap(here, there), f"{one} and {other} overlap"
    for number, here in numbers.items():
        covered = [name for name, there in boxes.items() if overlap(here, there)]
        assert not covered, f"the number of {number} covers {covered}"
    for gid in lines_of(fig):
        points = points_of(fig, gid)
        hit = [name for name, box in boxes.items() if runs_through(points, box)]
        assert not hit, f"{gid} runs through {hit}"
    assert_inside(fig)


def assert_inside(fig: plt.Figure) -> None:
    fig.draw_without_rendering()  # lays the axes out
    box = fig.get_tightbbox().extents
    assert (box[:2] > -1e-9).all()
    assert (box[2:] < fig.get_size_inches() + 1e-9).all()


def assert_legible(fig: plt.Figure) -> None:
    assert fig.get_figwidth() == WIDTH
    assert min(text.get_fontsize() for text in fig.findobj(Text) if text.get_text()) >= 8


# The diagram


@every_model
def test_nothing_covers_anything_in_a_diagram(name, draw):
    assert_clear(draw(name))


@every_model
def test_a_diagram_is_legible_on_a_phone(name, draw):
    assert_legible(draw(name))


@pytest.mark.parametrize("name", [*GROUPS, *sorted(MODELS.keys() - {"every arrow"})])
def test_no_foreign_arrow_runs_under_a_number(name, draw):
    assert arrows_under_numbers(draw(name)) == []


def test_of_all_possible_arrows_few_run_under_a_number():
    assert len(arrows_under_numbers(path_diagram(pretend(MODELS["every arrow"]))[0])) <= 2


@every_model
def test_an_arrow_joins_its_two_boxes(name, draw):
    fig = draw(name)
    boxes, inch = boxes_of(fig), fig.dpi
    for gid, line in lines_of(fig).items():
        if line.get_color() == "0.7":
            continue
        points = points_of(fig, gid)
        for name_, end, reach in zip(gid.split(" to "), points[[0, -1]], (0.02, 0.15), strict=True):
            box = boxes[name_]
            away = np.maximum(np.maximum(box[:2] - end, end - box[2:]), 0)
            assert np.linalg.norm(away) <= reach * inch, f"{gid} does not touch {name_}"


@every_model
def test_a_number_lies_on_its_own_arrow(name, draw):
    fig = draw(name)
    for gid, extent in extents_of(fig).items():
        away = np.linalg.norm(points_of(fig, gid) - middle(extent), axis=1).min()
        assert away < 0.03 * fig.dpi


@settings(max_examples=20)
@given(
    arrows=st.lists(st.booleans(), min_size=15, max_size=15).filter(any),
    seed=st.integers(0, 9),
)
def test_nothing_covers_anything_in_any_diagram_of_six(arrows, seed):
    pairs = [pair for pair, drawn in zip(combinations("abcdef", 2), arrows, strict=True) if drawn]
    text = "\n".join(f"{to} ~ {cause}" for cause, to in pairs)
    assert_clear(path_diagram(pretend(text, seed), "f")[0])
    plt.close("all")


def test_coefficients_are_written_beside_arrows(fits):
    fit = fits["climatic"]
    fig, _ = path_diagram(fit)
    paths = fit.estimates.query("kind == 'path'")
    for row in paths.to_dict("records"):
        text = numbers_of(fig)[f"{row['from']} to {row['to']}"].get_text()
        assert text == f"{row['standardized']:.2f}".replace("-", "−")


@pytest.mark.parametrize("group", GROUPS)
def test_style_colour_and_width_follow_the_coefficient(group, fits):
    fig, _ = path_diagram(fits[group])
    paths = fits[group].estimates.query("kind == 'path'")
    lines = [lines_of(fig)[f"{row['from']} to {row['to']}"] for row in paths.to_dict("records")]
    positive = (paths["standardized"] > 0).to_numpy()
    assert [line.get_linestyle() == "-" for line in lines] == positive.tolist()
    assert [line.get_color().lower() for line in lines] == np.where(positive, GREEN, RED).tolist()
    widths = pd.Series([line.get_linewidth() for line in lines], paths.index)
    slope, start = np.polyfit(paths["standardized"].abs(), widths, 1)
    np.testing.assert_allclose(widths, start + slope * paths["standardized"].abs(), rtol=1e-12)
    assert slope > 2 * start > 0


def test_a_coefficient_above_one_stays_within_the_widest_line():
    fit = pretend("TOP ~ TF + PET")
    fit.estimates.loc[:1, "standardized"] = [6.0, -0.6]
    lines = lines_of(path_diagram(fit)[0])
    wide, narrow = (lines[f"{name} to TOP"].get_linewidth() for name in ("TF", "PET"))
    assert narrow < wide < 4


def test_r_squared_is_that_of_least_squares():
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(60, 3)), columns=["TF", "PET", "SH"])
    data["TOP"] = data @ [0.5, -0.4, 0.2] + rng.normal(size=60)
    X, y = np.column_stack([np.ones(60), data[["TF", "PET", "SH"]]]), data["TOP"]
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    expected = f"R² {1 - residual.var() / y.var():.2f}"
    fig, _ = path_diagram(fit_model(parse_model("TOP ~ TF + PET + SH"), data))
    assert [text.get_text() for text in fig.findobj(Text) if "R²" in text.get_text()] == [expected]


@pytest.mark.parametrize("name", [*GROUPS, "early outcome", "every arrow", "dense"])
def test_causes_stand_above_effects_and_the_outcome_lowest(name, draw):
    fig = draw(name)
    boxes = boxes_of(fig)
    for gid in lines_of(fig):
        cause, to = gid.split(" to ")
        if lines_of(fig)[gid].get_color() != "0.7":
            assert boxes[cause][1] > boxes[to][3]
    assert min(boxes, key=lambda name: boxes[name][1]) == "TOP"


def test_variables_of_a_layer_are_ordered_so_that_no_arrows_cross():
    boxes = boxes_of(path_diagram(pretend("d ~ a\ne ~ c\nd ~ b\nTOP ~ d + e"))[0])
    effect_of = {"a": "d", "b": "d", "c": "e"}
    reached = [boxes[effect_of[name]][0] for name in sorted("abc", key=lambda name: boxes[name][0])]
    assert reached == sorted(reached)


def test_many_indicators_stand_one_to_a_row(draw):
    boxes = boxes_of(draw("all indicators"))
    outcome = boxes.pop("TOP")
    tops = sorted((box[1], box[3]) for box in boxes.values())
    assert len(tops) == 14
    assert all(below[1] < above[0] for below, above in pairwise(tops))
    assert max(box[2] for box in boxes.values()) < outcome[0]


def test_a_loop_goes_clockwise_around_its_outcome():
    boxes = boxes_of(path_diagram(pretend(MODELS["loop with outcome"]))[0])
    away = {name: middle(box) - middle(boxes["TOP"]) for name, box in boxes.items()}
    for cause, to in (("TF", "EVI"), ("EVI", "SOC"), ("SOC", "Cenzy"), ("Cenzy", "TF")):
        (a, b), (c, d) = away[cause], away[to]
        assert a * d - b * c < 0, f"{cause} to {to} turns the other way"


def test_arrows_there_and_back_lie_apart():
    fig, _ = path_diagram(pretend("EVI ~ TF\nTF ~ EVI\nTF ~ PRE\nEVI ~ CG"), "EVI")
    there, back = (points_of(fig, gid) for gid in ("TF to EVI", "EVI to TF"))
    apart = np.linalg.norm(there[1000] - back, axis=1).min()
    assert apart > 0.2 * fig.dpi
    assert_clear(fig)


def test_boxes_carry_printed_labels(fits):
    texts = {text.get_text() for text in path_diagram(fits["soil"])[0].findobj(Text)}
    assert {"C/N", "Rₛ", "TOP"} <= texts
    assert "CN" not in texts


def test_few_covariances_are_grey_arcs(fits):
    fig, _ = path_diagram(fits["microbial"])
    arc = lines_of(fig)["BPLFA to FPLFA"]
    assert arc.get_color() == "0.7"
    assert numbers_of(fig)["BPLFA to FPLFA"].get_text() == "0.93"
    assert "Grey arcs, correlations: BPLFA and FPLFA +0.93." in fig.get_label()


@pytest.mark.parametrize(
    ("name", "arrows", "left_out"), [("all indicators", 14, 91), ("crowded", 15, 10)]
)
def test_many_covariances_are_left_out_and_the_words_say_so(name, arrows, left_out, draw):
    assert len(lines_of(draw(name))) == arrows
    assert f"{left_out} covariances are not drawn" in draw(name).get_label()


def test_words_give_the_strongest_path_and_count_the_signs(fits):
    paths = fits["climatic"].estimates.query("kind == 'path'").set_index(["from", "to"])
    values = paths["standardized"]
    words = path_diagram(fits["climatic"])[0].get_label()
    assert f"{(values > 0).sum()} positive" in words
    assert f"{(values < 0).sum()} negative" in words
    assert values.abs().idxmax() == ("TF", "TOP")
    assert f"Strongest: TF to TOP ({values['TF', 'TOP']:+.2f})" in words
    variance = fits["climatic"].estimates.query("to == 'TOP' and `from` == 'TOP'")["standardized"]
    assert f"TOP {1 - variance.item():.2f}." in words


# Effects

EFFECTS = pd.DataFrame(
    {
        "total": [-0.5, 0.7, 0.1, -0.2],
        "total_low": [-0.8, 0.4, -0.3, -0.6],
        "total_high": [-0.2, 0.9, 0.4, 0.1],
        "direct": [-0.5, 0.0, -0.1, np.nan],
    },
    index=["pH", "SOC", "CN", "BD"],
)
SORTED = ["SOC", "CN", "BD", "pH"]


def marks(ax: plt.Axes, marker: str) -> list:
    return [line for line in ax.lines if line.get_marker() == marker]


def test_effects_are_sorted_and_coloured_by_sign():
    _, ax = effect_bars(EFFECTS, "Total effect")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SOC", "C/N", "BD", "pH"]
    dots = marks(ax, "o")
    assert [dot.get_xdata()[0] for dot in dots] == [0.7, 0.1, -0.2, -0.5]
    assert [dot.get_ydata()[0] for dot in dots] == [0, 1, 2, 3]
    assert ax.yaxis_inverted()
    assert [dot.get_color().lower() for dot in dots] == [GREEN, GREEN, RED, RED]
    faces = [to_hex(dot.get_markerfacecolor()) for dot in dots]
    assert faces == [GREEN, "#ffffff", "#ffffff", RED]


def test_intervals_of_effects_are_drawn_end_to_end():
    _, ax = effect_bars(EFFECTS, "Total effect")
    drawn = [list(line.get_xdata()) for line in ax.lines if line.get_linewidth() == 1.5]
    drawn = [ends for ends in drawn if len(ends) == 2]
    assert drawn == EFFECTS.loc[SORTED, ["total_low", "total_high"]].to_numpy().tolist()


def test_direct_effects_are_hollow_diamonds_where_there_is_an_arrow():
    _, ax = effect_bars(EFFECTS, "Total effect")
    diamonds = marks(ax, "D")
    assert [diamond.get_xdata()[0] for diamond in diamonds] == [-0.1, -0.5]
    assert [round(diamond.get_ydata()[0]) for diamond in diamonds] == [1, 3]
    assert [to_hex(diamond.get_markerfacecolor()) for diamond in diamonds] == ["#ffffff"] * 2
    assert [diamond.get_color().lower() for diamond in diamonds] == [RED, RED]


def test_words_of_effects_give_the_numbers():
    words = effect_bars(EFFECTS, "Total effect")[0].get_label()
    assert "4 total effects" in words
    assert "1 of them above 0, 1 below it, 2 hold it" in words
    assert "Highest SOC (+0.70), lowest pH (-0.50)" in words


def test_groups_of_effects_share_one_scale():
    tables = {"plant": EFFECTS.set_axis(["EVI", "CG", "CF", "CIA"]), "soil": EFFECTS}
    fig, ax = effect_groups(tables, "Total effect")
    ticks = ax.get_yticklabels()
    names = [tick.get_text() for tick in ticks]
    assert names == ["plant", "CG", "CF", "CIA", "EVI", "soil", "SOC", "C/N", "BD", "pH"]
    for group in tables:
        assert ticks[names.index(group)].get_fontweight() == "bold"
    drawn = {names[int(dot.get_ydata()[0])]: dot.get_xdata()[0] for dot in marks(ax, "o")}
    assert drawn["CG"] == drawn["SOC"] == 0.7
    assert drawn["EVI"] == drawn["pH"] == -0.5
    assert "plant: 4 total effects" in fig.get_label()
    assert "soil: 4 total effects" in fig.get_label()


def test_effects_of_fitted_models_fit_into_their_pictures(fits):
    tables = {group: effects(fit, "TOP").droplevel("to") for group, fit in fits.items()}
    figures = [effect_bars(table, "Total effect")[0] for table in tables.values()]
    for fig in [*figures, effect_groups(tables, "Total effect")[0], effect_web(tables)[0]]:
        assert_inside(fig)
        assert_legible(fig)


# Ranks

SHARES = pd.DataFrame(
    [[0.2, 0.5, 0.3], [0.8, 0.2, 0.0], [0.0, 0.3, 0.7]],
    index=["CN", "SOC", "pH"],
    columns=[1, 2, 3],
)


def frames(ax: plt.Axes) -> list[tuple[float, float]]:
    return [patch.get_xy() for patch in ax.patches if isinstance(patch, Rectangle)]


def test_ranks_stand_in_published_order_with_frames():
    fig, ax = rank_chances(SHARES, ["SOC", "CN", "SIC", "pH"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SOC", "C/N", "pH"]
    assert [text.get_text() for text in ax.texts] == [
        *("80", "20", ""),
        *("20", "50", "30"),
        *("", "30", "70"),
    ]
    assert frames(ax) == [(0, 0), (1, 1), (2, 2)]
    assert "SOC 80%, C/N 50%, pH 70%" in fig.get_label()
    assert "Most frequent ranks: SOC 1, C/N 2, pH 3." in fig.get_label()


def test_a_cause_that_was_not_published_has_no_frame():
    fig, ax = rank_chances(SHARES, ["pH", "SOC"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["pH", "SOC", "C/N"]
    assert frames(ax) == [(0, 0), (1, 1)]
    assert "pH 0%, SOC 20%." in fig.get_label()


def test_fourteen_ranks_can_be_read():
    shares = pd.DataFrame(np.eye(14), index=CLIMATIC, columns=range(1, 15))
    fig, ax = rank_chances(shares, list(CLIMATIC))
    fig.draw_without_rendering()
    cell = ax.transData.transform([[0, 0], [1, 1]])
    size = np.abs(cell[1] - cell[0])
    assert all((text.get_window_extent().size < size).all() for text in ax.texts)
    assert_inside(fig)
    assert_legible(fig)


# The web


@pytest.fixture(scope="module")
def web_tables() -> dict[str, pd.DataFrame]:
    """Return total effects out of the air for all 44 factors."""
    rng, registry = np.random.default_rng(3), load_factors()
    return {
        group: pd.DataFrame({"total": rng.uniform(-1, 1, len(rows))}, index=rows.index)
        for group, rows in registry.groupby("group", sort=False)
    }


@pytest.mark.parametrize("most", [3, 6, 14])
def test_nothing_covers_anything_in_a_web(web_tables, most):
    fig, _ = effect_web({group: table.head(most) for group, table in web_tables.items()})
    assert_clear(fig)
    assert arrows_under_numbers(fig) == []
    assert_legible(fig)


def test_a_web_shows_size_sign_and_group(web_tables):
    fig, _ = effect_web(web_tables)
    totals = pd.concat([table["total"] for table in web_tables.values()])
    lines = pd.Series(lines_of(fig)).set_axis([gid.split(" to ")[0] for gid in lines_of(fig)])
    lines = lines.loc[totals.index]
    widths = lines.map(lambda line: line.get_linewidth())
    assert widths.rank().equals(totals.abs().rank())
    colours = lines.map(lambda line: line.get_color().lower())
    assert (colours == np.where(totals > 0, GREEN, RED)).all()
    assert {gid: text.get_text() for gid, text in numbers_of(fig).items()} == {
        f"{cause} to TOP": f"{total:.2f}".replace("-", "−") for cause, total in totals.items()
    }
    edges = {
        patch.get_gid().removeprefix("box "): to_hex(patch.get_edgecolor())
        for patch in fig.findobj(FancyBboxPatch)
        if patch.get_gid()
    }
    groups = load_factors()["group"]
    assert all(edges[code] == GROUP_COLOURS[groups[code]].lower() for code in totals.index)
    strongest = totals.abs().idxmax()
    label = load_factors().loc[strongest, "label"]
    assert f"Strongest: {label} {totals[strongest]:+.2f}" in fig.get_label()
    assert f"{(totals > 0).sum()} positive" in fig.get_label()
    assert f"{(totals < 0).sum()} negative" in fig.get_label()


# One factor, and none


@pytest.mark.parametrize(
    "figure_of",
    [
        lambda table: effect_bars(table, "Total effect"),
        lambda table: effect_groups({"soil": table}, "Total effect"),
        lambda table: effect_web({"soil": table}),
        lambda table: rank_chances(table[["total"]].abs().set_axis([1], axis=1), ["SOC"]),
        lambda table: rank_chances(table[["total"]].abs().set_axis([1], axis=1), []),
    ],
)
def test_one_factor_is_drawn_and_none_is_said(figure_of):
    fig, _ = figure_of(EFFECTS.loc[["SOC"]])
    assert "SOC" in fig.get_label()
    assert_inside(fig)
    assert_legible(fig)
    fig, axes = figure_of(EFFECTS.iloc[:0])
    assert fig.get_label() == "No effects. Add columns to sites.csv."
    assert fig.texts[0].get_text() == fig.get_label()
    assert axes.size == 0


def test_without_any_group_the_figures_say_so():
    for fig, _ in (effect_groups({}, "Total effect"), effect_web({})):
        assert fig.get_label() == "No effects. Add columns to sites.csv."
