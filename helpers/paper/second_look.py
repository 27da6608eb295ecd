"""A second, independent look: the same relations at 58 other sites, whose table is in the book."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from helpers.paper.transect_rule import hold_elevation, judge_relations
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.loop import find_loop, read_loop
from helpers.pathmodel.resampling import bootstrap_loop
from helpers.readers.plateau_plots import load_plots
from helpers.readers.plots import add_climate
from helpers.readers.terrain import way_southeast
from helpers.statistics.neighbours import name_blocks


def add_plot_variables() -> pd.DataFrame:
    """Return the 58 sites of :func:`helpers.readers.load_plots` with names as on the transect.

    ``biomass`` is that above ground, ``BGB`` that below it; ``meadow`` is 1 or 0; added is the
    climate of GLDAS. Land cover, ``CN``, ``DOC``, plant ``shannon`` diversity and soil fauna have
    gaps where they were not recorded.

    Examples
    --------
    >>> add_plot_variables()["meadow"].notna().sum()
    np.int64(46)
    """
    sites = add_climate(load_plots()).rename(columns={"AGB": "biomass"})
    meadow = (sites["land_cover"] == "meadow").astype(float).where(sites["land_cover"].notna())
    southeast = way_southeast(sites["longitude"], sites["latitude"])
    return sites.assign(meadow=meadow, southeast=southeast)


def judge_plots(
    claims: Iterable[tuple[str, str, int]], *, draws: int = 1999, seed: int = 2022
) -> pd.DataFrame:
    """Return what 58 other sites tell of relations, by the rule of the transect.

    The columns are ``n`` and those of :func:`helpers.paper.judge_relations`, by left and right.

    Parameters
    ----------
    claims : iterable of (str, str, int)
        Two variables and the claimed sign, 1 or -1; those with a variable that is not there are
        left out. ``peak`` stands for a hump over elevation, elevation itself being held.
    draws, seed : as for :func:`helpers.paper.judge_relations`

    Examples
    --------
    >>> judge_plots([("meadow", "SOC", 1)])[["n", "verdict"]].to_numpy().tolist()
    [[46, 'supported']]
    """
    sites = add_plot_variables()
    tables = []
    for left, right, sign in claims:
        if not {left, right} <= {*sites, "peak"}:
            continue
        here = sites if left == "peak" else sites.dropna(subset=[left])
        here = here.dropna(subset=[right])
        if left == "peak":
            here = hold_elevation(here, [right])
        claim = pd.DataFrame({"left": left, "right": right, "sign": sign}, index=[0])
        found = judge_relations(here, claim, draws=draws, seed=seed)
        found.index = pd.MultiIndex.from_tuples([(left, right)], names=["left", "right"])
        tables.append(found.assign(n=len(here), sign=sign))
    return pd.concat(tables)


def ring_plots(
    plants: Iterable[str] = ("biomass", "BGB", "richness"),
    life: str = "fauna_abundance",
    **how: float,
) -> pd.DataFrame:
    """Fit the ring climate, plants, soil carbon, soil animals to the 46 sites that have all four.

    Parameters
    ----------
    plants, life : iterable of str, str
        What stands for plants, one ring each, and for life in the soil.
    how : n_boot, confidence and seed of :func:`helpers.pathmodel.bootstrap_loop`
        Blocks of neighbours are drawn anew, so that the intervals allow for them.

    Returns
    -------
    pandas.DataFrame
        By plants: the four coefficients of the stable solution, the ``gain`` with its interval
        (``low``, ``high``), and ``chi2`` of the ring with its ``p``, which takes sites for
        independent.

    Examples
    --------
    >>> ring_plots(["richness"], n_boot=200)["gain"].round(2).item()
    0.04
    """
    sites = add_plot_variables().dropna(subset=[life])
    rows = {}
    for plant in plants:
        ring = read_loop(("TF", plant, "SOC", life))
        table = bootstrap_loop(ring, sites, blocks=name_blocks(sites), **how).table
        arrows = table.xs("direct")["estimate"]
        fit = fit_indices(find_loop(ring, sites[list(ring.variables)]).stable)
        gain = table.loc[("gain", "", "")].rename({"estimate": "gain"})
        named = {
            "climate → plants": arrows["TF", plant],
            "plants → soil carbon": arrows[plant, "SOC"],
            "soil carbon → animals": arrows["SOC", life],
            "animals → climate": arrows[life, "TF"],
        }
        rows[plant] = named | gain.to_dict() | fit[["chi2", "p"]].to_dict()
    return pd.DataFrame.from_dict(rows, "index")
