"""Where a path model misfits: what it leaves over, and which arrows would take it up."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.frame import correlations_of, slopes

_SPARE = 1e-8  # the least share of a parameter's information that the others leave it


def residual_correlations(fit: PathFit) -> pd.DataFrame:
    r"""Return correlations of the sample minus those that the model implies, (p, p).

    What lavaan calls ``resid(fit, type="cor")``.

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> R = pd.DataFrame([[1, 0.5, 0.6], [0.5, 1, 0.6], [0.6, 0.6, 1]], list("xmy"), list("xmy"))
    >>> residual_correlations(fit_model(parse_model("m ~ x\ny ~ m"), R, 30)).loc["y", "x"].round(2)
    np.float64(0.3)
    """
    (sample, _), (implied, _) = (correlations_of(S.to_numpy()) for S in (fit.sample, fit.implied))
    return pd.DataFrame(sample - implied, fit.sample.index, fit.sample.columns)


def modification_indices(fit: PathFit) -> pd.DataFrame:
    r"""Return how much chi-square would fall, about, if one more parameter were free.

    These are score tests :cite:p:`sorbom1989`, as those of lavaan with ``fixed.x=FALSE``: one for
    each arrow and each covariance that the model does not draw, or fixes, and that the data could
    determine. To draw the arrow with the largest index because it is the largest is to fit the
    sample: it wants a reason, and new data.

    Returns
    -------
    pandas.DataFrame
        One row per ``to``, ``kind`` (``path`` or ``covariance``) and ``from``: ``mi``, chi-square
        with one degree of freedom; its ``p``; the value that the parameter would take, less what it
        is fixed at, ``epc``, in units of the data, and ``standardized_epc``; the largest first.

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> R = pd.DataFrame([[1, 0.5, 0.6], [0.5, 1, 0.6], [0.6, 0.6, 1]], list("xmy"), list("xmy"))
    >>> found = modification_indices(fit_model(parse_model("m ~ x\ny ~ m"), R, 30))
    >>> found.loc[("y", "path", "x"), ["mi", "epc"]].round(2).to_list()
    [5.44, 0.4]
    """
    frame = fit.frame
    B, Psi = frame.matrices(fit.theta)
    Sigma = frame.implied(fit.theta)
    W, p = np.linalg.inv(Sigma), len(Sigma)
    _, sd = correlations_of(fit.sample.to_numpy())
    R = fit.sample.to_numpy() / np.outer(sd, sd)
    free = {frozenset(pair) for pair in frame.spreads.tolist()}
    fixed = [isinstance(label, float) for label in frame.labels]
    drawn = {tuple(pair) for pair in frame.paths.tolist()}
    held = np.array(fixed, bool)
    k = len(frame.paths)
    drawn -= {tuple(pair) for pair in frame.paths[held[:k]].tolist()}
    free -= {frozenset(pair) for pair in frame.spreads[held[k:]].tolist()}
    paths = np.array([pair for pair in permutations(range(p), 2) if pair not in drawn])
    pairs = [(i, i) for i in range(p)] + list(combinations(range(p), 2))
    spreads = np.array([pair for pair in pairs if frozenset(pair) not in free])
    paths, spreads = paths.reshape(-1, 2), spreads.reshape(-1, 2)
    extra = W @ slopes(B, Psi, paths, spreads)
    own = np.tensordot(frame.spread, W @ frame.slopes(fit.theta), axes=1)
    slope = np.einsum("qij,ji->q", extra, W @ (Sigma - R))
    shared = np.einsum("aij,bji->ab", extra, own)
    whole = np.einsum("aij,aji->a", extra, extra)
    left = whole - (shared * np.linalg.solve(fit.frame.information(fit.theta), shared.T).T).sum(1)
    (to, cause), (one, other) = paths.T, spreads.T
    implied = np.sqrt(np.diag(Sigma))
    error = np.sqrt(np.diag(Psi))
    unit = np.concatenate([sd[to] / sd[cause], sd[one] * sd[other]])
    standard = np.concatenate([implied[cause] / implied[to], 1 / (error[one] * error[other])])
    names = np.array(frame.names)
    ends = np.concatenate([paths, spreads])
    kinds = np.repeat(["path", "covariance"], [len(paths), len(spreads)])
    with np.errstate(divide="ignore", invalid="ignore"):
        change, mi = -slope / left, fit.scale / 2 * slope**2 / left
    table = pd.DataFrame(
        {
            "to": names[ends[:, 0]],
            "kind": kinds,
            "from": names[ends[:, 1]],
            "mi": mi,
            "p": stats.chi2.sf(mi, 1),
            "epc": change * unit,
            "standardized_epc": change * standard,
        }
    )
    determined = table[left > _SPARE * whole]
    order = determined["mi"].round(6).sort_values(ascending=False, kind="stable").index  # ties stay
    return determined.loc[order].set_index(["to", "kind", "from"])
