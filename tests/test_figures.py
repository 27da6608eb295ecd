"""Figures of path models: what is drawn says what was computed, and nothing covers anything."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from helpers.factors import GROUPS, load_factors
from helpers.figures.effect_plots import effect_bars, rank_chances
from helpers.figures.path_diagrams import effect_web, path_diagram
from helpers.figures.style import GREY, GROUP_COLOURS, name_in_words
from helpers.pathmodel import effects, fit_model, parse_model, read_model
from helpers.study import load_study, sample_top
from tests import figures as check

LOOP = "EVI ~ TF\nSOC ~ EVI\nCenzy ~ SOC\nTF ~ Cenzy\n"
LETTERS = "abcdef"
CLIMATIC = load_factors().query("group == 'climatic'").index
MODELS = {
    "all indicators": f"TOP ~ {' + '.join(CLIMATIC)}",
    "early outcome": "TOP ~ a\nb ~ a\nc ~ b",
    "one arrow": "TOP ~ TF",
    "loop": LOOP,
    "loop with outcome": LOOP + "TOP ~ TF + EVI + SOC + Cenzy",
    "outcome in the loop": LOOP.replace("TF ~ Cenzy", "TF ~ TOP\nTOP ~ Cenzy"),
    "loop with causes": LOOP + "TF ~ PRE\nEVI ~ CG",
    "there and back": "EVI ~ TF\nTF ~ EVI\nTF ~ PRE\nEVI ~ CG",
    "friends": "R ~ RI + RS + F\nF ~ FI + FS + R\nR ~~ F",
    "two pairs": "a ~ b + x\nb ~ a + y\nc ~ d + a\nd ~ c + b\nTOP ~ c + d",
    "chain of pairs": "a ~ b + x\nb ~ a + c\nc ~ b + y",
    "instrument": "EVI ~ TF\nTOP ~ EVI\nEVI ~~ TOP",
    "every arrow": "\n".join(
        f"{to} ~ {' + '.join((LETTERS + 'T')[:i])}" for i, to in enumerate([*LETTERS, "TOP"]) if i
    ),
    "crowded": "\n".join(f"m{i} ~ a{i}\nTOP ~ a{i} + m{i}" for i in range(5)),
    "dense": "c ~ a + b\nd ~ a + b + c\ne ~ b + c\nf ~ a + c + d + e\nTOP ~ a + b + d + e + f",
}

pytestmark = pytest.mark.usefixtures("without_a_screen")


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
    rows += [(a, "covariance", b, rng.uniform(-1, 1)) for a, b in model.all_covariances()]
    estimates = pd.DataFrame(rows, columns=["to", "kind", "from", "standardized"])
    return SimpleNamespace(model=model, estimates=estimates, stability_index=0.0)


def paths_of(fit) -> dict[str, float]:
    paths = fit.estimates.query("kind == 'path'").to_dict("records")
    return {f"{row['from']} to {row['to']}": row["standardized"] for row in paths}


@pytest.fixture(scope="module")
def draw(fits):
    """Return a function that gives a model's fit, figure and axes by its name, drawn once."""

    @cache
    def drawn(name: str) -> tuple:
        fit = fits.get(name) or pretend(MODELS[name])
        return fit, *path_diagram(fit)

    return drawn


# The diagram


@pytest.mark.parametrize("name", [*GROUPS, *MODELS])
def test_a_diagram_can_be_read_and_shows_the_coefficients(name, draw):
    fit, fig, ax = draw(name)
    check.assert_readable(fig)
    check.assert_diagram(ax, paths_of(fit), under_numbers=2 if name == "every arrow" else 0)
    for gid, value in paths_of(fit).items():
        assert check.numbers_of(ax)[gid].get_text() == f"{value:.2f}".replace("-", "−")


@settings(max_examples=20)
@given(
    arrows=st.lists(st.booleans(), min_size=15, max_size=15).filter(any),
    seed=st.integers(0, 9),
)
def test_nothing_covers_anything_in_any_diagram_of_six(arrows, seed):
    pairs = [pair for pair, drawn in zip(combinations("abcdef", 2), arrows, strict=True) if drawn]
    text = "\n".join(f"{to} ~ {cause}" for cause, to in pairs)
    fit = pretend(text, seed)
    check.assert_diagram(path_diagram(fit, "f")[1], paths_of(fit), under_numbers=3)
    plt.close("all")


@pytest.mark.parametrize("name", [*GROUPS, "early outcome", "every arrow", "dense"])
def test_causes_stand_above_effects_and_the_outcome_lowest(name, draw):
    _, _, ax = draw(name)
    boxes = check.boxes_of(ax)
    for gid in check.lines_of(ax).keys() - check.arcs_of(ax):
        cause, to = gid.split(" to ")
        assert boxes[cause][1] > boxes[to][3]
    assert min(boxes, key=lambda name: boxes[name][1]) == "TOP"


