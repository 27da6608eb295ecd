"""Colours of the figures: apart for colour-blind readers, dark enough on white, scales in order.

Colour blindness is simulated in linear RGB with the matrices for severity 1 of Machado, Oliveira
and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE
Transactions on Visualization and Computer Graphics 15 (2009), 1291-1298. Distances are those of
CIE 1976 L*a*b* for D65; contrast is that of WCAG 2, which asks 3:1 of graphics.
"""

from __future__ import annotations

import ast
import re
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from helpers.figures.error_rates import CASE_COLOURS
from helpers.figures.field_sites import FIELD_COLOURS, sign_forest
from helpers.figures.loop_plots import LINE_COLOURS
from helpers.figures.path_diagrams import draw_arrow
from helpers.figures.specification_curves import AGREE_COLOURS
from helpers.figures.style import (
    COVER_COLOURS,
    GROUP_COLOURS,
    NEGATIVE,
    PERIOD_COLOURS,
    POSITIVE,
    ZONE_MARKERS,
)
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("without_a_screen")

APART = 15  # about six times what is just seen side by side
SEEN = 3  # contrast with white
SIGHTS = {
    "all colours": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = XYZ.sum(axis=1)
PALETTES = {
    "groups": GROUP_COLOURS.values(),
    "land cover": COVER_COLOURS.values(),
    "field sites": FIELD_COLOURS.values(),
    "periods": PERIOD_COLOURS.values(),
    "lines": LINE_COLOURS,
    "cases": CASE_COLOURS,
    "agreement": AGREE_COLOURS.values(),
}
OUTLINED = {COVER_COLOURS["steppe"]: "only in markers with a black edge"}
SEQUENTIAL, DIVERGING = {"viridis", "Blues", "Greys_r"}, {"PuOr", "PuOr_r"}
SOURCES = sorted((ROOT / "helpers" / "figures").glob("*.py"))


def linear(colour) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return L*a*b* of linear RGB."""
    t = XYZ @ rgb / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other, sight: str) -> float:
    seen = [lab(np.clip(np.array(SIGHTS[sight]) @ linear(c), 0, 1)) for c in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(colour) -> float:
    return 1.05 / (XYZ[1] @ linear(colour) + 0.05)


def lightness(name: str) -> np.ndarray:
    return np.array([lab(linear(colour))[0] for colour in mpl.colormaps[name](np.arange(256))])


def literals(path: Path) -> list[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [n.value for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_the_measures_give_known_values():
    assert lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear("#FF0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)
    assert distance("#FF0000", "#808000", "all colours") > 60 > APART
    for matrix in SIGHTS.values():
        assert np.sum(matrix, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("palette", PALETTES)
def test_colours_of_one_figure_are_apart(palette, sight):
    for one, other in combinations(PALETTES[palette], 2):
        assert distance(one, other, sight) >= APART, (one, other)


def test_every_colour_in_use_stands_out_from_white():
    used = {
        word for path in SOURCES for word in literals(path) if re.fullmatch("#[0-9A-F]{6}", word)
    }
    pale = {colour for colour in used if contrast(colour) < SEEN}
    assert len(used) > 10
    assert pale == set(OUTLINED)


def test_green_and_red_are_too_close_alone_so_that_signs_need_a_second_cue():
    assert distance(POSITIVE, NEGATIVE, "deuteranopia") < APART


def test_a_negative_arrow_is_dashed():
    _, ax = plt.subplots()
    curve = np.array([[0.0, 0.0], [1.0, 0.5], [2.0, 0.0]])
    for value in (1.0, -1.0):
        draw_arrow(ax, curve, value, 1.5, f"{value}")
    dashed = {line.get_color(): line.is_dashed() for line in ax.lines}
    assert dashed == {POSITIVE: False, NEGATIVE: True}


def test_a_sign_in_a_forest_is_its_side_of_zero_and_the_papers_is_printed():
    table = pd.DataFrame(
        {"estimate": [0.5, -0.5], "low": [0.2, -0.8], "high": [0.8, -0.2], "claimed": [-1, 1]},
        index=["up", "down"],
    )
    _, ax = sign_forest(table, "r")
    for line in ax.lines:
        if line.get_color() in (POSITIVE, NEGATIVE):
            assert (np.sign(line.get_xdata()) == (1 if line.get_color() == POSITIVE else -1)).all()
    printed = {text.get_color(): text.get_text() for text in ax.texts if text.get_text() in "+−"}
    assert printed == {POSITIVE: "+", NEGATIVE: "−"}


def test_zones_differ_by_marker():
    assert len(set(ZONE_MARKERS.values())) == len(ZONE_MARKERS)


def test_every_colour_scale_is_known():
    names = set(mpl.colormaps)
    used = {word for path in SOURCES for word in literals(path) if word in names}
    assert used == SEQUENTIAL | DIVERGING


@pytest.mark.parametrize("name", sorted(SEQUENTIAL))
def test_a_sequential_scale_goes_steadily_from_dark_to_light(name):
    steps = np.diff(lightness(name))
    assert (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize("name", sorted(DIVERGING))
def test_a_diverging_scale_is_lightest_in_the_middle_and_its_ends_are_apart(name):
    values = lightness(name)
    middle = values.argmax()
    assert abs(middle - 127.5) < 3
    assert (np.diff(values[: middle + 1]) > 0).all()
    assert (np.diff(values[middle:]) < 0).all()
    ends = [mpl.colormaps[name](share)[:3] for share in (0.1, 0.9)]
    assert all(distance(*ends, sight) >= 2 * APART for sight in SIGHTS)
