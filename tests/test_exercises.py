"""Exercises: every question has a level, a check that gives nothing away, and a solution."""

from __future__ import annotations

import ast
import json
import re

import jupytext
import nbformat
import pytest
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
from tools.execution import NOTEBOOKS
from tools.handouts import count_minutes, gather, write_handouts

LISTED = load_exercises()
KNOWN = json.loads(ANSWERS.read_text(encoding="utf-8"))
SOURCES = sorted(NOTEBOOKS.glob("*.md"))
TWINS = sorted(NOTEBOOKS.glob("*.ipynb"))
EACH_CHAPTER = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
QUESTION = re.compile(r"^\*\*(\d)\.\*\* \(([a-z-]+)\) ", re.M)


def test_the_list_uses_known_levels_and_kinds_and_says_what_each_trains():
    assert set(LISTED["level"]) == set(LEVELS)
    assert set(LISTED["kind"]) <= set(KINDS)
    assert (LISTED["objective"].str.len() > 10).all()
    choosing = LISTED[LISTED["kind"] == "word"]
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
    """Make a list of four exercises; the answer of the first is 250 g, with one known slip."""
    texts = [
        "exercise,level,kind,unit,choices,objective",
        "99.1,warm-up,number,g,,none",
        "99.2,warm-up,whole number,,,none",
        '99.3,warm-up,word,,"rises, falls",none',
        '99.4,warm-up,names,,"A, B, C, D",none',
    ]
    (tmp_path / "list.csv").write_text("\n".join(texts))
    monkeypatch.setattr("helpers.exercises.LIST", tmp_path / "list.csv")
    solved = [
        solve("99.1", 250.0, [(300.0, "That is all of it.")]),
        solve("99.2", 12),
        solve("99.3", "falls", [("rises", "Look at the axis.")]),
        solve("99.4", {"A", "C"}),
    ]
    bundles = [each._repr_mimebundle_() for each in solved]
    outputs = [
        nbformat.v4.new_output("execute_result", data, metadata=about) for data, about in bundles
    ]
    cell = nbformat.v4.new_code_cell("", outputs=outputs)
    answers = gather([nbformat.v4.new_notebook(cells=[cell])])
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    monkeypatch.setattr("helpers.exercises.ANSWERS", tmp_path / "answers.json")


@pytest.mark.parametrize("right", [250, 250.0, 249.0, 252.4])
def test_a_number_is_right_within_its_tolerance(known, right):
    assert check("99.1", right).right


@pytest.mark.parametrize(
    ("exercise", "wrong", "heard"),
    [
        ("99.1", 300, "That is all of it."),
        ("99.1", -250, "sign is not"),
        ("99.1", 25_000, "per cent, where a share"),
        ("99.1", 2.5, "a share, where per cent"),
        ("99.1", 250 * 32 / 12, "oxygen, where carbon"),
        ("99.1", 250 * 12 / 32, "carbon, where oxygen"),
        ("99.1", 250e3, "power of ten"),
        ("99.1", 1 / 250, "One divided by your number"),
        ("99.1", 257, "Close."),
        ("99.1", 700, "order of magnitude is right"),
        ("99.1", 1e9 / 3, "order of magnitude is wrong"),
        ("99.1", 5e-324, "order of magnitude is wrong"),
        ("99.1", -90, "Think about the sign"),
        ("99.1", 0, "Think about the sign"),
        ("99.1", float("nan"), "a gap, or a division by zero"),
        ("99.1", "250", "A number (g) is wanted"),
        ("99.1", True, "A number (g) is wanted"),
        ("99.1", [250], "A number (g) is wanted"),
        ("99.2", 12.5, "A whole number is wanted"),
        ("99.2", 13, "Close"),
        ("99.2", 32, "order of magnitude is right"),
        ("99.2", 1200, "order of magnitude is wrong"),
        ("99.3", "rises", "Look at the axis."),
        ("99.3", "sinks", '\'sinks\': not among "rises", "falls"'),
        ("99.3", 3, "A word in quotes is wanted"),
        ("99.4", ["A", "B"], "1 of your 2 belong there, and some are missing."),
        ("99.4", ["A", "B", "C"], "2 of your 3 belong there."),
        ("99.4", "A", "A list of names is wanted"),
        ("99.4", ["A", "X"], "'X': not among"),
        ("99.4", [1], "A list of names is wanted"),
    ],
)
def test_a_wrong_answer_hears_what_may_have_gone_wrong(known, exercise, wrong, heard):
    reply = check(exercise, wrong)
    assert not reply.right
    assert heard in reply.text


def test_a_list_is_right_in_any_order(known):
    assert check("99.4", ("C", "A")).right


def test_an_unknown_exercise_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"01\.1, 01\.2"):
        check("1.1", 3)


def test_a_solution_of_another_kind_is_refused(known):
    with pytest.raises(InputError, match="mend the solution or the row in list"):
        solve("99.1", "many")
    assert LIST.name == "exercises.csv"


def test_handouts_hold_all_but_solutions_and_outputs(tmp_path):
    made = write_handouts(tmp_path / "handouts")
    assert [path.name for path in made] == [path.name for path in TWINS]
    assert write_handouts(tmp_path / "handouts") == made
    for path, twin in zip(made, TWINS, strict=True):
        handout, cells = nbformat.read(path, 4), nbformat.read(twin, 4).cells
        kept = [cell for cell in cells if "solution" not in cell.metadata.get("tags", [])]
        assert [cell.source for cell in handout.cells] == [cell.source for cell in kept]
        assert 'solve("' not in str(handout)
        assert not any(cell.get("outputs") for cell in handout.cells)


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


def test_the_instructors_page_tells_of_every_chapter_and_answer():
    book = NOTEBOOKS.parent
    page = (book / "instructors.md").read_text(encoding="utf-8")
    for path in SOURCES:
        title = path.read_text(encoding="utf-8").split("\n# ", 1)[1].splitlines()[0]
        assert f"### {int(path.stem[:2])} · [{title}](notebooks/{path.name})" in page
    named = re.findall(r"[Ee]xercise (\d{1,2}\.\d)", page)
    assert {f"{float(name):04.1f}" for name in named} <= set(LISTED.index)
    table = (book / "_generated" / "exercises.md").read_text(encoding="utf-8")
    for exercise, listed in LISTED.iterrows():
        assert f"| {exercise} |" in table
        assert show_answer(listed, KNOWN[exercise]["answer"]) in table
