"""Printed matrices: however one is written, the same matrix is read; what is none is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.pathmodel import fit_indices, fit_model, parse_model, read_moments

MINUS = "\N{MINUS SIGN}"
NAMES = ["iq", "x_1", "\u00e9tat", "Job.status", "e5", "nan1"]


def printed(value: float, style: str) -> str:
    text = f"{value:.3f}"
    if style == "bare":
        text = text.replace("0.", ".", 1)
    return text.replace("-", MINUS) if style == "typeset" else text


def triangle(R: np.ndarray) -> list[list[float]]:
    return [list(row[: k + 1]) for k, row in enumerate(R)]


def lines(R: np.ndarray, style: str, one: str, between: str, names: list[str] | None) -> str:
    """Write the lower triangle as papers print it."""
    rows = []
    for k, row in enumerate(triangle(R)):
        cells = [printed(value, style) for value in row[:-1]] + [one]
        rows.append(between.join(([names[k]] if names else []) + cells))
    return "\n".join(rows)


@st.composite
def correlations(draw) -> np.ndarray:
    """Draw correlations of 2 to 6 variables, with three decimals."""
    p = draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    R = np.corrcoef(rng.standard_normal((p, p + 10)))
    return np.round(R, 3)


FLAT = ["flat", "flat NumPy"]
ROWS = ["rows", "rows of NumPy", "gaps above", "zeros above"]
SQUARE = ["square", "square lists", "table", "table with gaps above"]


@settings(max_examples=60)
@given(
    correlations(),
    st.sampled_from(["plain", "bare", "typeset"]),
    st.sampled_from(["1", "1.000", "-", "\N{EN DASH}", "\N{EM DASH}"]),
    st.sampled_from([" ", "\t", ", ", "; ", ",", "   "]),
    st.booleans(),
    st.sampled_from(["", "\n", "  \n\n"]),
)
def test_a_printed_triangle_reads_back(R, style, one, between, named, around):
    names = NAMES[: len(R)]
    text = around + lines(R, style, one, between, names if named else None) + around
    read = read_moments(text) if named else read_moments(text, names)
    pd.testing.assert_frame_equal(read, pd.DataFrame(R, names, names))


@settings(max_examples=60)
@given(correlations(), st.sampled_from(FLAT + ROWS + SQUARE))
def test_numbers_in_any_shape_read_back(R, shape):
    p, names = len(R), NAMES[: len(R)]
    above = np.triu_indices(p, 1)
    gaps, zeros = R.copy(), R.copy()
    gaps[above], zeros[above] = np.nan, 0
    table = pd.DataFrame(R, names, names)
    written = {
        "flat": [value for row in triangle(R) for value in row],
        "flat NumPy": R[np.tril_indices(p)],
        "rows": triangle(R),
        "rows of NumPy": [np.array(row) for row in triangle(R)],
        "gaps above": gaps,
        "zeros above": zeros,
        "square": R,
        "square lists": R.tolist(),
        "table": table,
        "table with gaps above": pd.DataFrame(gaps, names, names),
    }
    given_names = None if shape.startswith("table") else names
    pd.testing.assert_frame_equal(read_moments(written[shape], given_names), table)


@settings(max_examples=20)
@given(correlations(), st.integers(0, 10**6))
def test_standard_deviations_make_covariances_that_give_the_same_fit(R, seed):
    names = NAMES[: len(R)]
    sd = 10.0 ** np.random.default_rng(seed).uniform(-3, 3, len(R))
    S = read_moments(R, names, sd=list(sd))
    np.testing.assert_allclose(S, R * np.outer(sd, sd), rtol=1e-12)
    model = parse_model(f"{names[1]} ~ {names[0]}")
    one, other = (fit_model(model, each, 50) for each in (read_moments(R, names), S))
    np.testing.assert_allclose(one.estimates["standardized"], other.estimates["standardized"])
    slopes = [each.estimates["estimate"][0] for each in (one, other)]
    assert slopes[1] == pytest.approx(slopes[0] * sd[1] / sd[0])


def test_a_table_and_the_matrix_of_it_give_the_same_fit():
    data = pd.DataFrame(np.random.default_rng(1).standard_normal((60, 4)), columns=list("xzmy"))
    data = data.cumsum(axis="columns")
    model = parse_model("m ~ x + z\ny ~ m\nm ~~ y")
    one = fit_model(model, data)
    S = read_moments(data.cov(ddof=0).to_numpy(), data.columns)
    other = fit_model(model, S, 60)
    pd.testing.assert_frame_equal(one.estimates, other.estimates)
    pd.testing.assert_series_equal(fit_indices(one), fit_indices(other))


def test_a_square_as_text_and_variances_on_the_diagonal_read_back():
    S = pd.DataFrame([[4, -0.5], [-0.5, 0.25]], list("ab"), list("ab"))
    for text in ("4 -.5\n-.5 .25", "a 4 -.5\nb -.5 .25", "a 4\nb -.5 .25", "a 4 0\nb -.5 .25"):
        read = read_moments(text, None if "a" in text else list("ab"))
        pd.testing.assert_frame_equal(read, S)


ABC = list("abc")


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        ("1\n0,5 1", None, ["'0,5'", "write 0.5"]),
        ("a 1\nb 0,5 1", None, ["'0,5'", "0.5"]),
        ("a 1\nb .5 1\n.2 .3 1", None, ["every row"]),
        ("a 1\nb .5 1\nc .2 x 1", None, ["'x'"]),
        ("1\n.5 1", ABC, ["2 names", "found:  3"]),
        (np.eye(2), None, ["name"]),
        ([[1], [0.5], [0.2, 1]], ABC, ["lower triangle", "rows of 1, 1, 2"]),
        ([[1, 0.5], [0.2, 1, 0.3], [1]], ABC, ["rows of 2, 3, 1"]),
        ([1, 0.5, 1, 0.2], ABC, ["lower triangle"]),
        ("a -\nb .5 -\nc - .3 -", None, []),  # a dash is 1 on the diagonal only
        ("a 1\nb .5 1 .3\nc .2 .3 1", None, ["rows of 1, 3, 3"]),
        (np.eye(3), ["a", "b", "a"], ["the same name twice"]),
        ([[1, 0.5, np.nan], [0.5, 1, 0.2], [np.nan, 0.2, 1]], ABC, ["a gap for"]),
        ([[1, 0.5, 0.1], [0.4, 1, 0.2], [0.1, 0.2, 1]], ABC, ["symmetric", "0.4", "0.5"]),
        ([[1], [0.9, 1], [0.9, -0.9, 1]], ABC, ["contradict"]),
        ([[1], [1.5, 1], [0, 0, 1]], ABC, ["contradict"]),
        ([[1], [0.5, -1], [0, 0, 1]], ABC, ["positive variances", "-1 of b"]),
        ([[1], [0.5, 0], [0, 0, 1]], ABC, ["positive variances", "0 of b"]),
        ("", None, []),
        ([], ABC, []),
        ([[]], ABC, []),
        (3, ABC, []),
        (None, ABC, []),
        ("a\nb\nc", None, []),
        (np.ones((2, 2, 2)), list("ab"), []),
        ([[1], ["high", 1]], list("ab"), ["'high' for"]),
        ({"a": [1, 0.5], "b": [0.5, 1]}, None, []),
    ],
)
def test_what_is_no_matrix_is_refused(values, names, words):
    with pytest.raises(InputError, match="covariance matrix") as refused:
        read_moments(values, names)
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize("sd", [[1], [1, -2], [1, 0], [1, np.nan], ["a", "b"]], ids=str)
def test_what_are_no_standard_deviations_is_refused(sd):
    with pytest.raises(InputError, match="sd"):
        read_moments(np.eye(2), ["a", "b"], sd)


def test_what_papers_print_around_the_numbers_is_read():
    text = "1. Mood score 1\n2. Sleep .45** 1\n3. Stress \N{MINUS SIGN}.38* .41*** 1"
    S = read_moments(text, sd={"Sleep": 2, "Stress": 3, "Mood_score": 1})
    assert list(S) == ["Mood_score", "Sleep", "Stress"]
    expected = [[1, 0.9, -1.14], [0.9, 4, 2.46], [-1.14, 2.46, 9]]
    np.testing.assert_allclose(S, expected)


def test_an_upper_triangle_is_the_lower_one_turned():
    upper = read_moments("1 .5 .2\n1 .3\n1", ABC)
    pd.testing.assert_frame_equal(upper, read_moments("1\n.5 1\n.2 .3 1", ABC))
