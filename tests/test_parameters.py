"""Every parameter of every chapter: read, checked, listed on its page, and run."""

from __future__ import annotations

import math
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import InputError
from tests.faults.parameters import write_notebook
from tests.test_notebooks import OTHER_VALUES
from tests.test_sweep import RERUN
from tools.execution import NOTEBOOKS, explain_lack
from tools.parameters import (
    BOOK,
    GENERATED,
    check_values,
    list_parameters,
    print_parameters,
    read_assignments,
    suggest,
)
from tools.refresh import read_source
from tools.run import perform

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
EACH = pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
NUMBERS = ("int", "float")

# With OTHER_VALUES these runs use each choice that a chapter documents
CHOICES = {"12_total_effects": [{"scaling": "ranks", "n_boot": 200}]}
RUN_BY_OTHER_TESTS = {  # of the shipped sweep, and of levels and groups
    **{name: [job.parameters] for name, job in RERUN.items()},
    "05_climate_and_life": [{"fdr": True}],
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Return a notebook with one parameter of each sort."""
    lines = [
        'source: str = "embedded"  # or a folder with your own data',
        "seed: int = 2022  # of the sites, at least 0",
        "level: float = 0.95  # of the intervals, between 0 and 1",
        "share: float = 0.5  # of the sites, from -1.5 to 1e3",
        "free: float = 1.0  # any number at all",
        'kind: str = "a"  # or "b", or "c d": three of them',
        'zones: str = "Low, High"  # two of them',
        "fdr: bool = False  # True: the marks allow for the number of tests",
    ]
    return write_notebook(tmp_path_factory.mktemp("small") / "99_small.ipynb", "\n".join(lines))


def refusal(call, *arguments) -> InputError:
    with pytest.raises(InputError) as refused:
        call(*arguments)
    return refused.value


def test_a_cell_is_read_with_ranges_and_choices(small):
    known = list_parameters(small)
    told = {name: (each.kind, each.default, each.allowed) for name, each in known.items()}
    assert told == {
        "source": ("str", "embedded", '"embedded" or a folder with your own data'),
        "seed": ("int", 2022, "a whole number, at least 0"),
        "level": ("float", 0.95, "a number between 0 and 1"),
        "share": ("float", 0.5, "a number from -1.5 to 1e3"),
        "free": ("float", 1.0, "a number"),
        "kind": ("str", "a", '"a" or "b" or "c d"'),
        "zones": ("str", "Low, High", '"Low, High" or another text'),
        "fdr": ("bool", False, "True or False"),
    }
    assert [known[name].meaning for name in ("source", "seed", "level", "zones")] == [
        "–",
        "of the sites",
        "of the intervals",
        "two of them",
    ]
    ends = {name: (known[name].low, known[name].high) for name in ("seed", "share", "free")}
    assert ends == {
        "seed": (0, math.inf),
        "share": (-1.5, 1000),
        "free": (-math.inf, math.inf),
    }


def test_texts_take_the_declared_types(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my data").mkdir()
    given_texts = ["seed=7", "level=.1", "share=1", "kind=c d", "fdr=TRUE", "source=my data"]
    assert read_assignments(small, given_texts) == {
        "seed": 7,
        "level": 0.1,
        "share": 1.0,
        "kind": "c d",
        "fdr": True,
        "source": str(tmp_path / "my data"),
    }
    assert read_assignments(small, ["source=embedded", "zones=a=b"]) == {
        "source": "embedded",
        "zones": "a=b",
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_assignments(small, ["source=~/my data"])["source"] == str(tmp_path / "my data")


def test_the_default_of_source_is_never_taken_for_a_folder(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "embedded").mkdir()
    assert read_assignments(small, ["source=embedded"]) == {"source": "embedded"}


def test_typed_values_pass_the_same_check(small):
    values = check_values(small, {"share": 1, "seed": 0, "fdr": True, "kind": "b", "free": "1e-3"})
    assert values == {"share": 1.0, "seed": 0, "fdr": True, "kind": "b", "free": 0.001}
    assert isinstance(values["share"], float)


@given(st.floats(-1.5, 1000))
def test_any_float_in_the_range_survives_as_text(small, value):
    assert read_assignments(small, [f"share={value!r}"]) == {"share": value}


@given(st.integers(0))
def test_any_whole_number_in_the_range_survives_as_text(small, value):
    assert read_assignments(small, [f"seed={value}"]) == {"seed": value}


@given(st.text(st.characters(exclude_characters="\0")), st.sampled_from(["seed", "free", "fdr"]))
def test_any_text_that_is_no_number_is_refused(small, text, name):
    try:
        float(text)
    except ValueError:
        if text.lower() not in ("true", "false"):
            refusal(read_assignments, small, [f"{name}={text}"])


@given(st.lists(st.text(st.characters(exclude_characters="\0"))))
def test_any_words_are_refused_or_understood(small, words):
    try:
        values = read_assignments(small, words)
    except InputError:
        return
    assert list(values) == [word.partition("=")[0] for word in words]


@EACH
def test_every_number_has_a_range_and_every_default_passes(notebook):
    known = list_parameters(notebook)
    for parameter in known.values():
        assert parameter.limits or parameter.kind not in NUMBERS, parameter
        assert parameter.low < parameter.high, parameter
    defaults = {name: each.default for name, each in known.items()}
    assert check_values(notebook, defaults) == defaults
    texts = [f"{name}={value}" for name, value in defaults.items()]
    assert read_assignments(notebook, texts) == defaults


@EACH
def test_values_just_inside_the_range_pass_and_just_outside_are_refused(notebook):
    for name, each in list_parameters(notebook).items():
        if each.kind not in NUMBERS:
            continue
        for end, out in ((each.low, -math.inf), (each.high, math.inf)):
            if math.isinf(end):
                refusal(check_values, notebook, {name: end})
                continue
            if each.kind == "int":
                inside, outside = int(end), int(end) + (1 if out > 0 else -1)
            else:
                inside, outside = end, math.nextafter(end, out)
            if each.open_ended:
                inside, outside = math.nextafter(end, -out), end
            assert check_values(notebook, {name: inside}) == {name: inside}
            assert name in refusal(check_values, notebook, {name: outside}).where


@EACH
def test_every_typo_is_refused_and_the_right_name_proposed(notebook):
    known = list_parameters(notebook)
    for name in known:
        doubled = {name[:k] + name[k] + name[k:] for k in range(len(name))}
        cut = {name[:k] + name[k + 1 :] for k in range(len(name)) if len(name) > 4}
        for typo in (doubled | cut | {name.upper(), f"{name}_"}) - set(known):
            said = refusal(read_assignments, notebook, [f"{typo}=7"])
            assert said.mend == f"did you mean {name}?", typo
            assert all(f"    {each}: " in said.needed for each in known)


@EACH
def test_every_choice_is_accepted_and_any_other_refused(notebook):
    for name, each in list_parameters(notebook).items():
        for choice in each.choices:
            assert read_assignments(notebook, [f"{name}={choice}"]) == {name: choice}
        if each.choices:
            refusal(read_assignments, notebook, [f"{name}={each.default}_"])
        if each.kind == "bool":
            for text, value in (("true", True), ("FALSE", False)):
                assert read_assignments(notebook, [f"{name}={text}"]) == {name: value}


def documented(notebook: Path) -> set[tuple[str, object]]:
    """Return each choice of a chapter that is not its default."""
    return {
        (name, choice)
        for name, each in list_parameters(notebook).items()
        for choice in (*each.choices, *((True, False) if each.kind == "bool" else ()))
        if choice != each.default
    }


@EACH
def test_every_choice_is_run_by_some_test(notebook):
    name = notebook.stem
    runs = [OTHER_VALUES.get(name, {}), *CHOICES.get(name, []), *RUN_BY_OTHER_TESTS.get(name, [])]
    run = {(key, value) for values in runs for key, value in values.items()}
    assert documented(notebook) <= run, "add the missing ones to CHOICES"


@pytest.mark.parametrize(
    ("name", "values"),
    [(name, values) for name, runs in CHOICES.items() for values in runs],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
@pytest.mark.slow
def test_a_chapter_runs_with_its_other_choices(name, values, tmp_path):
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    if lack := explain_lack(book):
        pytest.skip(lack)
    perform(NOTEBOOKS / f"{name}.ipynb", values, tmp_path)
    rerun = nbformat.read(tmp_path / f"{name}.ipynb", 4)
    tables = [
        [
            output.data["text/plain"]
            for cell in each.cells
            for output in cell.get("outputs", [])
            if "text/html" in output.get("data", {})
        ]
        for each in (book, rerun)
    ]
    assert tables[0] != tables[1], "other choices, other tables"


def test_the_page_of_parameters_is_fresh():
    assert (BOOK / GENERATED).read_text(encoding="utf-8") == print_parameters(), "run make refresh"
    assert f"{{include}} {GENERATED}" in (BOOK / "parameters.md").read_text(encoding="utf-8")


@EACH
def test_the_page_lists_every_parameter_of_a_chapter(notebook):
    index, chapters = print_parameters().split("## By chapter")
    chapter = chapters.split(f"](notebooks/{notebook.stem}.md)")[1].split("\n### ")[0]
    for name, each in list_parameters(notebook).items():
        row = next(line for line in chapter.splitlines() if line.startswith(f"| `{name}: "))
        assert row.startswith(f"| `{name}: {each.kind} = {each.default!r}` |")
        assert each.limits in row
        assert all(f"`{choice}`" in row for choice in each.choices)
        chapters_of = next(line for line in index.splitlines() if line.startswith(f"| `{name}` "))
        assert f"(notebooks/{notebook.stem}.md)" in chapters_of


@EACH
def test_the_proposed_command_is_accepted_and_changes_something(notebook):
    known = list_parameters(notebook)
    values = suggest(known)
    assert check_values(notebook, values) == values
    assert all(value != known[name].default for name, value in values.items())


@EACH
def test_source_and_twin_declare_the_same(notebook, tmp_path):
    path = tmp_path / notebook.name
    nbformat.write(read_source(notebook.with_suffix(".md")), path)
    assert list_parameters(path) == list_parameters(notebook), "run make refresh"