def test_variables_of_a_layer_are_ordered_so_that_no_arrows_cross():
    boxes = check.boxes_of(path_diagram(pretend("d ~ a\ne ~ c\nd ~ b\nTOP ~ d + e"))[1])
    effect_of = {"a": "d", "b": "d", "c": "e"}
    reached = [boxes[effect_of[name]][0] for name in sorted("abc", key=lambda name: boxes[name][0])]
    assert reached == sorted(reached)


@pytest.mark.parametrize(
    ("name", "arcs", "words"),
    [
        ("friends", {"R ~~ F"}, "Grey arcs, correlations: R and F"),
        ("microbial", {"BPLFA ~~ FPLFA"}, "Grey arcs, correlations: BPLFA and FPLFA +0.9"),
        ("all indicators", set(), "91 covariances are not drawn"),
        ("crowded", set(), "10 covariances are not drawn"),
    ],
)
def test_few_covariances_are_arcs_and_many_are_left_out(name, arcs, words, draw):
    _, fig, ax = draw(name)
    assert check.arcs_of(ax) == arcs
    assert words in fig.get_label()


@pytest.mark.parametrize("name", [*GROUPS, "friends", "loop with causes"])
def test_intervals_stand_below_the_numbers_of_their_arrows_inside_the_figure(name, draw):
    fit = draw(name)[0]
    rows = fit.estimates.query("kind == 'path'").set_index(["from", "to"])["standardized"]
    intervals = pd.DataFrame({"low": rows - 0.25, "high": rows + 0.5}).iloc[1:]
    fig, ax = path_diagram(fit, intervals=intervals)
    check.assert_diagram(ax, paths_of(fit), under_numbers=4)
    numbers = check.numbers_of(ax)
    for (cause, to), value in rows.items():
        text = f"{value:.2f}"
        if (cause, to) in intervals.index:
            text += f"\n({value - 0.25:.2f}, {value + 0.5:.2f})"
        assert numbers[f"{cause} to {to}"].get_text() == text.replace("-", "−")
    drawn = fig.get_tightbbox().extents
    assert (drawn[:2] > -0.02).all()
    assert (drawn[2:] < fig.get_size_inches() + 0.02).all()


def test_a_diagram_names_factors_and_its_words_give_the_numbers(draw):
    assert {"C/N", "Rₛ", "TOP"} <= set(check.words_of(draw("soil")[1]))
    fit, fig, _ = draw("climatic")
    values = pd.Series(paths_of(fit))
    strongest = values.abs().idxmax()
    variance = fit.estimates.query("to == 'TOP' and `from` == 'TOP'")["standardized"]
    for said in (
        f"{(values > 0).sum()} positive",
        f"{(values < 0).sum()} negative",
        f"Strongest: {strongest} ({values[strongest]:+.2f})",
        f"TOP {1 - variance.item():.2f}.",
    ):
        assert said in fig.get_label()
    assert f"R² {1 - variance.item():.2f}" in check.words_of(fig)


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


def test_effects_are_sorted_with_intervals_and_direct_effects():
    fig, ax = effect_bars(EFFECTS, "Total effect")
    rows = ["organic carbon (SOC)", "carbon/nitrogen (C/N)", "bulk density (BD)", "soil pH"]
    assert check.rows_of(ax) == rows
    assert check.marks(ax, "o") == list(zip(rows, (0.7, 0.1, -0.2, -0.5), strict=True))
    assert check.marks(ax, "D") == [(rows[1], -0.1), (rows[3], -0.5)]
    drawn = [line.get_xdata() for line in ax.lines if len(set(line.get_xdata())) == 2]
    order = EFFECTS.loc[["SOC", "CN", "BD", "pH"], ["total_low", "total_high"]]
    np.testing.assert_array_equal(drawn, order)
    assert check.filled(ax) == [True, False, False, True]
    said = "4 total effects with intervals, 1 of them above 0, 1 below it, 2 hold it. "
    assert said + "Highest SOC (+0.70), lowest pH (-0.50)." in fig.get_label()


def test_groups_of_effects_share_one_scale():
    tables = {"plant": EFFECTS.set_axis(["EVI", "CG", "CF", "CIA"]), "soil": EFFECTS}
    fig, ax = effect_bars(tables, "Total effect")
    codes = [["CG", "CF", "CIA", "EVI"], ["SOC", "CN", "BD", "pH"]]
    plant, soil = (list(name_in_words(each).values()) for each in codes)
    assert check.rows_of(ax) == ["plant", *plant, "soil", *soil]
    drawn = dict(check.marks(ax, "o"))
    assert drawn[plant[0]] == drawn[soil[0]] == 0.7
    assert drawn[plant[-1]] == drawn[soil[-1]] == -0.5
    assert all(f"{group}: 4 total effects" in fig.get_label() for group in tables)


