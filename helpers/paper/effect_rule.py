"""The rule for effects of path models: what resampled blocks of neighbours let one say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.checks import check_columns
from helpers.paper.claims import NO_DATA, Answer
from helpers.paper.group_models import load_published_effects, published_order
from helpers.paper.second_look import add_plot_variables
from helpers.paper.transect_rule import estimate_effects

if TYPE_CHECKING:
    from helpers.paper.transect import Transect
    from helpers.pathmodel.spec import PathModel

_LEVEL = 0.05
_SCALES = {"values": "", "ranks": "_ranks"}
_COLUMNS = ["direct", "total", "total_low", "total_high", "p"]


def select_effects(result: Transect, model: str, outcome: str) -> pd.DataFrame:
    """Return the effects on one outcome of a path model of the transect, one row per cause.

    Parameters
    ----------
    result : Transect
        From :func:`helpers.paper.load_transect`.
    model, outcome : str
        As in the index of its ``paths``.

    Returns
    -------
    pandas.DataFrame
        Of values ``direct``, ``total`` with its interval ``total_low`` to ``total_high``, ``p`` of
        the arrow with neighbours kept (NaN without an arrow); the same of ranks, whose names end in
        ``_ranks``; and of values ``sets_sign``, the least share of admissible sets with this sign.
        Empty where the columns lack a variable of the model.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> select_effects(load_transect(), "soil, biomass", "biomass").loc["SOC", "total"].round(1)
    np.float64(0.5)
    """
    paths = result.paths.reset_index()
    found = paths[(paths["model"] == model) & (paths["outcome"] == outcome)]
    found = found[found["to"] == outcome].set_index("from")
    tables = {scale: found[found["scale"] == scale] for scale in _SCALES}
    return _join(tables).join(tables["values"]["sets_sign"])


def plot_effects(
    model: PathModel, outcome: str, *, n_boot: int = 2000, draws: int = 1999, seed: int = 2022
) -> pd.DataFrame:
    """Return the effects on one outcome of a path model at the 58 other sites.

    The table is as of :func:`select_effects`, without sets; ``n`` is the number of sites.

    Parameters
    ----------
    model : PathModel
        Of variables of :func:`helpers.paper.add_plot_variables`; sites with a gap are left out.
    outcome : str
        On which the effects are.
    n_boot, draws, seed : int
        Resamples of blocks of neighbours, draws of the tests that keep neighbours, and their seed.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> few = {"n_boot": 100, "draws": 100}
    >>> plot_effects(parse_model("pH ~ SOC"), "pH", **few)["n"].item()
    58
    """
    sites = add_plot_variables().dropna(subset=list(model.variables))
    places, data = sites[["longitude", "latitude"]], sites[list(model.variables)]
    how = {"n_boot": n_boot, "draws": draws, "seed": seed}
    tables = {
        scale: estimate_effects(model, table, places, outcome, **how).droplevel("to")
        for scale, table in {"values": data, "ranks": data.rank()}.items()
    }
    return _join(tables).assign(n=len(data))


def _join(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    named = [
        table[_COLUMNS].rename(columns="{}".format if not end else f"{{}}{end}".format)
        for end, table in zip(_SCALES.values(), tables.values(), strict=True)
    ]
    return named[0].join(named[1])


def judge_effects(effects: pd.DataFrame, signs: Mapping[str, int]) -> pd.DataFrame:
    """Return whether total effects have the claimed signs.

    *Supported*: of values and of ranks, the interval of the total effect lies on the claimed side
    of zero and the arrow, if there is one, has p < .05 with neighbours kept. *Not supported*: the
    same on the other side. All else is *undecided*.

    Parameters
    ----------
    effects : pandas.DataFrame
        From :func:`select_effects` or :func:`plot_effects`.
    signs : mapping
        1 or -1 by cause; those that are not there are left out.

    Examples
    --------
    >>> one = {"total_low": 0.1, "total_high": 0.9, "p": 0.01}
    >>> one |= {f"{name}_ranks": value for name, value in one.items()}
    >>> judge_effects(pd.DataFrame(one, ["SOC"]), {"SOC": 1})["verdict"].item()
    'supported'
    """
    asked = pd.Series({cause: sign for cause, sign in signs.items() if cause in effects.index})
    table = effects.loc[asked.index].assign(sign=asked)
    up, down = np.full(len(table), True), np.full(len(table), True)
    for end in _SCALES.values():
        clear = ~(table[f"p{end}"] >= _LEVEL).to_numpy()
        up &= clear & (table[f"total_low{end}"] > 0).to_numpy()
        down &= clear & (table[f"total_high{end}"] < 0).to_numpy()
    rises = (asked > 0).to_numpy()
    claimed, other = np.where(rises, up, down), np.where(rises, down, up)
    return table.assign(verdict=_words(claimed, other))


def judge_order(effects: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.Series:
    """Return whether the first total effect of each pair is the more positive one.

    *Supported*: of values and of ranks, its whole interval lies above that of the second; *not
    supported*: below it, both times; else *undecided*. Intervals may overlap a little where a
    difference is significant, so the rule is cautious.

    Parameters
    ----------
    effects : pandas.DataFrame
        From :func:`select_effects` or :func:`plot_effects`.
    pairs : iterable of (str, str)
        Two causes; pairs that are not there are left out.

    Examples
    --------
    >>> ends = {"total_low": [0.5, 0.0], "total_high": [0.9, 0.2]}
    >>> ends |= {f"{name}_ranks": both for name, both in ends.items()}
    >>> judge_order(pd.DataFrame(ends, ["SOC", "pH"]), [("SOC", "pH")]).item()
    'supported'
    """
    known = [pair for pair in pairs if set(pair) <= set(effects.index)]
    if not known:
        return pd.Series(dtype=str)
    above, below = np.full(len(known), True), np.full(len(known), True)
    one, other = (effects.loc[[pair[place] for pair in known]] for place in (0, 1))
    for end in _SCALES.values():
        low, high = f"total_low{end}", f"total_high{end}"
        above &= one[low].to_numpy() > other[high].to_numpy()
        below &= one[high].to_numpy() < other[low].to_numpy()
    names = pd.MultiIndex.from_tuples(known, names=["more", "less"])
    return pd.Series(_words(above, below), names)


def answer_verdicts(table: pd.DataFrame, names: Mapping, label: str = "measured") -> Answer:
    """Return the answer to a claim that rests on several verdicts, for :func:`weigh`.

    Parameters
    ----------
    table : pandas.DataFrame
        ``verdict``, and ``r`` of relations or ``total`` of effects; empty where nothing is there.
    names : mapping
        What each row is called in words.
    label : str
        The least real label behind the verdicts.

    Examples
    --------
    >>> one = pd.DataFrame({"verdict": "supported", "r": 0.6}, ["SOC"])
    >>> answer_verdicts(one, {"SOC": "carbon"})
    Answer(value=['supported'], label='measured', here='carbon +0.60: supported')
    """
    if table.empty:
        return NO_DATA
    numbers = table["r" if "r" in table else "total"]
    rows = zip(table.index, numbers, table["verdict"], strict=True)
    said = "; ".join(f"{names[row]} {value:+.2f}: {verdict}" for row, value, verdict in rows)
    return Answer(list(table["verdict"]), label, said)


def judge_published(group: str, fits: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return for each fit whether its intervals agree with the paper's total effects on TOP.

    Claims are ``leader``, ``positive``, ``negative`` (orders of two or more) and ``signs``.
    """
    order, published = published_order(group), load_published_effects(group)
    up = [name for name in order if published[name] > 0]
    down = [name for name in order if published[name] < 0]
    claims = {
        "leader": [(order[0], other) for other in order[1:]],
        "positive": list(combinations([*up, "zero"], 2)) if len(up) > 1 else [],
        "negative": list(combinations(["zero", *down], 2)) if len(down) > 1 else [],
        "signs": [(name, "zero") for name in up] + [("zero", name) for name in down],
    }
    verdicts = {}
    for fit, table in fits.items():
        check_columns(fit, table.T, order, "let each factor act on the outcome")
        ends = table[["total_low", "total_high"]].copy()
        ends.loc["zero"] = 0.0
        verdicts[fit] = {name: _compare(ends, pairs) for name, pairs in claims.items() if pairs}
    return pd.DataFrame(verdicts)


