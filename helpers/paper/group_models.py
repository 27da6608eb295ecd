"""One group of factors and TOP: the tables that the four chapters on path models share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from helpers.checks import check_level, check_word
from helpers.factors import load_factors
from helpers.paper.claims import Answer
from helpers.pathmodel.diagnostics import Separation, collinearity, d_separation, swain
from helpers.pathmodel.fit import PathFit, fit_model
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.resampling import (
    Bootstrap,
    bollen_stine,
    bootstrap_effects,
    influence,
    order_agreement,
    rank_stability,
)
from helpers.pathmodel.spec import PathModel, parse_model, read_model
from helpers.paths import DATA

OUTCOME = "TOP"
STRUCTURES = ("stated", "direct")


@dataclass(frozen=True)
class GroupModel:
    """The path model of one group of factors, fitted, with its resamples.

    Attributes
    ----------
    group : str
        climatic, plant, soil or microbial.
    data : pandas.DataFrame
        Factors and TOP, one row per site.
    fit : PathFit
        By the convention of AMOS.
    bootstrap : Bootstrap
        Effects on TOP with BCa intervals.
    seed : int
        Of the resampling.
    """

    group: str
    data: pd.DataFrame
    fit: PathFit
    bootstrap: Bootstrap
    seed: int

    @property
    def model(self) -> PathModel:
        """What was fitted."""
        return self.fit.model

    def arrows(self) -> pd.DataFrame:
        """Return each line of arrows, with its reason."""
        label = load_factors()["label"]
        rows = [
            (
                ", ".join(label.get(cause, cause) for cause in self.model.parents(to)),
                label.get(to, to),
                self.model.reasons.get(to, ""),
            )
            for to in self.model.endogenous
        ]
        return pd.DataFrame(rows, columns=["from", "to", "because"])

    def indices(self) -> pd.DataFrame:
        """Return the fit indices as AMOS and as lavaan compute them, and with x uncorrelated."""
        variants = {
            "AMOS": {},
            "lavaan": {"convention": "lavaan"},
            "AMOS, exogenous uncorrelated": {"exogenous": "uncorrelated"},
        }
        fits = {
            name: fit_model(self.model, self.data, **{"exogenous": self.fit.exogenous, **options})
            for name, options in variants.items()
        }
        return pd.DataFrame({name: fit_indices(fit) for name, fit in fits.items()})

    @cached_property
    def separation(self) -> Separation:
        """What the drawing says must be independent, and how it was in the data."""
        return d_separation(self.model, self.data, self.fit.exogenous)

    def tests(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return tests of the whole model: the plain one, and three for few sites.

        Parameters
        ----------
        alpha : float
            Level of each test.

        Returns
        -------
        pandas.DataFrame
            By test: ``statistic``, ``df``, ``p`` and ``verdict``: rejects, does not reject, or
            nothing to test (p is NaN) for a model that claims nothing.
        """
        check_level("alpha", alpha, usual=0.05)
        plain, corrected = fit_indices(self.fit), swain(self.fit)
        resampled = bollen_stine(
            self.model,
            self.data,
            n_boot=len(self.bootstrap.draws) + self.bootstrap.failed,
            seed=self.seed,
            exogenous=self.fit.exogenous,
        )
        rows = {
            "χ²": (plain["chi2"], self.fit.df, plain["p"]),
            "χ², corrected by Swain": (corrected["chi2"], self.fit.df, corrected["p"]),
            "χ², resampled (Bollen–Stine)": (plain["chi2"], self.fit.df, resampled.p),
            "Shipley's C": (self.separation.C, self.separation.df, self.separation.p),
        }
        table = pd.DataFrame.from_dict(rows, "index", columns=["statistic", "df", "p"])
        said = {True: "rejects", False: "does not reject"}
        verdicts = (table["p"] < alpha).map(said).where(table["p"].notna(), "nothing to test")
        return table.assign(verdict=verdicts)

    def effects(self) -> pd.DataFrame:
        """Return the effects on TOP with BCa intervals, from the most positive down."""
        return self.bootstrap.table.droplevel("to").sort_values("total", ascending=False)

    def order(self) -> pd.DataFrame:
        """Return the paper's order of total effects beside ours.

        Returns
        -------
        pandas.DataFrame
            By factor, in the paper's order: ``published`` (such as +1, the most positive, or -1,
            the most negative), ``here`` (the same of our estimates), ``total`` with its interval,
            and ``sign`` (share of resamples with the published sign).
        """
        published = load_published_effects(self.group)
        effects = self.effects().loc[published.index]
        up, down = (effects["total"].rank(ascending=each).astype(int) for each in (False, True))
        here = up.where(effects["total"] > 0, -down)
        agrees = np.sign(self.bootstrap.draws[published.index]) == np.sign(published)
        return pd.DataFrame(
            {
                "published": published.map("{:+d}".format),
                "here": here.map("{:+d}".format),
                "total": effects["total"],
                "low": effects["total_low"],
                "high": effects["total_high"],
                "sign": agrees.mean(),
            }
        )

    def ranks(self) -> pd.DataFrame:
        """Return how often each factor takes each rank, rows in the paper's order."""
        return rank_stability(self.bootstrap.draws).loc[published_order(self.group)]

    def agreement(self) -> pd.DataFrame:
        """Return how far estimates and resamples agree with the paper's order and signs."""
        positive, negative = _by_sign(load_published_effects(self.group))
        return order_agreement(self.bootstrap, positive, negative)

    def answers(self, label: str) -> dict[str, Answer]:
        """Return what comes out here for each of the paper's claims on the effects.

        Parameters
        ----------
        label : str
            The least real label among factors and TOP (:func:`helpers.provenance.least_real`).

        Returns
        -------
        dict
            By claim (``climatic-leader`` and so on): an answer to :func:`helpers.paper.weigh`,
            with the share of resamples in which the whole claim holds.
        """
        positive, negative = _by_sign(load_published_effects(self.group))
        signs = np.repeat([1, -1], [len(positive), len(negative)])
        names = load_factors()["label"]
        total = self.effects()["total"]
        cases = pd.concat([total.to_frame().T, self.bootstrap.draws])  # the estimate comes first
        first = positive[0]
        others = cases.drop(columns=first)
        agree = np.sign(cases[positive + negative]) == signs
        results = {
            "leader": (
                [names[total.index[0]]],
                names[total.index[0]],
                others.lt(cases[first], axis="index").all(axis="columns"),
            ),
            "signs": (
                (int(agree.iloc[0].sum()), len(signs)),
                f"{agree.iloc[0].sum()} of {len(signs)} agree",
                agree.all(axis="columns"),
            ),
        }
        for name, sign, codes in (("positive", 1, positive), ("negative", -1, negative)):
            if len(codes) > 1:
                size = sign * cases[codes]
                falls = (size > 0).all(axis="columns")
                falls &= size.diff(axis="columns").iloc[:, 1:].lt(0).all(axis="columns")
                estimate = size.iloc[0].sort_values(ascending=False)
                ranked = list(names[estimate.index[estimate > 0]])
                results[name] = (ranked, f"of the paper's: {' > '.join(ranked) or 'none'}", falls)
        return {
            f"{self.group}-{name}": Answer(
                value, label, f"{here} (holds in {_say_share(holds.iloc[1:])} resamples)"
            )
            for name, (value, here, holds) in results.items()
        }

    def collinearity(self) -> pd.DataFrame:
        """Return how far the causes in each equation determine each other."""
        return collinearity(self.model, self.data)

    def influence(self) -> pd.DataFrame:
        """Return the largest change of each total effect when one site is left out.

        Returns
        -------
        pandas.DataFrame
            By factor: ``total`` with all sites, ``change``, and the site that is left out,
            ``without``.
        """
        changes = influence(self.model, self.data, OUTCOME, self.fit.exogenous)
        sites = changes.abs().idxmax()
        change = pd.Series({code: changes.loc[site, code] for code, site in sites.items()})
        total = self.effects()["total"]
        return pd.DataFrame({"total": total, "change": change, "without": sites}).loc[total.index]


