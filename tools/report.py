"""Write the report of all claims: what the pages include, and ``claims.json``.

``make refresh`` does this after it has executed the notebooks, whose answers the report gathers.
"""

from __future__ import annotations

import inspect
import json
from html import escape
from pathlib import Path

import nbformat
import pandas as pd

from helpers.paper.claims import (
    KINDS,
    REASONS,
    RULES,
    VERDICTS,
    collect,
    load_claims,
    print_published,
    show_result,
    table_head,
)
from helpers.provenance import LABELS
from tools.execution import NOTEBOOKS

BOOK = NOTEBOOKS.parent


def gather(notebooks: Path = NOTEBOOKS) -> pd.DataFrame:
    """Return the ledger with the answers of the executed notebooks.

    Parameters
    ----------
    notebooks : Path
        Folder with executed ``.ipynb`` files.

    Returns
    -------
    pandas.DataFrame
        By claim: the columns of :func:`helpers.paper.load_claims` but the expected verdict, and
        those of :func:`helpers.paper.claims.collect`.
    """
    answers = pd.concat(
        collect(nbformat.read(path, 4)) for path in sorted(notebooks.glob("*.ipynb"))
    )
    return load_claims().drop(columns=["label", "verdict", "reason"]).join(answers, how="inner")


def write_report(notebooks: Path = NOTEBOOKS, book: Path = BOOK) -> None:
    """Write ``_generated/*`` and ``_static/claims.json`` in the folder `book`."""
    table = gather(notebooks)
    generated = book / "_generated"
    generated.mkdir(exist_ok=True)
    records = table.reset_index().to_dict("records")
    files = {
        book / "_static" / "claims.json": json.dumps(records, ensure_ascii=False, indent=1),
        generated / "deviations.md": _deviations(table),
        generated / "reasons.md": _define(REASONS),
        generated / "rules.md": _rules(),
    }
    for kind in KINDS:
        rows = table[table["kind"] == kind]
        files |= {
            generated / f"{kind}-table.html": _claims_table(kind, rows),
            generated / f"{kind}-verdicts.md": _count(rows, list(VERDICTS[kind])),
            generated / f"{kind}-words.md": _define(VERDICTS[kind]),
        }
    for path, text in files.items():
        path.write_text(text + "\n", encoding="utf-8")


def _claims_table(kind: str, table: pd.DataFrame) -> str:
    """Return one row per claim; claims.js makes it sortable and gives it filters."""
    rows = []
    for name, row in table.iterrows():
        chapter = row["notebook"]
        claim = (
            f'<a href="notebooks/{chapter}.html#claim-{name}">{escape(row["claim"])}</a>'
            f"<br><small>{escape(_where(row))} · {name} · chapter {int(chapter[:2])}</small>"
        )
        cells = (claim, escape(print_published(row)), *show_result(row))
        data = "".join(f"<td>{cell}</td>" for cell in cells)
        kinds = f'data-verdict="{row["verdict"]}" data-label="{row["label"]}"'
        rows.append(f'<tr {kinds} data-chapter="{chapter}">{data}</tr>')
    return (
        f'<div class="claims-report"><table class="dataframe claims">{table_head(kind)}'
        "\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>"
    )


def _where(row: pd.Series) -> str:
    return ", ".join(filter(None, (row["section"], row["figure"])))


def _count(table: pd.DataFrame, verdicts: list[str]) -> str:
    """Return a Markdown table: verdicts that occur down, labels across."""
    counts = pd.crosstab(table["verdict"], table["label"])
    found = [verdict for verdict in verdicts if verdict in counts.index]
    counts = counts.reindex(index=found, columns=list(LABELS), fill_value=0)
    counts["all"] = counts.sum(axis="columns")
    counts.loc["all"] = counts.sum()
    head = ["verdict", *counts.columns]
    lines = [head, ["---", *["---:"] * len(counts.columns)]]
    lines += [[verdict, *map(str, row)] for verdict, row in counts.iterrows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _deviations(table: pd.DataFrame) -> str:
    """Return a Markdown list of what came out otherwise, with the reason."""
    differs = table[table["agrees"].isin(["nearly", "partly", "no"])]
    differs = differs[~differs["verdict"].isin(["by construction", "not testable"])]
    return "\n".join(
        f"- **{row['claim']}** ({_where(row)}). "
        f"Here: {row['here']}. *{row['verdict'].capitalize()}*"
        + (f": {REASONS[row['reason']]}. " if row["reason"] else ". ")
        + row["note"]
        for _, row in differs.iterrows()
    )


def _define(words: dict[str, str]) -> str:
    return "\n".join(f"- *{word}*: {meaning}." for word, meaning in words.items())


def _rules() -> str:
    """Return Markdown of what each rule asks, from the functions that apply it."""
    return "\n".join(f"- *{name}*: {inspect.getdoc(rule)}" for name, rule in RULES.items())
