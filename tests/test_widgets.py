"""The widgets of the book: their arithmetic is that of helpers, and they work without a mouse."""

from __future__ import annotations

from itertools import product
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page
from scipy import stats

from helpers.errors import InputError
from helpers.factors import GROUPS
from helpers.figures.printed_numbers import possible_samples
from helpers.figures.style import place_widget
from helpers.paper.published import bound_discrepancy, implied_sample
from helpers.paper.reprint import load_published_loop
from helpers.pathmodel import fit_indices, fit_model, parse_model
from helpers.pathmodel.loop import feedback, imply_correlations, respond, solve_ring
from tests.browser import HTML, browser  # noqa: F401
from tests.conftest import ROOT

PATHS, INDICES = load_published_loop()
STATIC = ROOT / "book" / "_static"
VALUES = [-2.5, -1.2, -1, -0.75, -0.3, 0, 0.01, 0.4, 0.99, 1, 1.3]
GRID = np.array(list(product(VALUES, repeat=4)))
LOOP = parse_model("\n".join(f"{to} ~ {GROUPS[i - 1]}" for i, to in enumerate(GROUPS)))


def matrices(b: np.ndarray) -> np.ndarray:
    """Return coefficients around the loop, (..., 4), as matrices, row to, column from."""
    B = np.zeros((*b.shape, 4))
    for i in range(4):
        B[..., (i + 1) % 4, i] = b[..., i]
    return B


@pytest.fixture(scope="module")
def engine(browser) -> Page:  # noqa: F811
    """Return an empty page that knows the arithmetic of both widgets."""
    page = browser.new_page()
    for name in ("loop-explorer", "fit-indices"):
        page.add_script_tag(path=STATIC / f"{name}.js")
    return page


@pytest.fixture(scope="module")
def explored(engine) -> pd.DataFrame:
    """Return what the script says of every loop of the grid."""
    said = engine.evaluate(
        """grid => grid.map((b) => ({
            ...loopExplorer.measure(b),
            errors: loopExplorer.errors(b),
            correlations: loopExplorer.correlate(b),
            twin: loopExplorer.twin(b),
        }))""",
        GRID.tolist(),
    )
    return pd.DataFrame(said)


def test_the_measures_of_a_loop_are_those_of_helpers(explored):
    with np.errstate(divide="ignore"):
        ours = feedback(matrices(GRID))
    for theirs, name in (("gain", "gain"), ("index", "stability_index")):
        np.testing.assert_allclose(explored[theirs].astype(float), ours[name], rtol=0, atol=1e-9)
    away = np.abs(1 - ours["gain"]) > 1e-9
    found = explored.loc[away, "amplification"].astype(float)
    np.testing.assert_allclose(found, ours["amplification"][away], rtol=1e-9)
    index = ours["stability_index"]
    assert (explored["course"] == "settles").tolist() == (index < 1 - 1e-9).tolist()
    assert (explored["course"] == "grows").tolist() == (index > 1 + 1e-9).tolist()
    assert explored["course"].value_counts().min() > 50, "every course is in the grid"


def test_correlations_exist_where_helpers_find_error_variances(explored):
    # where a coefficient is ±1 an error variance is 0, which helpers meets but for rounding
    inside = (np.abs(GRID) != 1).all(axis=1) & (explored["course"] != "edge").to_numpy()
    ours = imply_correlations(matrices(GRID[inside]))
    theirs = explored.loc[inside, "correlations"]
    exists = ~np.isnan(ours).any(axis=(1, 2))
    assert (exists.sum() > 500, (~exists).sum() > 500) == (True, True)
    assert theirs.notna().tolist() == exists.tolist()
    np.testing.assert_allclose(np.array(theirs[exists].tolist()), ours[exists], rtol=0, atol=1e-9)
    assert explored.loc[~inside, "correlations"].isna().all()


def test_error_variances_and_twins_are_those_of_the_closed_form(explored):
    some = (explored["twin"].notna() & (explored["course"] == "settles")).to_numpy()
    assert some.sum() > 500
    R = imply_correlations(matrices(GRID[some]))
    B, Psi = solve_ring(LOOP, R)
    after = np.roll(np.arange(4), -1)
    np.testing.assert_allclose(B[0][:, after, np.arange(4)], GRID[some], rtol=1e-6)
    twins = np.array(explored.loc[some, "twin"].tolist())
    np.testing.assert_allclose(twins, B[1][:, after, np.arange(4)], rtol=1e-6)
    ours = feedback(matrices(twins))
    np.testing.assert_allclose(ours["gain"] * explored.loc[some, "gain"], 1, rtol=1e-9)
    errors = np.array(explored.loc[some, "errors"].tolist())
    np.testing.assert_allclose(errors, Psi[0][:, after, after], rtol=1e-6)


