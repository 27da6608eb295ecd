"""The notebooks: paired twins, executed, parameterized, captioned; and rerun with papermill."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from distributed import LocalCluster
from papermill.exceptions import PapermillExecutionError

from benchmarks.noise import around_plateau, write_model
from helpers.paper.specifications import read_answers
from helpers.paths import SWEEPS
from helpers.provenance import LABELS
from tests.conftest import TWO_WORKERS
from tests.own_tables import write_alps, write_field_table
from tools.execution import NOTEBOOKS
from tools.refresh import read_source
from tools.run import leave_out_the_book, perform, run

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
    cells, wanted = (
        [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in each.cells]
        for each in (twin(source), read_source(source))
    )
    assert cells == wanted, "run make refresh"


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
        assert re.fullmatch(r"[a-z_0-9]+: (str|int|float|bool) = .+?  # .+", line), line
    parameters = papermill.inspect_notebook(str(source.with_suffix(".ipynb")))
    assert "source" in parameters


@EACH
def test_every_figure_has_caption_name_alternative_text_and_legend(source):
    drawn = list(figures(twin(source)))
    assert drawn
    for cell, about in drawn:
        figure = cell.metadata["mystnb"]["figure"]
        assert figure["name"].startswith("fig-")
        assert len(about["alt"]) > 60
        words = about["alt"].lower(), figure["caption"].lower()
        assert SequenceMatcher(None, *words, autojunk=False).ratio() < 0.6, "they say the same"
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
    monkeypatch.setattr("tools.run.RUNS", tmp_path)
    return tmp_path


@pytest.fixture
def rerun(tmp_path):
    """Return a function that executes a source's twin with other values, without a page."""

    def execute(source: Path, values: dict[str, object]) -> nbformat.NotebookNode:
        notebook = source.with_suffix(".ipynb")
        perform(notebook, values, tmp_path)
        return nbformat.read(tmp_path / notebook.name, as_version=4)

    return execute


OTHER_MODEL = {"scaling": "z-score", "structure": "direct", "exogenous": "uncorrelated"}
OTHER_VALUES = {
    "00_where_the_sites_are": {"columns": "present", "weighting": "space", "outside": 0.3},
    "01_data": {"seed": 7},
    "02_oxygen_from_carbon": {"rounded_ratio": True},
    "03_spatial_pattern": {"columns": "present", "lowest": 3000.0, "weighting": "families"},
    "04_elevation_gradients": {"columns": "present", "seed": 7, "fdr": True},
    "05_climate_and_life": {"seed": 7, "columns": "present"},
    "06_land_cover_and_zones": {"columns": "present", "seed": 7, "zones": "Low, High"},
    "07_path_models": {"convention": "lavaan", "exogenous": "uncorrelated"},
    "08_climatic_sem": {"alpha": 0.01, "columns": "present", **OTHER_MODEL},
    "09_plant_sem": {"seed": 7, "n_boot": 200, "columns": "present", **OTHER_MODEL},
    "10_soil_sem": {"seed": 7, "columns": "present", "confidence": 0.9, **OTHER_MODEL},
    "11_microbial_sem": {"seed": 7, "columns": "present", "n_boot": 200, **OTHER_MODEL},
    "12_total_effects": {"seed": 7, "columns": "present", **OTHER_MODEL, "scaling": "ranks"},
    "13_feedback_loop": {
        "seed": 7,
        "worlds": 300,
        "common": 0.7,
        "columns": "present",
        "scaling": "z-score",
        "nodes": "ET, CS, SOC, FPLFA",  # which no loop with real coefficients fits
    },
    "14_projections": {"lowest": 3500.0, "weighting": "families", "oxidative_ratio": 1.1},
    "15_four_phases": {"seed": 7, "columns": "present"},
    "16_published_numbers": {
        "seed": 7,
        "draws": 20000,
        "chi2_df": 4.516,
        "rmsea": 0.172,
        "gfi": 0.904,
        "nfi": 0.883,
        "cfi": 0.905,
        "variables": 6,
        "arrows": 5,
    },
    "17_thirty_sites": {"seed": 7, "n_sites": 44, "worlds": 200, "n_boot": 100},
}


def these(*numbers: str) -> pytest.MarkDecorator:
    sources = [source for source in SOURCES if source.stem[:2] in numbers]
    return pytest.mark.parametrize("source", sources, ids=lambda path: path.stem)


