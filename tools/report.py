"""Write the report of all claims: what the pages include, and ``claims.json``.

``make refresh`` does this after it has executed the notebooks, whose answers the report gathers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    draw_table,
    find_place,
    load_claims,
    print_published,
)
from helpers.provenance import LABELS
from tools.execution import NOTEBOOKS

BOOK = NOTEBOOKS.parent


def gather(notebooks: Path = NOTEBOOKS) -> pd.DataFrame:
    """Return the ledger with the answers of the executed notebooks in a folder, by claim."""
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
        generated / "deviations.html": _deviations(table),
        generated / "reasons.md": _define(REASONS),
        generated / "rules.md": _define(RULES),
    }
    for kind in KINDS:
        rows = table[table["kind"] == kind]
        files |= {
            generated / f"{kind}-table.html": _draw_claims(rows),
            generated / f"{kind}-verdicts.md": _count(rows, VERDICTS[kind]),
            generated / f"{kind}-words.md": _define(VERDICTS[kind]),
        }
    for path, text in files.items():
        path.write_text(text + "\n", encoding="utf-8")


def _draw_claims(table: pd.DataFrame) -> str:
    """Return one row per claim; claims.js makes it sortable and gives it filters."""
    rows, cells = [], []
    for name, row in table.iterrows():
        chapter = row["notebook"]
        data = {"verdict": row["verdict"], "label": row["label"], "chapter": chapter}
        rows.append(" ".join(f'data-{key}="{value}"' for key, value in data.items()))
        cells.append(
            f'<a href="notebooks/{chapter}.html#claim-{name}">{escape(row["claim"])}</a><br>'
            f"<small>{escape(find_place(row))} · {name} · chapter {int(chapter[:2])}</small>"
        )
    printed = table.apply(print_published, axis="columns")
    drawn = draw_table(table.assign(published=printed), rows, cells)
    kind = table["kind"].iloc[0]
    drawn = drawn.replace("<tr ", "\n<tr ")
    return f'<div class="claims-report" data-kind="{kind}">{drawn}</div>'


def _count(table: pd.DataFrame, verdicts: Iterable[str]) -> str:
    """Return a Markdown table: verdicts that occur down, labels across."""
    counts = pd.crosstab(table["verdict"], table["label"], margins=True, margins_name="all")
    found = [verdict for verdict in (*verdicts, "all") if verdict in counts.index]
    labels = [label for label in (*LABELS, "no data", "all") if label in counts.columns]
    return counts.loc[found, labels].replace(0, "–").to_markdown()


def _deviations(table: pd.DataFrame) -> str:
    """Return an HTML list of the claims that came out otherwise, by reason, each a link."""
    differs = table[table["agrees"].isin(["nearly", "partly", "no"]) & (table["kind"] != "check")]
    differs = differs[~differs["verdict"].isin(["by construction", "not testable"])]
    text = ""
    for reason, rows in differs.groupby("reason", sort=False):
        why = (
            REASONS[reason]
            if reason
            else "the models are others than the paper's, or no reason is known"
        )
        text += f"<p><strong>{why[0].upper()}{why[1:]}</strong> ({len(rows)}):</p>\n<ul>\n"
        for name, row in rows.iterrows():
            place = f"notebooks/{row['notebook']}.html#claim-{name}"
            said = f'<a href="{place}">{escape(row["claim"])}</a>'
            text += f"<li>{said}: <em>{row['verdict']}</em></li>\n"
        text += "</ul>\n"
    return text.strip()


def _define(words: Mapping[str, str]) -> str:
    return "\n".join(f"- *{word}*: {meaning}." for word, meaning in words.items())
