"""The ledger: what the paper claims, what came out here, and the verdict.

``data/claims.csv`` holds one row per claim: what the paper says and the rule by which a result
agrees with it. A chapter answers its claims with :func:`weigh`. Its executed notebook keeps the
answers as data, and ``collect`` reads them back for the report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.parameters import reads_own_data
from helpers.paths import DATA

if TYPE_CHECKING:
    from nbformat import NotebookNode

LEDGER = DATA / "claims.csv"
KINDS = {  # as the head of a table's first column
    "claim": "the paper says",
    "question": "the paper says, asked of other data",
    "check": "our check",
}
_LEADS = {  # what stands above a chapter's table, and how a row of it is called
    "claim": ("What the paper says of its own sites and models", "claim"),
    "question": ("The same, asked of other data than the paper's", "question"),
    "check": ("What we checked, and the paper does not say", "check"),
}
_FOLD = 3  # so many rows of a chapter that hold by construction, or more, are folded
_LONG = 20  # a table of more rows folds those that stay undecided, too
_ALWAYS = {
    "by construction": "it agrees (within 5 % of the largest printed number), as it was put in",
    "undecided": "our tests or intervals allow both answers",
    "not testable": "nothing that we have can support or contradict it",
}
_PARTLY = {"partly": "more than half of its parts came out, not all"}
VERDICTS = {
    "claim": {
        "reproduced": "it came out as printed",
        "reproduced with deviation": "it differs by no more than 5 % of the largest printed number",
        **_PARTLY,
        "not reproduced": "it came out otherwise",
        **_ALWAYS,
    },
    "question": {
        "supported": "the other data show it, too",
        **_PARTLY,
        "not supported": "the other data show something else",
        **_ALWAYS,
    },
    "check": {"holds": "it is so", **_PARTLY, "does not hold": "it is not so", **_ALWAYS},
}
REASONS = {
    "values made up": "we did not have its values; ours, made up in part or all, are no evidence",
    "pattern assumed": "it compares places, and how our TOP differs between places is a formula",
    "data not available": "we do not have what it rests on",
    "method ambiguous": "the text does not say enough to compute it, or names no criterion",
    "our reading": "the paper's words may mean something other than our reading",
    "software formula": "programs define the quantity in different ways",
    "likely typo": "a slip of the pen may explain the difference",
    "measured otherwise": "the other data show something else",
    "other sites": "the paper says it of its own sites, and these are yours",
    "internal inconsistency": "two statements of the paper exclude each other",
}
RULES = {
    "rounds to": "Each number lies within half a unit of the last printed digit that counts",
    "sign": "The estimate and its whole interval lie on the printed side of zero; open around zero",
    "order": "Names rank from the strongest down as printed; the parts are the pairs of names",
    "every": "All of the parts that were counted are as the claim says",
    "tests": "All tests show it at the printed level: partly if more than half do, open if fewer",
    "most": "It was shown for more than half of what was counted, else it stays open",
    "judged": "By the rule of chapter 0, or its note's, more than half of its parts are supported",
    "statement": "A criterion that the chapter states is met",
}
_NEAR = 0.05
_HEAD = "".join(f'<th scope="col">{name}</th>' for name in ("here", "what that means"))
_KEY = "claims"  # in the metadata of an output
ANSWER = ["value", "here", "label", "agrees", "verdict", "reason"]


class Answer(NamedTuple):
    """What came out here: what the rule of the claim compares (None where there is nothing), the
    least real label behind it (:func:`helpers.provenance.least_real`), and the result in words.
    """

    value: object
    label: str
    here: str


NO_DATA = Answer(None, "no data", "no data")


def load_claims() -> pd.DataFrame:
    """Return the ledger, one row per claim.

    Among its columns are ``published`` (as printed), ``precision`` (unit of the last digit that
    counts), ``built_in`` (``definition`` or ``generator`` where it holds because it was put in,
    ``pattern`` where it rests on how emulated TOP differs between places), and for the embedded
    study the ``label``, the ``verdict`` and its ``reason``.
    """
    return pd.read_csv(LEDGER, dtype=str, keep_default_na=False, index_col="id")


def agree(claim: Mapping, value: Any) -> str:
    """Say by the rule of a claim whether a result agrees: yes, nearly, partly, no, or open."""
    printed, rule = claim["published"], claim["rule"]
    match rule:
        case "rounds to":  # number(s)
            numbers = np.array(printed.split(";"), float)
            unit = np.array(claim["precision"].split(";"), float)
            away = np.abs(np.atleast_1d(value) - numbers)
            if (away <= 0.5 * unit * (1 + 1e-9)).all():
                return "yes"
            return "nearly" if (away <= _NEAR * np.abs(numbers).max()).all() else "no"
        case "sign":  # (estimate, low, high)
            turned = np.array(value) * (1 if printed == "+" else -1)
            return "yes" if turned.min() > 0 else "no" if turned.max() < 0 else "open"
        case "statement":  # bool
            return "yes" if value else "no"
        case "judged":  # verdicts
            words = VERDICTS["question"]
            over = [word for word in words if np.mean(np.array(value) == word) > 0.5]
            return {"supported": "yes", "not supported": "no"}.get((over or [""])[0], "open")
        case "order":  # names
            names = printed.split(" > ")
            share, complete = share_in_order(names, value), list(value) == names
        case _:  # every, tests or most: (count, total)
            count, total = value
            share, complete = count / total if total else 0, count == total
    if rule == "most":
        return "yes" if share > 0.5 else "open"  # what was not shown is not excluded
    return "yes" if complete else "partly" if share > 0.5 else "open" if rule == "tests" else "no"


def share_in_order(printed: list[str], here: list[str]) -> float:
    """Return the share of the pairs of a printed order that come in this order here.

    A pair of which a name is missing here did not come out; a single name came out if it is the
    first here.
    """
    if len(printed) == 1:
        return float(here[:1] == printed)
    pairs = list(combinations(printed, 2))
    place = {name: number for number, name in enumerate(here)}
    return sum(place.get(a, np.inf) < place.get(b, -1) for a, b in pairs) / len(pairs)


def judge(claim: Mapping, answer: Answer) -> dict[str, str]:
    """Compare one result with the paper: whether it ``agrees``, the ``verdict``, its ``reason``.

    Reconstructed values neither support nor contradict a claim. Emulated ones, of which the course
    in time was fitted to genuine models and the pattern was assumed, answer for that course alone.
    """
    agrees = "none" if _has_gap(answer.value) else agree(claim, answer.value)
    assumed = answer.label == "emulated" and claim["built_in"] == "pattern"
    made_up = answer.label == "reconstructed" or assumed
    put_in = claim["built_in"] == "definition" or (claim["built_in"] == "generator" and made_up)
    yes, *nearly, partly, no = [word for word in VERDICTS[claim["kind"]] if word not in _ALWAYS]
    words = {"yes": yes, "nearly": (*nearly, no)[0], "partly": partly, "no": no}
    words |= {"open": "undecided", "none": "not testable"}
    verdict, reason = words[agrees], claim["reason"]
    if agrees == "none" and reason == "measured otherwise":
        reason = "data not available"
    elif agrees != "none" and reason == "data not available":  # a reader has brought them
        reason = ""
    if put_in and agrees in ("yes", "nearly"):
        verdict = "by construction"
    elif made_up and agrees != "none":
        verdict, reason = "not testable", "pattern assumed" if assumed else "values made up"
    elif reason == "pattern assumed":
        reason = "data not available" if agrees == "none" else ""
    reason = "" if verdict in (yes, "by construction", "undecided") else reason
    return {"agrees": agrees, "verdict": verdict, "reason": reason}


@dataclass(frozen=True)
class Weighed:
    """The answers of one chapter, by claim, shown as a table for each kind of claim."""

    table: pd.DataFrame

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        plain = self.table[["published", "here", "label", "verdict", "reason"]].to_string()
        rows = [f'id="claim-{name}"' for name in self.table.index]
        cells = self.table["claim"].map(escape)
        drawn = ""
        table = self.table.assign(row=rows, cell=cells)
        for kind in filter(set(table["kind"]).__contains__, KINDS):
            claims = table[table["kind"] == kind]
            sure, unsure = (claims["verdict"] == word for word in ("by construction", "undecided"))
            folds = {
                "hold by construction: we put them in": sure & (sure.sum() >= _FOLD),
                "stay undecided": unsure & (len(claims) > _LONG),
            }
            parts = claims, claims["row"], claims["cell"]
            open_rows = ~np.any(list(folds.values()), axis=0)
            drawn += f'<p class="claims-lead"><strong>{_LEADS[kind][0]}</strong>: '
            drawn += f"{_say_verdicts(claims, _LEADS[kind][1])}."
            if claims["judged"].any():
                drawn += (
                    " A row has the verdict that most of its relations have by chapter 0's rule."
                )
            drawn += "</p>"
            if open_rows.any():
                drawn += draw_table(*(part[open_rows] for part in parts))
            for said, rows in folds.items():
                if rows.any():
                    folded = draw_table(*(part[rows] for part in parts))
                    drawn += (
                        f'<details class="claims-put-in"><summary>{rows.sum()} that {said}'
                        f"</summary>{folded}</details>"
                    )
        shown = {"text/plain": plain, "text/html": drawn}
        return shown, {_KEY: self.table[ANSWER].reset_index().to_dict("records")}


def _say_verdicts(claims: pd.DataFrame, name: str) -> str:
    """Count the verdicts of some claims in words, the most frequent first."""
    counts = claims["verdict"].value_counts()
    if len(claims) == 1:
        return f"one {name}, {counts.index[0]}"
    if len(counts) == 1:
        every = "both" if len(claims) == 2 else "all"
        return f"{len(claims)} {name}s, {every} {counts.index[0]}"
    each = [f"{count} {verdict}" for verdict, count in counts.items()]
    return f"{len(claims)} {name}s, of them {', '.join(each[:-1])} and {each[-1]}"


def weigh(notebook: str, answers: Mapping[str, tuple[object, str, str]]) -> Weighed:
    """Return the verdicts on the claims that a chapter answers.

    In this file ``agree`` compares a result with what is printed, by the rule of the claim in
    ``data/claims.csv``, and ``judge`` makes the verdict of it.

    Parameters
    ----------
    notebook : str
        Name of the chapter, as in the ledger.
    answers : mapping
        For each claim of the chapter, by id, and for no other: what its rule compares, None where
        there is nothing; the least real label behind it; the result in words. What the
        book's sites were made to fit is not asked of a reader's own.

    Examples
    --------
    >>> claims = load_claims().query("notebook == '07_path_models'").index
    >>> set(weigh("07_path_models", dict.fromkeys(claims, NO_DATA)).table["verdict"])
    {'not testable'}
    """
    claims = load_claims()
    claims = claims[claims["notebook"] == notebook]
    if set(answers) != set(claims.index):
        raise InputError(
            f"{LEDGER.name}: claims of {notebook}",
            needed=", ".join(claims.index),
            found=", ".join(answers),
            mend="answer each claim of the chapter once, None where there is nothing to compare",
        )
    rows = {}
    for name, claim in claims.iterrows():
        answer = Answer(*answers[name])
        judged = judge(claim, answer)
        of_sites = claim["kind"] == "claim" and claim["built_in"] in ("generator", "definition")
        if of_sites and judged["verdict"] not in _ALWAYS and reads_own_data():
            judged = {"agrees": "none", "verdict": "not testable", "reason": "other sites"}
        rows[name] = {
            "kind": claim["kind"],
            "claim": f"{claim['claim']} ({find_place(claim)})",
            "published": print_published(claim),
            "value": "null" if _has_gap(answer.value) else json.dumps(_round(answer.value)),
            "here": re.sub(r"(?<!\w)-(?=\d)", "−", answer.here),
            "label": answer.label,
            **judged,
            "note": claim["note"],
            "judged": claim["rule"] == "judged",
        }
    return Weighed(pd.DataFrame.from_dict(rows, "index").rename_axis("id"))


def say_spread(spread: pd.Series) -> str:
    """Write the mean of models, and in parentheses its interval, with three decimals.

    Parameters
    ----------
    spread : pandas.Series
        As :func:`helpers.statistics.spread_of_models` returns it.

    Examples
    --------
    >>> say_spread(pd.Series({"mean": 0.05, "low": -0.01, "high": 0.11, "models": 5}))
    '0.050 (−0.010 to 0.110)'
    """
    text = f"{spread['mean']:.3f} ({spread['low']:.3f} to {spread['high']:.3f})"
    if spread["models"] == 1:
        text = f"{spread['mean']:.3f} (one model, no interval)"
    return text.replace("-0.000", "0.000").replace("-", "−")


def answer_spread(spread: pd.Series, label: str, by: str = "", printed: str = "") -> Answer:
    """Return the answer that a number of several models gives to whether it is above zero.

    Parameters
    ----------
    spread : pandas.Series
        As :func:`helpers.statistics.spread_of_models` returns it.
    label, by, printed : str
        The label of the models; words before the result; and what the paper prints.

    Examples
    --------
    >>> two = {"mean": 0.05, "low": -0.01, "high": 0.11, "models": 2, "rising": 2}
    >>> answer_spread(pd.Series(two), "emulated", printed="0.04").here
    '0.050 (−0.010 to 0.110), printed 0.04; above zero in 2 of 2'
    """
    text = f"{by}{say_spread(spread)}" + f", printed {printed}" * bool(printed)
    text += f"; above zero in {spread['rising']:.0f} of {spread['models']:.0f}"
    return Answer((spread["mean"], spread["low"], spread["high"]), label, text)


def _has_gap(value: object) -> bool:
    return bool(np.any(pd.isna(np.array(value, object))))


def _round(value: object) -> object:
    """Return a value as JSON has it, with six digits, which every machine agrees on."""
    if isinstance(value, list | tuple | np.ndarray):
        return [_round(each) for each in value]
    value = getattr(value, "item", lambda: value)()
    return float(f"{value:.6g}") if isinstance(value, float) else value


def collect(notebook: NotebookNode) -> pd.DataFrame:
    """Return the answers that an executed notebook holds, by claim; their value is JSON."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    records = [row for output in outputs for row in output.get("metadata", {}).get(_KEY, [])]
    return pd.DataFrame(records, columns=["id", *ANSWER]).set_index("id")


