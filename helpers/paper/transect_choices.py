"""What a conclusion about the transect owes to choices that an analyst could defend.

Each of the paper's conclusions is computed under every combination of choices (a *specification*):
which variables stand for plants, soil, soil life and climate, their scale, whether elevation is
held, and which sites are used. ``make data`` computes the table from the fetched transect; only
correlations and gains are embedded, in thousandths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_word
from helpers.paper.second_look import add_plot_variables
from helpers.paper.simulation import judge_loops
from helpers.paper.site_sets import WEIGHTINGS, SiteSets, draw_site_sets, values_in_sets
from helpers.paper.specifications import explained
from helpers.paper.transect import EARLIER, SOIL_LIFE, add_variables, read_embedded
from helpers.pathmodel.loop import read_loop
from helpers.readers.transect import COLUMNS, read_transect
from helpers.statistics.associations import correlation_p
from helpers.statistics.neighbours import randomize_pairs, spatial_patterns

CHOICES = {  # what each is called; a conclusion makes some of them
    "climate": "humidity",
    "plants": "plants",
    "soil": "soil",
    "life": "soil life",
    "function": "function",
    "scale": "scale",
    "elevation": "elevation",
    "sites": "on",
    "outside": "not in the table",
    "set": "which set",
}
OPTIONS = {
    "TF": "transpiration",
    "AI": "aridity index",
    "PRE": "precipitation",
    "richness": "species",
}
SHOWN = {  # what a specification shows, by its number in the table
    2: "shown, neighbours kept",
    1: "shown, if sites were independent",
    0: "not shown",
    -1: "the opposite, if sites were independent",
    -2: "the opposite, neighbours kept",
}
_CLIMATE, _PLANTS, _SOIL = ("TF", "AI", "PRE"), ("biomass", "richness"), ("SOC", "TN")
_LOGGED = {*_CLIMATE, *_PLANTS, *_SOIL, *SOIL_LIFE}
_EXTREME, _THIRTY, _THIRD, _ALPHA = "Q35", 30, 1 / 3, 0.05
_SITES = {  # how the table's columns are told
    "147": "147 sites",
    "146, all but Q35": "146 sites, not Q35",
    "29, all but Q35": "29 sites, not Q35",
    "30, uniform": "30 sites, any set",
    "30, aridity": "30 sites, by aridity",
    "30, space": "30 sites, by space",
    "58 others": "58 other sites",
}
_PARTS = ("choices", "gains")
_FEW = 5  # sets of each kind that a loop is fitted to
_KEYS = [*["conclusion", *CHOICES][:-3], "number"]


class Question(NamedTuple):
    """A conclusion: the claimed sign, options by choice, which of them are related, and whether
    elevation may be held.
    """

    sign: int
    options: Mapping[str, tuple[str, ...]]
    left: str
    right: str
    held: tuple[str, ...] = ("as it is", "held")


QUESTIONS = {
    "meadow soil holds more": Question(1, {"soil": _SOIL}, "meadow", "soil"),
    "soil carbon rises with humidity": Question(
        1, {"climate": _CLIMATE, "soil": _SOIL}, "climate", "soil"
    ),
    "soil carbon follows the plants": Question(
        1, {"plants": _PLANTS, "soil": _SOIL}, "plants", "soil"
    ),
    "plants grow with humidity": Question(
        1, {"climate": _CLIMATE, "plants": _PLANTS}, "climate", "plants"
    ),
    "soil carbon falls with elevation": Question(
        -1, {"soil": _SOIL}, "elevation", "soil", ("as it is",)
    ),
    "life and soil peak at middle elevations": Question(
        1, {"function": (*_PLANTS, *_SOIL, *SOIL_LIFE)}, "peak", "function", ("held",)
    ),
    "soil life is richer where it is humid": Question(
        1, {"climate": _CLIMATE, "life": SOIL_LIFE}, "climate", "life"
    ),
}
LOOP = "a positive feedback loop"
_LOOP = {"climate": _CLIMATE, "plants": _PLANTS, "soil": _SOIL, "life": SOIL_LIFE}
_SCALES = ("values", "logarithms", "ranks")


def load_choices(source: str | Path = "embedded", columns: str = "2021-05") -> pd.DataFrame:
    """Return each conclusion about the transect under every combination of choices.

    Parameters
    ----------
    source, columns : as for :func:`helpers.paper.load_transect`

    Returns
    -------
    pandas.DataFrame
        One row per specification: ``conclusion``; its choices (empty where it has none), named as
        in ``CHOICES``; ``n`` sites; ``estimate``, a correlation turned so that the paper's sign is
        positive, or the gain of the loop; ``shown``, from 2 to -2, as ``SHOWN`` has it.

    Examples
    --------
    >>> table = load_choices()
    >>> rows = table[table["conclusion"] == "meadow soil holds more"]
    >>> rows.loc[rows["sites"] == "147 sites", "estimate"].min() > 0.3
    np.True_
    """
    check_word("columns", columns, COLUMNS)
    if source != "embedded":
        return _lengthen(*survey_choices(read_transect(source, columns)).values())
    parts = []
    names = ["choices_present"]
    if columns != "present":
        names += [f"{part}_{columns}" for part in _PARTS]
    for name in names:
        parts.append(read_embedded(name, len(_KEYS), keep_default_na=False))
    return _lengthen(*parts)


def count_shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return how often each conclusion is shown, in the order of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`load_choices` returns it.

    Returns
    -------
    pandas.DataFrame
        By conclusion: ``ways`` with all 147 sites, and ``shown`` of them, neighbours kept;
        ``share`` of the ways with thirty, and ``share_free`` were sites independent.

    Examples
    --------
    >>> counts = count_shown(load_choices())
    >>> int(counts.loc["meadow soil holds more", "shown"])
    12
    """
    whole = table[table["sites"] == _SITES["147"]].groupby("conclusion", sort=False)["shown"]
    thirty = table[table["sites"].str.startswith("30")].groupby("conclusion")["shown"]
    return pd.DataFrame(
        {
            "ways": whole.size(),
            "shown": whole.agg(lambda each: (each == 2).sum()),
            "share": thirty.agg(lambda each: (each == 2).mean()),
            "share_free": thirty.agg(lambda each: (each >= 1).mean()),
        }
    ).loc[table["conclusion"].unique()]


