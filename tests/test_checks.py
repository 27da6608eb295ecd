"""Whatever is wrong with the input of a statistic, it is refused by name; what is right is taken.

What a parameter takes is told by its name, in TAKES, and by OWN where a function takes something
else under that name. Of each parameter a few faults are tried, to see that it is checked at all;
that a check refuses all that it should is tried on the checks themselves.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pandas.core.generic import NDFrame
from scipy.spatial.distance import squareform

from helpers import paper, pathmodel, statistics
from helpers.checks import (
    check_array,
    check_labels,
    check_level,
    check_number,
    check_numbers,
    check_sites,
    check_whole,
    check_word,
)
from helpers.errors import InputError
from tests.test_site_sets import SMALL

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
CHAIN = pathmodel.parse_model("b ~ a\nc ~ b\nd ~ b + c")
RING = pathmodel.parse_model("b ~ a\nc ~ b\nd ~ c\na ~ d")
DEFINED = pathmodel.parse_model("b ~ k*a\nd ~ l*b\nkl := k * l")
MATRIX = TABLE[["a", "b", "c", "d"]].corr()
STACK = np.stack([TABLE[["a", "b", "c", "d"]].cov().to_numpy()] * 2)
WORLDS = RNG.standard_normal((3, N, 4))
SERIES = xr.DataArray(
    RNG.standard_normal(30), dims="year", coords={"year": np.arange(1990, 2020)}, name="annual"
)
MODELS = xr.DataArray([1.0, 2.0, 4.0], dims="model", coords={"model": list("xyz")})
EQUATIONS = pd.DataFrame(
    {"beta": RNG.uniform(0.05, 0.1, N), "alpha": RNG.uniform(0.5, 2, N)}, SITES
)
SWEEP = pd.DataFrame(
    {"estimate": RNG.standard_normal(8), "value": list("12345678"), "x": [0, 1] * 4}
)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@cache
def chain() -> pathmodel.PathFit:
    return pathmodel.fit_model(CHAIN, TABLE)


def pairs(*tables: pd.DataFrame) -> pd.DataFrame:
    return statistics.correlate(*tables)


def loop(number: int):
    """Return the published loop: its model, its coefficients, its indices."""
    paths, indices = paper.load_published_loop()
    text = "\n".join(f"{to} ~ {cause}" for cause, to in paths.index)
    return [pathmodel.parse_model(text), paths, indices][number]


TAKES: dict[str, dict[str, object]] = {  # by kind: parameters, and a value or what makes one
    "": {"known": ["low", "middle", "high"], "ensemble": MODELS, "model": CHAIN, "rng": rng}
    | {"fits": lambda: statistics.fit_gradients(ELEVATION, AB), "fit": chain}
    | {"rows": SWEEP},
    "level": {"confidence": 0.9, "alpha": 0.1, "explained": 0.5, "power": 0.8},
    "number": {"r": 0.4, "chi2": 5.0, "chi2_df": 1.5, "rmsea": 0.1}
    | {"gfi": 0.95, "nfi": 0.94, "cfi": 0.98},
    "positive": {"reach": 200.0},
    "count": dict.fromkeys(["times", "classes", "variables", "starts", "scale"], 4)
    | {"worlds": 2, "count": 2, "n": N},
    "whole": {"seed": 2, "steps": 2, "controls": 2, "digits": 3, "decimals": 2, "df": 3},
    "draws": {"n_boot": 100},
    "optional": {"paths": 4},
    "sites": dict.fromkeys(["left", "factors", "markers", "table", "values"], AB)
    | {"right": CD, "causes": CD, "given": EF}
    | dict.fromkeys(["elevation", "predictor", "top"], ELEVATION),
    "varying": {"equations": EQUATIONS, "data": TABLE},
    "places": {"places": PLACES},
    "order": {"groups": GROUPS},
    "labels": {"clusters": CLUSTERS, "blocks": CLUSTERS},
    "names": {"names": ["low", "high"]},
    "columns named": {"choices": ["x"]},
    "word": {"weighting": "families", "outcome": "d", "exogenous": "correlated"}
    | {"convention": "amos", "pushed": "a"},
    "array": {"temperature": np.array([0.0, 9.0]), "change": MODELS}
    | {"coefficients": np.array([0.3, 0.4, 0.5])},
    "series": {"annual": SERIES, "before": SERIES[:12], "after": SERIES[12:]},
    "square": {"R": MATRIX},
    "stack": {"S": STACK},
    "matrix": {"B": lambda: chain().coefficients},
    "shares": {"p": lambda: pairs(AB, CD)["p"]},
    "ordered": {"pairs": lambda: pairs(TABLE)["r"]},
    "sizes": {"sizes": lambda: pairs(AB, CD)["n"] - 3},
    "aligned": {"part": CLUSTERS, "whole": CLUSTERS + 1},
}
A_RING = {"model": (RING, "")}
A_TABLE = {"n": (None, "")}
ONE_GAPPY = {"values": (AB, "gappy")}
TWO_GAPPY = {"left": (AB, "gappy"), "right": (CD, "gappy")}
A_MATRIX = {"data": (MATRIX, "square"), "n": (N, "count")}
OWN: dict[str, dict[str, tuple[object, str]]] = {
    "choose_groups": {"groups": (GROUPS, ""), "wanted": ("low, high", "")},
    "fit_gradients": {"factors": (AB, "gappy")},
    **dict.fromkeys(["compare_pairs", "compare_means"], ONE_GAPPY),
    **dict.fromkeys(["correlate", "effective_sizes"], TWO_GAPPY),
    "control_errors": {"table": (lambda: pairs(AB, CD)[["p"]], "shares")},
    "cluster_regression": {"values": (TABLE["a"], "sites")},
    "pair_distances": {"places": (PLACES, "coordinates")},
    "effects": {"outcome": ("d", "optional word")},
    **dict.fromkeys(["bootstrap_loop", "fit_many", "judge_loops"], A_RING),
    "fit_model": A_TABLE,
    "find_loop": A_RING | A_TABLE,
    "fit_model of a matrix": A_MATRIX,
    "find_loop of a matrix": A_RING | A_MATRIX,
    "d_separation": A_TABLE,
    "d_separation of a matrix": A_MATRIX | {"places": (None, ""), "classes": (5, "")},
    "bootstrap_defined": {"model": (DEFINED, "")},
    "read_moments": {"values": (MATRIX, "square"), "names": (None, "")},
    "read_moments of numbers": {
        "values": (MATRIX.to_numpy(), ""),
        "names": (list("abcd"), "names"),
    },
    "imply_correlations": {"B": (lambda: chain().coefficients.to_numpy(), "array")},
    "matching_correlations": {
        "model": (partial(loop, 0), ""),
        "coefficients": (partial(loop, 1), "numbers"),
        "indices": (partial(loop, 2), ""),
        "draws": (10, "count"),
        "decimals": ((2, 3), ""),
    },
    "draw_covariances": {"truth": (MATRIX, "matrix")},
    "draw_fields": {"places": (PLACES, "coordinates")},
    "count_false_marks": {"values": (WORLDS, "columns"), "groups": ([0, 0, 1, 1], "array")},
    "search_loops": A_RING | {"values": (np.stack([WORLDS, WORLDS[::-1]], -1), "columns")},
    "rates": {"values": (TABLE, "sparse")},
    "fit_recursive": {"names": (list("abcd"), "")},
    "regress_many": {"causes": ([0, 1], "places of columns")},
    "cover_effects": {
        "truth": (lambda: paper.read_truth("b ~ 0.5 a\nc ~ 0.4 b"), ""),
        "outcome": ("c", "word"),
    },
    "explained": {"rows": (SWEEP, "sparse")},
    "randomization_test": {"draws": (100, "draws")},
    "judge_relations": {
        "sites": (TABLE.join(PLACES), ""),
        "relations": (pd.DataFrame({"left": ["a"], "right": ["b"], "sign": 1}), ""),
        "draws": (100, "draws"),
    },
    "least_shown": {"n": (30, "count")},
    "least_in_table": {"found": (7, "count")},
    "match_edges": {"elevation": (ELEVATION, "numbers"), "furthest": (9, "count")},
    "count_site_sets": {"sites": (SMALL, "")},
    "draw_site_sets": {
        "sites": (SMALL, ""),
        "draws": (3, "count"),
        "weighting": ("space", "word"),
        "outside": (0.3, "number"),
    },
    "correlate_in_sets": {
        "sites": (SMALL, ""),
        "pairs": ([("SOC", "pH")], ""),
        "sets": (lambda: paper.draw_site_sets(SMALL, 3), ""),
    },
}
NOTHING_TO_CHECK = {
    "reads a text or a file": "choose_nodes load_claims load_links load_phases "
    "load_published_loop load_choices load_emulators load_emulators_test load_sweep "
    "load_transect parse_model read_loop read_model "
    "read_truth ring_plots",
    "takes what this book made": "answer_effects answer_relations answer_spread answer_verdicts "
    "correlation_p say_spread "
    "count_shown judge_crosses name_relations "
    "effect_pairs effects_on explain_choices judge_effects judge_order kind_of "
    "list_markers list_models plot_effects print_rate published_order select_effects weigh",
    "hands on to another": "fit_group judge_plots name_blocks",
}
STATISTICS = {
    name: each
    for room in (statistics, pathmodel, paper)
    for name in room.__all__
    if inspect.isfunction(each := getattr(room, name))
    and name not in " ".join(NOTHING_TO_CHECK.values()).split()
}
STATISTICS |= {name: STATISTICS[name.split(" of ")[0]] for name in OWN if " of " in name}


def takes(name: str) -> dict[str, tuple[object, str]]:
    """Return what each parameter of a statistic takes: a value and its kind."""
    known = {each: (value, kind) for kind in TAKES for each, value in TAKES[kind].items()}
    known |= OWN.get(name, {})
    parameters = inspect.signature(STATISTICS[name]).parameters
    lacking = {each for each, about in parameters.items() if about.default is about.empty}
    assert lacking <= set(known), f"say in TAKES or OWN what {name} takes"
    return {each: known[each] for each in parameters if each in known}


def arguments(name: str) -> dict:
    """Return arguments that work, fresh ones."""
    values = {each: value for each, (value, _) in takes(name).items()}
    return {each: value() if callable(value) else value for each, value in values.items()}


def in_place(value: object) -> Callable:
    """Return what writes a value into the fourth place of the first column."""

    def spoil(table: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
        table = table.astype(object).copy()
        table.iloc[(3, 0)[: table.ndim]] = value
        return table

    return spoil


def constant(table: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    if isinstance(table, pd.Series):
        return table * 0 + 5
    return table.assign(**{table.columns[0]: 5})


def gap(array: object) -> np.ndarray:
    array = np.array(array, float)
    array.flat[1] = np.nan
    return array


def gaps(square: object) -> np.ndarray:
    square = np.array(square, float)
    square[..., 0, 1] = square[..., 1, 0] = np.nan
    return square


def not_alike(square: np.ndarray) -> np.ndarray:
    square = np.array(square, float)
    square[..., 0, 1] += 0.5
    return square


def framed(change: Callable) -> Callable:
    return lambda table: pd.DataFrame(change(table), table.index, table.columns)


def given_for(*values: object) -> list[Callable]:
    return [lambda _, value=value: value for value in values]


TEXT, GAP = in_place("high"), in_place(np.nan)
REVERSED = [lambda table: table[::-1], lambda table: table[1:]]
FAR = [lambda places: places.assign(latitude=91.0), lambda places: places.drop(columns="latitude")]
MORE = [lambda names: [*names, "nobody"]]
KINDS: dict[str, list[Callable]] = {
    "": [],
    "sites": [TEXT, GAP, constant, *REVERSED],
    "gappy": [TEXT, constant, *REVERSED],
    "varying": [TEXT, GAP, constant],
    "aligned": [TEXT, GAP, *REVERSED],
    "numbers": [TEXT, GAP],
    "sizes": [TEXT, GAP, lambda sizes: sizes[1:], lambda sizes: -sizes],
    "sparse": [TEXT],
    "ordered": [TEXT, *REVERSED],
    "shares": [TEXT, in_place(1.5), in_place(-0.1)],
    "places": [TEXT, GAP, *REVERSED, *FAR],
    "coordinates": [TEXT, GAP, *FAR],
    "order": REVERSED,
    "labels": [GAP, *REVERSED],
    "level": given_for(0, 95, None),
    "number": given_for(np.nan, "x"),
    "positive": given_for(0, -1, "x"),
    "whole": given_for(2.5, -1, None),
    "count": given_for(2.5, 0, None),
    "draws": given_for(2.5, 99, None),
    "optional": given_for(2.5, -1),
    "word": given_for("nonsense", 3, None),
    "optional word": given_for("nonsense", 3),
    "names": [*MORE, lambda names: [*names, names[0]]],
    "columns named": MORE,
    "places of columns": given_for([7], [0.5], ["x"]),
    "array": [gap, lambda array: np.asarray(array).astype(str)],
    "columns": [gap, lambda array: array * 0 + 5, np.ravel],
    "series": [gap, lambda annual: annual * 0 + 5, lambda annual: annual.drop_isel(year=4)],
    "matrix": [framed(gap)],
    "stack": [gap, not_alike, lambda S: S * 0],
    "square": [framed(gaps), framed(not_alike), lambda R: R.rename(columns={"a": "z"})],
}
OTHER_WORDS = ("zone", "group", "year", "trend in time", "matrix", "arrows", "order", "path model")
OTHER_WORDS += ("annual means",)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_fault_in_any_argument_is_refused_by_its_name(name):
    right, kinds = arguments(name), {each: kind for each, (_, kind) in takes(name).items()}
    for each, kind in kinds.items():
        places = [each, *OTHER_WORDS, *map(repr, getattr(right[each], "columns", [])), *right]
        for spoil in KINDS[kind]:
            spoiled = spoil(right[each])
            if isinstance(right[each], xr.DataArray) and isinstance(spoiled, np.ndarray):
                spoiled = right[each].astype(spoiled.dtype).copy(data=spoiled)
            spoiled = arguments(name) | {each: spoiled}
            with warnings.catch_warnings(action="error"), pytest.raises(InputError) as refusal:
                STATISTICS[name](**spoiled)
            assert any(place in refusal.value.where for place in places), str(refusal.value)


SAME: dict[str, Callable] = {  # the same in another type
    **dict.fromkeys(["sites", "varying", "places", "coordinates"], lambda table: table.map(repr)),
    **dict.fromkeys(["whole", "count", "draws"], lambda number: np.array(float(number))),
    **dict.fromkeys(["level", "number", "positive"], lambda number: Decimal(repr(number))),
    "order": list,
    "labels": lambda labels: labels.astype("category"),
    "array": lambda array: np.asarray(array).tolist(),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_what_is_right_is_taken_in_any_type(name):
    changed = arguments(name)
    for each, (_, kind) in takes(name).items():
        changed[each] = SAME.get(kind, lambda same: same)(changed[each])
    assert_alike(STATISTICS[name](**changed), STATISTICS[name](**arguments(name)), 1e-12, 1e-12)


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


def assert_alike(result: object, expected: object, rtol=1e-6, atol=1e-9) -> None:
    for one, other in zip(numbers(result), numbers(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


# What must not matter: the order of the sites, and the units


UNITS = {  # what may be in any unit
    "correlate": ["left", "right", "given"],
    "effective_sizes": ["left", "right"],
    "moran_correlogram": ["table"],
    "fit_gradients": ["elevation", "factors", "given"],
    "spatial_slopes": ["predictor", "factors", "given"],
    "compare_pairs": ["values"],
    "compare_means": ["values"],
    "cluster_regression": ["values", "causes"],
}
BY_SITE = [*UNITS, "pool_equations", "fit_model", "d_separation"]
IN_UNITS = ["slope", "slope_low", "slope_high", "difference", "low", "high", "estimate"]


@pytest.mark.parametrize("name", sorted(set(BY_SITE) & set(STATISTICS)))
def test_the_order_of_the_sites_changes_nothing(name):
    order = np.random.default_rng(3).permutation(N)
    turned = {
        each: value.iloc[order] if isinstance(value, NDFrame) and len(value) == N else value
        for each, value in arguments(name).items()
    }
    assert_alike(STATISTICS[name](**turned), STATISTICS[name](**arguments(name)))


@pytest.mark.parametrize("units", [(1e-30, 1e9, 1e30), (1e15, 1e-15, 1e-9)])
@pytest.mark.parametrize("name", sorted(set(UNITS) & set(STATISTICS)))
def test_units_however_far_off_change_no_correlation_and_no_p(name, units):
    scaled = arguments(name)
    for each, unit in zip(UNITS[name], units, strict=False):
        scaled[each] = scaled[each] * unit
    plain, other = (STATISTICS[name](**each) for each in (arguments(name), scaled))
    plain, other = (table.drop(columns=IN_UNITS, errors="ignore") for table in (plain, other))
    assert_alike(other, plain)


@pytest.mark.parametrize("unit", [1e-30, 1e9])
def test_units_of_slopes_and_means_are_those_of_the_factors(unit):
    calls = [
        ("fit_gradients", "factors", ["slope", "slope_low", "slope_high"]),
        ("compare_pairs", "values", ["difference", "low", "high"]),
        ("cluster_regression", "values", ["estimate", "low", "high"]),
    ]
    for name, each, columns in calls:
        right = arguments(name)
        expected = STATISTICS[name](**right)[columns]
        found = STATISTICS[name](**right | {each: right[each] * unit})[columns]
        np.testing.assert_allclose(found / unit, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["fit_model", "d_separation", "bootstrap_effects"])
def test_path_models_give_the_same_effects_in_any_unit_or_refuse_it(name):
    def standardized(unit: float):
        result = STATISTICS[name](**arguments(name) | {"data": TABLE * unit})
        if name == "d_separation":
            return result.claims[["r", "p"]]
        return result.table if name == "bootstrap_effects" else result.estimates["standardized"]

    for unit in (1e-150, 1e150):
        np.testing.assert_allclose(standardized(unit), standardized(1), rtol=1e-6)
    with pytest.raises(InputError, match="choose another unit"):
        standardized(1e155)


# What single statistics refuse or take


def test_a_control_that_others_determine_costs_no_site_and_may_have_any_name():
    twice = EF.assign(sum=EF["e"] - 3 * EF["f"] + 7, copy=EF["e"] * 1e6)
    named = EF.set_axis(["line", "bend"], axis="columns")
    for statistic in (
        partial(statistics.correlate, AB, CD),
        partial(statistics.fit_gradients, ELEVATION, AB, places=PLACES),
    ):
        plain = statistic(given=EF)
        pd.testing.assert_frame_equal(statistic(given=named), plain)
        pd.testing.assert_frame_equal(statistic(given=twice), plain, rtol=1e-6)


def test_two_elevations_have_a_line_and_no_parabola():
    two = (ELEVATION > 4000).map({True: 4500.5, False: 3000.1})
    found = statistics.fit_gradients(two, AB)
    bent = ["delta_aicc", "p_curvature", "p_peak", "p_dip"]
    assert found[bent].isna().all(axis=None)
    assert found.drop(columns=bent).notna().all(axis=None)
    assert set(statistics.describe_shape(found)) <= {"rises", "falls", "no clear trend"}
    near = statistics.fit_gradients(two, AB, places=PLACES)
    assert near[["p_curvature", "p_peak", "p_dip"]].isna().all(axis=None)
    assert near[["slope", "p"]].notna().all(axis=None)
    three = two.mask(np.arange(N) == 5, 3900)
    assert statistics.fit_gradients(three, AB).notna().all(axis=None)
    assert statistics.fit_gradients(three, AB, places=PLACES).notna().all(axis=None)


def test_all_faults_of_a_table_are_told_together():
    bad = AB.assign(flat=1.0, note="high")
    bad.iloc[2, 0] = np.nan
    with pytest.raises(InputError) as refusal:
        statistics.moran_correlogram(bad, PLACES)
    for word in ("'a'", "a gap at S2", "'flat'", "1 at every", "'high' at"):
        assert word in str(refusal.value)


@pytest.mark.parametrize("seed", range(3))
def test_morans_i_keeps_within_the_eigenvalues_of_its_weights(seed):
    """With z along the extreme eigenvectors of a class it is what the docstring says."""
    places = PLACES.sample(9, random_state=seed)
    km = squareform(statistics.pair_distances(places))
    edges = statistics.moran_correlogram(AB.loc[places.index], places, classes=6).columns
    centre = np.eye(9) - 1 / 9
    lowest = []
    for k, edge in enumerate(edges):
        below = edges[k - 1] if k else 0
        w = ((km <= edge * (1 + 1e-12)) & (km > below * (1 + 1e-12))).astype(float)
        values, vectors = np.linalg.eigh(centre @ w @ centre)
        for at in (0, -1):
            table = pd.DataFrame({"z": vectors[:, at]}, places.index)
            found = statistics.moran_correlogram(table, places, classes=6).iloc[0, k]
            assert found == pytest.approx(9 / w.sum() * values[at])
        lowest.append(9 / w.sum() * values[0])
    assert min(lowest) < -1


# The checks themselves


NO_NUMBERS = [np.nan, np.inf, -np.inf, "x", 1j, pd.Timestamp("2020"), [3], True, None, pd.NA]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_no_level_no_count_and_not_in_a_column(value):
    for check in (partial(check_level, usual=0.5), check_number, check_whole):
        with pytest.raises(InputError, match=r"^x\n"):
            check("x", value)
    if value is not True:  # which counts as 1 in a column
        with pytest.raises(InputError, match=r"column 'a'(.|\n)* at S3"):
            check_sites(factors=in_place(value)(AB))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: pd.date_range("1990", periods=len(x)),
        lambda x: pd.to_timedelta(x, "D"),
        lambda x: x * 1j,
        lambda x: x.astype(str) + " m",
    ],
)
def test_dates_and_other_columns_without_numbers_are_refused(spoil):
    with pytest.raises(InputError, match="column 'a'"):
        check_numbers(AB.assign(a=spoil(AB["a"])))


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.float32(3), np.array(3), Decimal(3)])
def test_a_whole_number_may_have_any_type(value):
    whole = check_whole("n", value)
    assert (whole, type(whole)) == (3, int)


def test_a_number_has_its_range_in_the_refusal():
    for check in (check_number, check_whole):
        with pytest.raises(InputError, match="from 0 to 1"):
            check("x", -3, 0, 1)
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


@given(st.recursive(st.floats() | st.none() | st.text() | st.integers(), st.lists, max_leaves=4))
def test_anything_is_a_level_a_word_a_number_or_a_column_or_is_refused(value):
    column = pd.DataFrame(
        {"x": pd.Series(value if isinstance(value, list) else [value], dtype=object)}
    )
    for check in (
        lambda: check_level("x", value, 0.5),
        lambda: check_word("x", value, ("a", "b")),
        lambda: check_whole("x", value),
        lambda: check_array("x", np.array(value, object), "..."),
    ):
        with suppress(InputError):
            check()
    with suppress(InputError):
        assert check_numbers(column)["x"].nunique() > 1
