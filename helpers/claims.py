"""The ledger: what the paper claims, what came out here, and the verdict.

``data/claims.csv`` holds one row per claim: what the paper says and the rule by which a result
agrees with it. A chapter answers its claims with :func:`weigh`. Its executed notebook keeps the
answers as data, and :func:`collect` reads them back for the report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.places import DATA

if TYPE_CHECKING:
    from nbformat import NotebookNode

LEDGER = DATA / "claims.csv"
VERDICTS = {
    "reproduced": "our number agrees with the printed one",
    "reproduced with deviation": "it differs by no more than 5 % of the largest printed number",
    "partly": "a part of the claim came out as printed",
    "not reproduced": "it did not come out here, or came out otherwise",
    "by construction": "it agrees because it was put in, by a definition or by the generator",
    "not testable": "nothing that we have can support or contradict it",
}
REASONS = {
    "data not available": "we do not have the values behind the claim",
    "method ambiguous": "the text does not say enough to compute it, or names no criterion",
    "software formula": "programs define the quantity in different ways",
    "likely typo": "a slip of the pen explains the difference",
    "internal inconsistency": "two statements of the paper exclude each other",
    "too uncertain": "our tests or intervals allow both answers",
}
_NEAR = 0.05
_KEY = "claims"  # in the metadata of an output


class Answer(NamedTuple):
    """What came out here.

    Attributes
    ----------
    value : object
        What the rule of the claim compares (see :data:`RULES`), None where there is nothing.
    label : str
        The least real label behind it (:func:`helpers.provenance.least_real`).
    here : str
        The result in words and figures, as a reader sees it.
    """

    value: object
    label: str
    here: str


NO_DATA = Answer(None, "published", "no data")


def load_claims() -> pd.DataFrame:
    """Return the ledger.

    Returns
    -------
    pandas.DataFrame
        By claim: ``claim`` (in our words), ``section``, ``figure``, ``quantity``, ``published``
        (as printed), ``precision`` (unit of the last digit that counts), ``unit``, ``rule``,
        ``built_in`` (``definition`` or ``generator`` where it holds because it was put in),
        ``notebook``, and for the embedded study the ``label``, the ``verdict``, its ``reason`` (a
        key of :data:`REASONS`) and a ``note``.
    """
    return pd.read_csv(LEDGER, dtype=str, keep_default_na=False, index_col="id")


def _rounds_to(claim: Mapping, value: float | list[float]) -> str:
    printed = np.array([float(Decimal(text)) for text in claim["published"].split(";")])
    unit = np.array([float(text) for text in claim["precision"].split(";")])
    away = np.abs(np.atleast_1d(value) - printed)
    if (away <= 0.5 * unit * (1 + 1e-9)).all():
        return "yes"
    return "nearly" if (away <= _NEAR * np.abs(printed).max()).all() else "no"


def _has_sign(claim: Mapping, value: tuple[float, float, float]) -> str:
    turned = np.array(value) * (1 if claim["published"] == "+" else -1)
    return "yes" if turned.min() > 0 else "no" if turned.max() < 0 else "open"


def _in_order(claim: Mapping, value: list[str]) -> str:
    printed = claim["published"].split(" > ")
    if list(value) == printed:
        return "yes"
    return "partly" if value[:1] == printed[:1] else "no"


def _is_significant(claim: Mapping, value: float) -> str:
    return "yes" if value < float(claim["published"].removeprefix("P < ")) else "no"


def _in_intervals(claim: Mapping, value: list[tuple[float, float]]) -> str:
    printed = map(float, claim["published"].split(";"))
    inside = [low <= number <= high for number, (low, high) in zip(printed, value, strict=True)]
    return "yes" if all(inside) else "partly" if any(inside) else "no"


def _every(claim: Mapping, value: tuple[int, int]) -> str:
    count, total = value
    return "yes" if count == total else "partly" if count > total / 2 else "no"


def _most(claim: Mapping, value: tuple[int, int]) -> str:
    count, total = value
    return "yes" if count > total / 2 else "open"  # what was not shown is not excluded


def _is_true(claim: Mapping, value: bool) -> str:
    return "yes" if value else "no"


RULES: dict[str, Callable[[Mapping, object], str]] = {
    "rounds to": _rounds_to,  # number(s): each within half a unit of the last printed digit
    "sign": _has_sign,  # (estimate, low, high): all on the printed side of 0; open around 0
    "order": _in_order,  # names from the strongest down: the same; partly if the first is
    "significance": _is_significant,  # p: below the printed threshold
    "within": _in_intervals,  # (low, high) for each printed number: it lies inside
    "every": _every,  # (count, total): all of them; partly if more than half are
    "most": _most,  # (count, total): shown for more than half of them, else open
    "statement": _is_true,  # bool: the criterion stands in the notebook's cell
}
_VERDICT_OF = dict(
    zip(("yes", "nearly", "partly", "no"), list(VERDICTS)[:4], strict=True), none="not testable"
)


def judge(claim: Mapping, answer: Answer) -> dict[str, str]:
    """Compare one result with the paper.

    Parameters
    ----------
    claim : mapping
        A row of :func:`load_claims`.
    answer : Answer
        Our result.

    Returns
    -------
    dict
        ``agrees``: yes, nearly, partly, no, open or none, whatever the values were made from;
        ``verdict``: a key of :data:`VERDICTS`; ``reason``: why, where it is not reproduced.
        Values that are reconstructed or emulated neither support nor contradict a claim.
    """
    agrees = "none" if _has_gap(answer.value) else RULES[claim["rule"]](claim, answer.value)
    made_up = answer.label in ("reconstructed", "emulated")
    put_in = claim["built_in"] == "definition" or (claim["built_in"] == "generator" and made_up)
    if put_in and agrees in ("yes", "nearly"):
        return {"agrees": agrees, "verdict": "by construction", "reason": ""}
    if made_up:
        return {"agrees": agrees, "verdict": "not testable", "reason": "data not available"}
    if agrees == "open":
        return {"agrees": agrees, "verdict": "not testable", "reason": "too uncertain"}
    verdict = _VERDICT_OF[agrees]
    return {
        "agrees": agrees,
        "verdict": verdict,
        "reason": "" if verdict == "reproduced" else claim["reason"],
    }


@dataclass(frozen=True)
class Weighed:
    """The answers of one chapter, shown as a table.

    Attributes
    ----------
    table : pandas.DataFrame
        By claim: ``claim``, ``published``, ``value`` (what the rule compared, as JSON),
        ``here``, ``label``, ``agrees``, ``verdict``, ``reason``.
    """

    table: pd.DataFrame

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        shown = {
            "text/plain": self.table.drop(columns=["claim", "value"]).to_string(),
            "text/html": _to_html(self.table),
        }
        records = self.table.drop(columns=["claim", "published"]).reset_index()
        return shown, {_KEY: records.to_dict("records")}


def weigh(notebook: str, answers: Mapping[str, tuple[object, str, str]]) -> Weighed:
    """Return the verdicts on the claims that a chapter answers.

    Parameters
    ----------
    notebook : str
        Name of the chapter, as in the ledger.
    answers : mapping
        For each claim of the chapter, by id: value, label and words of an :class:`Answer`.

    Raises
    ------
    InputError
        If a claim of the chapter has no answer, or an answer no claim.
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
        where = ", ".join(filter(None, (claim["section"], claim["figure"])))
        rows[name] = {
            "claim": f"{claim['claim']} ({where})",
            "published": print_published(claim),
            "value": _to_json(answer.value),
            "here": answer.here,
            "label": answer.label,
        } | judge(claim, answer)
    return Weighed(pd.DataFrame.from_dict(rows, "index").rename_axis("id"))


