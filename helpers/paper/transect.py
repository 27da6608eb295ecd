"""What the 147 sites of the transect say of the paper's relations, groups and path models.

The table itself is not in the book: each reader fetches it. What ``make data`` computed from it,
aggregates only, is embedded; what rests on columns that the authors' present version lacks stands
in files of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_word
from helpers.errors import InputError
from helpers.factors import load_factors
from helpers.paper.simulation import judge_loops
from helpers.paper.site_sets import (
    WEIGHTINGS,
    SiteSets,
    correlate_in_sets,
    draw_site_sets,
    set_correlations,
)
from helpers.paper.transect_rule import (
    estimate_effects,
    hold_elevation,
    judge_relations,
    least_shown,
)
from helpers.pathmodel.loop import fit_many, read_loop
from helpers.pathmodel.recursive import effects_on
from helpers.pathmodel.resampling import bootstrap_loop
from helpers.pathmodel.spec import PathModel, parse_model, read_model
from helpers.paths import DATA
from helpers.provenance import least_real
from helpers.readers.plots import add_climate
from helpers.readers.sites import ZONES
from helpers.readers.terrain import way_southeast
from helpers.readers.transect import COLUMNS, read_transect
from helpers.statistics.neighbours import name_blocks, spatial_patterns
from helpers.study import sample_top

EARLIER = ("biomass", "richness", "SOC", "TN", "CN", "pH", "Clay", "Silt", "Sand", "TP", "CP")
SOIL_LIFE = ("bacteria", "fungi", "protists", "animals")
NAMES = {  # of what is no factor of the paper
    "elevation": "elevation",
    "meadow": "meadow (1) or steppe (0)",
    "peak": "peak at middle elevation",
    "middle": "middle zone (1) or another (0)",
    "southeast": "way to the south-east",
    "MAT": "mean annual temperature",
    "AI": "aridity index (high where moist)",
    "biomass": "plant biomass above ground",
    "richness": "number of plant species",
    "CN": "organic carbon to nitrogen ratio",
    "TP": "total phosphorus",
    "CP": "organic carbon to phosphorus ratio",
    **{name: f"diversity of {name}" for name in SOIL_LIFE},
    "TOP": "terrestrial oxygen production",
}
MODELS = {  # name: (file, what TOP is replaced by)
    "climatic, TOP": ("climatic", "TOP"),
    "climatic, biomass": ("climatic", "biomass"),
    "climatic direct, TOP": ("climatic_direct", "TOP"),
    "climatic direct, biomass": ("climatic_direct", "biomass"),
    "plant, TOP": ("measured_plant", "TOP"),
    "species first": ("species_first", "TOP"),
    "growth first": ("growth_first", "TOP"),
    "soil, TOP": ("measured_soil", "TOP"),
    "soil, biomass": ("measured_soil", "biomass"),
    "microbial, TOP": ("measured_microbial", "TOP"),
    "microbial, biomass": ("measured_microbial", "biomass"),
    "groups, TOP": ("measured_groups", "TOP"),
    "leaders, TOP": ("measured_leaders", "TOP"),
    "leaders, biomass": ("measured_leaders", "biomass"),
}
LOOPS = [("biomass", "SOC", life) for life in SOIL_LIFE]
LOOPS += [("richness", "SOC", "bacteria"), ("biomass", "TN", "bacteria")]
_KEYS = {"relations": 2, "groups": 2, "paths": 5, "loops": 4}  # columns that name a row
_THIRTY, _SETS, _PERMUTED = 30, 1000, 100
_DIGITS = 4


@dataclass(frozen=True)
class Transect:
    """Results at the sites of the transect (:func:`load_transect`).

    ``relations`` by left and right, ``groups`` by variable and group of sites, ``paths`` by model,
    scale, outcome, from and to, ``loops`` by loop, scale, from and to.
    """

    relations: pd.DataFrame
    groups: pd.DataFrame
    paths: pd.DataFrame
    loops: pd.DataFrame

    @property
    def n(self) -> int:
        """Number of sites."""
        return int(self.relations["n"].max())

    def judge(self, claims: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
        """Return what all sites tell of relations, and how often thirty would show them.

        Each is two variables and the claimed sign, 1 or -1. By left and right: ``r``, ``r_ranks``
        and their intervals, p, ``decides`` (a site without which the verdict is another),
        ``verdict``, ``share`` and ``share_ranks`` of admissible sets with this sign and p < .05,
        their range over weightings, and ``permuted``, the same where nothing is related. Relations
        with a variable that is not there are left out.
        """
        rows = {}
        for left, right, sign in claims:
            found = self._find(left, right)
            if found is not None:
                way, other = ("rise", "fall")[:: int(sign)]
                names = [name for name in found.index if other not in name]
                row = found[names].rename({name: name.replace(way, "share") for name in names})
                if row["verdict_share"] != "undecided":  # the site is of the other sign
                    row["decides"] = ""
                rows[left, right] = row.to_dict() | {"sign": sign}
        table = pd.DataFrame.from_dict(rows, "index").infer_objects()
        table.index = pd.MultiIndex.from_tuples(list(rows), names=["left", "right"])
        return table.rename(columns={"verdict_share": "verdict"})

    def _find(self, left: str, right: str) -> pd.Series | None:
        for pair in ((left, right), (right, left)):
            if pair in self.relations.index:
                return self.relations.loc[pair]
        return None

    def correlations(self, codes: Iterable[str], *, ranks: bool = False) -> pd.DataFrame:
        """Return the matrix of correlations of variables, of values or of ranks."""
        codes = list(codes)
        R = pd.DataFrame(np.eye(len(codes)), codes, codes)
        for a, b in combinations(codes, 2):
            pair = (a, b) if (a, b) in self.relations.index else (b, a)
            R.loc[a, b] = R.loc[b, a] = self.relations.loc[pair, "r_ranks" if ranks else "r"]
        return R


def load_transect(source: str | Path = "embedded", columns: str = "2021-05") -> Transect:
    """Return what the 147 grassland sites of Kang et al. (2022) say, aggregates only.

    Parameters
    ----------
    source : "embedded", "genuine" or path
        What ``make data`` computed; or computed anew, which takes about a minute, from the table
        that :func:`helpers.readers.read_transect` reads there.
    columns : {"2021-05", "present"}
        Without soil and plants, ``present``: what rests on the authors' present table only.

    Examples
    --------
    >>> load_transect().judge([("TF", "SOC", 1)])["verdict"].item()
    'supported'
    """
    check_word("columns", columns, COLUMNS)
    if source != "embedded":
        return survey(read_transect(source, columns))
    parts = {}
    for part, keys in _KEYS.items():
        names = dict.fromkeys([f"{part}_present", f"{part}_{columns}"])
        table = pd.concat([read_embedded(name, keys) for name in names])
        texts = table.select_dtypes(exclude="number").columns
        parts[part] = table.fillna(dict.fromkeys(texts, ""))
    return Transect(**parts)


def read_embedded(name: str, keys: int, **how: bool) -> pd.DataFrame:
    """Return what ``make data`` computed from the transect, indexed by its first columns."""
    path = DATA / "embedded" / f"transect_{name}.csv"
    if not path.exists():
        raise InputError(
            path,
            needed="what make data computed from the transect",
            found="no such file",
            mend='set columns to "present", or fetch the table (make data SOURCE=sites) and '
            "run make data",
        )
    return pd.read_csv(path, index_col=list(range(keys)), **how)


def split_by_columns(result: Transect) -> dict[str, pd.DataFrame]:
    """Return the tables to embed by file name: what rests on earlier columns apart."""
    early_models = {
        name for name, model in list_models().items() if set(EARLIER) & set(model.variables)
    }
    tables = {}
    for part in _KEYS:
        table = getattr(result, part)
        if part in ("paths", "loops"):
            early = table.index.get_level_values(0).isin([*early_models, *list_loops()])
        else:
            early = table.index.to_frame().isin(EARLIER).any(axis=1).to_numpy()
        if part == "groups":  # in units of their own: rain is some 1e-5 kg m-2 s-1
            shown = table.map(lambda value: float(f"{value:.5g}")).astype(table.dtypes)
        else:
            shown = table.round(_DIGITS)
        tables[f"transect_{part}_present.csv"] = shown[~early]
        tables[f"transect_{part}_2021-05.csv"] = shown[early]
    return tables


def kind_of(codes: Iterable[str]) -> str:
    """Return the least real label among variables of the transect.

    Examples
    --------
    >>> kind_of(["SOC", "TF"])
    'assimilated'
    """
    kinds = load_factors().query("data_label == 'assimilated'")["data_label"].to_dict()
    kinds |= {"TOP": "emulated", "MAT": "observed", "AI": "observed"}
    return least_real(kinds.get(code, "measured") for code in codes)


def name_variables() -> pd.Series:
    """Return what each variable of the transect is called, by its code.

    Examples
    --------
    >>> name_variables()[["TF", "bacteria"]].tolist()
    ['transpiration', 'diversity of bacteria']
    """
    return pd.Series(load_factors()["name"].to_dict() | NAMES)


def add_variables(sites: pd.DataFrame) -> pd.DataFrame:
    """Return the transect with the climate of its cells, TOP of the emulated map, ``meadow``, and
    the way to the ``southeast``.

    Columns: longitude, latitude, then all variables, in the order of elevation, cover, climate,
    plants, soil, soil life and TOP.
    """
    table = add_climate(sites).assign(TOP=sample_top(sites))
    table["meadow"] = (table["land_cover"] == "meadow").astype(float)
    table["southeast"] = way_southeast(table["longitude"], table["latitude"])
    climate = load_factors().query("data_label == 'assimilated'").index
    order = ["elevation", "meadow", "southeast", "MAT", "AI", *climate, *EARLIER, *SOIL_LIFE, "TOP"]
    return table[["longitude", "latitude", *(name for name in order if name in table)]]


def survey(sites: pd.DataFrame, draws: int = 9999, seed: int = 2022) -> Transect:
    """Compute all results from the transect; `draws` of the tests, `seed` of all that is drawn."""
    table = add_variables(sites)
    sets = {name: draw_site_sets(sites, _SETS, weighting=name, seed=seed) for name in WEIGHTINGS}
    sets["outside"] = draw_site_sets(sites, _SETS, outside=1 / 3, seed=seed)
    how = {"draws": draws, "seed": seed}
    ranked = table.rank().assign(longitude=table["longitude"], latitude=table["latitude"])
    paths, loops = [], []
    for scale, data in {"values": table, "ranks": ranked}.items():
        R = functools.partial(_in_sets, sites[["land_cover"]].join(table), sets, scale == "ranks")
        for name, model in list_models().items():
            if set(model.variables) <= set(table):
                found = _one_model(model, data, R(model), **how)
                paths.append(found.assign(model=name, scale=scale))
        for name, loop in list_loops().items():
            if set(loop.variables) <= set(table):
                loops.append(_one_loop(loop, data, R(loop), seed).assign(loop=name, scale=scale))
    return Transect(
        relations=_relate(table, sites, sets, **how),
        groups=_describe(table, sites),
        paths=_keyed(paths, ["model", "scale", "outcome", "from", "to"]),
        loops=_keyed(loops, ["loop", "scale", "from", "to"]),
    )


def _keyed(tables: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    none = pd.DataFrame(columns=keys)
    return pd.concat([none, *(table.reset_index() for table in tables)]).set_index(keys)


def _in_sets(
    table: pd.DataFrame, sets: dict[str, SiteSets], ranks: bool, model: PathModel
) -> dict[str, np.ndarray]:
    """Return the correlations of a model's variables within the sets of each weighting."""
    names = list(model.variables)
    return {how: set_correlations(table, names, each, ranks=ranks) for how, each in sets.items()}


