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
    draw_tables,
    find_place,
    load_claims,
    print_published,
)
from helpers.provenance import LABELS, REAL
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
        generated / "deviations.md": _deviations(table),
        generated / "reasons.md": _define(REASONS),
        generated / "rules.md": _define(RULES),
    }
    paper = table[table["kind"] != "check"]
    verdicts = list(dict.fromkeys([*VERDICTS["claim"], *VERDICTS["question"]]))
    files[generated / "count.md"] = f"{_say_count(paper)}\n\n{_say_future(paper)}"
    files[generated / "paper-verdicts.md"] = _count(paper, verdicts)
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
    drawn = draw_tables(table.assign(published=printed), rows, cells)
    return '<div class="claims-report">' + drawn.replace("<tr ", "\n<tr ") + "</div>"


def _count(table: pd.DataFrame, verdicts: Iterable[str]) -> str:
    """Return a Markdown table: verdicts that occur down, labels across."""
    counts = pd.crosstab(table["verdict"], table["label"], margins=True, margins_name="all")
    found = [verdict for verdict in (*verdicts, "all") if verdict in counts.index]
    labels = [label for label in (*LABELS, "all") if label in counts.columns]
    return counts.loc[found, labels].to_markdown()


def _say_count(table: pd.DataFrame) -> str:
    """Say how many claims of the paper have a verdict on real values, and which."""
    judged = table[~table["verdict"].isin(["by construction", "not testable"])]
    real = judged[judged["label"].isin(REAL)]
    counts = ", ".join(f"{n} {verdict}" for verdict, n in real["verdict"].value_counts().items())
    *labels, last = [label for label in LABELS if label in set(real["label"])]
    emulated = (judged["label"] == "emulated").sum()
    future = table[table["notebook"] == "14_projections"]
    later = ", ".join(f"{n} {verdict}" for verdict, n in future["verdict"].value_counts().items())
    put_in = (future["verdict"] == "by construction").sum() or "None"
    return (
        f"Of {len(table)} claims that we took from the paper (one that is put to two networks of "
        f"sites counts for each), **{len(real)} have a verdict on real values**, "
        f"{', '.join(labels)} or {last}: {counts}. Another {emulated}, on how oxygen production "
        "changes in time, are judged by emulators of climate models. The others rest on values "
        f"that we do not have, or hold because we put them in. {put_in} of the {len(future)} "
        f"verdicts on oxygen production to 2099 is *by construction*: {later}."
    )


def _say_future(table: pd.DataFrame) -> str:
    """Say what models answer to the first question of the book."""
    ours, asia = (table.loc[name] for name in ("rise-rcp85", "rise-asia-high"))
    return (
        "**More and more oxygen?** From 1990–2005 to 2006–2099, in the stronger scenario of each, "
        f"emulators of CMIP5 models give the Plateau {ours['here']} (*{ours['verdict']}*), and "
        f"CMIP6 models give East Asia {asia['here']} (*{asia['verdict']}*). In parentheses are "
        "intervals over models."
    )


def _deviations(table: pd.DataFrame) -> str:
    """Return a Markdown list of what came out otherwise, with the reason."""
    differs = table[table["agrees"].isin(["nearly", "partly", "no"])]
    differs = differs[~differs["verdict"].isin(["by construction", "not testable"])]
    lines = []
    for _, row in differs.iterrows():
        why = f": {REASONS[row['reason']]}" if row["reason"] else ""
        lines.append(
            f"- **{row['claim']}** ({find_place(row)}). Here: {row['here']}. "
            f"*{row['verdict'].capitalize()}*{why}. {row['note']}"
        )
    return "\n".join(lines)


def _define(words: Mapping[str, str]) -> str:
    return "\n".join(f"- *{word}*: {meaning}." for word, meaning in words.items())