def fit_group(
    group: str,
    data: pd.DataFrame,
    *,
    structure: str = "stated",
    exogenous: str = "correlated",
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
) -> GroupModel:
    """Fit the path model of a group of factors, and resample its effects on TOP.

    Parameters
    ----------
    group : {"climatic", "plant", "soil", "microbial"}
        Whose model to fit.
    data : pandas.DataFrame
        Factors and TOP, one row per site.
    structure : {"stated", "direct"}
        As for :func:`group_model`.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate.
    n_boot : int
        Number of resamples.
    confidence : float
        Level of the intervals, between 0 and 1.
    seed : int
        Of the resampling.
    """
    model = group_model(group, structure)
    fit = fit_model(model, data, exogenous=exogenous)
    bootstrap = bootstrap_effects(
        model,
        data,
        OUTCOME,
        n_boot=n_boot,
        confidence=confidence,
        seed=seed,
        exogenous=exogenous,
    )
    return GroupModel(group, data, fit, bootstrap, seed)


def group_model(group: str, structure: str = "stated") -> PathModel:
    """Return the path model of a group of factors.

    Parameters
    ----------
    group : {"climatic", "plant", "soil", "microbial"}
        Whose.
    structure : {"stated", "direct"}
        ``stated``: the arrows of ``data/models``; ``direct``: each of the paper's factors of the
        group acts on TOP, and on nothing else. With correlated factors that leaves no degree of
        freedom: the model fits any data, and nothing of it can be tested.

    Raises
    ------
    InputError
        For another word.
    """
    check_word("structure", structure, STRUCTURES)
    if structure == "stated":
        return read_model(group)
    causes = " + ".join(published_order(group))
    return parse_model(f"{OUTCOME} ~ {causes}  # each by itself, and nothing else")


