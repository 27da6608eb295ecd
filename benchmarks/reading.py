"""The chapters as a reader meets them: words beside code, and how soon there is something to see.

Measured in the built book, in Chromium's window of 1400 by 900 pixels. Words are those of visible
paragraphs and lists; code is what stands unfolded. A figure or table is read by the paragraph
after it, before a heading, further code, or the next figure or table.
"""

from __future__ import annotations

import pandas as pd
from playwright.sync_api import Page, sync_playwright

from benchmarks.common import write_table
from tools.book import BUILD
from tools.execution import ROOT
from tools.pdf import find_chromium

WINDOW = {"width": 1400, "height": 900}
CHAPTERS = BUILD / "html" / "book" / "notebooks"
MEASURE = r"""() => {
  const article = document.querySelector("article.bd-article");
  const seen = (node) => node.offsetHeight > 0 && node.checkVisibility();
  const words = (node) => node.innerText.split(/\s+/).filter(Boolean).length;
  const all = (rule) => [...article.querySelectorAll(rule)].filter(seen);
  const code = all(".cell_input");
  const prose = all("p, li").filter((node) =>
    !node.closest("figure, table, summary, .cell_input, .stderr") && !node.querySelector("p, li"));
  const kinds = {
    "h1, h2, h3": "heading", "figure, .cell_output img": "figure", table: "table",
    ".cell_input": "code", "p, li": "prose",
  };
  const blocks = all(Object.keys(kinds).join(", "))
    .filter((node) => !node.parentElement.closest("figure, table, summary, .cell_input"))
    .map((node) => ({
      kind: Object.entries(kinds).find(([rule]) => node.matches(rule))[1],
      words: words(node), top: node.getBoundingClientRect().top + scrollY,
      text: node.innerText.slice(0, 60),
    }));
  const summary = article.querySelector("section#summary");
  return {
    words: prose.reduce((sum, node) => sum + words(node), 0),
    lines: code.reduce((sum, node) =>
      sum + node.innerText.split("\n").filter((line) => line.trim()).length, 0),
    code: code.reduce((sum, node) => sum + node.offsetHeight, 0),
    height: article.offsetHeight, blocks,
    summary: summary ? summary.innerText : "",
  };
}"""


def report() -> list[str]:
    """Return lines of Markdown: what was measured, and the table."""
    table = pd.DataFrame({name: judge(page) for name, page in measure_chapters()}).T
    whole = table["words"].sum() / table["lines of code"].sum()
    share = (table["height"] * table["code, % of height"]).sum() / table["height"].sum()
    shown = table.drop(columns="height").rename_axis("chapter").reset_index()
    return [
        f"Over the book {whole:.1f} words for each visible line of code; {share:.0f} % of the "
        "height of the pages is code.",
        "",
        write_table(shown.astype(str).set_index("chapter")),
    ]


def measure_chapters():
    """Yield the name of each chapter, and what MEASURE finds in it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        for path in sorted((ROOT / "book" / "notebooks").glob("*.ipynb")):
            path = CHAPTERS / f"{path.stem}.html"
            page: Page = chromium.new_page(viewport=WINDOW)
            page.goto(path.as_uri())
            yield path.stem, page.evaluate(MEASURE)
            page.close()
        chromium.close()


def judge(page: dict) -> dict[str, object]:
    """Return a row of the table for a chapter."""
    blocks = page["blocks"]
    shown = [number for number, block in enumerate(blocks) if block["kind"] in ("figure", "table")]
    unread = [blocks[number]["text"] for number in shown if not is_read(blocks[number + 1 :])]
    figures = [block["top"] for block in blocks if block["kind"] == "figure"]
    lines = page["lines"]
    return {
        "words": page["words"],
        "lines of code": lines,
        "words per line": round(page["words"] / max(lines, 1), 1),
        "code, % of height": round(100 * page["code"] / page["height"]),
        "first figure, screens": round(min(figures) / WINDOW["height"], 1) if figures else "none",
        "figures and tables": len(shown),
        "not read": len(unread),
        "number in the summary": any(letter.isdigit() for letter in page["summary"]),
        "height": page["height"],
    }


def is_read(after: list[dict]) -> bool:
    """Tell whether a paragraph of five words comes before anything else."""
    return bool(after) and after[0]["kind"] == "prose" and after[0]["words"] >= 5
