"""Draw the picture that is shown where somebody shares the address of the book.

``python -m tools.card`` writes it to ``book/_static/card.png``: the title below the map
of the sites from the landing page.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from helpers.figures.maps import site_map
from helpers.readers.terrain import load_elevation
from helpers.study import load_study
from tools.citation import read_citation
from tools.execution import ROOT
from tools.sphinx_ext.meta_tags import PICTURE, PICTURE_SIZE

_DPI = 100


def draw_card() -> plt.Figure:
    """Return the picture, 1200 by 630 pixels at 100 dots per inch."""
    book, _ = read_citation()
    title, subtitle = book["title"].split(": ")
    study = load_study()
    fig, ax = site_map(study.sites, load_elevation())
    fig.set_size_inches(*(pixels / _DPI for pixels in PICTURE_SIZE))
    fig.set_layout_engine("none")
    for legend in fig.legends:
        legend.remove()
    ax.set(position=(0, 0, 1, 1), aspect="auto")
    ax.set_axis_off()
    ax.add_patch(Rectangle((0, 0), 1, 0.37, transform=ax.transAxes, color="white", zorder=10))
    lines = {
        (0.27, 44): title,
        (0.17, 28): f"{subtitle[0].upper()}{subtitle[1:]}",
        (0.09, 18): "A reproduction of Han et al. (2022) on oxygen from the Tibetan Plateau",
        (0.03, 13): f"Relief observed, sites {study.labels['longitude']}",
    }
    for (height, size), line in lines.items():
        fig.text(0.04, height, line, size=size, weight="bold" if size > 40 else "normal")
    return fig


if __name__ == "__main__":
    path = ROOT / "book" / PICTURE
    draw_card().savefig(path, dpi=_DPI)
    print(path)