def list_models() -> dict[str, PathModel]:
    """Return the path models that are fitted to the transect, by name."""
    texts = {name: read_model(file).text.replace("TOP", to) for name, (file, to) in MODELS.items()}
    return {name: parse_model(text) for name, text in texts.items()}


def list_loops() -> dict[str, PathModel]:
    """Return the loops that are fitted to the transect, by the names of their nodes."""
    return {" > ".join(("TF", *rest)): read_loop(("TF", *rest)) for rest in LOOPS}


def _relate(
    table: pd.DataFrame, sites: pd.DataFrame, sets: dict[str, SiteSets], draws: int, seed: int
) -> pd.DataFrame:
    """Judge all pairs; peaks, with elevation held; and the middle zone against the two others."""
    variables = list(table.columns.drop(["longitude", "latitude", "elevation", "meadow"]))
    bent = hold_elevation(table, variables)
    zones = [table["elevation"].between(*ends) for ends in ZONES.values()]
    inside, everywhere = np.any(zones, axis=0), np.full(len(table), True)
    zoned = table.assign(middle=zones[1].astype(float))
    asked = [
        (table, list(combinations(["elevation", "meadow", *variables], 2)), everywhere),
        (bent, [("peak", name) for name in variables], everywhere),
        (zoned, [("middle", name) for name in variables], inside),
    ]
    found = []
    for data, pairs, kept in asked:
        rows = {}
        for way, sign in (("rise", 1), ("fall", -1)):
            claims = pd.DataFrame(pairs, columns=["left", "right"]).assign(sign=sign)
            judged = judge_relations(data[kept], claims, draws=draws, seed=seed)
            rows[way] = judged.set_index(pd.MultiIndex.from_tuples(pairs, names=["left", "right"]))
        both = rows["rise"].drop(columns=["verdict", "decides"]).assign(n=int(kept.sum()))
        one, other = (judged["decides"] for judged in rows.values())
        both["decides"] = one.where(one != "", other)
        for way, judged in rows.items():
            both[f"verdict_{way}"] = judged["verdict"]
        found.append(both.join(_shares(data, sites, pairs, sets, seed)))
    return pd.concat(found)


