"""Every parameter of every chapter: read, checked, listed on its page, and run."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.parameters import check_parameters
from tests.faults.parameters import CELL, write_notebook
from tools.execution import NOTEBOOKS
from tools.parameters import (
    GENERATED,
    check_values,
    list_parameters,
    print_parameters,
    read_assignments,
)

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
EACH = pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Return a notebook with one parameter of each sort."""
    return write_notebook(tmp_path_factory.mktemp("small") / "99_small.ipynb", CELL)


def refusal(call, *arguments) -> InputError:
    with pytest.raises(InputError) as refused:
        call(*arguments)
    return refused.value


def test_a_cell_is_read_with_ranges_and_choices(small):
    told = {
        name: (each.kind, each.default, each.allowed, each.low, each.high)
        for name, each in list_parameters(small).items()
    }
    no_ends = (-math.inf, math.inf)
    assert told == {
        "source": ("str", "embedded", '"embedded" or a folder or a table', *no_ends),
        "seed": ("int", 2022, "a whole number, at least 0", 0, math.inf),
        "n_boot": ("int", 2000, "a whole number from 100 to 100000", 100, 100000),
        "level": ("float", 0.95, "a number between 0 and 1", 0, 1),
        "share": ("float", 0.5, "a number from -1.5 to 1e3", -1.5, 1000),
        "free": ("float", 1.0, "a number", *no_ends),
        "kind": ("str", "a", '"a" or "b" or "c d"', *no_ends),
        "zones": ("str", "Low, High", '"Low, High" or another text', *no_ends),
        "fdr": ("bool", False, "True or False", *no_ends),
    }


