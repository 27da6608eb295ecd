"""Figures of factors: by kind of value, along elevation, with intervals, by group of sites."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.factors import load_factors
from helpers.figures import style
from helpers.figures.transect_plots import cover_zone_means

_SHADES = {  # the darker, the more real: face, letters, edge
    "measured": ("0.25", "white", "solid"),
    "observed": ("0.25", "white", "solid"),
    "assimilated": ("0.78", "black", "solid"),
    "reconstructed": ("white", "black", "dashed"),
}


def column_tiles(labels: pd.Series) -> tuple[plt.Figure, plt.Axes]:
    """Draw the columns of a study as tiles, group by group, the darker the more real.

    Parameters
    ----------
    labels : pandas.Series
        By column, as a study has them (``labels``): the kind of its values.

    Examples
    --------
    >>> labels = pd.Series({"elevation": "measured", "TF": "assimilated", "SOC": "reconstructed"})
    >>> column_tiles(labels)[0].get_label().split(". ")[1]
    'places: elevation measured'
    """
    factors = load_factors().groupby("group", sort=False).groups
    groups = {"places": ["longitude", "latitude", "elevation", "land_cover"], **factors}
    groups = {name: [code for code in codes if code in labels] for name, codes in groups.items()}
    rows = [
        (name if not start else "", codes[start : start + 7], 7 / 4 if name == "places" else 1)
        for name, codes in groups.items()
        for start in range(0, len(codes), 7)
    ]
    fig, ax = style.subplots(0.5 + 0.31 * len(rows))
    for row, (_, codes, width) in enumerate(rows):
        for place, (code, words) in enumerate(style.printed_names(codes).items()):
            face, letters, edge = _SHADES[labels[code]]
            box = (place * width + 0.03, row - 0.42), width - 0.06, 0.84
            ax.add_patch(plt.Rectangle(*box, fc=face, ec="0.4", ls=edge, lw=0.8))
            middle = {
                "ha": "center",
                "va": "center_baseline",
                "fontsize": style.SMALL,
                "color": letters,
            }
            ax.text((place + 0.5) * width, row, words.replace("_", " "), **middle)
    style.name_rows(ax, [name for name, *_ in rows], "")
    ax.set(xlim=(0, 7), xticks=[])
    ax.spines[:].set_visible(False)
    look = {"ls": "", "marker": "s", "ms": 9, "mec": "0.4"}
    counts = labels[[code for _, codes, _ in rows for code in codes]].value_counts(sort=False)
    kinds = {f"{kind} ({n})": look | {"mfc": _SHADES[kind][0]} for kind, n in counts.items()}
    style.add_legend(fig, kinds, 3)
    said = [
        f"{name}: {', '.join(style.printed_names(codes.index).values())} {kind}"
        for name, own in groups.items()
        for kind, codes in labels[own].groupby(labels[own], sort=False)
    ]
    text = f"Tiles for the columns of the table, the darker the more real. {'. '.join(said)}."
    fig.set_label(text.replace("_", " "))
    return fig, ax


def gradient_panels(
    elevation: pd.Series, values: pd.DataFrame, fits: pd.DataFrame
) -> tuple[plt.Figure, np.ndarray]:
    """Draw each factor of one group against elevation, with its line and its parabola (Fig. 1).

    Titles have the slope of the line, in the factor's unit for each kilometre.

    Parameters
    ----------
    elevation : pandas.Series
        Metres.
    values : pandas.DataFrame
        Factors of one group in the units of the registry; what would have tiny numbers is drawn in
        mm a year or g a kg, temperature in degrees Celsius.
    fits : pandas.DataFrame
        By factor: ``shape``, from :func:`helpers.statistics.describe_shape`, and ``marks``.

    Examples
    --------
    >>> fits = pd.DataFrame({"shape": "rises", "marks": "**"}, index=["SOC"])
    >>> metres, values = pd.Series([3000, 4000, 5000]), pd.DataFrame({"SOC": [0, 4, 8]})
    >>> gradient_panels(metres, values, fits)[0].get_label()[-28:]
    'rises: SOC +4 g kg⁻¹ per km.'
    """
    if values.empty:
        return style.nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    names, words = style.printed_names(values.columns), style.name_in_words(values.columns)
    drawn, units = style.in_handy_units(values)
    km = elevation / 1000
    ends = np.linspace(km.min(), km.max(), 50)
    fig, axes = style.panels(len(names), 3, 0.6, 1.6, sharex=True)
    slopes, dots = {}, {"ms": 2, "alpha": 0.3} if len(km) > 100 else {"ms": 3, "alpha": 0.8}
    for ax, code, colour in zip(axes.flat, names, style.factor_colours(names), strict=False):
        ax.plot(km, drawn[code], "o", color=colour, mew=0, **dots)
        for degree, line in ((1, "-"), (2, style.DASHED)):
            curve = np.polyval(np.polyfit(km, drawn[code], degree), ends)
            ax.plot(ends, curve, color="black", lw=1.1, ls=line)
        unit = f" {units[code].replace('°C', 'K')}".rstrip()
        slopes[code] = f"{np.polyfit(km, drawn[code], 1)[0]:+.2g}{unit} per km".replace("-", "−")
        # a mark stays on the line of the last word
        name = textwrap.fill(f"{words[code]}\u00a0{fits.loc[code, 'marks']}".rstrip(), 20)
        ax.set_title(f"{name}\n{slopes[code]}", pad=2, fontsize=style.SMALL)
        ax.margins(x=0.1)
        ax.locator_params(nbins=3)
    fig.supxlabel("Elevation (km)")
    fig.get_layout_engine().set(rect=(0, 0, 0.98, 1))  # titles are wider than panels
    shapes = fits.loc[values.columns, "shape"]
    fig.set_label(
        f"{len(names)} small scatter plots against elevation, one for each factor: "
        + "; ".join(
            f"{shape}: {', '.join(f'{names[code]} {slopes[code]}' for code in codes)}"
            for shape, codes in shapes.groupby(shapes).groups.items()
        )
        + "."
    )
    return fig, axes


def group_means(
    values: pd.DataFrame, sites: pd.DataFrame, marks: dict[str, pd.DataFrame]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the mean of every factor in each land cover and zone, with marks (Fig. 2b, d, f).

    Lines are 95 % intervals of Student's t, as if sites were independent.

    Parameters
    ----------
    values : pandas.DataFrame
        Factors in the units of the registry; drawn as in :func:`gradient_panels`.
    sites : pandas.DataFrame
        With land_cover and zone.
    marks : dict of pandas.DataFrame
        For ``land_cover`` and ``zone``: rows are factors, columns pairs of groups (first, second),
        cells the marks of their tests. Groups that are in no pair are not drawn.

    Examples
    --------
    >>> sites = pd.DataFrame({"land_cover": ["meadow", "steppe"]})
    >>> marks = {"land_cover": pd.DataFrame({("meadow", "steppe"): {"SOC": "*"}})}
    >>> group_means(pd.DataFrame({"SOC": [10, 3]}), sites, marks)[0].get_label()[-60:]
    'organic carbon (SOC, g kg⁻¹): meadow 10, steppe 3; 1 marked.'
    """
    pairs = {by: table for by, table in marks.items() if table.shape[1]}
    if values.empty or not pairs:
        return style.nothing_to_draw("Nothing to compare: add factors or sites to sites.csv.")
    drawn, units = style.in_handy_units(values)
    names = {}
    for code, words in style.name_in_words(values.columns).items():
        name, _, acronym = words.rstrip(")").partition(" (")
        about = ", ".join(each for each in (acronym, units[code]) if each)
        names[code] = f"{name}\n({about})" if about else name
    groups = [style.means_with_intervals(drawn, sites[by]) for by in pairs]
    return cover_zone_means(pd.concat(groups), names, list(pairs.values()))