def test_effects_and_ranks_of_whole_models_can_be_read(fits):
    tables = {group: effects(fit, "TOP").droplevel("to") for group, fit in fits.items()}
    figures = [effect_bars(table, "Total effect")[0] for table in tables.values()]
    figures += [effect_bars(tables, "Total effect")[0], effect_web(tables)[0]]
    shares = pd.DataFrame(np.eye(14), index=CLIMATIC, columns=range(1, 15))
    for fig in [*figures, rank_chances(shares, list(CLIMATIC))[0]]:
        check.assert_readable(fig)


@pytest.mark.parametrize(
    ("published", "order", "agreeing"),
    [
        (["SOC", "CN", "SIC", "pH"], ["SOC", "CN", "pH"], "SOC 80%, C/N 50%, pH 70%"),
        (["pH", "SOC"], ["pH", "SOC", "CN"], "pH 0%, SOC 20%."),
    ],
)
def test_ranks_stand_in_published_order_with_frames(published, order, agreeing):
    cells = [[0.2, 0.5, 0.3], [0.8, 0.2, 0.0], [0.0, 0.3, 0.7]]
    shares = pd.DataFrame(cells, ["CN", "SOC", "pH"], [1, 2, 3])
    fig, ax = rank_chances(shares, published)
    assert check.rows_of(ax) == list(name_in_words(order).values())
    written = [f"{100 * share:.0f}" if share else "" for share in shares.loc[order].stack()]
    assert [text.get_text() for text in ax.texts] == written
    frames = [patch.get_xy() for patch in ax.patches if isinstance(patch, Rectangle)]
    assert frames == [(place, place) for place in range(len(set(published) & set(order)))]
    assert agreeing in fig.get_label()
    assert "SOC 1" in fig.get_label()


# The web


@pytest.mark.parametrize("most", [3, 6, 14])
def test_a_web_shows_every_total_and_nothing_covers_anything(most):
    rng, registry = np.random.default_rng(3), load_factors()
    tables = {
        group: pd.DataFrame({"total": rng.uniform(-1, 1, len(rows))}, rows.index).head(most)
        for group, rows in registry.groupby("group", sort=False)
    }
    fig, ax = effect_web(tables)
    check.assert_readable(fig)
    totals = pd.concat([table["total"] for table in tables.values()])
    check.assert_diagram(ax, {f"{cause} to TOP": total for cause, total in totals.items()})
    assert {gid: text.get_text() for gid, text in check.numbers_of(ax).items()} == {
        f"{cause} to TOP": f"{total:.2f}".replace("-", "−") for cause, total in totals.items()
    }
    edges = {patch.get_gid(): patch.get_edgecolor() for patch in ax.patches}
    assert all(
        {edges[f"box {code}"] for code in table.index} == {to_rgba(GROUP_COLOURS[group])}
        for group, table in tables.items()
    )
    wide = {group: t.assign(total_low=-0.1, total_high=1.0) for group, t in tables.items()}
    fig, ax = effect_web(wide | {"soil": wide["soil"].assign(total_low=0.1)})
    grey = {gid for gid, line in check.lines_of(ax).items() if line.get_color() == GREY}
    unsure = totals.index.difference(tables["soil"].index)
    assert grey == {f"{cause} to TOP" for cause in unsure}
    strongest = totals.abs().idxmax()
    said = f"Strongest: {registry.loc[strongest, 'label']} {totals[strongest]:+.2f}"
    assert said in fig.get_label()
    assert f"{(totals > 0).sum()} positive" in fig.get_label()


# One factor, and none


@pytest.mark.parametrize(
    "figure_of",
    [
        lambda table: effect_bars(table, "Total effect"),
        lambda table: effect_web({"soil": table}),
        lambda table: rank_chances(table[["total"]].abs().set_axis([1], axis=1), ["SOC"]),
    ],
)
def test_one_factor_is_drawn_and_none_is_said(figure_of):
    fig, _ = figure_of(EFFECTS.loc[["SOC"]])
    assert "SOC" in fig.get_label()
    check.assert_readable(fig)
    fig, axes = figure_of(EFFECTS.iloc[:0])
    assert fig.get_label() == "No effects. Add columns to sites.csv."
    assert check.words_of(fig) == [fig.get_label()]
    assert axes.size == 0
