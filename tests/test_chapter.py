"""What chapters 8 to 11 share: the four models, their tables, and the paper's orders of effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.claims import judge, load_claims
from helpers.factors import GROUPS, built_in, load_factors
from helpers.pathmodel import effects, fit_indices, fit_model, read_model
from helpers.pathmodel.chapter import (
    all_indicators,
    fit_group,
    load_published_effects,
    published_order,
)
from helpers.provenance import least_real
from helpers.study import load_study, sample_top

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
    assert published_order("plant") == ["EVI", "CIA", "CG", "CF", "ANPP"]
    assert published_order("soil") == ["SOC", "SIC", "Rs", "CN", "pH", "BD"]
    assert published_order("microbial") == ["Cenzy", "BPLFA", "Nenzy", "FPLFA", "Penzy"]
    assert load_published_effects("soil").to_dict() == {
        "SOC": 1,
        "SIC": 2,
        "Rs": 3,
        "BD": -1,
        "pH": -2,
        "CN": -3,
    }


@EACH
def test_the_tables_of_a_group_agree_with_the_fit_they_are_made_from(group, data):
    found = fit_group(group, data, n_boot=200)
    indices = fit_indices(fit_model(read_model(group), data))
    assert found.tests().loc["χ²", "statistic"] == pytest.approx(indices["chi2"])
    pd.testing.assert_series_equal(found.indices()["AMOS"], indices, check_names=False)
    cut = fit_model(read_model(group), data, exogenous="uncorrelated")
    assert found.indices().loc["df", "AMOS, exogenous uncorrelated"] == cut.df
    order = found.order()
    assert list(order.index) == list(load_published_effects(group).index)
    assert set(order["here"].str[0]) <= {"+", "-"}
    assert found.effects()["total"].is_monotonic_decreasing
    assert list(found.ranks().index) == published_order(group)
    np.testing.assert_allclose(found.ranks().sum(axis="columns"), 1)
    moved = found.influence().iloc[0]
    rest = fit_model(found.model, data.drop(moved["without"]))
    again = effects(rest, "TOP").loc[(moved.name, "TOP"), "total"]
    assert moved["total"] + moved["change"] == pytest.approx(again)


@EACH
def test_an_order_that_was_put_in_is_found_and_called_what_its_data_allow(
    group, tmp_path, monkeypatch
):
    table = made_to_order(group)
    model = tmp_path / f"{group}.lav"
    model.write_text(f"TOP ~ {' + '.join(published_order(group))}", encoding="utf-8")
    monkeypatch.setattr("helpers.pathmodel.spec.MODELS", tmp_path)
    found = fit_group(group, table, n_boot=200)
    claims = load_claims()
    said = found.answers("observed")
    verdicts = {name: judge(claims.loc[name], answer)["verdict"] for name, answer in said.items()}
    assert set(verdicts) == set(claims.index[claims.index.str.startswith(f"{group}-")])
    assert set(verdicts.values()) == {"reproduced"}
    assert found.agreement().loc["estimate"].to_list() == [1, 1, 1]
    assert (found.order()["published"] == found.order()["here"]).all()
    turned = fit_group(group, table.assign(TOP=-table["TOP"]), n_boot=200)
    for name, answer in turned.answers("observed").items():
        assert judge(claims.loc[name], answer)["verdict"] == "not reproduced", name


def test_the_negative_order_asks_for_negative_effects(data):
    found = fit_group("climatic", data, n_boot=200)
    total, said = found.effects()["total"], found.answers("emulated")["climatic-negative"]
    assert total[["ALB", "DHFS", "ST", "PRE"]].is_monotonic_increasing
    assert (total[["ST", "PRE"]] > 0).all()
    assert said.value == ["ALB", *(["DHFS"] if total["DHFS"] < 0 else [])]
    assert judge(load_claims().loc["climatic-negative"], said)["agrees"] == "partly"


def test_all_indicators_are_those_of_the_group_that_the_data_hold(data):
    everything = all_indicators("climatic", data)
    assert len(everything.paths) == 14
    assert len(all_indicators("soil", data.drop(columns=["TC", "Sand"])).paths) == 10
    assert built_in(pd.MultiIndex.from_tuples([("ET", "LHF")])).all()
    assert fit_model(everything, data).df == 0
    cut = fit_model(everything, data, exogenous="uncorrelated")
    causes = [cause for _, cause in everything.paths]
    slopes = np.linalg.lstsq(data[causes] - data[causes].mean(), data["TOP"] - data["TOP"].mean())
    found = cut.estimates[cut.estimates["kind"] == "path"].set_index("from")["estimate"]
    np.testing.assert_allclose(found[causes], slopes[0], rtol=1e-5)


def test_the_least_real_label_is_found():
    assert least_real(["observed", "emulated"]) == "emulated"
    assert least_real(["emulated", "reconstructed", "observed"]) == "reconstructed"
