"""What the pages on genuine data, the glossary and the course say is what their numbers say."""

from __future__ import annotations

import re

from helpers.readers.respiration import load_respiration
from tests.chapters import words
from tests.conftest import ROOT

BOOK = ROOT / "book"


def test_the_counts_of_equations_are_told_apart():
    table = load_respiration().dropna(subset=["beta"])
    with_unit = table.dropna(subset=["alpha"])
    drawn = with_unit.dropna(subset=["T_low", "T_high"])
    counts = [len(table), len(with_unit), len(drawn)]
    assert counts == [19, 18, 16]
    text = words("10")
    assert f"{counts[0]} equations of {table['study'].nunique()} studies give β" in text
    assert f"{counts[2]} curves of soil respiration" in text
    assert f"the mean of {counts[1]} equations is" in text


def test_the_times_of_the_plans_add_up():
    text = (BOOK / "teaching.md").read_text(encoding="utf-8")
    _, lesson, workshop, _ = re.split(r"\n## Plan \d", text)
    minutes = [[*map(int, pair)] for pair in re.findall(r"^\| (\d+)–(\d+) \|", lesson, re.M)]
    assert minutes[0][0] == 0
    assert minutes[-1][1] == 90
    assert [end for _, end in minutes[:-1]] == [start for start, _ in minutes[1:]]
    clock = r"^\| (\d+):(\d+)–(\d+):(\d+) \|"
    times = [[*map(int, row)] for row in re.findall(clock, workshop, re.M)]
    worked = sum(60 * (hour - begun) + end - start for begun, start, hour, end in times)
    assert worked == 6.5 * 60
    assert "\nSix and a half hours of work" in workshop