def sweep_of_one_chapter(folder: Path) -> Path:
    """Return a table with some runs only, of the projections from one edge of the Plateau."""
    table = read_answers(SWEEPS / "what_survives_small.csv")
    table[table["lowest"] == 3500].to_csv(folder / "mine.csv", index=False)
    return folder / "mine.csv"


@pytest.mark.parametrize("name", [*OTHER_VALUES, "18_what_survives"])
@pytest.mark.slow
def test_each_notebook_runs_with_other_values(name, runs):
    """The chapters that are not here run with the values of the shipped sweep, in test_sweep."""
    source = NOTEBOOKS / f"{name}.md"
    own = {"sweep": str(sweep_of_one_chapter(runs)), "columns": "present"}
    values = OTHER_VALUES.get(name) or own
    page = run(source.with_suffix(".ipynb"), values)
    executed = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
    assert numbers(executed) != numbers(twin(source)), "other values, other numbers"


@pytest.mark.parametrize("name", ["01_data", "05_climate_and_life"])
@pytest.mark.slow
def test_genuine_files_give_the_same_climate(name, rerun, gldas_folder):
    source = NOTEBOOKS / f"{name}.md"
    first, *rest = _with_outputs(rerun(source, {"source": str(gldas_folder)}))
    assert (
        "24 files" in first.outputs[0].data["text/markdown"]
    )  # the first lines, which the book itself does not have
    compared, book = 0, twin(source)
    leave_out_the_book(book, name)
    for one, other in zip(_with_outputs(book), rest, strict=True):
        if len(_numbers(one)) == len(_numbers(other)):
            np.testing.assert_allclose(_numbers(other), _numbers(one), rtol=1e-6)
            compared += len(_numbers(one))
    assert compared > 100


@pytest.mark.slow
def test_levels_flow_into_figures_tables_and_text(rerun):
    values = {"alpha": 0.01}
    cells = _with_outputs(rerun(NOTEBOOKS / "05_climate_and_life.md", values))
    told = [output.get("data", {}) for cell in cells for output in cell.outputs]
    text = "\n".join(
        each.get(kind, "") for each in told for kind in ("text/plain", "text/markdown")
    )
    for words in ("have p < 0.01", "p < 0.01, each site in full", "have q < 0.01"):
        assert words in text, words


@these("02", "03", "14")
@pytest.mark.slow
def test_pages_run_on_an_archive_of_other_models(source, rerun, tmp_path):
    """Files of noise in the shape of CMIP5, of three models, stand for an own archive."""
    for model in ("GFDL-ESM2G", "HadGEM2-ES", "MIROC-ESM"):
        write_model(tmp_path / "mine" / "cmip5", model, around_plateau(model), 1990, 2099)
    executed = rerun(source, {"source": str(tmp_path / "mine")})
    first, *rest = _with_outputs(executed)
    assert "oxygen production (simulated), 1990 to " in first.outputs[0].data["text/markdown"]
    text = "\n".join(map(_text, rest))
    assert "3 models, simulated" in text
    assert "emulated" not in text
    if source.stem != "02_oxygen_from_carbon":  # whose identity holds by construction anyway
        assert "by construction" not in text


@pytest.mark.slow
def test_the_projections_are_the_same_on_a_cluster_of_two_workers(rerun):
    source = NOTEBOOKS / "14_projections.md"
    with LocalCluster(**TWO_WORKERS) as cluster:
        executed = rerun(source, {"cluster": cluster.scheduler_address})
    assert numbers(executed) == numbers(twin(source))


def _with_outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    shown = ("display_data", "execute_result")
    return [
        cell
        for cell in notebook.cells
        if any(output.output_type in shown for output in cell.get("outputs", []))
    ]


def numbers(notebook: nbformat.NotebookNode) -> list[list[float]]:
    """Return the numbers that each cell with output shows as text."""
    return [_numbers(cell) for cell in _with_outputs(notebook)]


def _text(cell: nbformat.NotebookNode) -> str:
    return "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def _numbers(cell: nbformat.NotebookNode) -> list[float]:
    kinds = ("text/plain", "text/markdown", "text/html")
    said = " ".join(
        output.get("data", {}).get(kind, "") for output in cell.outputs for kind in kinds
    )
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", said)]


