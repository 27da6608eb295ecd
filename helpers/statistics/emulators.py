r"""Emulators: what a climate model's grassland does with carbon, in eight numbers fitted to it.

Production answers to carbon dioxide, temperature and precipitation; one pool of carbon, fed by
production, decays faster where it is warm and moist. With C in ppm, T and P of the region, and
index 0 for the control run of the same model,

.. math::

    N &= N_0 \left(1 + \beta \ln\frac{C}{C_0}\right)
         \exp\left(\gamma_T \Delta T + \gamma_P \frac{\Delta P}{P_0}\right) \\
    R &= \frac{S}{\tau} \exp\left(\kappa_T \Delta T + \kappa_P \frac{\Delta P}{P_0}\right),
    \qquad \frac{dS}{dt} = f N - R

The four numbers of N and the three of R are fitted to runs in which one cause acts at a time; the
share f of production that reaches the pool is R over N of the control run (fire, grazing and
harvest take the rest). Nothing is fitted to a scenario, or to what the paper says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from helpers.errors import InputError
from helpers.paths import DATA
from helpers.readers.oscar import PREINDUSTRIAL

FITTED_RUNS = ("ctrl", "fxcl", "fdbk")
EMBEDDED_EMULATORS = DATA / "embedded" / "emulators.csv"
EMBEDDED_TEST = DATA / "embedded" / "emulators_test.csv"
EMBEDDED_CHOICES = DATA / "embedded" / "emulators_choices.csv"
PARAMETERS = {
    "npp0": "production before carbon dioxide rose (kg C m⁻² yr⁻¹)",
    "beta": "rise of production, of itself, per unit of ln CO₂",
    "gamma_tas": "change of production, of itself, per K",
    "gamma_pr": "change of production, of itself, if precipitation doubles",
    "tau": "years that carbon stays in the pool",
    "kappa_tas": "change of decay, of itself, per K",
    "kappa_pr": "change of decay, of itself, if precipitation doubles",
}
LEFT_OUT = {  # of the seven, and why
    "HadGEM2-ES": "has less than 1 Mha of grassland in China",
    "NorESM1-ME": "respires twice what it produces in these files, so that no NEP follows",
}
_BLOCK = 10  # years that are resampled together


@dataclass(frozen=True)
class Emulator:
    """A fitted emulator: its parameters (names of ``PARAMETERS``), the share of production that
    reaches the pool, and the climate of the control run, ``tas`` (degrees C) and ``pr`` (mm yr-1).
    """

    parameters: pd.Series
    share: float
    base: pd.Series

    def run(
        self,
        forcing: pd.DataFrame,
        base: pd.Series | None = None,
        supply: np.ndarray | None = None,
    ) -> pd.DataFrame:
        """Return ``npp`` and ``rh`` (kg m-2 yr-1 of carbon) year by year, from equilibrium on.

        `forcing` has ``co2`` (ppm), ``tas`` and ``pr`` by year; `base` is the climate to which
        carbon is in equilibrium at first, if it is another than that of the control run; `supply`
        is the production that feeds the pool, if it is another than ``npp``.
        """
        weather = _anomalies(forcing, self.base if base is None else base)
        values = self.parameters.to_numpy()
        npp = _production(values[:4], *weather)
        fed = self.share * (npp if supply is None else supply)
        rh = _respiration(values[4:], fed, self.share * values[0], *weather[1:])
        return pd.DataFrame({"npp": npp, "rh": rh}, index=forcing.index)


def fit_emulator(runs: pd.DataFrame, names: Sequence[str] = FITTED_RUNS) -> Emulator:
    """Fit an emulator to the runs of one model in which one cause acts at a time.

    Parameters
    ----------
    runs : pandas.DataFrame
        Of one model, indexed by ``run`` and ``year``, with the columns of
        :func:`helpers.readers.read_land_runs`. Least squares of yearly ``npp``, then of yearly
        ``rh`` given it; the run ``upct`` takes no part.
    names : sequence of str
        The runs that are fitted, with others than these to see how much that matters.

    Examples
    --------
    >>> years = pd.RangeIndex(1, 141)
    >>> climate = {"tas": 5 + np.sin(years), "pr": 800 + 50 * np.cos(years)}
    >>> rise = pd.DataFrame({"co2": 285 * 1.01**years, **climate}, index=years)
    >>> runs = {"ctrl": rise.assign(co2=285), "fxcl": rise, "fdbk": rise.assign(co2=285)}
    >>> known = pd.Series([0.3, 0.6, 0.02, 0.4, 20, 0.05, 0.1], list(PARAMETERS))
    >>> model = Emulator(known, 0.95, runs["ctrl"][["tas", "pr"]].mean())
    >>> made = {name: run.join(model.run(run)) for name, run in runs.items()}
    >>> fit_emulator(pd.concat(made, names=["run", "year"])).parameters["beta"].round(2).item()
    0.6
    """
    control = runs.loc["ctrl"].mean()
    base, share = control[["tas", "pr"]], control["rh"] / control["npp"]
    parts = [runs.loc[name] for name in names]
    weather = [
        np.stack(each) for each in zip(*(_anomalies(one, base) for one in parts), strict=True)
    ]
    npp, rh = (np.stack([one[flux].to_numpy() for one in parts]) for flux in ("npp", "rh"))
    start = control["npp"]

    def miss_npp(values: np.ndarray) -> np.ndarray:
        return (_production(values, *weather) - npp).ravel()

    def miss_rh(values: np.ndarray) -> np.ndarray:
        pool = np.exp(values[0]), *values[1:]
        return (_respiration(pool, share * npp, share * start, *weather[1:]) - rh).ravel()

    for_npp = _solve(miss_npp, [start, 0.5, 0, 0], "npp")
    for_rh = _solve(miss_rh, [np.log(20), 0, 0], "rh")
    found = [*for_npp, np.exp(for_rh[0]), *for_rh[1:]]
    return Emulator(pd.Series(found, list(PARAMETERS)), share, base)


def resample_emulator(runs: pd.DataFrame, n_boot: int, seed: int) -> list[Emulator]:
    """Return emulators fitted anew to the runs of one model with their residuals drawn again.

    Residuals of ``npp`` and of ``rh``, given that ``npp``, are drawn together, in blocks of ten
    years within a run (Kunsch 1989), less their mean, and added to what the emulator gives; what
    is added to ``npp`` feeds the pool, as it does in the model.

    Measured on 80 worlds, runs of the five emulators with residuals of the genuine ones' spectra
    (99 draws each): a 95 % interval holds the truth in 92 % of all cases, of the changes of TOP in
    91 and 95 %, of ``tau``, ``kappa_pr`` and ``gamma_tas`` in 82 to 85 %.
    """
    rng, fitted = np.random.default_rng(seed), fit_emulator(runs)
    parts = {name: runs.loc[name] for name in FITTED_RUNS}
    left = {
        name: one[["npp", "rh"]] - fitted.run(one, supply=one["npp"].to_numpy())
        for name, one in parts.items()
    }
    again = []
    for _ in range(n_boot):
        drawn = {}
        for name, one in parts.items():
            starts = rng.integers(0, len(one) - _BLOCK + 1, -(-len(one) // _BLOCK))
            rows = (starts[:, None] + np.arange(_BLOCK)).ravel()[: len(one)]
            off_npp, off_rh = (left[name] - left[name].mean()).to_numpy()[rows].T
            npp = fitted.run(one)["npp"] + off_npp
            rh = fitted.run(one, supply=npp.to_numpy())["rh"] + off_rh
            drawn[name] = one.assign(npp=npp, rh=rh)
        again.append(fit_emulator(pd.concat(drawn, names=["run", "year"])))
    return again


def miami(temperature, precipitation):
    """Return climatic net primary production (Lieth 1975), kg m-2 yr-1 of dry matter.

    The lower of two limits, by warmth and by water, of the mean temperature (degrees Celsius) and
    the precipitation (mm yr-1) of a year.

    Examples
    --------
    >>> miami(np.array([0.0, 15.0]), np.array([500.0, 200.0])).round(3).tolist()
    [0.635, 0.373]
    """
    by_warmth = 1 / (1 + np.exp(1.315 - 0.119 * temperature))
    by_water = 1 - np.exp(-0.000664 * precipitation)
    return 3.0 * np.minimum(by_warmth, by_water)


def load_emulators() -> pd.DataFrame:
    """Return what was found for each model: ``value``, ``low`` and ``high`` (95 % interval).

    Indexed by ``model`` and ``quantity``, as ``make data`` computed it (``tools/emulate.py``).

    Examples
    --------
    >>> load_emulators().loc[("CanESM2", "beta"), "value"].round(1).item()
    0.3
    """
    return pd.read_csv(EMBEDDED_EMULATORS, index_col=["model", "quantity"])


def load_emulators_test() -> pd.DataFrame:
    """Return the run ``upct`` of each model, which took no part, beside its emulator.

    Ten-year means by ``model`` and ``year`` (the last of the ten): ``npp``, ``rh``, ``nep`` of the
    model, and the same with ``_emulated``; kg m-2 yr-1 of carbon.

    Examples
    --------
    >>> load_emulators_test().loc["CanESM2"].index.tolist()[:3]
    [10, 20, 30]
    """
    return pd.read_csv(EMBEDDED_TEST, index_col=["model", "year"])


def load_emulators_choices() -> pd.DataFrame:
    """Return the change of TOP over the Plateau, mean of the models, after other choices of ours.

    By ``choice``, in words; ``rcp45`` and ``rcp85`` in kg m-2 yr-1 of oxygen.

    Examples
    --------
    >>> load_emulators_choices()["rcp85"].round(2).iloc[0].item()
    0.05
    """
    return pd.read_csv(EMBEDDED_CHOICES, index_col="choice")


def _solve(miss: Callable, start: list[float], flux: str) -> np.ndarray:
    """Return the least squares of what is missed; refuse runs that lead to none."""
    try:
        found = least_squares(miss, start)
        if not (found.success and np.isfinite(found.x).all()):
            raise ValueError(found.message)
    except ValueError as error:  # also of values that are not finite
        raise InputError(
            f"runs: {flux}",
            needed="yearly numbers of ctrl, fxcl and fdbk that an emulator can follow",
            found=str(error),
            mend="look for gaps and wrong units in npp, rh, tas, pr, co2, or leave the model out",
        ) from error
    return found.x


def _anomalies(forcing: pd.DataFrame, base: pd.Series) -> tuple[np.ndarray, ...]:
    """Return ln(C / C0), the change of temperature, and the relative change of precipitation."""
    co2 = np.log(forcing["co2"].to_numpy() / PREINDUSTRIAL)
    warmth = forcing["tas"].to_numpy() - base["tas"]
    return co2, warmth, forcing["pr"].to_numpy() / base["pr"] - 1


def _production(values, co2, warmth, water):
    npp0, beta, by_warmth, by_water = values
    return npp0 * (1 + beta * co2) * np.exp(by_warmth * warmth + by_water * water)


def _respiration(values, supply, first_supply, warmth, water):
    """Return what a pool gives off that is in equilibrium with its first supply; years last."""
    tau, by_warmth, by_water = values
    rate = np.exp(by_warmth * warmth + by_water * water) / tau
    pool, given = np.full(rate.shape[:-1], first_supply * tau), np.empty(rate.shape)
    for year in range(rate.shape[-1]):
        given[..., year] = pool * rate[..., year]
        pool = pool + supply[..., year] - given[..., year]
    return given
