"""Exercises: every question has a level, a check that gives nothing away, and a solution."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from math import copysign
from pathlib import Path
from zipfile import ZipFile

import jupytext
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.exercises import (
    ANSWERS,
    KINDS,
    LEVELS,
    LIST,
    check,
    load_exercises,
    show_answer,
    solve,
)
from tests.conftest import ROOT
from tools.execution import NOTEBOOKS
from tools.handouts import count_minutes, gather, write_handouts
from tools.key import write_key

LISTED = load_exercises()
KNOWN = json.loads(ANSWERS.read_text(encoding="utf-8"))
SOURCES = sorted(NOTEBOOKS.glob("*.md"))
TWINS = sorted(NOTEBOOKS.glob("*.ipynb"))
EACH_CHAPTER = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
CASES = pd.read_csv(ROOT / "tests" / "exercise_cases.csv", dtype=str, keep_default_na=False)
QUESTION = re.compile(r"^\*\*(\d)\.\*\* \(([a-z-]+)\) ", re.M)


def test_the_list_uses_known_levels_and_kinds_and_says_what_each_trains():
    assert set(LISTED["level"]) == set(LEVELS)
    assert set(LISTED["kind"]) <= set(KINDS)
    assert (LISTED["objective"].str.len() > 10).all()
    choosing = LISTED[LISTED["kind"].isin(["word", "names"])]
    assert (choosing["choices"].str.count(",") >= 1).all()


@EACH_CHAPTER
def test_a_chapter_asks_two_to_four_questions_that_grow_harder(path):
    chapter = path.stem[:2]
    asked = QUESTION.findall(path.read_text(encoding="utf-8"))
    expected = LISTED[LISTED.index.str.startswith(f"{chapter}.")]
    assert [f"{chapter}.{number}" for number, _ in asked] == list(expected.index)
    assert [level for _, level in asked] == list(expected["level"])
    ranks = [LEVELS.index(level) for _, level in asked]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0
    assert ranks[-1] == 2
    assert 2 <= len(asked) <= 4


@EACH_CHAPTER
def test_question_check_and_solution_follow_each_other_and_nothing_gives_the_answer_away(path):
    notebook = jupytext.read(path)
    start = next(i for i, cell in enumerate(notebook.cells) if "## Exercises" in cell.source)
    end = next(i for i, cell in enumerate(notebook.cells) if "## Summary" in cell.source)
    waiting = []
    for cell in notebook.cells[start : end + 1]:
        if cell.cell_type == "markdown":
            text = cell.source.split("## Exercises")[-1].strip()
            first = QUESTION.match(text)
            assert waiting or first or text.startswith("## Summary"), text
            waiting += [f"{path.stem[:2]}.{number}" for number, _ in QUESTION.findall(text)]
        elif "solution" in cell.metadata.get("tags", []):
            exercise = waiting.pop(0)
            assert "hide-cell" in cell.metadata["tags"]
            number = exercise.split(".")[1]
            assert cell.metadata["mystnb"]["code_prompt_show"] == f"Solution to exercise {number}"
            assert (
                f'solve(\n    "{exercise}"' in cell.source or f'solve("{exercise}"' in cell.source
            )
        else:
            assert cell.source == f'check("{waiting[0]}", ...)'
    assert not waiting


@EACH_CHAPTER
def test_no_cell_needs_a_solution_to_run(path):
    made_by_solutions, made_by_others = set(), set()
    for cell in jupytext.read(path).cells:
        if cell.cell_type != "code":
            continue
        names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        if "solution" in cell.metadata.get("tags", []):
            made_by_solutions |= stored - made_by_others
        else:
            used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
            assert not used & (made_by_solutions - stored), cell.source
            made_by_others |= stored


def test_the_answers_are_those_of_the_executed_notebooks():
    assert gather(nbformat.read(path, 4) for path in TWINS) == KNOWN
    assert set(KNOWN) == set(LISTED.index)


def test_the_answer_of_the_solution_is_right_and_a_hint_is_heard_by_who_gives_its_wrong_answer():
    for exercise, known in KNOWN.items():
        assert check(exercise, known["answer"]).right
        for wrong, hint in known["hints"]:
            reply = check(exercise, wrong)
            assert not reply.right
            assert reply.text == f"Not yet. {hint}"
            assert show_answer(LISTED.loc[exercise], known["answer"]) not in hint.split()


def test_the_question_what_is_wanted_does_not_tell_the_answer():
    for exercise, listed in LISTED.iterrows():
        reply = check(exercise)
        assert not reply.right
        assert reply.text.startswith("Put ")
        if not listed["choices"]:
            assert show_answer(listed, KNOWN[exercise]["answer"]) not in reply.text


def test_the_decimals_asked_for_suit_the_answer_and_keep_every_hint_apart():
    for exercise, listed in LISTED[LISTED["kind"] == "number"].iterrows():
        known, digits = KNOWN[exercise], int(listed["decimals"])
        right, tolerance = known["answer"], known["tolerance"]
        assert 0.5 / 10**digits <= 2 * tolerance * abs(right), "rounding is not to be coarse"
        assert check(exercise, round(right, digits)).right
        for wrong, hint in known["hints"]:
            rounded = round(wrong, digits)
            assert not check(exercise, rounded).right, (exercise, hint)
    assert (LISTED.loc[LISTED["kind"] != "number", "decimals"] == "").all()


NUMBERS = LISTED.index[LISTED["kind"].isin(["number", "whole number"])]


@given(
    st.sampled_from(list(NUMBERS)),
    st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-1000, 1000),
)
def test_a_wrong_number_is_answered_without_the_right_one(exercise, wrong):
    reply = check(exercise, wrong)
    right = show_answer(LISTED.loc[exercise], KNOWN[exercise]["answer"]).split()[0]
    if not reply.right and right not in ("0", "1", f"{wrong:g}"):
        assert right not in reply.text.replace(f"{wrong:g}", "").split()


@pytest.fixture
def known(monkeypatch, tmp_path) -> None:
    """Make the list of the exercises, and their answers, that the cases are about."""
    texts = [
        "exercise,level,kind,unit,decimals,choices,objective",
        "99.1,warm-up,number,g,0,,none",
        "99.2,warm-up,whole number,,,,none",
        '99.3,warm-up,word,,,"rises, falls, stays",none',
        '99.4,warm-up,names,,,"A, B, C, D",none',
        "99.5,warm-up,number,,2,,none",
    ]
    (tmp_path / "list.csv").write_text("\n".join(texts))
    monkeypatch.setattr("helpers.exercises.LIST", tmp_path / "list.csv")
    of_zero = [(0.545265, "Where is its zero?"), (0.000926213, "That is the change per metre.")]
    solved = [
        solve("99.1", 250.0, [(300.0, "That is all of it.")]),
        solve("99.2", 12),
        solve("99.3", "falls", [("rises", "Look at the axis.")]),
        solve("99.4", {"A", "C"}, [(["D", "B"], "Those lose it.")]),
        solve("99.5", 0.454735, of_zero),
    ]
    bundles = [each._repr_mimebundle_() for each in solved]
    outputs = [
        nbformat.v4.new_output("execute_result", data, metadata=about) for data, about in bundles
    ]
    cell = nbformat.v4.new_code_cell("", outputs=outputs)
    answers = gather([nbformat.v4.new_notebook(cells=[cell])])
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    monkeypatch.setattr("helpers.exercises.ANSWERS", tmp_path / "answers.json")


@pytest.mark.parametrize(("exercise", "typed", "given", "reply"), CASES.values.tolist())
def test_every_case_gets_its_reply(known, exercise, typed, given, reply):
    said = check(exercise, ast.literal_eval(given))
    assert said.text == reply
    assert said.right == (reply == "Right.")


@pytest.mark.parametrize(
    ("exercise", "wrong", "heard"),
    [
        ("99.1", float("nan"), "a gap, or a division by zero"),
        ("99.1", True, "A number without decimals (g) is wanted"),
        ("99.1", [250], "A number without decimals (g) is wanted"),
        ("99.3", "sinks", '\'sinks\': not among "rises", "falls"'),
        ("99.3", 3, "A word in quotes is wanted"),
        ("99.4", "A", "A list of names is wanted"),
        ("99.4", ["A", "X"], "'X': not among"),
        ("99.4", [1], "A list of names is wanted"),
    ],
)
def test_what_only_a_notebook_can_be_given_is_refused_with_the_reason(
    known, exercise, wrong, heard
):
    reply = check(exercise, wrong)
    assert not reply.right
    assert heard in reply.text


def test_an_unknown_exercise_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"01\.1, 01\.2"):
        check("1.1", 3)


def test_a_solution_of_another_kind_is_refused(known):
    with pytest.raises(InputError, match="mend the solution or the row in list"):
        solve("99.1", "many")
    assert LIST.name == "exercises.csv"


@pytest.mark.parametrize("answer", [..., 1.5, "much", None])
def test_an_exercise_of_the_book_is_not_judged_on_other_data(own_data, answer):
    for said in (check("04.1", answer), solve("04.1", answer)):
        assert "the book's own data" in said.text
        assert not said.right


def test_handouts_hold_all_but_solutions_and_outputs_and_are_no_pairs(tmp_path):
    assert write_handouts(tmp_path) == []
    made = sorted(tmp_path.glob("*.ipynb"))
    assert [path.name for path in made] == [path.name for path in TWINS]
    for path, twin in zip(made, TWINS, strict=True):
        handout, cells = nbformat.read(path, 4), nbformat.read(twin, 4).cells
        kept = [cell for cell in cells if "solution" not in cell.metadata.get("tags", [])]
        assert "import helpers" in handout.cells.pop(1).source
        assert [cell.source for cell in handout.cells] == [cell.source for cell in kept]
        assert 'solve("' not in str(handout)
        assert not any(cell.get("outputs") for cell in handout.cells)
        assert "jupytext" not in handout.metadata


def test_the_first_cell_of_a_handout_finds_helpers_or_says_how_to_install_the_wheel(tmp_path):
    write_handouts(tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    cell = next(
        cell.source
        for cell in nbformat.read(tmp_path / TWINS[0].name, 4).cells
        if cell.cell_type == "code"
    )

    def run(*python: str, code: str, path: str = "") -> subprocess.CompletedProcess:
        place = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": path}}
        return subprocess.run(
            [sys.executable, *python, "-c", code], capture_output=True, text=True, **place
        )

    without = run("-S", code=cell)
    assert without.returncode == 1
    assert without.stderr.endswith(f"%pip install ./{wheel.name}\n")
    with ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
    asks = "import helpers; print(helpers.__file__)\nfrom helpers.exercises import check\n"
    asks += f"print(check('02.1', {KNOWN['02.1']['answer']}))"
    found = run(code=f"{cell}\n{asks}", path=str(tmp_path / "installed"))
    assert found.returncode == 0, found.stderr
    place, reply = found.stdout.splitlines()
    assert Path(place).is_relative_to(tmp_path / "installed")
    assert reply == "Right."


def test_a_handout_that_somebody_filled_in_is_kept_until_it_is_taken_away(tmp_path):
    write_handouts(tmp_path)
    filled, untouched, *_ = sorted(tmp_path.glob("*.ipynb"))
    fresh = untouched.read_bytes()
    answered = filled.read_text(encoding="utf-8").replace('check(\\"00.1\\", ...)', "34")
    filled.write_text(answered, encoding="utf-8")
    for _ in range(2):
        assert write_handouts(tmp_path) == [filled.name]
        assert filled.read_text(encoding="utf-8") == answered
        assert untouched.read_bytes() == fresh
    filled.unlink()
    assert write_handouts(tmp_path) == []
    assert filled.exists()


@EACH_CHAPTER
def test_a_chapter_says_how_long_it_takes_by_the_rule_of_the_timetable(path):
    minutes = count_minutes(nbformat.read(path.with_suffix(".ipynb"), 4))
    assert f"\nTime: {minutes} minutes to read" in path.read_text(encoding="utf-8")


def test_the_plans_name_exercises_that_exist_and_leave_no_chapter_out():
    text = (NOTEBOOKS.parent / "teaching.md").read_text(encoding="utf-8")
    named = re.findall(r"(?<![.\d])(\d{1,2}\.\d)(?![.\d])", text)
    assert len(named) >= 20
    assert {f"{float(name):04.1f}" for name in named} <= set(LISTED.index)
    assert all(f"notebooks/{path.name}" in text for path in SOURCES)


def test_the_instructors_page_tells_of_every_chapter():
    book = NOTEBOOKS.parent
    page = (book / "instructors.md").read_text(encoding="utf-8")
    for path in SOURCES:
        title = path.read_text(encoding="utf-8").split("\n# ", 1)[1].splitlines()[0]
        assert f"### {int(path.stem[:2])} · [{title}](notebooks/{path.name})" in page
    named = re.findall(r"[Ee]xercise (\d{1,2}\.\d)", page)
    assert {f"{float(name):04.1f}" for name in named} <= set(LISTED.index)


def test_the_key_has_every_question_with_its_answer_and_what_a_course_system_needs(tmp_path):
    write_key(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"exercises.csv", "key.html"}
    table = pd.read_csv(
        tmp_path / "exercises.csv", dtype=str, keep_default_na=False, index_col="exercise"
    )
    page = BeautifulSoup((tmp_path / "key.html").read_text(encoding="utf-8"), "html.parser")
    assert page.title.text == "Key: Key to the exercises"
    sections = {heading.text.split()[1]: heading.parent for heading in page("h3")}
    assert [*table.index] == [*sections] == [*LISTED.index]
    shared = ["level", "kind", "choices", "unit", "decimals"]
    assert table[shared].equals(LISTED[shared])
    assert table["question"].str.fullmatch(r"[^*{].*[.?!)]", flags=re.DOTALL).all()
    for exercise, row in table.iterrows():
        known, section = KNOWN[exercise], sections[exercise].text
        assert f"Answer: {show_answer(row, known['answer'])}" in section
        assert all(hint in row["hints"] for _, hint in known["hints"])
        assert row["level"] in section
        if row["kind"] == "number":
            right, margin = float(row["answer"]), float(row["tolerance"])
            away = copysign(margin, right)
            assert check(exercise, right - 0.999 * away).right
            assert not check(exercise, right - 1.001 * away).right
        else:
            given = row["answer"].split(", ") if row["kind"] == "names" else row["answer"]
            assert check(exercise, int(given) if "number" in row["kind"] else given).right