def _shares(
    data: pd.DataFrame,
    sites: pd.DataFrame,
    pairs: list[tuple[str, str]],
    sets: dict[str, SiteSets],
    seed: int,
) -> pd.DataFrame:
    """Return how often sets show a rise or a fall with p < .05: uniform ones, the least and the
    most by other weightings, and where the right variable is an unrelated pattern.
    """
    data = sites[["land_cover"]].join(data)
    columns, least = {}, least_shown()
    right = list(dict.fromkeys(name for _, name in pairs))
    starred = [(one, f"{other}*") for one, other in pairs]
    patterns = spatial_patterns(data[["longitude", "latitude"]])
    parts = patterns.T @ data[right].to_numpy()
    few = SiteSets(*(each[:_PERMUTED] for each in sets["uniform"]))
    rng = np.random.default_rng(seed)
    for end, ranks in (("", False), ("_ranks", True)):
        r = {how: correlate_in_sets(data, pairs, each, ranks=ranks) for how, each in sets.items()}
        for way, sign in (("rise", 1), ("fall", -1)):
            shares = pd.DataFrame({how: (sign * each >= least).mean() for how, each in r.items()})
            columns[f"{way}{end}"] = shares["uniform"]
            columns[f"{way}{end}_low"] = shares.min(axis=1)
            columns[f"{way}{end}_high"] = shares.max(axis=1)
        chance = 0
        for _ in range(_PERMUTED):
            unrelated = patterns @ (rng.choice([-1.0, 1.0], (len(parts), 1)) * parts)
            names = [f"{name}*" for name in right]
            turned = data.join(pd.DataFrame(unrelated, data.index, names))
            r = correlate_in_sets(turned, starred, few, ranks=ranks)
            chance += (r.abs() >= least).mean().to_numpy() / 2 / _PERMUTED
        columns[f"permuted{end}"] = pd.Series(chance, columns[f"rise{end}"].index)
    return pd.DataFrame(columns)