def test_responses_are_those_of_helpers(engine):
    some = GRID[::29]
    assert len(some) > 500
    call = "grid => grid.map((b, k) => loopExplorer.{}(b, k % 4, 24))"
    states, ends = (
        np.array(engine.evaluate(call.format(name), some.tolist())) for name in ("respond", "limit")
    )
    for k, B in enumerate(matrices(some)):
        table = pd.DataFrame(B, GROUPS, GROUPS)
        ours = respond(table, GROUPS[k % 4], 24)
        np.testing.assert_allclose(states[k], ours, rtol=1e-9, atol=1e-9)
        if feedback(B)["stability_index"] < 0.99:
            total = np.linalg.inv(np.eye(4) - B)[:, k % 4]
            np.testing.assert_allclose(ends[k], total, rtol=1e-9, atol=1e-9)


def ask(engine: Page, **printed) -> dict:
    """Return what the script answers: its refusal, or its rows."""
    empty = dict.fromkeys(["rmr", "gfi", "nfi", "cfi", "paths"])
    return engine.evaluate(
        """printed => {
            const refusal = fitIndices.refuse(printed);
            return { refusal, rows: refusal ? [] : fitIndices.impliedSample(printed) };
        }""",
        {**empty, "digits": 3, **printed},
    )


def agree(engine: Page, **printed) -> list[tuple[int, int]]:
    """Hold the script against helpers, and return the pairs of N and df that are left."""
    answer = ask(engine, **printed)
    assert answer["refusal"] == "", answer
    ours = implied_sample(**{name: each for name, each in printed.items() if name != "rmr"})
    rows = answer["rows"]
    pairs = [(row["n"], row["df"]) for row in rows]
    assert pairs == list(zip(ours["n"], ours["df"], strict=True))
    for name in ("chi2", "F", "baseline"):
        bounds = ours[[f"{name}_low", f"{name}_high"]].to_numpy()
        if rows and rows[0][name] is None:
            assert np.isnan(bounds).all()
        else:
            found = np.array([row[name] for row in rows], float).reshape(-1, 2)
            np.testing.assert_allclose(found, bounds, rtol=1e-9, atol=1e-9)
    if "paths" in printed:
        assert [row["drawn"] for row in rows] == ours["drawn"].to_list()
    return pairs


def test_fewer_indices_and_decimals_leave_what_helpers_leaves(engine):
    assert agree(engine, **INDICES, variables=4, paths=4) == [(44, 2)]
    for left_out in (["gfi"], ["nfi"], ["cfi"], ["nfi", "cfi"], ["gfi", "nfi"]):
        for digits in (1, 2, 3):
            printed = INDICES.drop(left_out).round(digits).to_dict()
            assert agree(engine, **printed, variables=4, digits=digits, paths=3)


def test_indices_of_true_fits_lead_back_to_them(engine):
    rng = np.random.default_rng(2022)
    models = {
        "b ~ a\nc ~ b\nd ~ c": 4,
        "c ~ a + b\nd ~ c": 4,
        "b ~ a\nc ~ b\nd ~ c\ne ~ d + a": 5,
        "d ~ a + b + c\ne ~ d\nf ~ e": 6,
    }
    tried, several = 0, 0
    for (text, variables), n in product(models.items(), [25, 44, 80, 150, 300]):
        model = parse_model(text)
        for digits in (2, 3, 4):
            mixing = rng.normal(size=(variables, variables)) + np.eye(variables)
            data = rng.normal(size=(n, variables)) @ mixing
            table = pd.DataFrame(data, columns=list("abcdef")[:variables])
            true = fit_indices(fit_model(model, table, exogenous="uncorrelated"))
            names = ["chi2_df", "rmsea", "gfi", "nfi", "cfi"]
            printed = true[names].round(digits).to_dict()
            if printed["rmsea"] <= 2 * 10.0**-digits:
                continue
            pairs = agree(engine, **printed, variables=variables, digits=digits)
            assert (n, true["df"]) in pairs
            tried += 1
            several += len(pairs) > 1
    assert tried >= 30
    assert several >= 5, "some of them leave a choice"


