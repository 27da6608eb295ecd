"""How a design behaves when the truth is known: error rates, power, coverage, by simulation.

Worlds are drawn from stated truths, thousands at once; each goes through the same closed forms as
the data of the book.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.spatial.distance import squareform
from threadpoolctl import threadpool_limits

from helpers.checks import (
    check_array,
    check_collinear,
    check_columns,
    check_level,
    check_number,
    check_numbers,
    check_sites,
    check_whole,
    check_word,
)
from helpers.errors import InputError
from helpers.pathmodel.diagnostics import swain_factor
from helpers.pathmodel.fit import check_covariances
from helpers.pathmodel.frame import correlations_of, imply
from helpers.pathmodel.indices import compare_moments
from helpers.pathmodel.loop import fit_many, imply_correlations
from helpers.pathmodel.moments import check_moments
from helpers.pathmodel.recursive import regress, solve_recursive
from helpers.pathmodel.resampling import bootstrap_effects
from helpers.pathmodel.ring import find_ring
from helpers.pathmodel.spec import PathModel, parse_model
from helpers.statistics.associations import correlation_p, pair_distances

_BELOW_1 = np.nextafter(1, 0)
_TERM = re.compile(r"\s*(-?\d*\.?\d+)\s+([A-Za-z_][A-Za-z0-9_]*)\s*")


class Truth(NamedTuple):
    """A known world; its coefficients are standardized, row to, column from."""

    model: PathModel
    coefficients: pd.DataFrame
    correlations: pd.DataFrame


def read_truth(text: str) -> Truth:
    """Read the equations of a world whose variables all have variance 1.

    Parameters
    ----------
    text : str
        One line for each effect: ``soil ~ 0.5 plant + 0.3 climate``. Errors are normal and
        independent, with the variance that is left; so are the variables without an equation.

    Examples
    --------
    >>> read_truth("b ~ 0.5 a").correlations.loc["a", "b"]
    np.float64(0.5)
    """
    values, lines = {}, []
    for line in filter(str.strip, text.splitlines()):
        to, _, terms = line.partition("~")
        found = [match for term in terms.split("+") if (match := _TERM.fullmatch(term))]
        if len(found) <= terms.count("+"):
            raise InputError(
                "truth",
                needed="lines such as 'soil ~ 0.5 plant + 0.3 climate'",
                found=repr(line.strip()),
                mend="write a coefficient before each cause, and + between causes",
            )
        lines.append(f"{to.strip()} ~ {' + '.join(match[2] for match in found)}")
        values |= {(to.strip(), match[2]): float(match[1]) for match in found}
    model = parse_model("\n".join(lines), where="truth")
    names = list(model.variables)
    B = pd.DataFrame(0.0, names, names)
    for (to, cause), value in values.items():
        B.loc[to, cause] = value
    R = imply_correlations(B.to_numpy())
    if np.isnan(R).any():
        raise InputError(
            "truth",
            needed="variables of variance 1",
            found="causes that give more than that",
            mend="make the coefficients smaller",
        )
    return Truth(model, B, pd.DataFrame(R, names, names))


def draw_covariances(
    truth: pd.DataFrame | np.ndarray, n: int, worlds: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the covariance matrices of many samples from normal variables, (worlds, p, p).

    Parameters
    ----------
    truth : pandas.DataFrame or numpy.ndarray
        Covariances of the variables, (p, p), positive definite.
    n, worlds, rng : int, int and numpy.random.Generator
        Sites in each sample, more than p (the divisor), number of samples, and source of chance.

    Examples
    --------
    >>> draw_covariances(np.eye(2), 30, 5, np.random.default_rng(1)).shape
    (5, 2, 2)
    """
    truth = check_covariances(np.asarray(truth)[None], name="truth")[0]
    worlds, p = check_whole("worlds", worlds), len(truth)
    n = check_whole("n", n, p + 1, of=f"sites for {p} variables", mend="simulate more sites")
    S = stats.wishart.rvs(n - 1, truth, size=worlds, random_state=rng)
    return S.reshape(worlds, p, p) / n


