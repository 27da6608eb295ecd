"""Figures of one conclusion under many choices."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style
from helpers.paper.transect_choices import CHOICES, OPTIONS, SHOWN

AGREE_COLOURS = {
    "yes": style.INK,
    "nearly": style.SIMULATED,
    "partly": style.PALE,
    "open": "0.45",
    "no": style.AGAINST,
}
_WORDS = {"open": "undecided"}
_SHOWN_COLOURS = dict(
    zip(SHOWN, (style.INK, "0.38", "0.66", "#DDB892", style.AGAINST), strict=True)
)
_WHOLE, _OTHERS = "147 sites", "58 other sites"
_FEW, _BINS = 150, 60


def specification_curve(
    rows: pd.DataFrame,
    choices: list[str],
    axis: str,
    printed: float,
    colours: dict[str, str] = AGREE_COLOURS,
) -> tuple[plt.Figure, np.ndarray]:
    """Draw a conclusion under every specification, and below each what was chosen.

    More than 150 specifications make a line. A strip below it has the share of each word in
    ``agrees``, in 60 steps along the curve; and the lower part shows how crowded each option is
    there: white where it is absent, black where it is twice as frequent as on average.

    Parameters
    ----------
    rows : pandas.DataFrame
        One per specification: ``estimate``, ``low``, ``high`` (NaN or absent: no bar), ``agrees``,
        and the columns of the choices, by what each is called; an empty text is no choice. Rows
        with a true ``large`` (optional) are drawn large.
    choices : list of str
        Columns to show below, one line for each of their values.
    axis : str
        Label of the estimates, with unit.
    printed : float
        Where the paper's claim begins to hold: a line.
    colours : dict
        Colour of each word in ``agrees``, in the order of the legend.

    Examples
    --------
    >>> rows = pd.DataFrame({"estimate": [0.3, 0.5], "low": 0.1, "high": 0.7, "agrees": "yes"})
    >>> specification_curve(rows, ["agrees"], "gain", 0)[0].get_label()[:47]
    'Gain under 2 specifications, from 0.3 to 0.5, w'
    """
    rows = rows.dropna(subset="estimate").sort_values(["estimate", *choices])
    if rows.empty:
        return style.nothing_to_draw("No specification has an answer.")
    levels = [
        (name, value) for name in choices for value in sorted(rows[name].unique()) if value != ""
    ]
    x, many = np.arange(len(rows)), len(rows) > _FEW
    height = 0.17 * len(levels)
    number = f"{len(rows):,} specification{'s' if len(rows) > 1 else ''}"
    ratios = {"height_ratios": [2.2, *[0.25] * many, max(height, 0.2)]}
    fig, axes = style.subplots(2.9 + height + 0.4 * many, 2 + many, sharex=True, **ratios)
    upper, lower = axes[[0, -1]]
    upper.axhline(printed, color="0.4", lw=0.8, ls=":")
    shares = rows["agrees"].value_counts()
    words = [answer for answer in colours if answer in shares]
    if many:
        upper.plot(x, rows["estimate"], color="0.3", lw=1.5)
        _draw_shares(axes[1], rows["agrees"], {word: colours[word] for word in words})
        _draw_crowding(lower, rows, levels)
    large = rows.get("large", pd.Series(False, rows.index)).to_numpy(bool)
    for agrees in words:
        part = (rows["agrees"] == agrees).to_numpy()
        at, each, colour = x[part], rows[part], colours[agrees]
        said = _WORDS.get(agrees, agrees)
        if many:
            upper.plot([], [], "s", color=colour, label=f"{said} ({shares[agrees]:,})")
        else:
            upper.vlines(at, each["low"], each["high"], color=colour, lw=1, alpha=0.5)
            label = f"{said} ({shares[agrees]})"
            upper.plot(at, each["estimate"], "o", ms=3, color=colour, label=label)
        front = {"mfc": colour, "mec": "black", "mew": 0.7, "zorder": 3}
        upper.plot(x[part & large], rows["estimate"][part & large], "D", ms=4.5, **front)
    upper.set_ylabel(f"{axis[0].upper()}{axis[1:]}")
    upper.tick_params(bottom=False, labelbottom=False)
    close = {"alignment": "left", "handletextpad": 0.1, "columnspacing": 0.8}
    columns = {"ncols": 5, "title": "sign as printed"} if colours is AGREE_COLOURS else {"ncols": 1}
    fig.legend(loc="outside upper left", **columns, **close)
    if not many:
        for line, (name, value) in enumerate(levels):
            chosen = x[(rows[name] == value).to_numpy()]
            lower.plot(chosen, np.full(len(chosen), line), "|", ms=7, color="0.2", mew=1.2)
    breaks = [i - 0.5 for i in range(1, len(levels)) if levels[i][0] != levels[i - 1][0]]
    lower.hlines(breaks, -0.5, len(rows) - 0.5, color="black" if many else "0.8", lw=0.6)
    names = [
        f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in levels
    ]
    style.name_rows(lower, names, f"{number}, sorted")
    lower.tick_params(labelsize=style.SMALL)
    lower.set(xticks=[], xlim=(-0.7, len(rows) - 0.3))
    fig.set_label(
        f"{axis[0].upper()}{axis[1:]} under {number}, from "
        f"{rows['estimate'].min():.3g} to {rows['estimate'].max():.3g}, with a line at "
        f"{printed:g}. {'As printed' if colours is AGREE_COLOURS else 'Of these'}: "
        + ", ".join(f"{_WORDS.get(agrees, agrees)} in {count}" for agrees, count in shares.items())
        + f". Below, one line for each value of {', '.join(choices)}."
    )
    return fig, axes


def _steps(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the steps along a curve, and the step of each of its points."""
    ends = np.linspace(0, count, _BINS + 1)
    return ends - 0.5, np.clip(np.searchsorted(ends, np.arange(count), "right") - 1, 0, _BINS - 1)