def _describe(table: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    """Return n, mean with its interval, standard deviation and median of groups of sites: all of
    them, land covers, zones, and six classes with equally many sites, of elevation (``class``) and
    of the way to the south-east (``way``).
    """
    height = table["elevation"]
    groups = {"all": height > 0}
    groups |= {cover: sites["land_cover"] == cover for cover in ("meadow", "steppe")}
    groups |= {zone: height.between(*ends) for zone, ends in ZONES.items()}
    for name, along in {"class": height, "way": table["southeast"]}.items():
        classes = pd.qcut(along, 6, labels=False)
        groups |= {f"{name} {number + 1}": classes == number for number in range(6)}
    values = table.drop(columns=["longitude", "latitude"])
    rows = {}
    for name, members in groups.items():
        part = values[members]
        reach = stats.t.isf(0.025, len(part) - 1) * part.sem()
        mean, more = part.mean(), {"sd": part.std(), "median": part.median()}
        ends = {"low": mean - reach, "high": mean + reach}
        rows[name] = pd.DataFrame({"n": len(part), "mean": mean, **ends, **more})
    found = pd.concat(rows, names=["group", "variable"]).swaplevel()
    return found.reindex(list(values), level="variable")


def _one_model(
    model: PathModel, data: pd.DataFrame, R: dict[str, np.ndarray], draws: int, seed: int
) -> pd.DataFrame:
    """Return arrows and total effects on each outcome: of all sites, with intervals from blocks of
    neighbours and p with neighbours kept; and of sets.
    """
    places = data[["longitude", "latitude"]]
    tables = []
    for outcome in model.endogenous:
        found = estimate_effects(model, data, places, outcome, draws=draws, seed=seed)
        found = found.drop(columns=["indirect", "indirect_low", "indirect_high"])
        totals = {how: effects_on(outcome, model, each, "correlated")[2] for how, each in R.items()}
        signs = np.sign(found["total"].to_numpy())[:, None]
        same = [(np.sign(total) == signs).mean(axis=1) for total in totals.values()]
        low, high = np.quantile(totals["uniform"], [0.025, 0.975], axis=1)
        found = found.assign(sets_low=low, sets_high=high, sets_sign=np.min(same, axis=0))
        tables.append(found.assign(outcome=outcome))
    return pd.concat(tables)


def _one_loop(
    loop: PathModel, data: pd.DataFrame, R: dict[str, np.ndarray], seed: int
) -> pd.DataFrame:
    """Return the stable solution with intervals from blocks of neighbours, chi-square and its p;
    the gain in sets; and in which share of sets the arrows are all positive, fit, and are needed.
    """
    options = {"blocks": name_blocks(data), "seed": seed}
    found = bootstrap_loop(loop, data, **options).table.reset_index()
    found.loc[found["kind"] == "gain", ["from", "to"]] = "loop"
    found = found[found["kind"].isin(["direct", "gain"])].set_index(["from", "to"])
    judged = {how: judge_loops(loop, each, _THIRTY) for how, each in R.items()}
    fit = fit_many(loop, data[list(loop.variables)].corr().to_numpy()[None], len(data))
    found = found.assign(**fit[["chi2", "p"]].iloc[0])
    found["sets_low"], found["sets_high"] = judged["uniform"]["gain"].quantile([0.025, 0.975])
    for name in ("positive", "fits", "clear"):
        found[f"sets_{name}"] = judged["uniform"][name].mean()
        found[f"sets_{name}_high"] = max(each[name].mean() for each in judged.values())
    return found