def all_indicators(group: str, data: pd.DataFrame) -> PathModel:
    """Return the model in which every factor of a group acts on TOP, and on nothing else.

    Parameters
    ----------
    group : {"climatic", "plant", "soil", "microbial"}
        Whose factors to take.
    data : pandas.DataFrame
        Only factors that it holds are taken.
    """
    registry = load_factors()
    codes = [code for code in registry.index[registry["group"] == group] if code in data]
    return parse_model(f"{OUTCOME} ~ {' + '.join(codes)}")


def load_published_effects(group: str) -> pd.Series:
    """Return the paper's order of standardized total effects on TOP (§3.2, Fig. 3e): published.

    Returns
    -------
    pandas.Series
        By factor: 1 for the most positive effect, 2 for the next; -1 for the most negative, -2
        for the next. Positive ones first.
    """
    table = pd.read_csv(DATA / "published_effects.csv")
    table = table[table["group"] == group].set_index("factor")
    return table["rank"].where(table["sign"] == "positive", -table["rank"])


def published_order(group: str) -> list[str]:
    """Return the paper's factors from the most positive to the most negative effect."""
    positive, negative = _by_sign(load_published_effects(group))
    return [*positive, *reversed(negative)]


def _say_share(holds: pd.Series) -> str:
    """Return a share in whole percent; 0 % and 100 % are said of none and of all only."""
    percent = 100 * holds.mean()
    if percent in (0, 100):
        return "all" if percent else "no"
    if round(percent) in (0, 100):
        return "more than 99% of" if percent > 50 else "less than 1% of"
    return f"{percent:.0f}% of"


def _by_sign(published: pd.Series) -> tuple[list[str], list[str]]:
    return list(published.index[published > 0]), list(published.index[published < 0])
