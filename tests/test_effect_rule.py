"""Effects of path models by the rule: closed forms, embedded results, and the table behind them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.figures.transect_plots import two_looks
from helpers.paper import (
    add_plot_variables,
    judge_effects,
    judge_order,
    judge_plots,
    load_transect,
    plot_effects,
    select_effects,
)
from helpers.paper.transect import add_variables, list_models
from helpers.pathmodel import effects, fit_model, parse_model, read_model
from helpers.readers.transect import read_transect
from tests.conftest import GENUINE


def table_of(**causes: tuple[float, float, float, float, float, float]) -> pd.DataFrame:
    """Return effects from low, high and p, of values and then of ranks."""
    ends = ["total_low", "total_high", "p"]
    columns = [*ends, *(f"{name}_ranks" for name in ends)]
    return pd.DataFrame.from_dict(causes, "index", columns=columns)


@pytest.mark.parametrize(
    ("row", "sign", "verdict"),
    [
        ((0.1, 0.5, 0.01, 0.2, 0.6, 0.01), 1, "supported"),
        ((0.1, 0.5, 0.01, 0.2, 0.6, 0.01), -1, "not supported"),
        ((-0.5, -0.1, 0.01, -0.6, -0.2, 0.01), -1, "supported"),
        ((0.1, 0.5, 0.05, 0.2, 0.6, 0.01), 1, "undecided"),
        ((0.1, 0.5, 0.01, -0.2, 0.6, 0.01), 1, "undecided"),
        ((0.1, 0.5, 0.01, -0.6, -0.2, 0.01), 1, "undecided"),
        ((0.1, 0.5, np.nan, 0.2, 0.6, np.nan), 1, "supported"),
    ],
)
def test_an_effect_counts_where_interval_and_test_agree_for_values_and_ranks(row, sign, verdict):
    judged = judge_effects(table_of(SOC=row), {"SOC": sign, "absent": 1})
    assert judged["verdict"].to_dict() == {"SOC": verdict}


def test_one_effect_is_larger_where_the_intervals_lie_apart_both_times():
    table = table_of(
        high=(0.5, 0.9, 0, 0.5, 0.9, 0), low=(0, 0.2, 0, 0, 0.2, 0), mixed=(0, 0.2, 0, 0.95, 1, 0)
    )
    pairs = [("high", "low"), ("low", "high"), ("high", "mixed"), ("high", "absent")]
    assert judge_order(table, pairs).tolist() == ["supported", "not supported", "undecided"]
    assert judge_order(table, [("absent", "high")]).empty


@pytest.mark.parametrize("name", ["soil, biomass", "leaders, biomass", "microbial, biomass"])
def test_embedded_effects_are_those_of_the_table(name):
    if not (GENUINE / "plateau_transect").is_dir():
        pytest.skip("the table of the transect was not fetched")
    table = add_variables(read_transect())
    found = select_effects(load_transect(), name, "biomass")
    for data, end in ((table, ""), (table.rank(), "_ranks")):
        model = list_models()[name]
        again = effects(fit_model(model, data[list(model.variables)]), "biomass").droplevel("to")
        for column in ("direct", "total"):
            expected = again[column].reindex(found.index).fillna(0)
            np.testing.assert_allclose(found[f"{column}{end}"].fillna(0), expected, atol=1e-4)


def test_columns_that_are_not_there_leave_no_effects():
    found = select_effects(load_transect(columns="present"), "soil, biomass", "biomass")
    assert found.empty
    assert judge_effects(found, {"SOC": 1}).empty


def test_one_cause_at_the_other_sites_has_its_correlation_as_effect():
    sites = add_plot_variables()
    found = plot_effects(parse_model("pH ~ SOC"), "pH", n_boot=200, draws=199)
    r = {
        "total": sites["SOC"].corr(sites["pH"]),
        "total_ranks": sites["SOC"].corr(sites["pH"], "spearman"),
    }
    for column, expected in r.items():
        assert found.loc["SOC", column] == pytest.approx(expected)


def test_sites_with_a_gap_are_left_out():
    assert set(plot_effects(read_model("field_soil"), "biomass", n_boot=100, draws=100)["n"]) == {
        46
    }


@pytest.mark.usefixtures("without_a_screen")
def test_a_figure_of_two_looks_draws_what_each_network_has():
    looks = {
        "147 sites": load_transect().judge([("SOC", "biomass", 1), ("Sand", "biomass", -1)]),
        "58 others": judge_plots([("SOC", "biomass", 1)], draws=199),
    }
    names = {("SOC", "biomass"): "carbon", ("Sand", "biomass"): "sand", ("a", "b"): "none"}
    fig, ax = two_looks(looks, names)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["carbon", "sand"]
    dots = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    expected = [*looks["147 sites"]["r"], *looks["58 others"]["r"]]
    assert dots == pytest.approx(expected)
    assert "sand -0.47 (" in fig.get_label()
    assert "None" in two_looks({"147 sites": looks["58 others"]}, {("a", "b"): ""})[0].get_label()
    plt.close("all")