def test_texts_take_the_declared_types(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    own = str(tmp_path / "my data")
    for name in ("my data", "embedded"):
        (tmp_path / name).mkdir()
    texts = ["seed=7", "level=.1", "share=1", "kind=c d", "fdr=TRUE", "source=my data"]
    values = {"seed": 7, "level": 0.1, "share": 1.0, "kind": "c d", "fdr": True, "source": own}
    assert read_assignments(small, texts) == values
    assert read_assignments(small, ["source=~/my data"]) == {"source": own}
    (tmp_path / "t.csv").touch()
    assert read_assignments(small, ["source=t.csv"]) == {"source": str(tmp_path / "t.csv")}
    assert read_assignments(small, ["source=embedded"]) == {"source": "embedded"}, "no folder"
    typed = check_values(small, {"share": 1, "seed": 0, "fdr": True, "free": "1e-3"})
    assert typed == {"share": 1.0, "seed": 0, "fdr": True, "free": 0.001}
    assert isinstance(typed["share"], float)


@given(st.floats(-1.5, 1000), st.integers(0))
def test_any_number_in_the_range_survives_as_text(small, share, seed):
    texts = [f"share={share!r}", f"seed={seed}"]
    assert read_assignments(small, texts[:1]) == {"share": share}
    if seed < 1e300:
        assert read_assignments(small, texts[1:]) == {"seed": seed}


@EACH
def test_every_number_has_a_range_and_every_documented_value_passes(notebook):
    known = list_parameters(notebook)
    for parameter in known.values():
        assert parameter.limits or parameter.kind not in ("int", "float"), parameter
        assert parameter.low < parameter.high, parameter
    for name, each in known.items():
        for value in {each.default, *each.choices}:
            assert read_assignments(notebook, [f"{name}={value}"]) == {name: value}


@EACH
def test_values_just_inside_the_range_pass_and_just_outside_are_refused(notebook):
    for name, each in list_parameters(notebook).items():
        for end, out in ((each.low, -math.inf), (each.high, math.inf)):
            if each.kind not in ("int", "float") or math.isinf(end):
                continue
            inside, outside = end, math.nextafter(end, out)
            if each.kind == "int":
                inside, outside = int(end), int(end) + (1 if out > 0 else -1)
            elif each.limits.startswith("between"):
                inside, outside = math.nextafter(end, -out), end
            assert check_values(notebook, {name: inside}) == {name: inside}
            assert name in refusal(check_values, notebook, {name: outside}).where


@EACH
def test_typos_are_refused_and_the_right_name_proposed(notebook):
    known = list_parameters(notebook)
    for name in known:
        for typo in {name + name[-1], name[0] + name, name.upper(), f"{name}_"} - set(known):
            said = refusal(read_assignments, notebook, [f"{typo}=7"])
            assert said.mend == f"did you mean {name}?", typo
            assert all(f"    {each}: " in said.needed for each in known)


def test_the_page_of_parameters_is_fresh_and_lists_every_parameter_of_a_chapter():
    page = (NOTEBOOKS.parent / GENERATED).read_text(encoding="utf-8")
    assert page == print_parameters(), "run make refresh"
    for name, each in (item for path in CHAPTERS for item in list_parameters(path).items()):
        assert f"| `{name}: {each.kind} = {each.default!r}` |" in page


def scope(cell: str = CELL, injected: str = "") -> dict[str, object]:
    """Return the names of a notebook that was run as papermill does: cells, and what they set."""
    cells = [cell, f"# Parameters\n{injected}"]
    names: dict[str, object] = {"In": ["", *cells, "%matplotlib inline", "check(globals())"]}
    for code in cells:
        exec(code, names)
    return names


@pytest.mark.parametrize(
    ("injected", "name", "value"),
    [
        ('fdr = "false"', "fdr", False),
        ("fdr = True", "fdr", True),
        ('seed = "7"', "seed", 7),
        ('level = "0.9"', "level", 0.9),
        ("share = 1", "share", 1.0),
        ('kind = "c d"', "kind", "c d"),
        ("", "seed", 2022),
    ],
)
def test_what_papermill_injects_is_read_as_make_run_reads_it(injected, name, value):
    names = scope(injected=injected)
    check_parameters(names)
    assert names[name] == value
    assert type(names[name]) is type(value)


@pytest.mark.parametrize(
    ("injected", "where", "needed"),
    [
        ('fdr = "maybe"', "'fdr'", "True or False"),
        ("seed = -1", "'seed'", "at least 0"),
        ("seed = 7.5", "'seed'", "a whole number"),
        ('level = "0,05"', "'level'", "between 0 and 1"),
        ("share = 9000", "'share'", "from -1.5 to 1e3"),
        ('zones = ["Low", "High"]', "'zones'", "another text"),
        ('kind = "d"', "'kind'", '"a" or "b" or "c d"'),
        ("sed = 7", "'sed'", "one of these names"),
        ('source = "/no/such/folder"', "'source'", "or a folder"),
        ('source = "genuine"', "'source'", "or a folder"),  # no word of this chapter
    ],
)
def test_what_papermill_injects_is_refused_as_make_run_refuses_it(injected, where, needed):
    said = refusal(check_parameters, scope(injected=injected))
    assert where in said.where
    assert needed in said.needed


def test_all_faults_are_told_together_and_a_mended_cell_counts_anew():
    said = refusal(check_parameters, scope(injected='seed = -1\nsed = 7\nfdr = "no"'))
    assert all(word in str(said) for word in ("'seed'", "'sed'", "did you mean seed?", "'fdr'"))
    edited = scope(CELL.replace("2022", "-7"))
    assert "'seed'" in refusal(check_parameters, edited).where
    edited["In"] += [CELL]
    exec(CELL, edited)
    check_parameters(edited)


def test_a_word_that_the_comment_does_not_quote_is_refused_in_an_edited_cell():
    cell = CELL.replace('"a"  # or "b"', '"z"  # "a" or "b"')
    assert "'kind'" in refusal(check_parameters, scope(cell)).where


def test_a_script_without_the_history_of_a_notebook_is_left_alone():
    check_parameters({"seed": -1})