def collect(notebook: NotebookNode) -> pd.DataFrame:
    """Return the answers that an executed notebook holds.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        With outputs.

    Returns
    -------
    pandas.DataFrame
        By claim: ``value`` (JSON), ``here``, ``label``, ``agrees``, ``verdict``, ``reason``.
    """
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    records = [row for output in outputs for row in output.get("metadata", {}).get(_KEY, [])]
    columns = ["id", "value", "here", "label", "agrees", "verdict", "reason"]
    return pd.DataFrame(records, columns=columns).set_index("id")


def show_result(row: Mapping) -> list[str]:
    """Return HTML of the result, what it was made from, and the verdict, for two table cells.

    Parameters
    ----------
    row : mapping
        With ``here``, ``label``, ``agrees``, ``verdict`` and ``reason``.
    """
    agrees = {"none": "", "open": "as printed: open"}.get(
        row["agrees"], f"as printed: {row['agrees']}"
    )
    small = ", ".join(filter(None, (row["reason"], agrees)))
    return [
        f"{escape(row['here'])}<br><small>{row['label']}</small>",
        f"{row['verdict']}<br><small>{escape(small)}</small>",
    ]


def print_published(claim: Mapping) -> str:
    """Return what the paper prints, with its unit, or what a criterion of ours needs."""
    if claim["published"].startswith("at "):
        return f"(needs {claim['published']})"
    return " ".join(filter(None, (claim["published"].replace(";", ", "), claim["unit"])))


def _to_json(value: object) -> str:
    """Return JSON with six digits, which every machine agrees on; null for what has a gap."""

    def plain(part):
        if isinstance(part, list | tuple | np.ndarray):
            return [plain(each) for each in part]
        if isinstance(part, np.generic):
            part = part.item()
        return float(f"{part:.6g}") if isinstance(part, float) else part

    return "null" if _has_gap(value) else json.dumps(plain(value), ensure_ascii=False)


def _has_gap(value: object) -> bool:
    return value is None or bool(np.any(pd.isna(np.ravel(np.array(value, object)))))


def _to_html(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("claim", "paper", "here", "verdict"))
    body = []
    for name, row in table.iterrows():
        cells = [escape(row["claim"]), escape(row["published"]), *show_result(row)]
        data = "".join(f"<td>{cell}</td>" for cell in cells)
        body.append(f'<tr id="claim-{name}">{data}</tr>')
    return (
        f'<table class="dataframe claims"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
