"""Sites that are alike: their climate, blocks of them, and models that know of neighbours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import squareform

import helpers.readers.plots
from helpers.errors import InputError
from helpers.pathmodel import bootstrap_effects, d_separation, parse_model
from helpers.readers.gldas import load_climate
from helpers.readers.plateau_plots import load_plots
from helpers.readers.plots import add_climate
from helpers.statistics import correlate, name_blocks, pair_distances


def test_the_packaged_relief_and_climate_are_at_the_sites():
    sites = add_climate(load_plots())
    gap = sites["relief"] - sites["elevation"]
    assert np.sqrt((gap**2).mean()) < 250  # m, the relief being that of a cell of some 9 km
    site = sites.iloc[0]
    cell = load_climate().sel(lat=site["latitude"], lon=site["longitude"], method="nearest")
    assert site["AT"] == float(cell["Tair_f_inst"])
    assert site["cell"] == f"{float(cell['lat']):g} N, {float(cell['lon']):g} E"
    assert (sites.groupby("cell")["PRE"].nunique() == 1).all()


def test_sites_without_climate_are_refused(monkeypatch):
    places = {"longitude": [92.1, 95.2], "latitude": [32.5, 34.7]}
    sites = pd.DataFrame(places, ["701", "703"])
    with pytest.raises(InputError, match="site 701"):
        add_climate(sites.assign(longitude=[20.0, 95.2]))
    holed = load_climate()
    holed["Tair_f_inst"].loc[{"lat": 34.5, "lon": 95.5}] = np.nan
    monkeypatch.setattr(helpers.readers.plots, "load_climate", lambda: holed)
    with pytest.raises(InputError, match="site 703: AT"):
        add_climate(sites)


MODEL = parse_model("m ~ a + b\nz ~ m + b")
PLACES = pd.DataFrame(
    np.random.default_rng(40).uniform([92, 32], [101, 37], (40, 2)),
    columns=["longitude", "latitude"],
)


@pytest.fixture(scope="module")
def chain() -> pd.DataFrame:
    """Return 40 sites of a small model."""
    rng = np.random.default_rng(4)
    a, b, e, f = rng.standard_normal((4, len(PLACES)))
    m = 0.6 * a + 0.3 * b + e
    return pd.DataFrame({"a": a, "b": b, "m": m, "z": 0.5 * m - 0.4 * b + f})


def test_a_block_for_each_site_gives_the_usual_bootstrap(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    ours = bootstrap_effects(MODEL, chain, "z", n_boot=500, seed=3, blocks=blocks)
    usual = bootstrap_effects(MODEL, chain, "z", n_boot=500, seed=3)
    pd.testing.assert_frame_equal(ours.table, usual.table)


def test_copies_of_sites_within_a_block_tell_nothing_new(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    once = bootstrap_effects(MODEL, chain, "z", n_boot=300)
    copied = pd.concat([chain, chain, chain], ignore_index=True)
    threefold = pd.Series([*blocks] * 3)
    thrice = bootstrap_effects(MODEL, copied, "z", n_boot=300, blocks=threefold)
    np.testing.assert_allclose(thrice.table, once.table)


def test_few_blocks_are_refused(chain):
    blocks = pd.Series(chain.index % 4, chain.index)
    with pytest.raises(InputError, match="at least 5"):
        bootstrap_effects(MODEL, chain, "z", blocks=blocks)


def test_blocks_are_cells_of_degrees():
    places = pd.DataFrame({"longitude": [91.9, 92.0, 93.99], "latitude": [33.9, 32.1, 32.0]})
    with pytest.raises(InputError, match="a side above 0"):
        name_blocks(places, 0)
    assert name_blocks(places).tolist() == ["32 N, 90 E", "32 N, 92 E", "32 N, 92 E"]


def test_claims_are_tested_at_their_effective_number_of_sites(chain):
    found = d_separation(MODEL, chain, places=PLACES).claims
    claims = d_separation(MODEL, chain).claims
    pd.testing.assert_frame_equal(found[claims.columns], claims)
    assert (found["n"] <= len(chain)).all()
    far = squareform(pair_distances(PLACES))
    smooth = np.linalg.cholesky(np.exp(-far / 800) + 0.01 * np.eye(len(far)))
    model = parse_model("m ~ a\nz ~ m")
    fields = pd.DataFrame(smooth @ np.random.default_rng(4).standard_normal((len(far), 3)))
    fields.columns = ["a", "m", "z"]
    alike = d_separation(model, fields, places=PLACES).claims.iloc[0]
    assert alike["n"] < 25
    sizes = pd.Series([alike["n"]], pd.MultiIndex.from_tuples([("a", "z")]))
    test = correlate(fields[["a"]], fields[["z"]], given=fields[["m"]], sizes=sizes)
    assert alike["p_spatial"] == pytest.approx(test["p"].iloc[0])
    assert alike["p_spatial"] > alike["p"]