@pytest.fixture
def small_table(tmp_path) -> Path:
    """Return a folder with a table of ten steppe sites and one factor."""
    folder = tmp_path / "own"
    folder.mkdir()
    rows = [f"S{k},{80 + k},{32 + k % 3},{4000 + 97 * k % 700},steppe,{k + 1}" for k in range(10)]
    header = "site,longitude,latitude,elevation,land_cover,SOC"
    (folder / "sites.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return folder


@these("01", "04", "05", "06", "15")
@pytest.mark.slow
def test_pages_run_on_an_own_table_with_few_factors(source, runs, small_table):
    page = run(source.with_suffix(".ipynb"), {"source": str(small_table)})
    said = page.read_text(encoding="utf-8")
    assert "your table" in said
    for words in ("Solution to exercise", "check(", " sd-badge ", "Not reproduced"):
        assert words not in said, "it speaks of the book's own data"


@pytest.mark.parametrize(
    ("name", "message"),
    [("08_climatic_sem", "at least 19 sites"), ("09_plant_sem", "no column CG, CF, EVI")],
)
@pytest.mark.slow
def test_path_models_say_what_a_table_lacks(name, message, runs, small_table):
    with pytest.raises(PapermillExecutionError, match=message):
        run(NOTEBOOKS / f"{name}.ipynb", {"source": str(small_table)})
    assert not list(runs.rglob("*.html"))


@pytest.mark.slow
def test_a_field_table_gives_gradients_and_a_loop(runs, tmp_path):
    table, field = write_field_table(tmp_path)
    page = run(NOTEBOOKS / "04_elevation_gradients.ipynb", {"source": str(table)})
    said = page.read_text(encoding="utf-8")
    for words in ("Date, Observer, Slope, Soil type, NEP", "SOC: 2 of 25 sites without a value"):
        assert words in said
    (fits,) = [
        found
        for path in page.parent.glob("what-we-have-no-measurements-of*.csv")
        if "per km" in (found := pd.read_csv(path, index_col=0))
    ]
    for code in ("SOC", "pH", "Sand"):
        here = field[["elevation", code]].dropna()
        spread = here[code].max() - here[code].min()
        slope = np.polyfit(here["elevation"] / 1000, here[code] / spread, 1)[0]
        assert fits.loc[code, "n"] == len(here)
        assert fits.loc[code, "per km"] == pytest.approx(slope, rel=1e-6)
    page = run(NOTEBOOKS / "13_feedback_loop.ipynb", {"source": str(table), "n_boot": 100})
    assert "n = 22 of 25 sites" in page.read_text(encoding="utf-8")  # two factors lack three sites


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("01_data", {}),
        ("05_climate_and_life", {}),
        ("06_land_cover_and_zones", {"covers": "alpine meadow, pasture"}),
        ("09_plant_sem", {"structure": "TOP ~ AT + EVI; EVI ~ AT + PRE", "n_boot": 100}),
    ],
)
@pytest.mark.slow
def test_sites_of_the_alps_take_nothing_from_the_plateau(name, values, runs, tmp_path):
    page = run(NOTEBOOKS / f"{name}.ipynb", {"source": str(write_alps(tmp_path)), **values})
    said = page.read_text(encoding="utf-8")
    assert "no GLDAS files are beside the table" in said
    if name == "06_land_cover_and_zones":
        assert "alpine meadow" in said
    if "structure" in values:
        tests, totals, arrows = (
            pd.read_csv(path)
            for path in sorted(page.parent.glob("with-t*.csv"), key=lambda p: (len(p.name), p.name))
        )
        assert set(totals["from"]) == {"AT", "EVI", "PRE"}
        assert len(tests) == len(arrows) == 4
        assert len(tests) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("06_land_cover_and_zones", r"pasture \(\d+\), alpine meadow"),
        ("08_climatic_sem", "structure='TOP ~ PRE \\+ AT'"),
        ("13_feedback_loop", "add a soil factor|add a microbial factor"),
    ],
)
@pytest.mark.slow
def test_what_a_table_lacks_is_said_with_a_value_that_runs(name, message, runs, tmp_path):
    with pytest.raises(PapermillExecutionError, match=message):
        run(NOTEBOOKS / f"{name}.ipynb", {"source": str(write_alps(tmp_path))})
