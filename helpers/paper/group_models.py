"""One group of factors and TOP: the tables that the four chapters on path models share."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pandas as pd

from helpers.checks import check_level
from helpers.errors import InputError, list_some
from helpers.factors import load_factors
from helpers.paper.claims import NO_DATA, Answer, load_claims
from helpers.pathmodel.diagnostics import d_separation, swain
from helpers.pathmodel.fit import PathFit, fit_model
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.resampling import (
    Bootstrap,
    bollen_stine,
    bootstrap_effects,
)
from helpers.pathmodel.spec import PathModel, parse_model, read_model
from helpers.paths import DATA

OUTCOME = "TOP"
STRUCTURES = ("stated", "direct")


@dataclass(frozen=True)
class GroupModel:
    """The path model of one group of factors, fitted, with its resamples (:func:`fit_group`)."""

    group: str
    data: pd.DataFrame
    fit: PathFit
    bootstrap: Bootstrap
    seed: int

    def tests(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return tests of the whole model, each at the level alpha, and their verdicts.

        The first is the plain one, the three others are for few sites.
        """
        check_level("alpha", alpha, usual=0.05)
        plain, corrected = fit_indices(self.fit), swain(self.fit)
        n_boot = len(self.bootstrap.draws) + self.bootstrap.failed
        options = {"n_boot": n_boot, "seed": self.seed, "exogenous": self.fit.exogenous}
        resampled = bollen_stine(self.fit.model, self.data, **options)
        separation = d_separation(self.fit.model, self.data, self.fit.exogenous)
        rows = {
            "χ²": (plain["chi2"], self.fit.df, plain["p"]),
            "χ², corrected by Swain": (corrected["chi2"], self.fit.df, corrected["p"]),
            "χ², resampled (Bollen–Stine)": (plain["chi2"], self.fit.df, resampled.p),
            "Shipley's C": (separation.C, separation.df, separation.p),
        }
        table = pd.DataFrame.from_dict(rows, "index", columns=["statistic", "df", "p"])
        said = {True: "rejects", False: "does not reject"}
        verdicts = (table["p"] < alpha).map(said).where(table["p"].notna(), "nothing to test")
        return table.assign(verdict=verdicts)

    def effects(self) -> pd.DataFrame:
        """Return the effects on TOP with BCa intervals, from the most positive down."""
        return self.bootstrap.table.droplevel("to").sort_values("total", ascending=False)

    def ranks(self) -> pd.DataFrame:
        """Return in which share of the resamples each factor has each rank (column), from the most
        positive total effect (1) down; rows in the paper's order, then the others.
        """
        ranks = self.bootstrap.draws.rank(axis="columns", ascending=False).astype(int)
        shares = ranks.apply(pd.Series.value_counts, normalize=True).fillna(0.0).T
        first = [code for code in published_order(self.group) if code in shares.index]
        order = [*first, *shares.index.difference(first, sort=False)]
        return shares.rename_axis(columns="rank").loc[order]

    def answers(self, label: str) -> dict[str, Answer]:
        """Return answers to the paper's claims on the effects (``climatic-leader`` and so on), with
        the share of resamples in which the whole claim holds, for :func:`helpers.paper.weigh`.
        A model that lacks one of the paper's factors answers none.
        """
        positive, negative = _by_sign(self.group)
        if not {*positive, *negative} <= {*self.bootstrap.draws}:
            claims = load_claims().index
            lists = [f"{self.group}-{name}" for name in ("leader", "signs", "positive", "negative")]
            return {name: NO_DATA for name in lists if name in claims}
        names, total = load_factors()["label"], self.effects()["total"]
        cases = pd.concat([total.to_frame().T, self.bootstrap.draws])  # the estimate comes first
        leads = cases.drop(columns=positive[0]).lt(cases[positive[0]], axis="index")
        agree = pd.concat([cases[positive] > 0, cases[negative] < 0], axis="columns")
        count, leader = agree.iloc[0].sum(), names[total.index[0]]
        results = {
            "leader": ([leader], leader, leads, "the paper's leads"),
            "signs": (
                (int(count), agree.shape[1]),
                f"{count} of {agree.shape[1]} agree",
                agree,
                "all agree",
            ),
        }
        for name, size in (("positive", cases[positive]), ("negative", -cases[negative])):
            if size.shape[1] > 1:
                falls = size.assign(zero=0).diff(axis="columns").iloc[:, 1:] < 0
                estimate = size.iloc[0].sort_values(ascending=False)
                ranked = list(names[estimate.index[estimate > 0]])
                here = f"{name} of these: {' > '.join(ranked) or 'none'}"
                results[name] = (ranked, here, falls, "all, in the printed order,")
        return {
            f"{self.group}-{name}": Answer(
                value, label, f"{here} ({whole} in {_say_share(parts[1:].all(axis=1))} resamples)"
            )
            for name, (value, here, parts, whole) in results.items()
        }


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
    """Fit the path model of a group of factors by AMOS's convention, and resample its effects.

    Parameters
    ----------
    group : {"climatic", "plant", "soil", "microbial"}
        Whose model to fit.
    data, exogenous : as for :func:`helpers.pathmodel.fit_model`
        Factors and TOP, one row per site; rows with a gap in what the model has are left out.
    structure : "stated", "direct", or str
        ``stated``: the arrows of ``data/models``; ``direct``: each of the paper's factors of the
        group acts on TOP, and on nothing else. With correlated factors that leaves no degree of
        freedom: the model fits any data, and nothing of it can be tested. Any other text is a
        path model of TOP or the path of a file with one, of whatever columns `data` has.
    n_boot, confidence, seed : as for :func:`helpers.pathmodel.bootstrap_effects`

    Examples
    --------
    >>> from helpers.study import load_study, sample_top
    >>> study = load_study()
    >>> plant = fit_group("plant", study.factors().join(sample_top(study.sites)), n_boot=100)
    >>> plant.effects()["total"].idxmax()
    'ANPP'
    """
    model = _read_structure(group, structure)
    if missing := [name for name in model.variables if name not in data]:
        causes = [name for name in model.parents(OUTCOME) if name in data]
        others = [
            name for name in data.columns.drop(OUTCOME, errors="ignore") if name not in causes
        ]
        example = f"{OUTCOME} ~ {' + '.join([*causes, *others][: max(len(causes), 2)])}"
        raise InputError(
            f"the {group} model",
            needed=f"the columns {list_some(model.variables)}",
            found=f"no column {list_some(missing)}",
            mend=f"add them to your table, or give a model of what it has: structure={example!r}",
        )
    data = data[[*model.variables]].dropna()
    fit = fit_model(model, data, exogenous=exogenous)
    options = {"n_boot": n_boot, "confidence": confidence, "seed": seed, "exogenous": exogenous}
    bootstrap = bootstrap_effects(model, data, OUTCOME, **options)
    return GroupModel(group, data, fit, bootstrap, seed)