def explain_choices(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each conclusion's spread that each choice explains alone, by what it is
    called; NaN where it was not made. Other sites are left out.

    Parameters
    ----------
    table : as for :func:`count_shown`

    Examples
    --------
    >>> explain_choices(load_choices(columns="present")).idxmax(axis=1).tolist()[0]
    'function'
    """
    home, shares = table[table["sites"] != _SITES["58 others"]], {}
    for name, rows in home.groupby("conclusion", sort=False):
        shares[name] = explained(rows, [code for code in CHOICES if rows[code].nunique() > 1])
    found = pd.DataFrame(shares).T
    return found.reindex(columns=[code for code in CHOICES if code in found]).rename(
        columns=CHOICES
    )


def survey_choices(
    sites: pd.DataFrame, each: int = 30, seed: int = 2022
) -> dict[str, pd.DataFrame]:
    """Compute all specifications that the transect's columns allow, one column per choice of sites;
    `each` is how many admissible sets of each kind are drawn.

    These are correlations, and gains of loops (of a few sets only, empty without earlier columns),
    by conclusion, choices and ``number``: thousandths of the estimate, and what is shown.
    """
    data = sites[["land_cover"]].join(add_variables(sites))
    rows = [row for row in _rows() if _can_take(row, data)]
    loops = [dict(zip(_LOOP, names, strict=True)) for names in product(*_LOOP.values())]
    loops = [loop for loop in loops if {*loop.values()} <= {*data}]
    columns, few = {}, {}
    for name, (values, places) in _samples(data, each, seed).items():
        draws = 9999 if len(places) > _THIRTY else 999
        columns[name] = _correlate(rows, values, places, draws, seed)
        number = name.partition(" | ")[2]
        if loops and (int(number) <= _FEW if number else "others" not in name):
            few[name] = _fit_loops(loops, values)
    about = {"conclusion": LOOP, "elevation": "as it is"}
    keys = [about | loop | {"scale": scale} for loop in loops for scale in _SCALES]
    tables = [_tabulate([row["keys"] for row in rows], columns), _tabulate(keys, few)]
    return dict(zip(_PARTS, tables, strict=True))


def split_choices(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables to embed by file name: what rests on earlier columns apart."""
    files = {}
    for part, table in tables.items():
        early = table.index.to_frame().isin(EARLIER).any(axis=1).to_numpy()
        kinds = {"present": table[~early], "2021-05": table[early]}
        files |= {f"transect_{part}_{kind}.csv": each for kind, each in kinds.items() if len(each)}
    return files


def _rows() -> Iterator[dict]:
    """Yield the specifications of correlations, apart from which sites are used."""
    for conclusion, question in QUESTIONS.items():
        for names in product(*question.options.values()):
            chosen = dict(zip(question.options, names, strict=True))
            ends = [chosen.get(end, end) for end in (question.left, question.right)]
            for scale, held in product(_SCALES, question.held):
                keys = {"conclusion": conclusion, **chosen, "scale": scale, "elevation": held}
                yield {"keys": keys, "names": ends, "sign": question.sign}


def _samples(data: pd.DataFrame, each: int, seed: int) -> dict:
    """Return values (sets, sites, columns) in a frame-like pair with their places, by name."""
    sets = {how: draw_site_sets(data, each, weighting=how, seed=seed) for how in WEIGHTINGS}
    names = [name for name in data if name not in ("land_cover", "longitude", "latitude")]
    here = ["longitude", "latitude"]
    whole = np.arange(len(data))
    but = np.delete(whole, data.index.get_loc(_EXTREME))
    found = {
        "147": (data[names], data[here]),
        "146, all but Q35": (data[names].iloc[but], data[here].iloc[but]),
    }
    for how, drawn in sets.items():
        lost = draw_site_sets(data, each, weighting=how, outside=_THIRD, seed=seed + 1)
        fewer = SiteSets(drawn.places[:, drawn.places[0] != data.index.get_loc(_EXTREME)], None)
        kinds = {f"30, {how}": drawn, f"30, {how}, outside": lost}
        if how == "uniform":
            kinds["29, all but Q35"] = fewer._replace(outside=np.zeros(fewer.places.shape, bool))
        for kind, those in kinds.items():
            values = values_in_sets(data, names, those)
            for number, (value, place) in enumerate(zip(values, those.places, strict=True), 1):
                frame = pd.DataFrame(value, columns=names)
                found[f"{kind} | {number}"] = (frame, data[here].iloc[place])
    others = add_plot_variables()
    found["58 others"] = (others[[name for name in names if name in others]], others[here])
    return found


def _correlate(rows, values, places, draws, seed) -> np.ndarray:
    """Return estimates and what is shown, (2, rows); NaN where a variable is not there."""
    found = np.full((2, len(rows)), np.nan)
    able = [number for number, row in enumerate(rows) if _can_take(row, values)]
    groups = {}
    for number in able:
        gaps = "meadow" in rows[number]["names"] or values[rows[number]["names"][1]].isna().any()
        groups.setdefault(gaps, []).append(number)
    for members in groups.values():
        used = list({name for k in members for name in rows[k]["names"] if name != "peak"})
        kept = values[[*used, "elevation"]].notna().all(axis=1).to_numpy()
        pairs = [_pair(rows[k], values[kept]) for k in members]
        x, y = (np.column_stack(side) for side in zip(*pairs, strict=True))
        r, p, _ = randomize_pairs(x, y, spatial_patterns(places[kept]), draws, seed)
        held = np.array([rows[k]["keys"]["elevation"] == "held" for k in members], int)
        plain = correlation_p(r, np.full(len(r), float(kept.sum())), held)
        turned = r * np.array([rows[k]["sign"] for k in members])
        shown = np.sign(turned) * ((plain < _ALPHA).astype(int) + ((plain < _ALPHA) & (p < _ALPHA)))
        found[:, members] = turned, shown
    return found


def _can_take(row: dict, values: pd.DataFrame) -> bool:
    names = {*row["names"]} - {"peak"}
    if not names <= {*values.columns}:
        return False
    logged = list(names & _LOGGED) if row["keys"]["scale"] == "logarithms" else []
    return not (values[logged] <= 0).any(axis=None)


def _pair(row: dict, values: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return two variables on the scale of a specification, elevation taken off where it is held.

    Ranks are taken before elevation is; of what peaks over elevation, after.
    """
    height = values["elevation"].to_numpy() / 1000
    scale, held = row["keys"]["scale"], row["keys"]["elevation"] == "held"
    bent = row["names"][0] == "peak"
    pair = []
    for name in row["names"]:
        x = -(height**2) if name == "peak" else values[name].to_numpy(float)
        if scale == "logarithms" and name in _LOGGED:
            x = np.log(x)
        if scale == "ranks" and not bent:
            x = stats.rankdata(x)
        if held:
            x = _take_off(x, height if bent or scale != "ranks" else stats.rankdata(height))
        pair.append(stats.rankdata(x) if scale == "ranks" and bent else x)
    return tuple(pair)


def _take_off(x: np.ndarray, given: np.ndarray) -> np.ndarray:
    z = given - given.mean()
    return x - x.mean() - z * (z @ x) / (z @ z)


def _fit_loops(loops: list[dict], values: pd.DataFrame) -> np.ndarray:
    """Return the gain of each loop, and whether it is a positive one that fits and is needed."""
    found = []
    for loop in loops:
        model = read_loop(loop.values())
        names = list(model.variables)
        table = values[names]
        data = [table, np.log(table), table.rank()]
        judged = judge_loops(model, np.array([each.corr() for each in data]), len(table))
        found += list(zip(judged["gain"], judged["clear"].astype(float), strict=True))
    return np.array(found).T


def _tabulate(keys: list[dict], columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return two rows per specification, whole numbers as texts, empty where there is none."""
    parts = []
    for row, number in enumerate(("thousandths", "shown")):
        index = pd.MultiIndex.from_frame(
            pd.DataFrame(
                [key | {"number": number} for key in keys], columns=_KEYS, dtype=object
            ).fillna("")
        )
        parts.append(pd.DataFrame({name: each[row] for name, each in columns.items()}, index))
    thousandths, shown = parts[0] * 1000, parts[1].where(parts[0].notna().to_numpy())
    table = pd.concat([thousandths, shown]).round().astype("Int64")
    return table.astype(object).where(table.notna(), "")


def _lengthen(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return one row per specification and choice of sites."""
    parts = []
    for wide in tables:
        numbers = wide.apply(pd.to_numeric, errors="coerce").rename_axis(columns="sample")
        parts.append(numbers.stack().dropna().unstack("number").reset_index())
    tall = pd.concat(parts, ignore_index=True)
    places = tall["conclusion"].map([*QUESTIONS, LOOP].index)
    tall = tall.loc[places.sort_values(kind="stable").index].reset_index(drop=True)
    kind, _, number = (tall["sample"].str.partition(" | ")[k] for k in range(3))
    tall["outside"] = np.where(kind.str.endswith(", outside"), "a third", "none")
    tall["sites"] = kind.str.removesuffix(", outside").map(_SITES)
    tall["set"] = np.where(number == "", "", tall["sample"])
    tall["n"] = tall["sites"].str.extract(r"^(\d+)", expand=False).astype(int)
    tall["estimate"] = tall["thousandths"] / 1000
    tall["shown"] = tall["shown"].astype(int)
    return tall[["conclusion", *CHOICES, "n", "estimate", "shown"]]