def test_the_tail_of_chi_square_is_that_of_scipy(engine):
    rng = np.random.default_rng(2022)
    df = np.concatenate([rng.integers(1, 30, 500), rng.integers(30, 4951, 500)])
    x = df * rng.choice([0.01, 0.5, 0.98, 1.02, 1.5, 5], 1000) * rng.uniform(0.9, 1.1, 1000)
    call = "pairs => pairs.map(([x, df]) => fitIndices.surviveChi2(x, df))"
    theirs = engine.evaluate(call, list(zip(x.tolist(), df.tolist(), strict=True)))
    np.testing.assert_allclose(theirs, stats.chi2.sf(x, df), rtol=1e-9, atol=1e-10)


def test_indices_that_contradict_each_other_leave_no_row(engine):
    for wrong in ({"cfi": 0.5}, {"gfi": 0.999}, {"chi2_df": 0.5}, {"cfi": 0.0, "nfi": 1.0}):
        assert agree(engine, **{**INDICES, **wrong}, variables=4) == []
    assert agree(engine, chi2_df=2.3, rmsea=0.3, nfi=0.2, cfi=0.0, variables=4, digits=1)


def test_bounds_of_the_discrepancy_are_those_of_helpers(engine):
    for gfi, variables, digits in product([0.2, 0.6, 0.9, 0.99, 1], [2, 4, 20], [2, 3]):
        call = f"fitIndices.boundDiscrepancy({gfi}, {variables}, {digits})"
        ends = bound_discrepancy(gfi, variables, digits)
        # JSON has no infinity
        theirs = engine.evaluate(f"{call}.map(String)")
        np.testing.assert_allclose([float(end) for end in theirs], ends, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rmsea": 0.0}, "RMSEA: it may be 0"),
        ({"rmsea": 0.0004}, "RMSEA: it may be 0"),
        ({"gfi": 0.0}, "GFI"),
        ({"gfi": 1.2}, "GFI"),
        ({"variables": 1}, "Variables"),
    ],
)
def test_what_helpers_refuses_the_script_refuses(engine, wrong, said):
    printed = {**INDICES, "variables": 4, **wrong}
    assert said in ask(engine, **printed)["refusal"]
    with pytest.raises(InputError):
        implied_sample(**{name: each for name, each in printed.items() if name != "rmr"})


def open_alone(browser, name: str, start: dict) -> Page:  # noqa: F811
    """Return a page with nothing but a widget, which needs no built book."""
    page = browser.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(error))
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda data, raw: shown.append(data["text/html"]))
        place_widget(name, "fig", start)
    page.set_content(f'{shown[0]}<div class="cell"><figure id="fig"></figure></div>')
    for script in ("widgets", name, f"{name}-page"):
        page.add_script_tag(path=STATIC / f"{script}.js")
    return page


@pytest.fixture(scope="module")
def alone(browser) -> dict[str, Page]:  # noqa: F811
    """Return both widgets, each on a page of its own."""
    loop = {"variables": list(GROUPS), "coefficients": PATHS.to_list()}
    indices = {**INDICES, "variables": 4, "digits": 3, "paths": 4}
    return {
        "loop": open_alone(browser, "loop-explorer", loop),
        "indices": open_alone(browser, "fit-indices", indices),
    }


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def read_rows(page: Page) -> dict[str, list[str]]:
    """Return the cells of a widget's tables by row; there are none beside a refusal."""
    assert page.problems == []
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator("tbody tr").all()]
    if "type a number" in page.locator("[role=status]").inner_text():
        assert page.locator(".widget-results > *").count() == 0
    return {name: cells for name, *cells in rows}


def check_loop(page: Page, b: list[float], pushed: str) -> None:
    """Hold what the explorer shows against helpers."""
    B = pd.DataFrame(matrices(np.array(b)), GROUPS, GROUPS)
    ours, states, shown = feedback(B), respond(B, pushed, 24), read_rows(page)
    assert number(shown["gain g"][0]) == pytest.approx(ours["gain"], abs=5.1e-4)
    assert number(shown["stability index"][0]) == pytest.approx(ours["stability_index"], abs=5.1e-4)
    end = np.linalg.inv(np.eye(4) - B)[:, GROUPS.index(pushed)]
    for place, name in enumerate(GROUPS):
        expected = [*states[name].iloc[[4, 8, 12, 24]], end[place]]
        np.testing.assert_allclose([*map(number, shown[name])], expected, atol=5.1e-4)


