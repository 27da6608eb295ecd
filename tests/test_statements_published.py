"""What chapter 16 says, and what it does not say, held against its executed notebook."""

from __future__ import annotations

import re

import nbformat

from tools.execution import NOTEBOOKS

NAME = "16_published_numbers"
HYPOTHESIS = re.compile(
    r"columns of (?:that|the|a) (?:correlation )?matrix|rows of (?:that|the) matrix"
)


def test_what_the_rows_may_have_been_is_asked_in_one_place():
    page = (NOTEBOOKS / f"{NAME}.md").read_text(encoding="utf-8")
    before, question = page.split("## A question to the authors")
    inside, after = question.split("## The paper and this book")
    assert HYPOTHESIS.search(inside)
    pages = [*NOTEBOOKS.glob("*.md"), *NOTEBOOKS.parent.glob("*.md")]
    others = [path.read_text(encoding="utf-8") for path in pages if path.stem != NAME]
    assert not any(HYPOTHESIS.search(text) for text in (before, after, *others))


def test_the_page_is_as_sure_as_its_arithmetic():
    cells = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", 4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    said = "\n".join(data.get("text/markdown", "") + data.get("text/html", "") for data in outputs)
    assert "needed:" not in said
    assert not re.search(r"at most 0(?:\.0+)? ?%", said)
    for words in (
        "N lies between 43.90 and 44.23: N = 44, and no other whole number.",
        "With a fifth variable df would be 2 or 3, and N = 44.",
        "With the 2 df of a loop of four arrows, 30 rows are not among them",
        "With df = 1 they are, if RMSEA is misprinted",
        "every two of them correlate by 0.89 or more",
        "not known: a question to the authors",
    ):
        assert words in said
