"""What chapter 16 says, and what it does not say, held against its executed notebook."""

from __future__ import annotations

import re

import nbformat
import pytest

from tools.execution import NOTEBOOKS

NAME = "16_published_numbers"
HYPOTHESIS = re.compile(
    r"columns of (?:that|the|a) (?:correlation )?matrix|rows of (?:that|the) matrix"
)


@pytest.fixture(scope="module")
def page() -> str:
    return (NOTEBOOKS / f"{NAME}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def said() -> str:
    """Return what the executed cells say in sentences and in tables."""
    cells = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", 4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(
        "".join(data.get(kind, "")) for data in outputs for kind in ("text/markdown", "text/html")
    )


def test_what_is_proved_opens_the_chapter_and_the_question_closes_it(page):
    heads = re.findall(r"^## (.+)$", page, re.M)
    assert heads.index("Proved, likely, guessed") < heads.index("Step 1: how many rows?")
    question = heads.index("A question to the authors")
    assert question > max(i for i, head in enumerate(heads) if head.startswith("Step"))


def test_what_the_rows_may_have_been_is_asked_in_one_place(page):
    before, question = page.split("## A question to the authors")
    inside, after = question.split("## The paper and this book")
    assert HYPOTHESIS.search(inside)
    for part in (before, after):
        assert not HYPOTHESIS.search(part)
    others = [path for path in NOTEBOOKS.glob("*.md") if path.stem != NAME]
    pages = [*others, *NOTEBOOKS.parent.glob("*.md")]
    assert len(pages) > 25
    for path in pages:
        assert not HYPOTHESIS.search(path.read_text(encoding="utf-8")), path.name


def test_no_error_stands_as_a_result_and_no_share_is_at_most_nothing(said):
    assert "needed:" not in said
    assert not re.search(r"at most 0(?:\.0+)? ?%", said)


@pytest.mark.parametrize(
    "words",
    [
        "N lies between 43.90 and 44.23: N = 44, and no other whole number.",
        "With a fifth variable df would be 2 or 3, and N = 44.",
        "With the 2 df of a loop of four arrows, 30 rows are not among them",
        "With df = 1 they are, if RMSEA is misprinted",
        "every two of them correlate by 0.89 or more",
        "not known: a question to the authors",
    ],
)
def test_the_page_is_as_sure_as_its_arithmetic(said, words):
    assert words in said