def answer_effects(group: str, fits: Mapping[str, pd.DataFrame], label: str) -> dict[str, Answer]:
    """Return answers to the paper's claims on total effects on TOP: by fit a verdict and the order.

    A claim is a set of pairs, each with the larger effect first; zero is one of the things that are
    compared. A fit supports the claim if in each pair the whole interval of the first lies above
    that of the second; it does not if in some pair it lies below; else the claim stays undecided.

    Parameters
    ----------
    group : {"climatic", "plant", "soil", "microbial"}
        Whose effects.
    fits : mapping of pandas.DataFrame
        By name: ``total``, ``total_low`` and ``total_high`` by factor, of all that the paper ranks.
    label : str
        The least real of what the fits rest on.

    Examples
    --------
    >>> names = published_order("plant")
    >>> ends = pd.DataFrame({"total": 0.2, "total_low": 0.1, "total_high": 0.3}, names)
    >>> answer_effects("plant", {"ours": ends}, "measured")["plant-signs"].here
    '5 of 5 (ours)'
    """
    published = np.sign(load_published_effects(group))
    said: dict[str, list[str]] = {}
    for fit, table in fits.items():
        total = table["total"].loc[published.index]
        ranked = {}
        for name, sign in (("positive", 1), ("negative", -1)):
            size = (sign * total[published == sign]).sort_values(ascending=False)
            ranked[name] = " > ".join(size.index[size > 0]) or "none"
        agree = f"{(np.sign(total) == published).sum()} of {len(total)}"
        for name, text in {"leader": total.idxmax(), **ranked, "signs": agree}.items():
            said.setdefault(name, []).append(f"{text} ({fit})")
    judged = judge_published(group, fits)
    return {
        f"{group}-{name}": Answer(list(words), label, "; ".join(said[name]))
        for name, words in judged.iterrows()
    }


def _compare(ends: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> str:
    low, high = ends["total_low"], ends["total_high"]
    if any(high[one] < low[other] for one, other in pairs):
        return "not supported"
    return "supported" if all(low[one] > high[other] for one, other in pairs) else "undecided"


def _words(yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    return np.where(yes, "supported", np.where(no, "not supported", "undecided"))
