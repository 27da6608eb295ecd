"""The emulators once more, from the raw tables to the changes, by a programme of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import minimize

from helpers.readers.oscar import read_forcing
from helpers.statistics.emulators import load_emulators
from tests.conftest import GENUINE

FOLDER = GENUINE / "cmip5_oscar"
NAMES = {  # of land, of climate
    "bcc-csm1-1": ("BCC-CSM-11", "BCC-CSM-11"),
    "CESM1-BGC": ("CESM1-BGC", "CCSM4"),
    "CanESM2": ("CanESM2", "CanESM2"),
    "IPSL-CM5A-LR": ("IPSL-CM5A-LR", "IPSL-CM5A-LR"),
    "MPI-ESM-LR": ("MPI-ESM-LR", "MPI-ESM-LR"),
}
YEARS = np.arange(1850, 2101)
RISE = 285 * 1.01 ** np.arange(1, 141)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no cmip5_oscar (set TIBET_REAL_DATA)")


def column(name: str) -> np.ndarray:
    return pd.read_csv(FOLDER / name, header=None, usecols=[3]).squeeze().to_numpy(float)


def land(model: str, run: str) -> dict[str, np.ndarray]:
    start = f"Land_CMIP5/#DATA.Land_{NAMES[model][0]}.140yr_114reg1.{run}_"
    found = {name: column(f"{start}{name}.csv") for name in ("tas", "pr")}
    for name in ("NPP", "RH"):
        found[name] = 100 * column(f"{start}{name}_gra.csv") / column(f"{start}AREA_gra.csv")
    found["co2"] = RISE if run in ("fxcl", "upct") else np.full(140, 285.0)
    return found


def produce(p, run, tas, pr):
    climate = np.exp(p[2] * (run["tas"] - tas) + p[3] * (run["pr"] / pr - 1))
    return p[0] * (1 + p[1] * np.log(run["co2"] / 285)) * climate


def decay(q, run, tas, pr, fed, first):
    rates = np.exp(q[1] * (run["tas"] - tas) + q[2] * (run["pr"] / pr - 1) - q[0])
    stock, given = first * np.exp(q[0]), []
    for rate, food in zip(rates, fed, strict=True):
        given.append(rate * stock)
        stock += food - given[-1]
    return np.array(given)


def least(miss, start):
    how = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-9, "fatol": 1e-13}
    return minimize(miss, start, method="Nelder-Mead", options=how).x


@pytest.fixture(scope="module")
def co2() -> xr.DataArray:
    with xr.open_dataset(GENUINE / "rcp" / "concentrations_Meinshausen_2011.nc") as file:
        return file["CO2"].load()


@pytest.fixture(scope="module")
def forcing(co2) -> pd.DataFrame:
    return read_forcing()


@pytest.mark.parametrize("model", NAMES)
def test_another_programme_finds_the_same_emulator_and_the_same_changes(model, co2, forcing):
    runs = [land(model, run) for run in ("ctrl", "fxcl", "fdbk")]
    tas, pr, npp, rh = (runs[0][name].mean() for name in ("tas", "pr", "NPP", "RH"))
    share = rh / npp
    p = least(
        lambda p: 100 * sum(np.sum((produce(p, run, tas, pr) - run["NPP"]) ** 2) for run in runs),
        [npp, 0.3, 0.01, 0.3],
    )
    q = least(
        lambda q: (
            100
            * sum(
                np.sum((decay(q, run, tas, pr, share * run["NPP"], share * npp) - run["RH"]) ** 2)
                for run in runs
            )
        ),
        [3.4, 0.03, 0.1],
    )

    def nep(run, tas, pr):
        made = produce(p, run, tas, pr)
        return made - decay(q, run, tas, pr, share * made, share * p[0])

    found = load_emulators().loc[model, "value"]
    exam = nep(land(model, "upct"), tas, pr)[-20:].mean()
    mine = [*p, np.exp(q[0]), *q[1:], share, exam]
    names = ["npp0", "beta", "gamma_tas", "gamma_pr", "tau", "kappa_tas", "kappa_pr", "share"]
    np.testing.assert_allclose(found[[*names, "nep_emulated"]], mine, rtol=2e-3)
    for scenario, name in (("rcp45", "RCP4.5"), ("rcp85", "RCP8.5")):
        past = co2.sel(scen="historical", year=slice(1850, 2005)).values
        run = {"co2": np.append(past, co2.sel(scen=name, year=slice(2006, 2100)).values)}
        start = f"ClimReg_CMIP5/#DATA.ClimReg_{NAMES[model][1]}."
        for each in ("tas", "pr"):
            pieces = [f"1850-2005_114reg1.hist_{each}", f"2006-2100_114reg1.{scenario}_{each}"]
            run[each] = np.concatenate([column(f"{start}{piece}.csv") for piece in pieces])
        read = forcing.loc[(model, scenario)]
        np.testing.assert_allclose(read[[*run]], np.column_stack([*run.values()]), rtol=1e-6)
        top = nep(run, *(run[each][YEARS < 1900].mean() for each in ("tas", "pr"))) * 32 / 12
        later, before = (YEARS > 2005) & (YEARS < 2100), (YEARS > 1989) & (YEARS < 2006)
        change = top[later].mean() - top[before].mean()
        assert found[f"change_{scenario}"] == pytest.approx(change, rel=2e-3)