def _draw_shares(ax: plt.Axes, agrees: pd.Series, colours: dict[str, str]) -> None:
    """Stack the share of each answer along the curve."""
    ends, steps = _steps(len(agrees))
    share = pd.crosstab(steps, agrees.to_numpy(), normalize="index")[list(colours)]
    tops = share.cumsum(axis=1)
    for word, colour in colours.items():
        ax.stairs(tops[word], ends, baseline=tops[word] - share[word], fill=True, color=colour)
    ax.set(ylim=(0, 1), yticks=[])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(bottom=False)


def _draw_crowding(ax: plt.Axes, rows: pd.DataFrame, levels: list[tuple[str, object]]) -> None:
    """Shade how frequent each option is along the curve, against its frequency in the whole."""
    ends, steps = _steps(len(rows))
    size = np.bincount(steps, minlength=_BINS)
    crowd = []
    for name, value in levels:
        chosen = (rows[name] == value).to_numpy()
        crowd.append(np.bincount(steps[chosen], minlength=_BINS) / size / chosen.mean())
    edges = np.arange(len(levels) + 1) - 0.5
    ax.pcolormesh(ends, edges, crowd, cmap="Greys", vmin=0, vmax=2, rasterized=True)


def choice_curve(table: pd.DataFrame, conclusion: str, axis: str) -> tuple[plt.Figure, np.ndarray]:
    """Draw the specification curve of one conclusion about the transect; all sites are diamonds.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`helpers.paper.load_choices` returns it; other sites are left out.
    conclusion, axis : str
        Which one, and the label of its estimates.

    Examples
    --------
    >>> from helpers.paper import load_choices
    >>> choice_curve(load_choices(), "meadow soil holds more", "correlation")[0].get_label()[:41]
    'Correlation under 2,544 specifications, f'
    """
    rows = table[(table["conclusion"] == conclusion) & (table["sites"] != _OTHERS)]
    made = [word for code, word in CHOICES.items() if code != "set" and rows[code].nunique() > 1]
    words = OPTIONS | {"SOC": "soil carbon", "TN": "soil nitrogen"}
    named = rows.replace(words).rename(columns=CHOICES)
    named = named.assign(agrees=rows["shown"].map(SHOWN), large=rows["sites"] == _WHOLE)
    colours = {SHOWN[number]: colour for number, colour in _SHOWN_COLOURS.items()}
    return specification_curve(named, made, axis, 0, colours)