def _read_structure(group: str, structure: str) -> PathModel:
    if structure == "stated":
        return read_model(group)
    if structure == "direct":
        causes = " + ".join(published_order(group))
        return parse_model(f"{OUTCOME} ~ {causes}  # each by itself, and nothing else")
    if "~" not in structure and not os.path.isfile(structure):
        raise InputError(
            "structure",
            needed='"stated", "direct", or a path model: its text, or a file with it',
            found=repr(structure),
            mend=f'write a model like "{OUTCOME} ~ TF + SOC; SOC ~ TF", or correct the path',
        )
    model = parse_model(structure, "structure") if "~" in structure else read_model(structure)
    if not model.parents(OUTCOME):
        raise InputError(
            "structure",
            needed=f"a model in which something acts on {OUTCOME}",
            found=f"arrows on {list_some(dict.fromkeys(effect for effect, _ in model.paths))}",
            mend=f"add a line like {OUTCOME} ~ {model.variables[0]}",
        )
    return model


def load_published_effects(group: str) -> pd.Series:
    """Return the paper's order of total effects on TOP (§3.2, Fig. 3e), by factor: published.

    1 is the most positive, 2 the next; -1 the most negative, -2 the next. Positive ones first.
    """
    table = pd.read_csv(DATA / "published_effects.csv")
    table = table[table["group"] == group].set_index("factor")
    return table["rank"].where(table["sign"] == "positive", -table["rank"])


def published_order(group: str) -> list[str]:
    """Return the paper's factors from the most positive to the most negative effect.

    Examples
    --------
    >>> published_order("plant")
    ['EVI', 'CIA', 'CG', 'CF', 'ANPP']
    """
    positive, negative = _by_sign(group)
    return [*positive, *reversed(negative)]


def _by_sign(group: str) -> tuple[list[str], list[str]]:
    published = load_published_effects(group)
    return list(published.index[published > 0]), list(published.index[published < 0])


def _say_share(holds: pd.Series) -> str:
    """Return a share in whole percent; 0 % and 100 % are said of none and of all only."""
    percent = 100 * holds.mean()
    if percent in (0, 100):
        return "all" if percent else "no"
    if round(percent) in (0, 100):
        return "more than 99% of" if percent > 50 else "less than 1% of"
    return f"{percent:.0f}% of"