def draw_fields(
    places: pd.DataFrame, reach: float, worlds: int, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return normal fields of variance 1 in which neighbours are alike, (worlds, n, count).

    Parameters
    ----------
    places : pandas.DataFrame
        longitude and latitude of n sites, degrees.
    reach : float
        Kilometres over which the correlation of two sites falls to 1/e.
    worlds, count, rng : int, int and numpy.random.Generator
        How often to draw, fields in each world, which share nothing, and source of chance.

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(90, 96), "latitude": 33})
    >>> draw_fields(places, 500, 2, 3, np.random.default_rng(1)).shape
    (2, 6, 3)
    """
    reach = check_number("reach", reach, np.nextafter(0, 1))
    worlds, count = check_whole("worlds", worlds), check_whole("count", count, of="fields")
    likeness = squareform(np.exp(-pair_distances(places) / reach)) + np.eye(len(places))
    root = np.linalg.cholesky(likeness + 1e-9 * np.eye(len(places)))
    return root @ rng.standard_normal((worlds, len(places), count))


def _correlations(values: np.ndarray) -> np.ndarray:
    """Return the correlations of the columns of each table, (worlds, n, p) to (worlds, p, p)."""
    z = values - values.mean(axis=-2, keepdims=True)
    length = np.linalg.norm(z, axis=-2, keepdims=True)
    if not (length > 0).all():
        found, mend = "a constant one", "leave the column out"
        raise InputError("values", needed="columns that vary", found=found, mend=mend)
    z /= length
    return z.swapaxes(-1, -2) @ z


@threadpool_limits.wrap(limits=1)
def count_false_marks(
    values: np.ndarray, alpha: float, groups: Sequence[int] | None = None
) -> pd.DataFrame:
    """Count the pairs of unrelated factors that a test calls related.

    One row per world: numbers of pairs with ``p`` and with ``q`` below alpha, and of all ``pairs``.

    Parameters
    ----------
    values : numpy.ndarray
        Factors at sites, (worlds, n, factors).
    alpha : float
        Level of each test, and of the false discovery rate.
    groups : sequence of int, optional
        Group of each factor: only pairs across groups count. Without it, all pairs.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((100, 30, 5))
    >>> count_false_marks(noise, 0.05)[["p", "pairs"]].mean().tolist()
    [0.59, 10.0]
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    values = check_array("values", values, "worlds n factors")
    i, j = np.triu_indices(values.shape[-1], 1)
    if groups is not None:
        groups = check_array("groups", groups, "factors", factors=values.shape[-1])
        across = groups[i] != groups[j]
        i, j = i[across], j[across]
    p = correlation_p(_correlations(values)[:, i, j], values.shape[1])
    q = stats.false_discovery_control(p, axis=1)
    counts = {"p": (p < alpha).sum(axis=1), "q": (q < alpha).sum(axis=1)}
    return pd.DataFrame(counts).assign(pairs=len(i))