def survival_chart(table: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw each conclusion with the range of its estimates, and how often it is shown.

    Bars are the middle 95% and half of all specifications with thirty sites, upright marks those
    with all sites, diamonds those with other sites; at the right the share that shows the
    conclusion, with all sites and with thirty, neighbours kept.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`helpers.paper.load_choices` returns it; conclusions keep their order.

    Examples
    --------
    >>> rows = pd.DataFrame({"sites": ["147 sites", "30 sites"], "estimate": 0.5, "shown": [2, 0]})
    >>> survival_chart(rows.assign(conclusion="a"))[0].get_label().split(": ")[1]
    'a, with all sites in 1 of 1 ways, with thirty in 0%.'
    """
    if table.empty:
        return style.nothing_to_draw(style.NOT_MEASURED)
    names = list(table["conclusion"].unique())
    fig, ax = style.subplots(0.95 + 0.42 * len(names))
    said = []
    for row, name in enumerate(names):
        each = table[table["conclusion"] == name]
        thirty = each[each["sites"].str.startswith("30")]
        cuts = thirty["estimate"].quantile([0.025, 0.25, 0.75, 0.975])
        for low, high, shade in ((0, 3, "0.94"), (1, 2, "0.88")):
            ax.plot(cuts.iloc[[low, high]], [row, row], color=shade, lw=8, solid_capstyle="butt")
        for kind, marker in ((_WHOLE, "|"), (_OTHERS, "D")):
            points = each[each["sites"] == kind]
            look = {"marker": marker, "ls": "", "ms": 9 if marker == "|" else 4.5, "mew": 1}
            look |= {"mec": "black", "mew": 0.4} if marker == "D" else {}
            for number, colour in _SHOWN_COLOURS.items():
                found = points.loc[points["shown"] == number, "estimate"]
                ax.plot(found, np.full(len(found), row), color=colour, **look)
        every = each.loc[each["sites"] == _WHOLE, "shown"] == 2
        counts = [
            f"{every.sum()} of {len(every)}",
            style.say_share((thirty["shown"] == 2).mean(), 0),
        ]
        letters = {"fontsize": 9, "va": "center"}
        ax.text(-0.98, row - 0.42, name, bbox={"color": "white", "pad": 0.5}, **letters)
        for place, said_there in zip((1.25, 1.6), counts, strict=True):
            ax.text(place, row, said_there, ha="center", clip_on=False, **letters)
        said.append(f"{name}, with all sites in {counts[0]} ways, with thirty in {counts[1]}")
    for place, text in ((1.25, "all sites"), (1.6, "thirty")):
        ax.text(place, -0.75, text, fontsize=9, ha="center", va="center", clip_on=False)
    style.name_rows(ax, [""] * len(names), "Estimate, turned to the paper's sign", 0)
    ax.set(xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1], ylim=(len(names) - 0.5, -0.75))
    looks = {
        "thirty: middle 95% and half": {"color": "0.88", "lw": 6},
        "all sites": {"marker": "|", "ls": "", "ms": 9, "color": "black"},
        _OTHERS: {"marker": "D", "ls": "", "ms": 4, "color": "black"},
        "shown": {"marker": "s", "ls": "", "color": _SHOWN_COLOURS[2]},
        "shown, if independent": {"marker": "s", "ls": "", "color": _SHOWN_COLOURS[1]},
        "not shown": {"marker": "s", "ls": "", "color": _SHOWN_COLOURS[0]},
        "the opposite": {"marker": "s", "ls": "", "color": _SHOWN_COLOURS[-2]},
    }
    style.add_legend(fig, looks, 2, "outside lower center")
    fig.set_label(f"How often each conclusion is shown: {'; '.join(said)}.")
    return fig, ax


def dependence_table(shares: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw which choice explains how much of each conclusion's spread.

    Parameters
    ----------
    shares : pandas.DataFrame
        Shares between 0 and 1, conclusions down, choices across; NaN, drawn grey, where the choice
        was not made.

    Examples
    --------
    >>> dependence_table(pd.DataFrame({"seed": {"gain": 0.2}}))[0].get_label().split(": ")[1]
    'seed explains 20% of gain.'
    """
    if shares.empty:
        return style.nothing_to_draw("None of these conclusions is in the sweep.")
    fig, ax = style.subplots(1.8 + 0.3 * len(shares))
    bar = {"label": "Share of the spread (%)", "location": "bottom", "aspect": 35}
    colours = {"cmap": "Greys", "vmin": 0, "vmax": 100, "cbar_kws": bar}
    percent = (100 * shares).map("{:.0f}".format)
    style.draw_heatmap(
        ax, 100 * shares, annot=percent, annot_kws={"fontsize": style.SMALL}, **colours
    )
    ax.set_facecolor("0.92")
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=style.SMALL)
    slanted = {"rotation": 45, "ha": "left", "rotation_mode": "anchor"}
    ax.set_xticks(ax.get_xticks(), shares.columns, **slanted)
    top = shares.stack().sort_values(ascending=False).head(3)
    said = "; ".join(
        f"{choice} explains {share:.0%} of {what}" for (what, choice), share in top.items()
    )
    fig.set_label(
        f"Table of {len(shares)} conclusions by {shares.shape[1]} choices, darker where a choice "
        f"explains more of the spread. Most: {said}."
    )
    return fig, ax
