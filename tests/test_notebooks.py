"""The notebooks: paired twins, executed, parameterized, captioned; and rerun with papermill."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import papermill
import pytest
from jupytext.compare import compare_notebooks

from helpers.commands.execution import NOTEBOOKS
from helpers.commands.refresh import read_source
from helpers.commands.run import run
from helpers.provenance import LABELS

SOURCES = sorted(NOTEBOOKS.glob("*.md"))
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def twin(source: Path) -> nbformat.NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def figures(notebook: nbformat.NotebookNode):
    """Yield each cell that draws, with the metadata of its image."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield cell, output["metadata"].get("image/png", {})


def test_every_source_has_its_twin():
    assert SOURCES
    assert {path.stem for path in SOURCES} == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}


@EACH
def test_twins_agree_by_content(source):
    compare_notebooks(twin(source), read_source(source), fmt="md:myst", raise_on_first_difference=1)
    plain = [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in twin(source).cells]
    edited = [
        (cell.cell_type, cell.source, dict(cell.metadata)) for cell in jupytext.read(source).cells
    ]
    assert plain == edited, "run make refresh"


@EACH
def test_every_twin_was_executed_by_a_plain_kernel(source):
    notebook = twin(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell.outputs) for cell in code) >= 5
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.kernelspec.display_name == "Python 3 (ipykernel)"
    assert not any(output.output_type == "stream" for cell in code for output in cell.outputs)


@EACH
def test_parameters_stand_in_one_cell_typed_and_commented(source):
    cells = [cell for cell in twin(source).cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(cells) == 1
    for line in cells[0].source.splitlines():
        assert re.fullmatch(r"[a-z_]+: (str|int|float|bool) = .+?  # .+", line), line
    parameters = papermill.inspect_notebook(str(source.with_suffix(".ipynb")))
    assert {"source", "seed"} <= set(parameters)


@EACH
def test_every_figure_has_caption_name_alternative_text_and_legend(source):
    drawn = list(figures(twin(source)))
    assert drawn
    for cell, about in drawn:
        figure = cell.metadata["mystnb"]["figure"]
        assert figure["name"].startswith("fig-")
        assert len(about["alt"]) > 60
        assert about["alt"] != figure["caption"]
        assert re.search(r"n = \d+", about["legend"])
        assert any(label in about["legend"] for label in LABELS)


@EACH
def test_code_fits_the_page_and_no_notebook_defines_long_functions(source):
    for cell in twin(source).cells:
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 80, cell.source
            assert not re.search(r"^def ", cell.source, re.M)


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("helpers.commands.run.RUNS", tmp_path)
    return tmp_path


@EACH
@pytest.mark.slow
def test_each_notebook_runs_with_another_seed(source, runs):
    page = run(source.with_suffix(".ipynb"), {"seed": 7})
    assert "seed 7" in page.read_text(encoding="utf-8")


@EACH
@pytest.mark.slow
def test_each_notebook_runs_on_genuine_files_with_the_same_climate(source, runs, gldas_folder):
    page = run(source.with_suffix(".ipynb"), {"source": str(gldas_folder)})
    executed = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
    # papermill adds one cell; the numbers of every table and text must not move
    ours = [_numbers(cell) for cell in twin(source).cells if cell.get("outputs")]
    theirs = [_numbers(cell) for cell in executed.cells if cell.get("outputs")]
    assert len(ours) == len(theirs)
    compared = 0
    for one, other in zip(ours, theirs, strict=True):
        if len(one) == len(other):
            np.testing.assert_allclose(other, one, rtol=1e-6)
            compared += len(one)
    assert compared > 100


def _numbers(cell: nbformat.NotebookNode) -> list[float]:
    text = "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


@EACH
@pytest.mark.slow
def test_each_notebook_runs_on_an_own_table_with_few_factors(source, runs, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    rows = [f"S{k},{80 + k},{32 + k % 3},{4000 + 97 * k % 700},steppe,{k + 1}" for k in range(10)]
    header = "site,longitude,latitude,elevation,land_cover,SOC"
    (folder / "sites.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    page = run(source.with_suffix(".ipynb"), {"source": str(folder)})
    assert "your table" in page.read_text(encoding="utf-8")
