"""The numbers that the paper prints of its loop, and the samples that would print them again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import elementwise

from helpers.checks import check_array, check_columns, check_number, check_numbers, check_whole
from helpers.errors import InputError
from helpers.paper.published import implied_sample
from helpers.pathmodel.indices import baseline_indices
from helpers.pathmodel.loop import imply_correlations
from helpers.pathmodel.ring import find_ring
from helpers.pathmodel.spec import PathModel
from helpers.paths import DATA


def load_published_loop() -> tuple[pd.Series, pd.Series]:
    """Return the coefficients and the fit indices that Fig. 4c of the paper prints: published.

    Coefficients are standardized, by ``from`` and ``to`` (groups of factors). That they run around
    the loop in the order of the text is our reading.

    Examples
    --------
    >>> load_published_loop()[0]["climatic", "plant"]
    np.float64(0.99)
    """
    table = pd.read_csv(DATA / "published_loop.csv").rename(columns={"value": "published"})
    drawn = table["quantity"] == "path"
    paths = table[drawn].set_index(["from", "to"])["published"]
    return paths, table[~drawn].set_index("quantity")["published"]


def bound_determinant(coefficients: np.ndarray, decimals: int = 2) -> tuple[float, float]:
    """Return the smallest and the largest det R that a loop with printed coefficients implies.

    With positive coefficients det R falls as any of them grows, so that the ends are at the corners
    of the box of what rounds to them. A corner that no error variances allow (a coefficient too
    large for its variable) counts as det R = 0.

    Parameters
    ----------
    coefficients : numpy.ndarray
        Standardized, positive, around the loop, (p,).
    decimals : int
        That they were rounded to.

    Examples
    --------
    >>> np.round(bound_determinant(np.array([0.5, 0.5, 0.5]), decimals=1), 2).tolist()
    [0.18, 0.35]
    """
    coefficients = check_array("coefficients", coefficients, "p")
    half = 0.5 * 10.0 ** -check_whole("decimals", decimals, 0, 15)
    check_number("coefficients", coefficients.min(initial=half), half)
    corners = [np.array(signs) * half for signs in product((-1, 1), repeat=len(coefficients))]
    R = imply_correlations(_around(coefficients + corners))
    determinants = np.linalg.det(np.where(np.isnan(R), 0, R))
    return float(determinants.min()), float(determinants.max())


def matching_correlations(
    model: PathModel,
    coefficients: pd.Series,
    indices: Mapping[str, float],
    *,
    draws: int = 50_000,
    seed: int = 2022,
    decimals: tuple[int, int] = (2, 3),
) -> pd.DataFrame:
    """Return correlation matrices for which a fitted loop would print these numbers.

    A loop reproduces the correlations of neighbours exactly. So every sample matrix is that of a
    loop, R, plus deviations D where variables are not neighbours. Coefficients are drawn from what
    rounds to the printed ones, D as a random direction times r. With the eigenvalues m of R^-1 D,
    F = -sum ln(1 + r m) gives r, and GFI = p / sum (1 + r m)^2.

    Parameters
    ----------
    model : PathModel
        A loop of four variables or more, and nothing else.
    coefficients : pandas.Series
        Printed coefficients of the stable solution, by ``from`` and ``to``.
    indices : mapping
        Printed ``chi2_df``, ``rmsea``, ``gfi``, ``nfi`` and ``cfi``.
    draws, seed : int
        How many matrices to try, and the seed of the drawing.
    decimals : tuple of int
        Of the coefficients and of the indices.

    Returns
    -------
    pandas.DataFrame
        One row per matrix that was found: ``n``, the correlations of the sample by pair (columns
        such as ``TF, EVI``), and ``residual``, the root mean square of sample minus model over the
        lower triangle with diagonal, which is RMR for variables of variance 1. No row: none found.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> paths, indices = load_published_loop()
    >>> loop = parse_model("\\n".join(f"{to} ~ {cause}" for cause, to in paths.index))
    >>> matching_correlations(loop, paths, indices, draws=500)["n"].unique().tolist()
    [44]
    """
    draws, seed = check_whole("draws", draws), check_whole("seed", seed, 0)
    for each in decimals:
        check_whole("decimals", each, 0, 15)
    names = ["chi2_df", "rmsea", "gfi", "nfi", "cfi"]
    check_columns("indices", indices, names)
    coefficients = check_numbers(coefficients.to_frame("coefficients"), different=1)["coefficients"]
    ring = find_ring(model)
    arrows = list(zip(np.roll(ring, 1), ring, strict=True))
    if len(ring) < len(model.variables) or sorted(arrows) != sorted(coefficients.index):
        raise InputError(
            "published loop",
            needed=f"a coefficient for each of {', '.join(f'{a} -> {b}' for a, b in arrows)}",
            found=", ".join(f"{a} -> {b}" for a, b in coefficients.index),
            mend="name the arrows of the model, which must be one loop and nothing else",
        )
    p = len(ring)
    rng = np.random.default_rng(seed)
    printed = {name: indices[name] for name in names}
    possible = implied_sample(**printed, variables=p, digits=decimals[1], paths=p)
    parts = [
        _match(row, ring, coefficients[arrows].to_numpy(), indices, draws, rng, decimals)
        for _, row in possible[possible["drawn"]].iterrows()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _match(
    row: pd.Series,
    ring: tuple[str, ...],
    coefficients: np.ndarray,
    indices: Mapping[str, float],
    draws: int,
    rng: np.random.Generator,
    decimals: tuple[int, int],
) -> pd.DataFrame:
    """Return matching matrices for one number of rows, of :func:`implied_sample`."""
    p, scale, df = len(ring), row["n"] - 1, int(row["df"])
    half = 0.5 * 10.0 ** -decimals[0]
    R = imply_correlations(_around(coefficients + rng.uniform(-half, half, (draws, p))))
    R = R[~np.isnan(R).any(axis=(-2, -1))]
    i, j = np.tril_indices(p, -1)
    apart = ~np.isin(i - j, (1, p - 1))
    D = np.zeros(R.shape)
    D[:, i[apart], j[apart]] = rng.standard_normal((len(R), apart.sum()))
    D += D.swapaxes(-1, -2)
    root = np.linalg.cholesky(np.linalg.inv(R))
    m = np.linalg.eigvalsh(root.swapaxes(-1, -2) @ D @ root)
    F = rng.uniform(row["F_low"], row["F_high"], len(R))
    furthest = -(1 - 1e-9) / m[:, 0]
    r = elementwise.find_root(
        lambda r, F, *m: -sum(np.log1p(r * each) for each in m) - F,
        (np.zeros(len(R)), furthest),
        args=(F, *m.T),
    ).x
    S = R + r[:, None, None] * D
    chi2, chi2_b = scale * F, -scale * np.linalg.slogdet(S)[1]
    again = baseline_indices(chi2, df, chi2_b, p * (p - 1) // 2)
    again["gfi"] = p / ((1 + r[:, None] * m) ** 2).sum(axis=1)
    fits = np.all(
        [np.round(again[name], decimals[1]) == indices[name] for name in ("gfi", "nfi", "cfi")],
        axis=0,
    )
    residual = np.sqrt(((r[:, None] * D[:, i, j]) ** 2).sum(axis=1) / (p * (p + 1) / 2))
    table = {f"{ring[b]}, {ring[a]}": S[fits, a, b] for a, b in zip(i, j, strict=True)}
    return pd.DataFrame({"n": int(row["n"]), **table, "residual": residual[fits]})


def _around(coefficients: np.ndarray) -> np.ndarray:
    """Return B of loops, (..., p, p), from coefficients (..., p): the last onto the first, ..."""
    p = coefficients.shape[-1]
    B = np.zeros((*coefficients.shape, p))
    B[..., np.arange(p), np.arange(p) - 1] = coefficients
    return B
