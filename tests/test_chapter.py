"""What chapters 8 to 11 share: the four models, their tables, and the paper's orders of effects."""

from __future__ import annotations

import ast
import re

import numpy as np
import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.factors import GROUPS, load_factors
from helpers.paper.claims import NO_DATA, judge, load_claims
from helpers.paper.group_models import fit_group, load_published_effects, published_order
from helpers.pathmodel import effects, fit_indices, fit_model, parse_model, read_model
from helpers.study import load_study, rescale, sample_top

EACH = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    study = load_study()
    return study.factors().join(sample_top(study.sites))


def made_to_order(group: str, sites: int = 60) -> pd.DataFrame:
    """Return data in which the factors act on TOP in the paper's order, and on nothing else."""
    rng = np.random.default_rng(1)
    order = published_order(group)
    published = load_published_effects(group)
    positive, negative = (published > 0).sum(), (published < 0).sum()
    strength = np.concatenate([2.0 ** -np.arange(positive), -(2.0 ** -np.arange(negative)[::-1])])
    table = pd.DataFrame(rng.standard_normal((sites, len(order))), columns=order)
    return table.assign(TOP=table @ strength + 0.1 * rng.standard_normal(sites))


@EACH
def test_each_model_holds_the_papers_leaders_and_a_reason_for_every_arrow(group):
    model = read_model(group)
    assert set(model.variables) == {*published_order(group), "TOP"}
    assert model.endogenous[-1] == "TOP"
    assert model.recursive
    assert set(model.reasons) == set(model.endogenous)
    assert len(model.paths) + len(model.endogenous) < 30
    assert (load_factors().loc[published_order(group), "group"] == group).all()


def test_the_published_orders_are_the_papers():
    assert published_order("climatic") == ["TF", "PET", "RZSM", "SH", "PRE", "ST", "DHFS", "ALB"]
    assert published_order("soil") == ["SOC", "SIC", "Rs", "CN", "pH", "BD"]
    assert published_order("microbial") == ["Cenzy", "BPLFA", "Nenzy", "FPLFA", "Penzy"]
    assert load_published_effects("soil").tolist() == [1, 2, 3, -1, -2, -3]


@EACH
def test_the_tables_of_a_group_agree_with_the_fit_they_are_made_from(group, data):
    found = fit_group(group, data, n_boot=200)
    indices = fit_indices(fit_model(read_model(group), data))
    assert found.tests().loc["χ²", "statistic"] == pytest.approx(indices["chi2"])
    assert found.effects()["total"].is_monotonic_decreasing
    assert list(found.ranks().index) == published_order(group)
    np.testing.assert_allclose(found.ranks().sum(axis="columns"), 1)


def test_the_negative_order_asks_for_negative_effects(data):
    found = fit_group("climatic", data, n_boot=200)
    total, said = found.effects()["total"], found.answers("emulated")["climatic-negative"]
    claimed = total[["ALB", "DHFS", "ST", "PRE"]]
    negative = claimed[claimed < 0].sort_values()
    assert 0 < len(negative) < len(claimed)
    assert said.value == list(negative.index)


def test_all_factors_of_a_group_fit_any_data_with_the_slopes_of_least_squares(data):
    causes = list(load_study().factors("climatic"))
    everything = parse_model(f"TOP ~ {' + '.join(causes)}")
    assert fit_model(everything, data).df == 0
    cut = fit_model(everything, data, exogenous="uncorrelated")
    slopes = np.linalg.lstsq(data[causes] - data[causes].mean(), data["TOP"] - data["TOP"].mean())
    found = cut.estimates[cut.estimates["kind"] == "path"].set_index("from")["estimate"]
    np.testing.assert_allclose(found[causes], slopes[0], rtol=1e-5)


@EACH
def test_an_order_that_was_put_in_is_found_and_called_what_its_data_allow(group):
    table = made_to_order(group)
    found = fit_group(group, table, structure="direct", n_boot=200)
    claims = load_claims().query("rule != 'judged'")  # those are asked of measured sites
    said = found.answers("observed")
    for name in claims.index.intersection([*said]):
        assert judge(claims.loc[name], said[name])["verdict"] == "reproduced", name
    turned = fit_group(group, table.assign(TOP=-table["TOP"]), structure="direct", n_boot=200)
    said = turned.answers("observed")
    for name in claims.index.intersection([*said]):
        assert judge(claims.loc[name], said[name])["verdict"] == "not reproduced", name


