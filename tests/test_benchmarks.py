"""The frame of the benchmarks: what a suite measures replaces its own section and no other."""

from __future__ import annotations

from benchmarks import __main__ as bench
from benchmarks.common import compare_times


def test_a_suite_replaces_its_own_section_and_no_other():
    text = bench.put_section("", "book", ["of the book"])
    text = bench.put_section(text, "paths", ["of paths", "", "### A part", "", "more"])
    before = bench.put_section(text, "archive", ["of the archive"])
    titles = [line[3:] for line in before.splitlines() if line.startswith("## ")]
    assert titles == [bench.SUITES[suite] for suite in ("paths", "archive", "book")]
    after = bench.put_section(before, "paths", ["anew"])
    assert after == before.replace("of paths\n\n### A part\n\nmore", "anew")


def test_ratios_are_of_medians_and_at_least_of_the_ends():
    table = compare_times({"ours": [1.0, 3.0, 2.0], "theirs": [40.0, 60.0]}, "for 10")
    assert table["times as long"].tolist() == ["1", "25"]
    assert table["at least"].tolist() == ["", "13"]
    assert table["seconds for 10"].tolist() == ["2", "50"]
