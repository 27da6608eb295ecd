"""The widgets of the book: their arithmetic is that of helpers, and they work without a mouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from scipy import stats

from helpers.errors import InputError
from helpers.factors import GROUPS
from helpers.figures.printed_numbers import possible_samples
from helpers.figures.widgets import place_widget
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
LOOP = parse_model("\n".join(f"{to} ~ {cause}" for cause, to in PATHS.index))
LOOP_PAGE = "13_feedback_loop"
INDEX_PAGE = "16_published_numbers"


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
    at = [LOOP.variables.index(name) for name in GROUPS]
    S = np.empty_like(R)
    S[:, np.array(at)[:, None], at] = R
    B, Psi = solve_ring(LOOP, S)
    B, Psi = B[..., np.array(at)[:, None], at], Psi[..., at, at]
    after = np.roll(np.arange(4), -1)
    np.testing.assert_allclose(B[0][:, after, np.arange(4)], GRID[some], rtol=1e-6)
    twins = np.array(explored.loc[some, "twin"].tolist())
    np.testing.assert_allclose(twins, B[1][:, after, np.arange(4)], rtol=1e-6)
    ours = feedback(matrices(twins))
    np.testing.assert_allclose(ours["gain"] * explored.loc[some, "gain"], 1, rtol=1e-9)
    errors = np.array(explored.loc[some, "errors"].tolist())
    np.testing.assert_allclose(errors, Psi[0][:, after], rtol=1e-6)


def test_a_twin_has_the_same_correlations_and_is_the_twin_of_its_twin(engine, explored):
    some = explored["twin"].notna().to_numpy()
    twins = explored.loc[some, "twin"].tolist()
    again = engine.evaluate(
        "twins => twins.map((b) => [loopExplorer.correlate(b), loopExplorer.twin(b)])", twins
    )
    correlations, twice = (np.array(each) for each in zip(*again, strict=True))
    first = np.array(explored.loc[some, "correlations"].tolist())
    np.testing.assert_allclose(correlations, first, rtol=0, atol=1e-9)
    np.testing.assert_allclose(twice, GRID[some], rtol=1e-9)
    missing = explored["correlations"].notna() & explored["twin"].isna()
    assert (GRID[missing] == 0).any(axis=1).all(), "a real loop lacks a twin only for an arrow of 0"
    assert missing.sum() > 50


def test_responses_are_those_of_helpers(engine):
    some = GRID[::29]
    assert len(some) > 500
    states = np.array(
        engine.evaluate(
            "grid => grid.map((b, k) => loopExplorer.respond(b, k % 4, 24))", some.tolist()
        )
    )
    ends = engine.evaluate(
        "grid => grid.map((b, k) => loopExplorer.limit(b, k % 4))", some.tolist()
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


def agree(engine: Page, **printed) -> int:
    """Hold the script against helpers, and return how many pairs there are."""
    answer = ask(engine, **printed)
    assert answer["refusal"] == "", answer
    ours = implied_sample(**{name: each for name, each in printed.items() if name != "rmr"})
    rows = answer["rows"]
    assert [(row["n"], row["df"]) for row in rows] == list(zip(ours["n"], ours["df"], strict=True))
    for name in ("chi2", "F", "baseline"):
        bounds = ours[[f"{name}_low", f"{name}_high"]].to_numpy()
        if rows and rows[0][name] is None:
            assert np.isnan(bounds).all()
        else:
            found = np.array([row[name] for row in rows], float).reshape(-1, 2)
            np.testing.assert_allclose(found, bounds, rtol=1e-9, atol=1e-9)
    if "paths" in printed:
        assert [row["drawn"] for row in rows] == ours["drawn"].to_list()
    return len(rows)


def test_the_papers_indices_mean_44_rows_and_2_degrees_of_freedom(engine):
    assert agree(engine, **INDICES, variables=4, paths=4) == 1
    (row,) = ask(engine, **INDICES, variables=4, paths=4)["rows"]
    assert (row["n"], row["df"], row["drawn"]) == (44, 2, True)


@pytest.mark.parametrize("left_out", [["gfi"], ["nfi"], ["cfi"], ["nfi", "cfi"], ["gfi", "nfi"]])
@pytest.mark.parametrize("digits", [1, 2, 3])
def test_fewer_indices_and_fewer_decimals_leave_what_helpers_leaves(engine, left_out, digits):
    printed = INDICES.drop(left_out).round(digits).to_dict()
    assert agree(engine, **printed, variables=4, digits=digits, paths=3) >= 1


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
            assert agree(engine, **printed, variables=variables, digits=digits) >= 1
            answer = ask(engine, **printed, variables=variables, digits=digits)
            pairs = [(row["n"], row["df"]) for row in answer["rows"]]
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
    known = INDICES.to_dict()
    assert agree(engine, **{**known, "cfi": 0.5}, variables=4) == 0
    assert agree(engine, **{**known, "gfi": 0.999}, variables=4) == 0
    assert agree(engine, **{**known, "chi2_df": 0.5}, variables=4) == 0
    assert agree(engine, **{**known, "cfi": 0.0, "nfi": 1.0}, variables=4) == 0
    assert agree(engine, chi2_df=2.3, rmsea=0.3, nfi=0.2, cfi=0.0, variables=4, digits=1) > 0


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"chi2_df": None}, "χ²/df"),
        ({"chi2_df": float("nan")}, "χ²/df"),
        ({"chi2_df": -1}, "χ²/df"),
        ({"rmsea": None}, "RMSEA"),
        ({"rmsea": -0.2}, "RMSEA"),
        ({"rmr": float("nan")}, "RMR"),
        ({"rmr": -0.1}, "RMR"),
        ({"gfi": float("nan")}, "GFI"),
        ({"nfi": 1.5}, "NFI"),
        ({"nfi": float("nan")}, "NFI"),
        ({"cfi": -0.5}, "CFI"),
        ({"variables": 3.5}, "Variables"),
        ({"variables": None}, "Variables"),
        ({"variables": 1000}, "Variables"),
        ({"digits": 0}, "Decimals"),
        ({"paths": 7}, "Arrows: type a whole number from 0 to 6"),
        ({"paths": 1.5}, "Arrows"),
        ({"chi2_df": 90, "rmsea": 0.001}, "more decimals"),
        ({"chi2_df": 90, "rmsea": 0.01}, "more decimals"),
    ],
)
def test_malformed_indices_get_a_message_and_no_row(engine, wrong, said):
    answer = ask(engine, **{**INDICES, "variables": 4, **wrong})
    assert said in answer["refusal"]
    assert answer["rows"] == []


def open_page(browser, name: str, **context) -> Page:  # noqa: F811
    page = browser.new_context(**context).new_page()
    page.problems = []
    ours = re.compile("widgets|loop-explorer|fit-indices")
    page.on("pageerror", lambda error: ours.search(error.stack) and page.problems.append(error))
    page.goto((HTML / "book" / "notebooks" / f"{name}.html").as_uri())
    return page


@pytest.fixture(scope="module")
def both_pages(browser) -> dict[str, Page]:  # noqa: F811
    """Return the built pages with the widgets, opened once."""
    return {name: open_page(browser, name) for name in (LOOP_PAGE, INDEX_PAGE)}


@pytest.fixture
def loop_page(both_pages) -> Iterator[Page]:
    """Yield the chapter of the loop, with the explorer as it starts."""
    yield start_anew(both_pages[LOOP_PAGE])
    assert both_pages[LOOP_PAGE].problems == []


@pytest.fixture
def index_page(both_pages) -> Iterator[Page]:
    """Yield the chapter of the printed numbers, with its widget as it starts."""
    yield start_anew(both_pages[INDEX_PAGE])
    assert both_pages[INDEX_PAGE].problems == []


def start_anew(page: Page) -> Page:
    for choice in page.locator(".widget select").all():
        choice.select_option(index=0)
    page.locator(".widget button").click()
    return page


@pytest.mark.slow
def test_the_widgets_start_without_an_error(both_pages):
    for page in both_pages.values():
        assert page.locator(".widget input").count() > 7
        assert page.problems == []


def read_table(page: Page, caption: str) -> dict[str, list[str]]:
    """Return the cells of a table of a widget by row."""
    rows = page.locator(f".widget-table[aria-label^='{caption}'] tbody tr")
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    return by_row(cells)


def by_row(cells: list[list[str]]) -> dict[str, list[str]]:
    return {name: values for name, *values in cells}


def check_shown(page: Page, b: np.ndarray, pushed: str) -> None:
    """Hold every number that the explorer shows against helpers, to its last printed digit."""
    captions = ("What the loop does", "Response to a push", "Coefficients")
    hold_explorer({caption: read_table(page, caption) for caption in captions}, b, pushed)


def hold_explorer(tables: dict[str, dict], b: np.ndarray, pushed: str) -> None:
    """Hold tables of the explorer, by the start of their captions, against helpers."""

    def find(start: str) -> dict[str, list[str]]:
        return next(rows for caption, rows in tables.items() if caption.startswith(start))

    B = pd.DataFrame(matrices(b), GROUPS, GROUPS)
    with np.errstate(divide="ignore"):
        ours = feedback(B)
    states = respond(B, pushed, 24)
    stable = ours["stability_index"] < 1 - 1e-9
    measures = find("What the loop does")
    assert number(measures["gain g"][0]) == near(ours["gain"])
    assert number(measures["stability index"][0]) == near(ours["stability_index"])
    last = measures["amplification"][0]
    assert number(last) == near(ours["amplification"]) if stable else last == "no end"
    steps = find("Response to a push")
    for name in GROUPS:
        *rounds, end = steps[name]
        shown = [number(text) for text in rounds]
        assert shown == [near(states[name][4 * k]) for k in (1, 2, 3, 6)]
        if not stable:
            assert end == "no end"
            continue
        total = np.linalg.inv(np.eye(4) - B) @ np.array([each == pushed for each in GROUPS])
        assert number(end) == near(total[GROUPS.index(name)])
    pairs = find("Coefficients")
    # where a coefficient is ±1 an error variance is 0, which helpers meets but for rounding
    allowed = (np.abs(b) != 1).all() and abs(ours["stability_index"] - 1) > 1e-9
    R = imply_correlations(B.to_numpy()) if allowed else np.full((4, 4), np.nan)
    for i, cells in enumerate(pairs.values()):
        assert number(cells[0]) == near(b[i])
        r = R[i, (i + 1) % 4]
        assert cells[2] == "none" if np.isnan(r) else number(cells[2]) == near(r)
        twin = np.isfinite(r) and np.prod(b) != 0
        assert number(cells[1]) == near(1 / float(b[i])) if twin else cells[1] == "none"


def number(text: str) -> float:
    if text.endswith("10³⁰⁸"):  # beyond what a number can be
        return np.inf if text.startswith(">") else -np.inf
    mantissa, _, power = text.replace("−", "-").partition(" \u00d7 10")
    digits = power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    return float(mantissa) * 10 ** int(digits or 0)


def near(value: float):
    if np.isinf(value):
        return value
    return pytest.approx(value, abs=0.00050001 if abs(value) < 1e4 else 0.0051 * abs(value))


@pytest.mark.slow
def test_the_explorer_starts_at_the_printed_loop(loop_page):
    check_shown(loop_page, PATHS.to_numpy(), "climatic")
    expect(loop_page.locator(".widget [role=status]")).to_contain_text("The loop settles")
    place = json.loads(loop_page.locator(".widget").get_attribute("data-start"))
    assert place == {"variables": list(GROUPS), "coefficients": PATHS.to_list()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("b", "pushed", "said"),
    [
        ([0.99, 0.73, 0.75, -0.75], "soil", "becomes 0.711 there. Its twin"),
        ([0.99, 0.73, 0, 0.75], "plant", "opens the circle"),
        ([0.99, 1, 0.75, 0.75], "climatic", "no error variances"),
        ([0.99, 1.85, 0.75, 0.75], "climatic", "adds more than the one before. But these"),
        ([1.01, 1.37, 1.333, 1.333], "microbial", "adds more than the one before. Its twin"),
        ([-1.2, 1.2, 1.2, 1.2], "soil", "swings more widely"),
        ([2.5, 2.5, 2.5, 2.5], "plant", "adds more"),
        ([0.5, 2, 0.8, 1.25], "plant", "adds as much as the one before"),
        ([0.5, -2, 0.8, 1.25], "plant", "takes back what"),
    ],
)
def test_every_number_of_the_explorer_is_that_of_helpers(loop_page, b, pushed, said):
    boxes = loop_page.locator(".widget-slider input[type=number]")
    for box, value in zip(boxes.all(), b, strict=True):
        box.fill(str(value))
    loop_page.locator(".widget select").select_option(pushed)
    expect(loop_page.locator(".widget [role=status]")).to_contain_text(said)
    if abs(np.prod(b)) != 1:
        check_shown(loop_page, np.array(b), pushed)
    label = loop_page.locator(".widget-chart svg").get_attribute("aria-label")
    end = respond(pd.DataFrame(matrices(np.array(b)), GROUPS, GROUPS), pushed, 24)[pushed].iloc[-1]
    assert number(re.search(r"step by step: (.+) after 6 rounds", label)[1]) == near(end)


@pytest.mark.slow
def test_the_chart_steps_through_the_response(loop_page):
    """Its corners, read back through the ticks of the axis, are the response of helpers."""
    lines = loop_page.locator(".widget-chart .grid")
    heights = [float(each.get_attribute("y1")) for each in lines.all()]
    texts = loop_page.locator(".widget-chart text[text-anchor=end]").all_text_contents()
    slope, start = np.polyfit(heights, [number(text) for text in texts], 1)
    path = loop_page.locator(".widget-chart .line").get_attribute("d")
    corners = [float(each) for each in re.findall(r"(?:M\S+ |V)([\d.]+)", path)]
    B = pd.DataFrame(matrices(PATHS.to_numpy()), GROUPS, GROUPS)
    np.testing.assert_allclose(
        slope * np.array(corners) + start, respond(B, "climatic", 24)["climatic"], atol=1e-6
    )
    (limit,) = loop_page.locator(".widget-chart .limit").all()
    end = slope * float(limit.get_attribute("y1")) + start
    assert end == pytest.approx(feedback(B)["amplification"])


@pytest.mark.slow
def test_the_explorer_works_by_keyboard_alone(loop_page):
    loop_page.evaluate("document.querySelector('.widget-slider input').focus()")
    for _ in range(4):
        loop_page.keyboard.press("ArrowLeft")
    assert loop_page.locator(".widget-slider input").nth(1).input_value() == "0.95"
    check_shown(loop_page, np.array([0.95, 0.73, 0.75, 0.75]), "climatic")
    loop_page.keyboard.press("Tab")
    assert loop_page.evaluate("document.activeElement.type") == "number"
    loop_page.keyboard.press("ArrowUp")
    check_shown(loop_page, np.array([0.96, 0.73, 0.75, 0.75]), "climatic")
    loop_page.keyboard.press("Control+a")
    loop_page.keyboard.type("-0.5")
    check_shown(loop_page, np.array([-0.5, 0.73, 0.75, 0.75]), "climatic")
    assert loop_page.locator(".widget-slider input").first.input_value() == "-0.5"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert loop_page.evaluate(outline) == "solid"
    for _ in range(7):
        loop_page.keyboard.press("Tab")
    assert loop_page.evaluate("document.activeElement.tagName") == "SELECT"
    loop_page.keyboard.press("ArrowDown")
    check_shown(loop_page, np.array([-0.5, 0.73, 0.75, 0.75]), "plant")
    loop_page.keyboard.press("Tab")
    loop_page.keyboard.press("Enter")
    check_shown(loop_page, PATHS.to_numpy(), "plant")


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["", "-", "9", "1e999"])
def test_what_is_no_coefficient_gets_a_message_and_no_result(loop_page, typed):
    box = loop_page.locator(".widget-slider input[type=number]").nth(1)
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(typed)
    expect(loop_page.locator(".widget [role=status]")).to_have_text(
        "b₂, plant → soil: type a number from −2.5 to 2.5."
    )
    assert box.get_attribute("aria-invalid") == "true"
    assert loop_page.locator(".widget-results > *").count() == 0
    box.fill("0.5")
    assert box.get_attribute("aria-invalid") == "false"
    check_shown(loop_page, np.array([0.99, 0.5, 0.75, 0.75]), "climatic")


def read_samples(page: Page) -> list[list[str]]:
    rows = page.locator(".widget-table tbody tr")
    return [row.locator("th, td").all_inner_texts() for row in rows.all()]


def check_samples(page: Page, **printed) -> None:
    """Hold the table of samples against helpers, to the last printed digit."""
    hold_samples(read_samples(page), implied_sample(**printed), drawn="paths" in printed)


def hold_samples(shown: list[list[str]], ours: pd.DataFrame, *, drawn: bool) -> None:
    """Hold rows of the table of samples against helpers."""
    assert [int(row[0]) for row in shown] == sorted(ours["df"].unique())
    for df, n, n_of_n, chi2, p, F, baseline, *left in shown:
        group = ours[ours["df"] == int(df)]
        for text, rows in ((n, group["n"]), (n_of_n, group["n"] - 1)):
            assert text == " to ".join(map(str, dict.fromkeys((rows.min(), rows.max()))))
        for text, name in ((chi2, "chi2"), (p, "p"), (F, "F"), (baseline, "baseline")):
            low, high = group[f"{name}_low"].min(), group[f"{name}_high"].max()
            if np.isnan(low):
                assert text == "not bounded"
            elif np.isinf(high):
                assert number(text.removesuffix(" or more")) == near(low)
                assert text.endswith(" or more")
            else:
                first, *last = text.replace("< 0.001", "0").split(" to ")
                assert number(first) == near(low)
                assert number(last[0] if last else first) == near(high)
        if drawn:
            assert left == ["yes" if group["drawn"].iloc[0] else "no"]


@pytest.mark.slow
def test_the_fit_indices_start_at_the_papers(index_page):
    known = INDICES.drop("rmr").to_dict()
    check_samples(index_page, **known, variables=4, paths=4)
    expect(index_page.locator(".widget [role=status]")).to_have_text(
        "1 pair (N, df) could have printed these indices: N = 44, df = 2; χ² = 8.513 to 8.515 "
        "with 2 df."
    )
    said = index_page.locator(".widget-results > p").last.inner_text()
    alone = len(implied_sample(**INDICES[["chi2_df", "rmsea"]], variables=4))
    assert f"χ²/df and RMSEA alone leave: {alone} pairs" in said
    assert "RMR rules out none" in said


@pytest.mark.slow
def test_the_fit_indices_work_by_keyboard_alone(index_page):
    known = INDICES.drop("rmr").to_dict()
    index_page.evaluate("document.querySelector('.widget input').focus()")
    index_page.keyboard.press("ArrowUp")
    index_page.keyboard.press("Tab")
    index_page.keyboard.press("Control+a")
    index_page.keyboard.type("0.335")
    check_samples(index_page, **{**known, "chi2_df": 4.258, "rmsea": 0.335}, variables=4, paths=4)
    for _ in range(3):
        index_page.keyboard.press("Tab")
    assert index_page.evaluate("document.activeElement.name") == "gfi"
    index_page.keyboard.press("Control+a")
    index_page.keyboard.press("Delete")
    rest = {**known, "chi2_df": 4.258, "rmsea": 0.335, "gfi": None}
    check_samples(index_page, **rest, variables=4, paths=4)
    assert index_page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(5):
        index_page.keyboard.press("Tab")
    index_page.keyboard.press("Enter")
    check_samples(index_page, **known, variables=4, paths=4)


@pytest.mark.slow
def test_fewer_decimals_show_more_samples(index_page):
    typed = {**INDICES.drop("rmr").round(2), "variables": 4, "digits": 2}
    for name, value in typed.items():
        index_page.locator(f".widget input[name={name}]").fill(f"{value:g}")
    index_page.locator(".widget input[name=paths]").fill("")
    check_samples(index_page, **typed)
    assert len(implied_sample(**typed)) > 2
    index_page.locator(".widget input[name=cfi]").fill("0.5")
    expect(index_page.locator(".widget [role=status]")).to_contain_text("contradict each other")
    assert read_samples(index_page) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("rmsea", "", "RMSEA: type a number"),
        ("rmsea", "0", "RMSEA: it may be 0"),
        ("chi2_df", "4.2e", "χ²/df: type a number"),
        ("nfi", "-", "NFI: type a number"),
        ("cfi", "98", "CFI: type a number from 0 to 1"),
        ("variables", "4.5", "Variables: type a whole number"),
    ],
)
def test_what_is_no_index_gets_a_message_and_no_result(index_page, name, typed, said):
    box = index_page.locator(f".widget input[name={name}]")
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(typed)
    expect(index_page.locator(".widget [role=status]")).to_contain_text(said)
    assert index_page.locator(".widget-results > *").count() == 0


def open_alone(browser, name: str, start: dict) -> Page:  # noqa: F811
    """Return a page with nothing but a widget, which needs no built book."""
    page = browser.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(error))
    about = f'data-widget="{name}" data-figure="fig" data-start="{escape(json.dumps(start))}"'
    page.set_content(
        f'<div class="widget" {about}></div><div class="cell"><figure id="fig"></figure></div>'
    )
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


# Put each input into the boxes, as typing does, and read what the widget then shows.
TRY = """tries => tries.map((values) => {
    const boxes = [...document.querySelectorAll("input[type=number]")];
    const choice = document.querySelector(".widget select");
    if (choice) choice.selectedIndex = values.pop();
    boxes.forEach((box, i) => (box.value = values[i]));
    boxes[0].dispatchEvent(new Event("input", { bubbles: true }));
    const rows = (table) => [...table.querySelectorAll("tbody tr")].map((row) =>
        [...row.children].map((cell) => cell.textContent));
    return {
        boxes: boxes.map((box) => box.value),
        said: document.querySelector("[role=status]").textContent,
        shown: document.querySelector(".widget-results").textContent,
        chart: document.querySelector(".widget-chart svg")?.getAttribute("aria-label"),
        tables: Object.fromEntries([...document.querySelectorAll(".widget table")].map((table) =>
            [table.getAttribute("aria-label"), rows(table)])),
    };
})"""
ODD = ["", "abc", "NaN", "Infinity", "-Infinity", "1e999", "-1", "0", "1", "1e-320", "1e300", "-0"]


def draw_indices(rng: np.random.Generator) -> list[str]:
    """Return what somebody may type: printed indices, rounded and changed, or none at all."""
    digits = int(rng.choice([1, 2, 3, 4]))
    p = int(rng.choice([2, 3, 4, 5, 8]))
    df_b = p * (p - 1) // 2
    df, n = int(rng.integers(1, df_b + 1)), int(rng.integers(8, 400))
    chi2 = df * rng.choice([1.1, 1.5, 3, 6]) * rng.uniform(0.9, 1.3)
    baseline = max(chi2, df_b) + rng.exponential(rng.choice([5, 300, 1e5]))
    values = {
        "chi2_df": chi2 / df,
        "rmsea": np.sqrt(max(chi2 / df - 1, 0) / (n - 1)),
        "rmr": rng.uniform(0, 0.1),
        "cfi": 1 - max(chi2 - df, 0) / max(baseline - df_b, 1e-9),
        "gfi": p / (p + 2 * chi2 / (n - 1)),
        "nfi": 1 - chi2 / baseline,
    }
    if rng.random() < 0.3:
        values["cfi"] = values["nfi"] = 1.0
    typed = [f"{max(each, 0):.{digits}f}" for each in values.values()]
    typed += [str(p), str(digits), str(df_b - df)]
    for at in range(len(typed)):
        if at > 2 and at not in (6, 7) and rng.random() < 0.2:
            typed[at] = ""
    if rng.random() < 0.35:
        typed[rng.integers(len(typed))] = str(rng.choice([*ODD, f"{rng.uniform(-2, 12):.3f}"]))
    return typed


def expect_samples(boxes: list[str], answer: dict) -> str:
    """Hold what is shown against helpers, given what stands in the boxes; return what it was."""
    names = ["chi2_df", "rmsea", "rmr", "cfi", "gfi", "nfi", "variables", "digits", "paths"]
    counts = {"variables", "digits", "paths"}
    typed = {name: float(text) if text else None for name, text in zip(names, boxes, strict=True)}
    whole = {name: int(typed[name]) for name in counts if typed[name] in range(1000)}
    if answer["said"].startswith("So small an RMSEA"):
        assert answer["shown"] == ""
        return "too many"
    rmr = typed.pop("rmr")
    try:
        if (rmr or 0) < 0 or typed["digits"] not in range(1, 7):
            raise InputError("boxes", needed="", found="", mend="")
        ours = implied_sample(**{**typed, **whole})
    except InputError:
        assert answer["shown"] == "", (boxes, answer)
        assert re.match(
            r"(χ²/df|RMSEA|RMR|CFI|GFI|NFI|Variables|Decimals|Arrows): ", answer["said"]
        )
        return "refused"
    if ours.empty:
        assert answer["said"].startswith("No sample could have printed"), (boxes, answer)
        assert answer["tables"] == {}
        return "contradiction"
    n, df = (
        " to ".join(map(str, dict.fromkeys((ours[x].min(), ours[x].max())))) for x in ("n", "df")
    )
    pairs = f"{len(ours)} pair{'s' if len(ours) > 1 else ''} (N, df)"
    assert answer["said"].startswith(
        f"{pairs} could have printed these indices: N = {n}, df = {df}"
    ), (boxes, answer)
    (rows,) = answer["tables"].values()
    hold_samples(rows, ours, drawn=typed["paths"] is not None)
    return "endless" if np.isinf(ours["baseline_high"]).any() else "samples"


def test_the_fit_indices_show_what_belongs_to_the_boxes_or_nothing(alone):
    """Whatever is put in: random indices, true to each other or not, gaps, texts, no numbers."""
    rng = np.random.default_rng(2022)
    tries = [
        [*map(str, [4.257, 0.275, 0.002, 0.982, 0.922, 0.977, 4, 1, 4])],
        [*map(str, [1.1, 0.03, 0.002, 1, 0.97, 1, 4, 3, 4])],
        *(draw_indices(rng) for _ in range(500)),
    ]
    answers = alone["indices"].evaluate(TRY, tries)
    kinds = [expect_samples(answer["boxes"], answer) for answer in answers]
    assert alone["indices"].problems == []
    assert kinds[:2] == ["endless", "endless"]
    counts = pd.Series(kinds).value_counts()
    assert counts[["samples", "endless", "contradiction", "refused"]].min() > 20, counts


def test_the_fit_indices_show_hundreds_of_thousands_of_pairs(alone):
    answer = alone["indices"].evaluate(TRY, [["60", "0.01", "", "", "", "", "2", "3", ""]])[0]
    assert answer["boxes"][1] == "0.01"
    assert expect_samples(answer["boxes"], answer) == "samples"
    assert int(answer["said"].split()[0]) > 100_000
    assert alone["indices"].problems == []


def draw_loop(rng: np.random.Generator) -> list[str | int]:
    """Return what somebody may type into the explorer, and which variable is pushed."""
    b = np.round(rng.choice([0.9, 2.5, 2.5]) * rng.uniform(-1, 1, 4), 2)
    typed = [f"{each:g}" for each in b]
    if rng.random() < 0.5:
        odd = [*ODD, "0.5", "2", "-2", "2.51", "1e-160", "-1e-160"]
        for at in rng.choice(4, rng.integers(1, 5), replace=False):
            typed[at] = str(rng.choice(odd))
    return [*typed, int(rng.integers(4))]


def expect_loop(pushed: str, answer: dict) -> str:
    """Hold what is shown against helpers, given what stands in the boxes; return what it was."""
    texts = answer["boxes"]
    if any(not text or abs(float(text)) > 2.5 for text in texts):
        assert re.fullmatch(r"b.*: type a number from −2.5 to 2.5\.", answer["said"]), answer
        assert answer["shown"] == "", (texts, answer)
        return "refused"
    b = np.array([float(text) for text in texts])
    B = pd.DataFrame(matrices(b), GROUPS, GROUPS)
    hold_explorer({name: by_row(rows) for name, rows in answer["tables"].items()}, b, pushed)
    index = feedback(B)["stability_index"]
    course = "edge" if abs(index - 1) < 1e-9 else "settles" if index < 1 else "grows"
    assert answer["said"].startswith("The loop settles") == (course == "settles"), answer
    assert f" {pushed} " in answer["said"] or course != "settles"
    last = respond(B, pushed, 24)[pushed].iloc[-1]
    label = re.search(
        rf"Response of {pushed} .+ step by step: (.+) after 6 rounds", answer["chart"]
    )
    assert number(label[1]) == near(last)
    assert ("it tends to" in answer["chart"]) == (course == "settles")
    return course


def test_the_explorer_shows_what_belongs_to_the_boxes_or_nothing(alone):
    rng = np.random.default_rng(2022)
    tries = [
        ["1e-160", "1e-160", "0.5", "0.5", 0],
        ["1e-320", "-1e-320", "1e-320", "0.5", 1],
        ["0.5", "2", "-0.5", "2", 2],
        *(draw_loop(rng) for _ in range(400)),
    ]
    answers = alone["loop"].evaluate(TRY, tries)
    kinds = [
        expect_loop(GROUPS[tried[-1]], answer) for tried, answer in zip(tries, answers, strict=True)
    ]
    assert alone["loop"].problems == []
    counts = pd.Series(kinds).value_counts()
    assert counts[["settles", "grows", "refused"]].min() > 50, counts


@pytest.mark.parametrize("name", ["loop", "indices"])
def test_keys_in_any_order_leave_results_of_the_boxes_or_none(alone, name):
    """What is half typed ("4.2e", "-") is no number, though the box looks full."""
    page, rng = alone[name], np.random.default_rng(7)
    for _ in range(25):
        page.locator("button").click()
        box = page.locator("input[type=number]").nth(int(rng.integers(2, 4)))
        keys = "".join(rng.choice(list("0123456789.-e+"), rng.integers(1, 4)))
        box.press("Control+a")
        box.press_sequentially(keys)
        valid = box.evaluate("box => !box.validity.badInput && box.value !== ''")
        said, shown = (
            page.locator(place).inner_text() for place in ("[role=status]", ".widget-results")
        )
        assert said
        if not valid:
            assert shown == "", keys
            assert "type a number" in said
    assert page.problems == []


PAGES = pytest.mark.parametrize(
    ("name", "figure"),
    [(LOOP_PAGE, "fig-loop-explorer"), (INDEX_PAGE, "fig-possible-samples")],
)


@pytest.mark.slow
@PAGES
def test_without_scripts_and_on_paper_the_figure_stands_there(browser, name, figure):  # noqa: F811
    plain = open_page(browser, name, java_script_enabled=False)
    assert plain.locator(f"#{figure} img").is_visible()
    assert plain.locator(".widget").get_by_text("where JavaScript runs").is_visible()
    assert plain.locator(".widget :is(input, button)").count() == 0
    plain.context.close()
    scripted = open_page(browser, name)
    assert scripted.locator(".widget input").first.is_visible()
    assert not scripted.locator(f"#{figure}").is_visible()
    scripted.emulate_media(media="print")
    assert scripted.locator(f"#{figure} img").is_visible()
    assert not scripted.locator(".widget").is_visible()
    assert scripted.problems == []
    scripted.context.close()


@pytest.mark.slow
@PAGES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_widget_without_sideways_scroll(browser, name, figure, scheme):  # noqa: F811
    size = {"width": 360, "height": 740}
    page = open_page(browser, name, viewport=size, color_scheme=scheme)
    page.locator(".widget").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    right = "Math.max(...[...document.querySelectorAll('.widget :is(input, select, button)')]"
    assert page.evaluate(f"{right}.map((each) => each.getBoundingClientRect().right))") <= 360
    page.context.close()


@pytest.mark.slow
def test_other_pages_load_the_scripts_and_stay_as_they_are(browser):  # noqa: F811
    page = open_page(browser, "01_data")
    assert page.evaluate("typeof loopExplorer") == "object"
    assert page.locator(".widget").count() == 0
    assert page.problems == []
    page.context.close()


def test_the_place_of_a_widget_says_what_it_starts_with(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    place_widget("loop-explorer", "fig-x", {"variables": ['a "b" & c']})
    assert (
        'data-start="{&quot;variables&quot;: [&quot;a \\&quot;b\\&quot; &amp; c'
        in (shown[0]["text/html"])
    )
    assert "JavaScript" in shown[0]["text/plain"]


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
    plt.close(fig)