@pytest.mark.parametrize("structure", ["stated", "direct"])
def test_standardized_effects_forget_a_linear_scaling_and_see_ranks(structure, data):
    tables = [data, *(rescale(data, by) for by in ("min-max", "z-score", "ranks"))]
    plain, *scaled, ranks = (
        fit_group("soil", table, structure=structure, n_boot=100).effects() for table in tables
    )
    for each in scaled:
        pd.testing.assert_frame_equal(each, plain, rtol=0, atol=1e-10)
    assert (ranks["total"] - plain["total"]).abs().max() > 0.02


@EACH
def test_direct_arrows_are_a_regression_that_claims_nothing(group, data):
    found = fit_group(group, rescale(data, "min-max"), structure="direct", n_boot=100)
    order = published_order(group)
    columns = ((data - data.mean()) / data.std())[[*order, "TOP"]]
    slopes = np.linalg.lstsq(columns[order], columns["TOP"])[0]
    np.testing.assert_allclose(found.effects().loc[order, "total"], slopes, atol=1e-9)
    assert found.fit.df == 0
    assert set(found.tests()["verdict"]) == {"nothing to test"}


def test_a_verdict_follows_the_level(data):
    soil = fit_group("soil", data, n_boot=200)
    p = soil.tests()["p"]
    level = p["χ², resampled (Bollen–Stine)"] + 1e-6
    assert set(soil.tests(level)["verdict"]) == {"rejects"}
    below = soil.tests(0.9 * level)["verdict"]
    assert below["χ², resampled (Bollen–Stine)"] == "does not reject"
    with pytest.raises(InputError, match="between 0 and 1"):
        soil.tests(1.0)


def test_a_model_of_ones_own_is_taken_as_text_and_as_file(data, tmp_path):
    text = "TOP ~ SOC + pH; pH ~ PRE"
    path = tmp_path / "mine.lav"
    path.write_text(text.replace("; ", "\n"), encoding="utf-8")
    found, again = (
        fit_group("soil", data, structure=each, n_boot=100) for each in (text, str(path))
    )
    pd.testing.assert_frame_equal(found.effects(), again.effects())
    expected = effects(fit_model(parse_model(text), data), "TOP").droplevel("to")["total"]
    pd.testing.assert_series_equal(found.effects()["total"], expected, check_like=True)
    assert set(found.ranks().index) == {"SOC", "pH", "PRE"}
    assert all(answer == NO_DATA for answer in found.answers("observed").values())
    assert len(found.answers("observed")) > 0


def test_what_a_table_lacks_is_named_with_a_model_that_runs(data):
    with pytest.raises(InputError, match="no column Rs") as refusal:
        fit_group("soil", data.drop(columns="Rs"), n_boot=100)
    example = ast.literal_eval(re.search("structure=(.*)", str(refusal.value))[1])
    assert fit_group("soil", data.drop(columns="Rs"), structure=example, n_boot=100).fit.n == 30


def test_sites_with_a_gap_in_the_model_are_left_out_and_counted(data):
    gaps = data.copy()
    gaps.loc[gaps.index[:3], "SOC"] = np.nan
    gaps.loc[gaps.index[5:20], "EVI"] = np.nan  # no part of this model
    found = fit_group("soil", gaps, n_boot=100)
    assert found.fit.n == 27
    without = fit_group("soil", data.iloc[3:], n_boot=100)
    pd.testing.assert_frame_equal(found.effects(), without.effects())


@pytest.mark.parametrize(
    ("structure", "found"),
    [
        ("both", "'both'"),
        ("nowhere.lav", "'nowhere.lav'"),
        ("SOC ~ PRE", "arrows on SOC"),
        ("TOP ~ PRE +", "TOP ~ PRE"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(data, structure, found):
    with pytest.raises(InputError, match=re.escape(found)):
        fit_group("soil", data, structure=structure)


def test_a_column_that_cannot_be_used_is_refused(data):
    fit_group("soil", rescale(data.assign(TC=3.0), "min-max"), n_boot=100)  # it is not used
    with pytest.raises(InputError, match=r"column 'SOC'\n(.|\n)*3 at every site"):
        fit_group("soil", rescale(data.assign(SOC=3.0), "min-max"), n_boot=100)
