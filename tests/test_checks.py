"""Whatever is wrong with the input of a statistic, it is refused by name; what is right is taken.

Every public function of the statistics stands in CALLS with a call that works and what each of its
parameters takes, or in OTHERS with the reason why there is nothing to check. A new one has to.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from types import FunctionType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.core.generic import NDFrame
from scipy.spatial.distance import squareform

from helpers import pathmodel
from helpers.checks import (
    check_array,
    check_labels,
    check_level,
    check_number,
    check_numbers,
    check_sites,
    check_whole,
    check_word,
    unit_of,
)
from helpers.errors import InputError
from helpers.paper import phases, reprint, simulation, specifications
from helpers.paper.published import bound_discrepancy, implied_sample
from helpers.pathmodel import loop, parse_model
from helpers.pathmodel.indices import baseline_indices, chi2_indices, rmsea
from helpers.readers import respiration
from helpers.statistics import associations, clusters, comparisons, gradients, projections

MODULES = (
    associations,
    clusters,
    comparisons,
    gradients,
    phases,
    projections,
    reprint,
    respiration,
    simulation,
    specifications,
)
N = 24
RNG = np.random.default_rng(15)
SITES = pd.Index([f"S{k}" for k in range(N)])
PLACES = pd.DataFrame(
    RNG.uniform([80, 28], [100, 38], (N, 2)), SITES, columns=["longitude", "latitude"]
)
Z = RNG.standard_normal((N, 6))
Z[:, 1] += 0.8 * Z[:, 0]
Z[:, 2] += 0.6 * Z[:, 1]
Z[:, 3] += 0.7 * Z[:, 2] + 0.3 * Z[:, 0]
TABLE = pd.DataFrame(Z + 10, SITES, columns=list("abcdef"))
AB, CD, EF = TABLE[["a", "b"]], TABLE[["c", "d"]], TABLE[["e", "f"]]
ELEVATION = pd.Series(RNG.uniform(2900, 5200, N), SITES, name="elevation")
GROUPS = pd.Series(["low", "middle", "high"] * (N // 3), SITES, name="zone")
CLUSTERS = pd.Series(np.arange(N) // 3, SITES, name="study")
CHAIN = parse_model("b ~ a\nc ~ b\nd ~ b + c")
CHAIN_TABLE = TABLE[["a", "b", "c", "d"]]
RING = parse_model("b ~ a\nc ~ b\nd ~ c\na ~ d")
STACK = np.stack([CHAIN_TABLE.cov().to_numpy()] * 2)
MATRIX = CHAIN_TABLE.corr()
FIT = pathmodel.fit_model(CHAIN, TABLE)
BOOTSTRAP = pathmodel.bootstrap_effects(CHAIN, TABLE, "d", n_boot=100)
PAIRS = associations.correlate(AB, CD)
TRUTH = simulation.read_truth("b ~ 0.5 a\nc ~ 0.4 b")
WORLDS = RNG.standard_normal((3, N, 4))
YEARS = np.arange(1990, 2020)
SERIES = xr.DataArray(RNG.standard_normal(30), dims="year", coords={"year": YEARS})
MODELS = xr.DataArray([1.0, 2.0, 4.0], dims="model", coords={"model": list("xyz")})
EQUATIONS = pd.DataFrame(
    {"beta": RNG.uniform(0.05, 0.1, N), "alpha": RNG.uniform(0.5, 2, N)}, SITES
)
SWEEP = pd.DataFrame(
    {"estimate": RNG.standard_normal(8), "value": list("12345678"), "x": [0, 1] * 4}
)
PRINTED = {"chi2_df": 1.5, "rmsea": 0.1, "gfi": 0.95, "nfi": 0.94, "cfi": 0.98}
LOOP_PATHS, LOOP_INDICES = reprint.load_published_loop()
LOOP_MODEL = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in LOOP_PATHS.index))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


class Call(NamedTuple):
    """A call that works, and the kind of each of its parameters.

    Attributes
    ----------
    arguments : dict
        By name; a function among them is called for a fresh one.
    kinds : dict
        By name, out of KINDS.
    names : tuple of str
        Other words that a refusal may name the place by.
    """

    arguments: dict
    kinds: dict[str, str]
    names: tuple[str, ...] = ()


SEEDED = {"n_boot": "draws", "seed": "seed"}
MODEL = {"model": "", "data": "varying"}
WORDS = {"exogenous": "uncorrelated", "convention": "amos"}
WORD = dict.fromkeys(WORDS, "word")
CALLS: dict[Callable, Call] = {
    associations.correlate: Call(
        {"left": AB, "right": CD, "given": EF, "sizes": PAIRS["n"] - 3, "confidence": 0.9},
        {"left": "sites", "right": "sites", "given": "sites", "sizes": "numbers"}
        | {"confidence": "level"},
    ),
    associations.as_matrix: Call(
        {"pairs": associations.correlate(TABLE)["r"]}, {"pairs": "ordered"}
    ),
    associations.control_errors: Call({"table": PAIRS[["p"]]}, {"table": "shares"}, ("'p'",)),
    associations.significance_marks: Call({"p": PAIRS["p"]}, {"p": "shares"}),
    associations.count_by_chance: Call(
        {"left": AB, "right": CD, "alpha": 0.05, "seed": 3, "times": 20},
        {"left": "sites", "right": "sites", "alpha": "level", "seed": "seed", "times": "count"},
    ),
    associations.moran_correlogram: Call(
        {"table": AB, "places": PLACES, "classes": 4},
        {"table": "sites", "places": "places", "classes": "count"},
    ),
    associations.pair_distances: Call({"places": PLACES}, {"places": "coordinates"}),
    associations.effective_sizes: Call(
        {"left": AB, "right": CD, "places": PLACES, "classes": 4},
        {"left": "sites", "right": "sites", "places": "places", "classes": "count"},
    ),
    phases.time_changes: Call(
        {"top": ELEVATION, "markers": AB, "n_boot": 100, "confidence": 0.9, "seed": 1},
        {
            "top": "sites",
            "markers": "sites",
            "n_boot": "count",
            "confidence": "level",
            "seed": "seed",
        },
    ),
    gradients.fit_gradients: Call(
        {"elevation": ELEVATION, "factors": AB, "confidence": 0.9},
        {"elevation": "sites", "factors": "sites", "confidence": "level"},
    ),
    gradients.describe_shape: Call(
        {"fits": gradients.fit_gradients(ELEVATION, AB), "alpha": 0.05},
        {"fits": "", "alpha": "level"},
    ),
    **{
        function: Call(
            {first: ELEVATION, "factors": AB, "places": PLACES, "given": EF}
            | {"classes": 5, "confidence": 0.9},
            {first: "sites", "factors": "sites", "places": "places", "given": "sites"}
            | {"classes": "count", "confidence": "level"},
        )
        for function, first in (
            (gradients.spatial_slopes, "predictor"),
            (gradients.spatial_gradients, "elevation"),
        )
    },
    comparisons.choose_groups: Call(
        {"groups": GROUPS, "names": ["low", "high"], "known": ["low", "middle", "high"]},
        {"groups": "", "names": "names", "known": ""},
        ("zone",),
    ),
    **{
        function: Call(
            {"values": AB, "groups": GROUPS, "names": ["low", "high"]} | more,
            {"values": "sites", "groups": "order", "names": "names"} | dict.fromkeys(more, "level"),
            ("zone", "group"),
        )
        for function, more in (
            (comparisons.compare_pairs, {"confidence": 0.9}),
            (comparisons.compare_means, {}),
            (comparisons.response_ratios, {"confidence": 0.9}),
        )
    },
    clusters.name_blocks: Call(
        {"places": PLACES, "degrees": 2.0}, {"places": "", "degrees": "positive"}
    ),
    clusters.cluster_regression: Call(
        {"values": TABLE["a"], "clusters": CLUSTERS, "causes": CD, "confidence": 0.9},
        {"values": "sites", "clusters": "labels", "causes": "sites", "confidence": "level"},
    ),
    clusters.pool_equations: Call(
        {"equations": EQUATIONS, "clusters": CLUSTERS, "confidence": 0.9},
        {"equations": "varying", "clusters": "labels", "confidence": "level"},
    ),
    clusters.respiration_curve: Call(
        {"equations": EQUATIONS, "clusters": CLUSTERS, "temperature": np.array([0.0, 9.0])}
        | {"confidence": 0.9},
        {"equations": "varying", "clusters": "labels", "temperature": "array"}
        | {"confidence": "level"},
    ),
    projections.fit_trend: Call(
        {"annual": SERIES}, {"annual": "series"}, ("year", "trend in time")
    ),
    projections.compare_periods: Call(
        {"before": SERIES[:12], "after": SERIES[12:]},
        {"before": "series", "after": "series"},
        ("annual", "year", "trend in time"),
    ),
    projections.spread_of_models: Call(
        {"change": MODELS, "confidence": 0.9}, {"change": "array", "confidence": "level"}
    ),
    projections.share_votes: Call(
        {"ensemble": MODELS, "weighting": "families"}, {"ensemble": "", "weighting": "word"}
    ),
    reprint.bound_determinant: Call(
        {"coefficients": np.array([0.3, 0.4, 0.5]), "decimals": 2},
        {"coefficients": "array", "decimals": "whole"},
    ),
    reprint.matching_correlations: Call(
        {"model": LOOP_MODEL, "coefficients": LOOP_PATHS, "indices": LOOP_INDICES}
        | {"draws": 10, "seed": 1},
        {"model": "", "coefficients": "numbers", "indices": "", "draws": "count", "seed": "seed"},
    ),
    loop.find_loop: Call({"model": RING, "data": TABLE}, MODEL),
    loop.fit_loop_moments: Call(
        {"model": RING, "sample": MATRIX, "n": N, "convention": "lavaan"},
        {"model": "", "sample": "square", "n": "count", "convention": "word"},
        ("covariance matrix",),
    ),
    loop.feedback: Call({"B": FIT.coefficients}, {"B": "matrix"}),
    loop.respond: Call(
        {"B": FIT.coefficients, "pushed": "a", "steps": 3},
        {"B": "matrix", "pushed": "word", "steps": "whole"},
    ),
    loop.imply_correlations: Call({"B": FIT.coefficients.to_numpy()}, {"B": "array"}),
    loop.fit_many: Call(
        {"model": RING, "S": STACK, "n": N}, {"model": "", "S": "stack", "n": "count"}
    ),
    pathmodel.bootstrap_loop: Call(
        {"model": RING, "data": TABLE, "n_boot": 100, "confidence": 0.9, "seed": 1},
        MODEL | SEEDED | {"confidence": "level"},
    ),
    simulation.draw_covariances: Call(
        {"truth": MATRIX, "n": N, "worlds": 2, "rng": rng},
        {"truth": "matrix", "n": "count", "worlds": "count", "rng": ""},
    ),
    simulation.draw_fields: Call(
        {"places": PLACES, "reach": 200.0, "worlds": 2, "count": 2, "rng": rng},
        {"places": "coordinates", "reach": "positive", "worlds": "count", "count": "count"}
        | {"rng": ""},
    ),
    simulation.correlations: Call({"values": WORLDS}, {"values": "columns"}),
    simulation.count_false_marks: Call(
        {"values": WORLDS, "alpha": 0.05, "groups": [0, 0, 1, 1]},
        {"values": "columns", "alpha": "level", "groups": "array"},
    ),
    simulation.rates: Call(
        {"hits": TABLE[["a"]] > 10, "confidence": 0.9}, {"hits": "numbers", "confidence": "level"}
    ),
    simulation.means: Call(
        {"values": TABLE, "confidence": 0.9}, {"values": "sparse", "confidence": "level"}
    ),
    simulation.ratio: Call(
        {"part": CLUSTERS, "whole": CLUSTERS + 1, "confidence": 0.9},
        {"part": "aligned", "whole": "aligned", "confidence": "level"},
    ),
    simulation.fit_recursive: Call(
        {"model": CHAIN, "S": STACK, "names": list("abcd"), "n": N},
        {"model": "", "S": "stack", "names": "", "n": "count"},
    ),
    simulation.regress_many: Call(
        {"S": STACK, "causes": [0, 1], "n": N, "confidence": 0.9},
        {"S": "stack", "causes": "places of columns", "n": "count", "confidence": "level"},
    ),
    simulation.equal_effects: Call(
        {"R": MATRIX, "explained": 0.5},
        {"R": "square", "explained": "level"},
        ("covariance matrix",),
    ),
    simulation.cover_effects: Call(
        {"truth": TRUTH, "outcome": "c", "n": 20, "worlds": 2, "n_boot": 100}
        | {"confidence": 0.9, "seed": 1},
        {"truth": "", "outcome": "word", "n": "count", "worlds": "count", "confidence": "level"}
        | SEEDED,
    ),
    simulation.power_of_correlation: Call(
        {"r": 0.4, "n": N, "alpha": 0.05, "controls": 1},
        {"r": "number", "n": "count", "alpha": "level", "controls": "whole"},
    ),
    simulation.least_correlation: Call(
        {"n": N, "alpha": 0.05, "power": 0.8, "controls": 1},
        {"n": "count", "alpha": "level", "power": "level", "controls": "whole"},
    ),
    simulation.judge_loops: Call(
        {"model": RING, "S": STACK, "n": N, "alpha": 0.05, "cfi": 0.9},
        {"model": "", "S": "stack", "n": "count", "alpha": "level", "cfi": "number"},
    ),
    simulation.search_loops: Call(
        {"model": RING, "values": np.stack([WORLDS, WORLDS[::-1]], -1), "alpha": 0.05, "cfi": 0.9},
        {"model": "", "values": "columns", "alpha": "level", "cfi": "number"},
    ),
    specifications.measure: Call(
        {"claim": {"rule": "every"}, "value": "[1, 2]"}, {"claim": "", "value": "word"}
    ),
    specifications.list_choices: Call(
        {"rows": SWEEP, "parameters": ["x"]}, {"rows": "", "parameters": ""}
    ),
    specifications.acting_choices: Call(
        {"rows": SWEEP, "choices": ["x"]}, {"rows": "", "choices": "columns named"}, ("rows",)
    ),
    specifications.explained: Call(
        {"rows": SWEEP, "choices": ["x"]}, {"rows": "sparse", "choices": "columns named"}, ("rows",)
    ),
    pathmodel.fit_model: Call(
        {"model": CHAIN, "data": TABLE} | WORDS,
        MODEL | WORD,
    ),
    pathmodel.fit_moments: Call(
        {"model": CHAIN, "sample": MATRIX, "n": N} | WORDS,
        {"model": "", "sample": "square", "n": "count"} | WORD,
        ("covariance matrix",),
    ),
    pathmodel.fit_from_starts: Call(
        {"model": CHAIN, "data": TABLE, "starts": 2, "seed": 1} | WORDS,
        MODEL | {"starts": "count", "seed": "seed"} | WORD,
    ),
    pathmodel.identify: Call(
        {"model": CHAIN, "seed": 1, "exogenous": "correlated"},
        {"model": "", "seed": "seed", "exogenous": "word"},
    ),
    pathmodel.fit_indices: Call({"fit": FIT}, {"fit": ""}),
    pathmodel.swain: Call({"fit": FIT}, {"fit": ""}),
    pathmodel.effects: Call(
        {"fit": FIT, "outcome": "d", "confidence": 0.9},
        {"fit": "", "outcome": "optional word", "confidence": "level"},
    ),
    pathmodel.d_separation: Call(
        {"model": CHAIN, "data": TABLE, "exogenous": "correlated"}, MODEL | {"exogenous": "word"}
    ),
    pathmodel.collinearity: Call({"model": CHAIN, "data": TABLE}, MODEL),
    pathmodel.bootstrap_effects: Call(
        {"model": CHAIN, "data": TABLE, "outcome": "d", "n_boot": 100, "confidence": 0.9}
        | {"seed": 1, "exogenous": "correlated", "blocks": CLUSTERS},
        MODEL
        | SEEDED
        | {"outcome": "word", "confidence": "level", "exogenous": "word", "blocks": "labels"},
    ),
    pathmodel.bollen_stine: Call(
        {"model": CHAIN, "data": TABLE, "n_boot": 100, "seed": 1, "exogenous": "correlated"},
        MODEL | SEEDED | {"exogenous": "word"},
    ),
    pathmodel.influence: Call(
        {"model": CHAIN, "data": TABLE, "outcome": "d", "exogenous": "correlated"},
        MODEL | {"outcome": "word", "exogenous": "word"},
    ),
    pathmodel.rank_stability: Call({"draws": BOOTSTRAP.draws}, {"draws": "numbers"}),
    pathmodel.order_agreement: Call(
        {"bootstrap": BOOTSTRAP, "positive": ["a", "b"]},
        {"bootstrap": "", "positive": "names"},
        ("order",),
    ),
    implied_sample: Call(
        PRINTED | {"variables": 4, "digits": 2, "paths": 4},
        dict.fromkeys(PRINTED, "number")
        | {"variables": "count", "digits": "whole", "paths": "optional"},
        ("arrows",),
    ),
    bound_discrepancy: Call(
        {"gfi": 0.9, "variables": 4, "digits": 3},
        {"gfi": "number", "variables": "count", "digits": "whole"},
    ),
    chi2_indices: Call(
        {"chi2": 5.0, "df": 3, "scale": 29}, {"chi2": "number", "df": "whole", "scale": "count"}
    ),
    baseline_indices: Call(
        {"chi2": np.array([5.0, 6.0]), "df": 3, "chi2_b": np.array([50.0, 60.0]), "df_b": 6},
        {"chi2": "array", "df": "whole", "chi2_b": "array", "df_b": "count"},
    ),
}
OTHERS = {
    rmsea: "of numbers that were checked",
    associations.correlation_p: "of numbers that were checked",
    associations.left_over: "of a table that was checked",
    loop.choose_nodes: "reads a text",
    loop.read_loop: "reads a file",
    phases.load_phases: "takes nothing",
    phases.load_links: "takes nothing",
    phases.list_markers: "takes the table of phases of this book",
    phases.gather_links: "takes the table of links of this book",
    reprint.load_published_loop: "takes nothing",
    respiration.read_respiration: "reads a file",
    respiration.read_equations: "reads a file",
    respiration.screen_records: "sorts out words of a file that was read",
    simulation.read_truth: "reads a text",
    simulation.print_rate: "prints a row",
    specifications.load_sweep: "reads a file",
    pathmodel.effect_pairs: "of a model alone",
    pathmodel.effects_on: "of covariances of a table that was checked",
    pathmodel.parse_model: "reads a text",
    pathmodel.read_model: "reads a file",
    pathmodel.spatial_separation: "checks as d_separation and effective_sizes",
}


def test_every_public_function_of_the_statistics_is_here():
    public = {
        each
        for module in MODULES
        for name, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == module.__name__ and name[0] != "_"
    }
    public |= {
        each
        for name in pathmodel.__all__
        if isinstance(each := getattr(pathmodel, name), FunctionType)
    }
    assert not public - set(CALLS) - set(OTHERS)
    for function, call in CALLS.items():
        known = set(inspect.signature(function).parameters)
        assert set(call.arguments) <= known, function
        assert set(call.kinds) == set(call.arguments), function
        assert known - set(call.arguments) <= {"mark", "claims", "negative", "decimals"}, function


def fresh(call: Call) -> dict:
    return {name: each() if callable(each) else each for name, each in call.arguments.items()}


# Faults


def in_place(value: object) -> Callable:
    """Return what writes a value into the fourth place of the first column."""

    def spoil(table):
        table = table.astype(object).copy()
        if isinstance(table, pd.DataFrame):
            table.iloc[3, 0] = value
        else:
            table.iloc[3] = value
        return table

    return spoil


def column(make: Callable) -> Callable:
    """Return what replaces the first column."""

    def spoil(table):
        if isinstance(table, pd.Series):
            return make(table)
        return table.assign(**{table.columns[0]: make(table.iloc[:, 0])})

    return spoil


def some_dates(like: pd.Series) -> pd.Series:
    return pd.Series(pd.date_range("1990", periods=len(like)), like.index, name=like.name)


NO_NUMBERS = {
    "inf": in_place(np.inf),
    "-inf": in_place(-np.inf),
    "text": in_place("high"),
    "a column of text": column(lambda x: x.astype(str) + " m"),
    "dates": column(some_dates),
    "one date": in_place(pd.Timestamp("2020")),
    "durations": column(lambda x: some_dates(x) - pd.Timestamp("1980")),
    "complex": column(lambda x: x * 1j),
    "a list": in_place([1, 2]),
}
GAP = {"a gap": in_place(np.nan), "None": in_place(None), "NA": in_place(pd.NA)}
ORDER = {
    "other order": lambda table: table[::-1],
    "other sites": lambda table: table.set_axis([f"T{k}" for k in range(len(table))]),
    "fewer sites": lambda table: table[1:],
}
CONSTANT = {
    "constant": column(lambda x: x * 0 + 5),
    "no rows": lambda table: table[:0],
}
DOUBLED = {"a column twice": lambda table: pd.concat([table, table.iloc[:, :1]], axis=1)}
DEGREES = {
    "too far north": lambda places: places.assign(latitude=91.0),
    "too far east": lambda places: places.assign(longitude=361.0),
    "no latitude": lambda places: places.drop(columns="latitude"),
}
NO_NUMBER = {
    repr(value): lambda _, value=value: value
    for value in (np.nan, np.inf, "x", 1j, pd.Timestamp("2020"), [3], True)
}
NO_WHOLE = NO_NUMBER | {"2.5": lambda _: 2.5, "-1": lambda _: -1, "None": lambda _: None}
NO_ARRAY = {
    **{
        f"{value} in it": lambda array, value=value: _put(array, value)
        for value in (np.nan, np.inf)
    },
    "complex numbers": lambda array: np.asarray(array) * 1j,
    "text": lambda array: np.char.add(np.asarray(array).astype(str), " m"),
    "dates": lambda array: np.full(np.shape(array), np.datetime64("2020-01-01")),
}


def _put(array: object, value: float) -> np.ndarray:
    array = np.array(array, float)
    array.flat[1] = value
    return array


def not_alike(square):
    square = np.array(square, float)
    square[..., 0, 1] += 0.5
    return square


def framed(change: Callable) -> Callable:
    return lambda table: pd.DataFrame(change(table), table.index, table.columns)


SQUARE = {**NO_ARRAY, "not symmetric": not_alike, "no variance": lambda S: np.array(S) * 0}
KINDS: dict[str, dict[str, Callable]] = {
    "": {},
    "sites": NO_NUMBERS | GAP | ORDER | CONSTANT,
    "varying": NO_NUMBERS | GAP | CONSTANT | DOUBLED,
    "aligned": NO_NUMBERS | GAP | ORDER,
    "numbers": NO_NUMBERS | GAP,
    "sparse": NO_NUMBERS,
    "ordered": {**NO_NUMBERS, "other order": ORDER["other order"], "fewer": ORDER["fewer sites"]},
    "shares": NO_NUMBERS | {"above 1": in_place(1.5), "below 0": in_place(-0.1)},
    "places": NO_NUMBERS | GAP | ORDER | DEGREES,
    "coordinates": NO_NUMBERS | GAP | DEGREES,
    "order": ORDER,
    "labels": ORDER | GAP,
    "level": {
        **NO_NUMBER,
        **{repr(v): lambda _, v=v: v for v in (0, 1, -0.1, 1.5, 95, None)},
    },
    "number": NO_NUMBER,
    "positive": NO_NUMBER | {"0": lambda _: 0, "-1": lambda _: -1},
    "whole": NO_WHOLE,
    "seed": NO_WHOLE,
    "count": NO_WHOLE | {"0": lambda _: 0},
    "draws": NO_WHOLE | {"0": lambda _: 0, "99": lambda _: 99},
    "word": {repr(v): lambda _, v=v: v for v in ("nonsense", 3, None, ["a"], np.nan)},
    "names": {
        "unknown": lambda names: [*names, "nobody"],
        "twice": lambda names: [*names, names[0]],
    },
    "optional word": {"unknown": lambda _: "nonsense", "3": lambda _: 3, "NaN": lambda _: np.nan},
    "columns named": {"unknown": lambda names: [*names, "nobody"]},
    "optional": {fault: spoil for fault, spoil in NO_WHOLE.items() if fault != "None"},
    "places of columns": {repr(v): lambda _, v=v: v for v in ([7], [-1], [0.5], ["x"], [3])},
    "array": NO_ARRAY,
    "columns": {**NO_ARRAY, "constant": lambda array: array * 0 + 5, "one axis": np.ravel},
    "series": {
        **NO_ARRAY,
        "constant": lambda annual: annual * 0 + 5,
        "years in another order": lambda annual: annual[::-1],
        "a year missing": lambda annual: annual.drop_isel(year=4),
        "few years": lambda annual: annual[:9],
    },
    "matrix": {name: framed(change) for name, change in NO_ARRAY.items()},
    "stack": SQUARE,
    "square": {
        **{name: framed(change) for name, change in SQUARE.items()},
        "another name": lambda R: R.rename(columns={"a": "z"}),
    },
}
FAULTS = [
    pytest.param(function, name, spoil, id=f"{function.__name__}-{name}-{fault}")
    for function, call in CALLS.items()
    for name, kind in call.kinds.items()
    for fault, spoil in KINDS[kind].items()
]


@pytest.mark.parametrize(("function", "name", "spoil"), FAULTS)
def test_a_fault_in_any_argument_is_refused_by_its_name(function, name, spoil):
    call = CALLS[function]
    arguments = fresh(call)
    given_one = arguments[name]
    spoiled = spoil(given_one)
    if isinstance(given_one, xr.DataArray) and isinstance(spoiled, np.ndarray):
        spoiled = given_one.copy(data=spoiled)
    with warnings.catch_warnings(action="error"), pytest.raises(InputError) as refusal:
        function(**{**arguments, name: spoiled})
    columns = getattr(given_one, "columns", [])
    places = [name, *call.names, *map(repr, columns), *(set(call.kinds) - {name})]
    assert any(place in refusal.value.where for place in places), str(refusal.value)


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_what_is_right_is_taken_in_any_type(function):
    call = CALLS[function]
    plain = numbers(function(**fresh(call)))
    for name, kind in call.kinds.items():
        for other in SAME.get(kind, []):
            changed = fresh(call)
            changed[name] = other(changed[name])
            for one, same in zip(plain, numbers(function(**changed)), strict=True):
                np.testing.assert_allclose(one, same, rtol=1e-12, atol=1e-12, err_msg=name)


def typed(name: str) -> Callable:
    return lambda table: table.astype(name)


TABLES = [
    typed("Float64"),
    typed(object),
    lambda table: table.map(Decimal) if table.dtypes is not bool else table,
    lambda table: table.map(repr),
]
NUMBERS = [np.float64, np.array, Decimal]
WHOLE = [float, np.int64, np.float32, np.array, Decimal]
SAME = {
    **dict.fromkeys(["sites", "varying", "places", "coordinates"], TABLES),
    **dict.fromkeys(["whole", "seed", "count", "draws"], WHOLE),
    **dict.fromkeys(["level", "number", "positive"], NUMBERS),
    "order": [list, typed("category"), np.asarray],
    "labels": [list, typed("category"), typed("Int64"), typed(str)],
    "array": [lambda array: np.asarray(array).tolist()],
}


def numbers(result: object) -> list[np.ndarray]:
    """Return all numbers of a result, in order."""
    if is_dataclass(result):
        result = [getattr(result, each.name) for each in fields(result)]
    if isinstance(result, pd.DataFrame):
        result = [values for _, values in result.items()]
    if isinstance(result, dict | xr.Dataset):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [number for part in result for number in numbers(part)]
    array = np.asarray(result)
    return [array.astype(float)] if array.dtype.kind in "biuf" else []


# What must not matter


SHUFFLED = [
    associations.correlate,
    associations.effective_sizes,
    associations.moran_correlogram,
    gradients.fit_gradients,
    gradients.spatial_slopes,
    gradients.spatial_gradients,
    comparisons.compare_pairs,
    comparisons.compare_means,
    comparisons.response_ratios,
    clusters.cluster_regression,
    clusters.pool_equations,
    loop.find_loop,
    pathmodel.fit_model,
    pathmodel.d_separation,
    pathmodel.collinearity,
]


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(N)))
@pytest.mark.parametrize("function", SHUFFLED, ids=lambda function: function.__name__)
def test_the_order_of_the_sites_changes_nothing(function, order):
    arguments = fresh(CALLS[function])
    turned = {
        name: each.iloc[list(order)] if isinstance(each, NDFrame) and len(each) == N else each
        for name, each in arguments.items()
    }
    for one, same in zip(numbers(function(**arguments)), numbers(function(**turned)), strict=True):
        np.testing.assert_allclose(same, one, rtol=1e-6, atol=1e-9)


UNITS = st.sampled_from([1e-30, 1e-9, 1e9, 1e30])
FREE = {
    associations.correlate: ["left", "right", "given"],
    associations.effective_sizes: ["left", "right"],
    associations.moran_correlogram: ["table"],
    associations.count_by_chance: ["left", "right"],
    gradients.fit_gradients: ["elevation", "factors"],
    gradients.spatial_slopes: ["predictor", "factors", "given"],
    gradients.spatial_gradients: ["elevation", "factors", "given"],
    comparisons.compare_pairs: ["values"],
    comparisons.compare_means: ["values"],
    comparisons.response_ratios: ["values"],
}
IN_UNITS = ["slope", "slope_low", "slope_high", "vertex", "mean_first", "mean_second"]
IN_UNITS += ["difference", "low", "high", "estimate"]


@settings(max_examples=10, deadline=None)
@given(st.data())
@pytest.mark.parametrize("function", FREE, ids=lambda function: function.__name__)
def test_units_however_far_off_change_no_correlation_and_no_p(function, data):
    arguments = fresh(CALLS[function])
    units = {name: data.draw(UNITS) for name in FREE[function]}
    scaled = {name: arguments[name] * unit for name, unit in units.items()}
    plain, other = function(**arguments), function(**{**arguments, **scaled})
    if isinstance(plain, pd.DataFrame) and function is not comparisons.response_ratios:
        in_units = plain.columns.intersection(IN_UNITS)
        plain, other = (table.drop(columns=in_units) for table in (plain, other))
    for one, same in zip(numbers(plain), numbers(other), strict=True):
        np.testing.assert_allclose(same, one, rtol=1e-6, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(UNITS)
def test_units_of_slopes_and_means_are_those_of_the_factors(unit):
    calls = [
        (gradients.fit_gradients, "factors", ["slope", "slope_low", "slope_high"]),
        (gradients.spatial_gradients, "factors", ["slope", "slope_low", "slope_high"]),
        (comparisons.compare_pairs, "values", ["mean_first", "difference", "low", "high"]),
    ]
    for function, name, columns in calls:
        arguments = fresh(CALLS[function])
        expected = function(**arguments)[columns] * unit
        found = function(**{**arguments, name: arguments[name] * unit})[columns]
        np.testing.assert_allclose(found / unit, expected / unit, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e100, 1e150, 1e155])
@pytest.mark.parametrize(
    "function",
    [pathmodel.fit_model, pathmodel.d_separation, pathmodel.bootstrap_effects, loop.find_loop],
)
def test_path_models_give_the_same_effects_in_any_unit_or_refuse_it(function, unit):
    arguments = fresh(CALLS[function])

    def standardized(result):
        if isinstance(result, loop.LoopFit):
            result = result.stable
        table = getattr(result, "estimates", getattr(result, "table", None))
        table = result.claims[["r", "p"]] if table is None else table
        return table.get("standardized", table)

    expected = standardized(function(**arguments))
    scaled = {**arguments, "data": TABLE * unit}
    if unit == 1e155:
        with pytest.raises(InputError, match="choose another unit"):
            function(**scaled)
    else:
        np.testing.assert_allclose(standardized(function(**scaled)), expected, rtol=1e-6)


# What the issue names


def test_a_gap_in_a_coordinate_does_not_make_sites_independent():
    gap = PLACES.copy()
    gap.iloc[4, 0] = np.nan
    with pytest.raises(InputError, match=r"column 'longitude'(.|\n)*from -180 to 360(.|\n)*S4"):
        associations.effective_sizes(AB, CD, gap)


def test_a_control_that_others_determine_costs_no_site():
    twice = EF.assign(sum=EF["e"] - 3 * EF["f"] + 7, copy=EF["e"] * 1e6)
    pd.testing.assert_frame_equal(
        associations.correlate(AB, CD, given=twice), associations.correlate(AB, CD, given=EF)
    )
    arguments = fresh(CALLS[gradients.spatial_gradients])
    pd.testing.assert_frame_equal(
        gradients.spatial_gradients(**arguments | {"given": twice}),
        gradients.spatial_gradients(**arguments),
        rtol=1e-6,
    )


def test_a_control_may_have_any_name():
    arguments = fresh(CALLS[gradients.spatial_gradients])
    named = EF.set_axis(["line", "bend"], axis="columns")
    pd.testing.assert_frame_equal(
        gradients.spatial_gradients(**arguments | {"given": named}),
        gradients.spatial_gradients(**arguments),
    )


def test_two_elevations_have_a_line_and_no_parabola():
    two = (ELEVATION > 4000).map({True: 4500.5, False: 3000.1})
    found = gradients.fit_gradients(two, AB)
    bent = ["delta_aicc", "p_curvature", "vertex", "p_peak", "p_dip"]
    assert found[bent].isna().all(axis=None)
    assert found.drop(columns=bent).notna().all(axis=None)
    assert set(gradients.describe_shape(found)) <= {"rises", "falls", "no clear trend"}
    near = gradients.spatial_gradients(two, AB, PLACES)
    assert near[["p_curvature", "p_peak", "p_dip"]].isna().all(axis=None)
    assert near[["slope", "p"]].notna().all(axis=None)
    three = two.mask(np.arange(N) == 5, 3900)
    assert gradients.fit_gradients(three, AB).notna().all(axis=None)
    assert gradients.spatial_gradients(three, AB, PLACES).notna().all(axis=None)


def test_all_faults_of_a_call_are_told_together():
    bad = AB.assign(flat=1.0, note="high")[::-1]
    bad.iloc[2, 0] = np.nan
    with pytest.raises(InputError) as refusal:
        associations.correlate(AB, bad)
    for word in ("right", "order", "'a'", "a gap at S21", "'flat'", "1 at every", "'high' at"):
        assert word in str(refusal.value)


def test_effective_sizes_must_be_there_for_every_pair():
    sizes = associations.effective_sizes(AB, CD, PLACES)
    for bad in (sizes[1:], sizes.replace(sizes.iloc[0], np.nan), -sizes, sizes.iloc[0]):
        with pytest.raises(InputError, match="'sizes'"):
            associations.correlate(AB, CD, sizes=bad)


def test_pairs_are_put_into_no_other_order():
    r = associations.correlate(TABLE)["r"]
    with pytest.raises(InputError, match="order of correlate"):
        associations.as_matrix(r.sort_values())


@pytest.mark.parametrize("seed", range(3))
def test_morans_i_keeps_within_the_eigenvalues_of_its_weights(seed):
    """With z along the extreme eigenvectors of a class it is what the docstring says."""
    places = PLACES.sample(9, random_state=seed)
    km = squareform(associations.pair_distances(places))
    edges = associations.moran_correlogram(AB.loc[places.index], places, classes=6).columns
    centre = np.eye(9) - 1 / 9
    lowest = []
    for k, edge in enumerate(edges):
        below = edges[k - 1] if k else 0
        w = ((km <= edge * (1 + 1e-12)) & (km > below * (1 + 1e-12))).astype(float)
        values, vectors = np.linalg.eigh(centre @ w @ centre)
        for at in (0, -1):
            table = pd.DataFrame({"z": vectors[:, at]}, places.index)
            found = associations.moran_correlogram(table, places, classes=6).iloc[0, k]
            assert found == pytest.approx(9 / w.sum() * values[at])
        lowest.append(9 / w.sum() * values[0])
    assert min(lowest) < -1


# The checks themselves


def test_unit_of_is_exact_and_leaves_usual_numbers_as_they_are():
    values = np.array([[1e200, 3e-200, 4500, 0.01, 0, 1.7e308, 5e-324]])
    unit = unit_of(values)
    assert (values / unit * unit == values).all()
    assert (np.abs(values / unit) <= 1e6).all()
    assert unit[2:5].tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.float32(3), np.array(3), Decimal(3)])
def test_a_whole_number_may_have_any_type(value):
    whole = check_whole("n", value)
    assert (whole, type(whole)) == (3, int)


def test_a_number_has_its_range_in_the_refusal():
    for low, high, words in ((0, 1, " from 0 to 1"), (2, np.inf, ", at least 2")):
        with pytest.raises(InputError, match=f"a number{words}"):
            check_number("x", -3, low, high)
        with pytest.raises(InputError, match=f"a whole number{words} of them"):
            check_whole("x", -3, low, high, of="of them")
    assert check_number("x", np.float32(0.5), 0, 1) == 0.5
    assert check_whole("x", 10**30) == 10**30
    with pytest.raises(InputError, match="inf"):
        check_number("x", 10**400)


def test_a_list_counts_in_the_order_of_the_table_beside_it():
    one, other = check_sites(first=list(ELEVATION), second=AB)
    pd.testing.assert_series_equal(one["first"], ELEVATION, check_names=False)
    pd.testing.assert_frame_equal(other, AB)
    assert check_labels("group", list(GROUPS), SITES).equals(GROUPS.rename(None))
    with pytest.raises(InputError, match="second"):
        check_sites(first=AB, second=[1.0, 2.0])
    with pytest.raises(InputError, match="a table or a column"):
        check_sites(first=AB, second=3)


def test_truth_values_and_spelled_numbers_count_in_a_column():
    table = pd.DataFrame({"yes": [True, False], "said": ["1.5", " 2e3"]})
    assert check_numbers(table).to_numpy().tolist() == [[1, 1.5], [0, 2000]]


@given(st.lists(st.floats() | st.none() | st.text(max_size=3) | st.integers() | st.booleans()))
def test_any_column_is_numbers_or_is_refused(values):
    table = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    with suppress(InputError):
        found = check_numbers(table)["x"]
        assert np.isfinite(found).all()
        assert found.nunique() > 1


@given(st.recursive(st.floats() | st.none() | st.text() | st.integers(), st.lists, max_leaves=4))
def test_anything_is_a_level_a_word_and_a_number_or_is_refused(value):
    checks = [
        lambda: check_level("x", value, 0.5),
        lambda: check_word("x", value, ("a", "b")),
        lambda: check_number("x", value),
        lambda: check_whole("x", value),
        lambda: check_array("x", np.array(value, object), "..."),
    ]
    for check in checks:
        with suppress(InputError):
            check()
