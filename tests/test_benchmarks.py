"""The frame of the benchmarks: what a suite measures replaces its own section and no other."""

from __future__ import annotations

from benchmarks.__main__ import SUITES, put_section
from benchmarks.common import compare
from benchmarks.extrapolate import describe
from tests.conftest import ROOT


def test_a_suite_replaces_its_own_section_and_no_other():
    text = ""
    for suite in ("reading", "book", "paths", "archive"):
        text = put_section(text, suite, [f"of {suite}", "", "### A part", "", "more"])
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [*SUITES.values()]
    after = put_section(text, "paths", ["anew"])
    assert after == text.replace("of paths\n\n### A part\n\nmore", "anew")


def test_ratios_are_of_medians_and_at_least_of_the_ends():
    table = compare({"ours": [1.0, 3.0, 2.0], "theirs": [40.0, 60.0]}, "seconds")
    assert table["times ours"].tolist() == ["1", "25"]
    assert table["at least"].tolist() == ["", "13.3"]
    assert table["seconds"].tolist() == ["2 (1 to 3)", "50 (40 to 60)"]


def test_what_larger_archives_need_is_said_as_it_is_computed():
    said = " ".join((ROOT / "docs" / "beyond-one-machine.md").read_text("utf-8").split())
    for part in describe():
        assert " ".join(part.split()) in said