def test_the_explorer_works_by_keyboard_alone(alone):
    page, rest = alone["loop"], PATHS.to_list()[1:]
    check_loop(page, PATHS.to_list(), "climatic")
    page.locator("input").first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    check_loop(page, [0.95, *rest], "climatic")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("-")  # half typed
    assert read_rows(page) == {}
    page.keyboard.type("0.5")
    check_loop(page, [-0.5, *rest], "climatic")
    assert page.locator("input").first.input_value() == "-0.5", "the slider follows"
    for _ in range(7):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    check_loop(page, [-0.5, *rest], "plant")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    check_loop(page, PATHS.to_list(), "plant")


def test_the_fit_indices_work_by_keyboard_alone(alone):
    page = alone["indices"]
    assert read_rows(page)["2"][0] == "44"
    page.locator("input").first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("0.335e")  # half typed
    assert read_rows(page) == {}
    page.keyboard.press("Backspace")
    (df,) = read_rows(page)
    ours = implied_sample(**{**INDICES.drop("rmr"), "chi2_df": 4.258, "rmsea": 0.335}, variables=4)
    shown = [*map(int, read_rows(page)[df][0].split(" to "))]
    assert (int(df), shown) == (ours["df"].iloc[0], sorted(ours["n"]))
    for _ in range(8):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert read_rows(page)["2"][0] == "44"


TIMETABLE = """<table><tr><td>1 · <a href="http://localhost/notebooks/01_data.html">Sites</a></td></tr>
<tr><td>4 · <a href="http://localhost/notebooks/04_gradients.html">Slopes</a></td></tr></table>"""


@pytest.mark.parametrize(
    ("hub", "base"),
    [
        ("https://hub.example.org", "https://hub.example.org"),
        ("https://example.org/jupyter/", "https://example.org/jupyter"),
        ("https://hub/user/me/lab?reset", "https://hub"),
        ("https://example.org/jupyter/hub/home", "https://example.org/jupyter"),
    ],
)
@pytest.mark.parametrize(
    "repository", ["https://git.example.org/a/book", "https://h.org/book.git/"]
)
def test_the_form_for_a_hub_writes_the_link_by_keyboard_alone(browser, hub, base, repository):  # noqa: F811
    page = browser.new_page()
    page.set_content(f'{TIMETABLE}<div class="widget" data-widget="hub-link">Needs a script.</div>')
    for script in ("widgets", "hub-link"):
        page.add_script_tag(path=STATIC / f"{script}.js")
    link = page.get_by_label("Link for your students")
    page.get_by_label("Address of the hub").focus()
    for typed in (hub, repository, "autumn"):
        if typed != "autumn":  # both addresses are there then
            assert link.input_value() == ""
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("getSelection().toString()") == link.input_value(), "ready to be copied"
    start, _, asked = link.input_value().partition("?")
    assert start == f"{base}/hub/user-redirect/git-pull"
    assert parse_qs(asked) == {
        "repo": [repository.removesuffix(".git/")],
        "branch": ["autumn"],
        "urlpath": ["lab/tree/book/book/notebooks/04_gradients.ipynb"],
    }
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure"),
    [("13_feedback_loop", "fig-loop-explorer"), ("16_published_numbers", "fig-possible-samples")],
)
def test_without_scripts_and_on_paper_the_figure_stands_there(browser, name, figure):  # noqa: F811
    for scripts in (False, True):
        phone = {"width": 360, "height": 740}
        page = browser.new_context(java_script_enabled=scripts, viewport=phone).new_page()
        page.goto((HTML / "book" / "notebooks" / f"{name}.html").as_uri())
        assert page.locator(f"#{figure} img").is_visible() == (not scripts)
        assert (page.locator(".widget :is(input, button)").count() > 0) == scripts
        page.emulate_media(media="print")
        assert page.locator(f"#{figure} img").is_visible()
        assert not page.locator(".widget").is_visible()
        page.context.close()


@pytest.mark.usefixtures("without_a_screen")
def test_possible_samples_are_drawn_set_by_set():
    one = implied_sample(**INDICES[["chi2_df", "rmsea"]], variables=4)
    all_five = implied_sample(**INDICES.drop("rmr"), variables=4)
    none = all_five.iloc[:0]
    fig, (ax, below) = possible_samples(
        {"all": {"two": one, "five": all_five}, "none": {"two": one, "five": none}}
    )
    first, second = ax.lines
    assert sorted(first.get_ydata()) == [1, 2, 3, 4, 5, 6]
    assert (*second.get_xdata(), *second.get_ydata()) == (44, 2)
    assert len(below.lines[1].get_xdata()) == 0
    assert "all: two leave 6, N 44, df 1 to 6; five leave 1, N 44, df 2" in fig.get_label()
    assert "none: two leave 6, N 44, df 1 to 6; five leave no pair" in fig.get_label()