def rates(values: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Return how often each thing happened in a world: ``rate``, ``low``, ``high`` and ``worlds``.

    The interval is Wilson's where a world says only whether it happened. Of other numbers it is the
    normal one of their mean: what happens in one world need not be independent.

    Parameters
    ----------
    values : pandas.DataFrame
        One row per world: True and False (1 and 0), or how often. NaN is left out.
    confidence : float
        Level of the intervals, between 0 and 1.

    Examples
    --------
    >>> rates(pd.DataFrame({"rejected": [True] + 19 * [False]})).round(2).to_numpy()
    array([[5.0e-02, 1.0e-02, 2.4e-01, 2.0e+01]])
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    values = check_numbers(values, different=1, gaps=True)
    check_whole("values", len(values), of="worlds")
    rate, worlds = values.mean(), values.count()
    reach = stats.norm.ppf((1 + confidence) / 2) * values.sem()
    table = pd.DataFrame({"rate": rate, "low": rate - reach, "high": rate + reach})
    once = (values.isin([0, 1]).sum() == worlds) & (worlds > 0)
    count, options = values.sum()[once], {"alpha": 1 - confidence, "method": "wilson"}
    from statsmodels.stats.proportion import proportion_confint  # which few pages need

    ends = proportion_confint(count, worlds[once], **options)
    table.loc[once, ["low", "high"]] = np.transpose(ends)
    return table.assign(worlds=worlds)


def ratio(part: pd.Series, whole: pd.Series, confidence: float = 0.95) -> pd.Series:
    """Return the share of what happened that is of one kind, as a row of :func:`rates`.

    What happens in one world need not be independent: the interval is the normal one of a ratio of
    two means over worlds. If all or none is of the kind it would have no width; then it is
    Wilson's, each world in which something happened being one event. NaN where nothing happened.

    Parameters
    ----------
    part, whole : pandas.Series
        How often each happened in each world; the part is at most the whole.
    confidence : as for :func:`rates`

    Examples
    --------
    >>> ratio(pd.Series([0, 1, 1]), pd.Series([2, 2, 4]))["rate"]
    np.float64(0.25)
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    part, whole = (each.iloc[:, 0] for each in check_sites(1, part=part, whole=whole))
    if (wrong := (part < 0) | (part > whole)).any():
        found = f"{part[wrong].iloc[0]:g} of {whole[wrong].iloc[0]:g}"
        needed = "counts from 0 to those of the whole"
        raise InputError("part", needed=needed, found=found, mend="give the part first")
    events, share = (whole > 0).sum(), part.sum() / (whole.sum() or np.nan)
    if share in (0, 1):
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(share * events, events, 1 - confidence, method="wilson")
    else:
        error = (part - share * whole).sem() / whole.mean() if events else np.nan
        reach = stats.norm.ppf((1 + confidence) / 2) * error
        low, high = np.clip([share - reach, share + reach], 0, 1)
    return pd.Series({"rate": share, "low": low, "high": high, "worlds": len(whole)})


def print_rate(row: pd.Series) -> str:
    """Return a row of :func:`rates` in words, or a dash for NaN.

    Examples
    --------
    >>> print_rate(pd.Series({"rate": 0.053, "low": 0.044, "high": 0.063}))
    '5.3% (4.4 to 6.3)'
    """
    rate, low, high = 100 * row[["rate", "low", "high"]].astype(float)
    return "–" if np.isnan(rate) else f"{rate:.1f}% ({low:.1f} to {high:.1f})"


@threadpool_limits.wrap(limits=1)
def fit_recursive(
    model: PathModel, S: np.ndarray, names: Sequence[str], n: int, *, claims: bool = False
) -> pd.DataFrame:
    """Fit a recursive model to many samples, as AMOS would with its exogenous variables correlated.

    One row per sample: indices as of :func:`helpers.pathmodel.fit_indices`, ``p_swain`` as of
    :func:`helpers.pathmodel.swain`, and with `claims` ``p_shipley`` as of
    :func:`helpers.pathmodel.d_separation`.

    Parameters
    ----------
    model : PathModel
        Recursive, with at least one degree of freedom.
    S, names : numpy.ndarray and sequence of str
        Covariance matrices, (samples, p, p), and their variables, of which the model may lack some.
    n, claims : int, bool
        Sites behind each of them, and whether to test the model's claims, which takes longer.

    Examples
    --------
    >>> model, _, R = read_truth("b ~ 0.5 a\\nc ~ 0.5 b")
    >>> fit_recursive(model, R.to_numpy()[None], list("abc"), 30)["cfi"].item()
    1.0
    """
    check_columns("names", list(names), model.variables)
    S, n = check_covariances(S, p=len(names)), check_whole("n", n, 2, of="sites")
    at = np.array([list(names).index(name) for name in model.variables])
    S, free = S[..., at[:, None], at], model.count_parameters()
    df = check_whole("model", model.count_moments() - free, of="degrees of freedom")
    found = compare_moments(S, imply(*solve_recursive(model, S)), df, n - 1)
    corrected = swain_factor(len(at), free, df, n - 1) * found["chi2"]
    found["p_swain"] = stats.chi2.sf(corrected, df)
    if claims:
        found["p_shipley"] = _shipley(model, S, n)
    return pd.DataFrame(found)


def _shipley(model: PathModel, S: np.ndarray, n: int) -> np.ndarray:
    """Return the p of Shipley's C, (samples,), from covariances, (samples, p, p), of n sites."""
    C, claims = np.zeros(len(S)), model.claims()
    for pair, given in claims.items():
        at = np.array([model.variables.index(name) for name in (*pair, *given)])
        R, _ = correlations_of(np.linalg.inv(S[:, at[:, None], at]))
        C -= 2 * np.log(correlation_p(R[:, 0, 1], n, len(given)))
    return stats.chi2.sf(C, 2 * len(claims))


def regress_many(
    S: np.ndarray, causes: Sequence[int], n: int, confidence: float = 0.95
) -> dict[str, np.ndarray]:
    """Regress the last variable of each sample on others.

    Returns ``slope``, ``reach`` (half the width of Student's interval) and ``vif``, (samples, k).

    Parameters
    ----------
    S, n : numpy.ndarray and int
        Covariance matrices, (samples, p, p), of n sites each (the divisor), more than k + 1.
    causes : sequence of int
        Places of the k causes.
    confidence : as for :func:`rates`

    Examples
    --------
    >>> regress_many(np.array([[[1, 0.5], [0.5, 1]]]), [0], 30)["slope"]
    array([[0.5]])
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    S = check_covariances(S)
    at = np.array([check_whole("causes", k, 0, S.shape[-1] - 2) for k in causes])
    freedom = check_whole("n", n, len(at) + 2, of="sites") - 1 - len(at)
    slopes, left = regress(S, S.shape[-1] - 1, at)
    among = S[..., at[:, None], at]
    inverse = np.einsum("...ii->...i", np.linalg.inv(among))
    error = np.sqrt(left[..., None] * inverse / freedom)
    vif = inverse * np.einsum("...ii->...i", among)
    reach = stats.t.ppf((1 + confidence) / 2, freedom) * error
    return {"slope": slopes, "reach": reach, "vif": vif}


def equal_effects(R: pd.DataFrame, explained: float) -> pd.DataFrame:
    """Return the correlations of causes, and of an ``outcome`` on which all of them act alike.

    The outcome is last. Its standardized coefficients are all sqrt(explained / sum of R): positive.

    Parameters
    ----------
    R : pandas.DataFrame
        Correlations of the causes, named by variable; none follows from the others.
    explained : float
        Share of the outcome's variance that they explain, between 0 and 1.

    Examples
    --------
    >>> equal_effects(pd.DataFrame(np.eye(2), ["a", "b"], ["a", "b"]), 0.5)["outcome"].tolist()
    [0.5, 0.5, 1.0]
    """
    explained, R = check_level("explained", explained, usual=0.5), check_moments(list(R), R)
    check_collinear(list(R), R.to_numpy())
    coefficient = np.sqrt(explained / R.to_numpy().sum())
    full = R.assign(outcome=coefficient * R.sum())
    full.loc["outcome"] = full["outcome"]
    full.loc["outcome", "outcome"] = 1.0
    return full


@threadpool_limits.wrap(limits=1)
def cover_effects(
    truth: Truth,
    outcome: str,
    n: int,
    *,
    worlds: int,
    n_boot: int,
    confidence: float = 0.95,
    seed: int = 2022,
) -> pd.DataFrame:
    """Ask how often intervals of standardized total effects hold the true effect.

    One row per world, columns (method, kind, from): method ``BCa``, ``percentile`` or ``normal``
    (estimate and standard deviation of the resamples); kind ``holds`` (1 or 0) or ``width``.

    Parameters
    ----------
    truth : Truth
        Of a recursive model, which is the one that is fitted.
    n, worlds : int
        Sites in each world, and number of worlds.
    outcome, n_boot, confidence, seed : as for :func:`helpers.pathmodel.bootstrap_effects`

    Examples
    --------
    >>> cover_effects(read_truth("b ~ 0.5 a"), "b", 20, worlds=2, n_boot=100)["BCa"].shape
    (2, 2)
    """
    check_word("outcome", outcome, truth.model.endogenous)
    confidence = check_level("confidence", confidence, usual=0.95)
    n, worlds = check_whole("n", n, 2, of="sites"), check_whole("worlds", worlds)
    rng = np.random.default_rng(check_whole("seed", seed, 0))
    names = list(truth.correlations)
    values = rng.standard_normal((worlds, n, len(names)))
    tables = values @ np.linalg.cholesky(truth.correlations).T
    total = np.linalg.inv(np.eye(len(names)) - truth.coefficients)
    true = pd.Series(total[names.index(outcome)], names)
    tail = (1 - confidence) / 2
    rows = []
    for table, own in zip(tables, rng.integers(2**31, size=worlds), strict=True):
        data = pd.DataFrame(table, columns=names)
        options = {"n_boot": n_boot, "confidence": confidence, "seed": own}
        found = bootstrap_effects(truth.model, data, outcome, **options)
        total, draws = found.table.droplevel("to"), found.draws
        half = stats.norm.isf(tail) * draws.std()
        intervals = {
            "BCa": (total["total_low"], total["total_high"]),
            "percentile": (draws.quantile(tail), draws.quantile(1 - tail)),
            "normal": (total["total"] - half, total["total"] + half),
        }
        row = {}
        for method, (low, high) in intervals.items():
            holds = (low <= true[low.index]) & (true[low.index] <= high)
            row |= {(method, "holds"): holds.astype(float), (method, "width"): high - low}
        rows.append(pd.concat(row))
    return pd.DataFrame(rows).rename_axis(columns=["method", "kind", "from"])


def power_of_correlation(r: float, n: int, alpha: float, controls: int = 0) -> float:
    """Return the chance that a true correlation of normal variables has p < alpha.

    The square of a sample's correlation is beta with 1/2 + k and (n - 2) / 2 degrees of freedom, k
    being negative binomial (Gurland 1968, Journal of the Royal Statistical Society B 30, 276-283).
    Each control takes one site away.

    Parameters
    ----------
    r, alpha : float
        True (partial) correlation, between -1 and 1, and level of the two-sided t test.
    n, controls : int
        Sites, and how many variables are held constant.

    Examples
    --------
    >>> round(power_of_correlation(0.5, 30, 0.05), 3)
    0.828
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    r, controls = check_number("r", r, -_BELOW_1, _BELOW_1), check_whole("controls", controls, 0)
    n = check_whole("n", n, 3 + controls, of="sites") - controls
    edge = stats.t.isf(alpha / 2, n - 2) ** 2
    mixed = stats.nbinom((n - 1) / 2, 1 - r**2)
    k = np.arange(mixed.isf(1e-12) + 1)
    above = stats.beta.sf(edge / (edge + n - 2), 0.5 + k, (n - 2) / 2)
    return float(mixed.pmf(k) @ above)


def least_correlation(n: int, alpha: float, power: float = 0.8, controls: int = 0) -> float:
    """Return the true correlation that is found with a given chance.

    Parameters
    ----------
    n, alpha, controls : as for :func:`power_of_correlation`
    power : float
        The chance, above alpha and below 1.

    Examples
    --------
    >>> round(least_correlation(30, 0.05), 2)
    0.49
    """
    least, most = (power_of_correlation(r, n, alpha, controls) for r in (0, 0.99))
    power = check_number("power", power, least, most, mend="choose another, or more sites")
    return optimize.brentq(
        lambda r: power_of_correlation(r, n, alpha, controls) - power, 0, 0.99, xtol=1e-5
    )


@threadpool_limits.wrap(limits=1)
def judge_loops(
    model: PathModel, S: np.ndarray, n: int, *, alpha: float = 0.05, cfi: float = 0.95
) -> pd.DataFrame:
    """Say of many samples whether a loop would be called a positive feedback that fits.

    One row per sample: ``gain``; ``positive`` (all arrows of the stable solution are); ``passes``
    (besides, CFI >= cfi); ``fits`` (besides, p >= alpha); ``clear`` (besides, the interval of the
    gain by profile likelihood leaves out 0: each of the chains that lack one arrow is worse than
    the loop by more than chi-square with one degree of freedom allows). Without a real solution all
    are False.

    Parameters
    ----------
    model, S, n : as for :func:`helpers.pathmodel.fit_many`
        The loop has four variables or more, and nothing else belongs to the model.
    alpha, cfi : float
        Level of chi-square and of the test that an arrow is needed; least comparative fit index.

    Examples
    --------
    >>> loop = parse_model("b ~ a\\nc ~ b\\nd ~ c\\na ~ d")
    >>> judge_loops(loop, 0.4 * np.eye(4)[None] + 0.6, 30)[["positive", "fits"]].to_numpy()
    array([[ True,  True]])
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    cfi, n, S = check_number("cfi", cfi), check_whole("n", n, 2, of="rows"), np.asarray(S)
    fitted = fit_many(model, S, n)
    ring = [model.variables.index(name) for name in find_ring(model)]
    R, _ = correlations_of(S)
    # det Sigma of a chain of standardized variables is the product of 1 - r^2 over its links
    links = np.log1p(-(R[:, ring, np.roll(ring, 1)] ** 2))
    chains = (n - 1) * (links.sum(axis=1) - links.max(axis=1) - np.linalg.slogdet(R)[1])
    worse = chains - fitted["chi2"]
    positive = (fitted.filter(like=" -> ") > 0).all(axis="columns")
    passes = positive & (fitted["cfi"] >= cfi)
    fits = passes & (fitted["p"] >= alpha)
    clear = fits & (worse > stats.chi2.isf(alpha, 1))
    verdicts = {"positive": positive, "passes": passes, "fits": fits, "clear": clear}
    return pd.DataFrame({"gain": fitted["gain"], **verdicts})


@threadpool_limits.wrap(limits=1)
def search_loops(
    model: PathModel, values: np.ndarray, *, alpha: float = 0.05, cfi: float = 0.95
) -> pd.DataFrame:
    """Try every loop that takes one factor from each group, and keep those that fit.

    One row for each loop with four positive arrows that fits: ``world``, ``gain``, ``clear``, and
    ``needs``, how many candidates per group had to be looked at to meet it, if taken in order.

    Parameters
    ----------
    model, alpha, cfi : as for :func:`judge_loops`, one variable for each group
    values : numpy.ndarray
        Factors at sites, (worlds, n, groups, candidates), groups in the order of the variables.

    Examples
    --------
    >>> loop = parse_model("b ~ a\\nc ~ b\\nd ~ c\\na ~ d")
    >>> noise = np.random.default_rng(1).standard_normal((5, 30, 4, 3))
    >>> search_loops(loop, noise)["needs"].max() <= 3
    np.True_
    """
    groups = len(model.variables)
    values = check_array("values", values, "worlds n groups candidates", groups=groups)
    worlds, n, _, candidates = values.shape
    R = _correlations(values.reshape(worlds, n, -1))
    picks = np.array(list(product(range(candidates), repeat=groups)))
    at = picks + candidates * np.arange(groups)
    ring = [model.variables.index(name) for name in find_ring(model)]
    links = zip(ring, np.roll(ring, 1), strict=True)
    # neighbours correlate as in the sample, and a loop of positive arrows correlates them
    hopeful = np.all([R[:, at[:, i], at[:, j]] > 0 for i, j in links], axis=0)
    world, pick = np.nonzero(hopeful)
    S = R[world[:, None, None], at[pick][:, :, None], at[pick][:, None, :]]
    found = judge_loops(model, S, n, alpha=alpha, cfi=cfi)
    found = found.assign(world=world, needs=picks[pick].max(axis=1) + 1)
    return found.loc[found["fits"], ["world", "gain", "clear", "needs"]].reset_index(drop=True)