def find_place(claim: Mapping) -> str:
    """Return where in the paper a claim stands."""
    return ", ".join(filter(None, (claim["section"], claim["figure"])))


def print_published(claim: Mapping) -> str:
    """Return in words what was compared, as far as the sentence of the claim does not say it."""
    printed, quantity, rule = claim["published"], claim["quantity"], claim["rule"]
    said = all(part in claim["claim"] for part in printed.split(";"))
    printed = printed.replace(";", ", ")
    match rule:
        case "sign":
            side = "above" if printed == "+" else "below"
            return f"asked: {quantity} {side} zero, with its interval"
        case "most":
            return "asked: in more than half of the cases"
        case "every":
            return "" if re.search("all|every", claim["claim"]) else "asked: in all cases"
        case "judged" if printed in ("most", "all", "+", "−", "differs"):
            return ""  # what stands above the table says it
        case "statement" if not said:
            return f"asked: {quantity} {printed}"
    return "" if said else " ".join(filter(None, (f"printed: {printed}", claim["unit"])))


def draw_table(claims: pd.DataFrame, rows: Iterable[str], cells: Iterable[str]) -> str:
    """Return claims of one kind as an HTML table.

    `rows` and `cells` are, for each claim, the attributes of its row and its first cell, as HTML.
    """
    body = ""
    for (_, claim), row, cell in zip(claims.iterrows(), rows, cells, strict=True):
        asked = f"<br><small>{escape(claim['published'])}</small>" if claim["published"] else ""
        why = f": {REASONS[claim['reason']]}" if claim["reason"] else ""
        note = f" <small>{escape(claim['note'])}</small>" if claim["note"] else ""
        made = "" if claim["here"] == claim["label"] else f"<br><small>{claim['label']}</small>"
        here = f"{escape(claim['here'])}{made}"
        meaning = f"<strong>{claim['verdict'].capitalize()}</strong>{why}.{note}"
        body += f"<tr {row}><td>{cell}{asked}</td><td>{here}</td><td>{meaning}</td></tr>"
    head = f'<th scope="col">{KINDS[claims["kind"].iloc[0]]}</th>{_HEAD}'
    return (
        f'<table class="dataframe claims"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
