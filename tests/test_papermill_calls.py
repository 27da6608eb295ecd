"""Papermill as people call it, without make: the right values, or one message with all faults."""

from __future__ import annotations

import json

import nbformat
import pytest
from papermill.cli import papermill
from papermill.exceptions import PapermillExecutionError

from tools.execution import NOTEBOOKS

pytestmark = pytest.mark.slow
CHAPTERS = {path.stem[:2]: path for path in NOTEBOOKS.glob("*.ipynb")}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return a function that calls papermill on a chapter's cells up to its check.

    It returns the parameters that the rest of the chapter would see.
    """
    monkeypatch.chdir(NOTEBOOKS)

    def run(chapter: str, words: list[str]) -> dict[str, object]:
        notebook = nbformat.read(CHAPTERS[chapter], 4)
        checks = ["check_parameters(globals())" in cell.source for cell in notebook.cells]
        del notebook.cells[checks.index(True) + 1 :]
        seen = "{name: globals()[name] for name in __annotations__}"
        tells = f"import json; print(json.dumps({seen}))"
        notebook.cells.append(nbformat.v4.new_code_cell(tells))
        start, end = tmp_path / "start.ipynb", tmp_path / "end.ipynb"
        nbformat.write(notebook, start)
        papermill.main([*map(str, (start, end)), *words], standalone_mode=False)
        return json.loads(nbformat.read(end, 4).cells[-1].outputs[-1].text)

    return run


@pytest.mark.parametrize(
    ("chapter", "words", "values"),
    [
        ("04", ["-p", "seed", "7", "-p", "confidence", "0.9"], {"seed": 7, "confidence": 0.9}),
        ("04", ["-r", "seed", "7", "-r", "alpha", "1e-2"], {"seed": 7, "alpha": 0.01}),
        ("04", ["-p", "fdr", "false", "-p", "columns", "present"], {"fdr": False}),
        ("02", ["-p", "rounded_ratio", "false"], {"rounded_ratio": False}),
        ("14", ["-y", "{oxidative_ratio: '1.1', lowest: 3500}"], {"lowest": 3500.0}),
    ],
)
def test_a_good_call_gives_the_chapter_what_was_meant(call, chapter, words, values):
    seen = call(chapter, words)
    for name, value in values.items():
        assert seen[name] == value
        assert type(seen[name]) is type(value)


@pytest.mark.parametrize(
    ("chapter", "words", "said"),
    [
        ("04", ["-p", "sed", "7"], ["did you mean seed?"]),
        ("04", ["-p", "seed", "-1"], ["'seed'", "at least 0", "-1"]),
        ("04", ["-p", "seed", "7.5"], ["'seed'", "a whole number", "7.5"]),
        ("04", ["-p", "seed", "seven"], ["'seed'", "a whole number", "'seven'"]),
        ("04", ["-p", "fdr", "no"], ["'fdr'", "True or False", "'no'"]),
        ("04", ["-p", "alpha", "0,05"], ["'alpha'", "between 0 and 1", "'0,05'"]),
        ("04", ["-p", "source", "/no/such/folder"], ["'source'", "there is no folder"]),
        ("06", ["-y", "zones: [Low]"], ["'zones'", "['Low']"]),
        ("14", ["-p", "oxidative_ratio", "10"], ["'oxidative_ratio'", "found:  10"]),
        ("14", ["-p", "lowest", "9000"], ["'lowest'", "found:  9000"]),
        (
            "04",
            ["-p", "sed", "7", "-p", "seed", "-1", "-p", "fdr", "no", "-r", "source", "nowhere"],
            ["did you mean seed?", "'seed'", "'fdr'", "'source'"],
        ),
    ],
)
def test_a_bad_call_gets_one_message_with_all_its_faults(call, chapter, words, said):
    with pytest.raises(PapermillExecutionError) as stopped:
        call(chapter, words)
    assert stopped.value.ename == "InputError"
    for word in said:
        assert word in stopped.value.evalue
    assert stopped.value.evalue.count("needed:") == max(1, len(words) // 3)
