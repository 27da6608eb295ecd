"""The catalogue of faults: each is handled rightly or refused clearly, and the book says how."""

from __future__ import annotations

import pytest

from helpers.errors import InputError
from tests.faults import READERS
from tests.faults.__main__ import TABLE, cases, describe, head

FRESH = "run python -m tests.faults"
PRINTED = TABLE.read_text(encoding="utf-8")
ALL = [(reader, case) for reader in READERS for case in cases(reader)]


@pytest.mark.parametrize(
    ("reader", "case"), ALL, ids=[f"{reader}: {case.fault}" for reader, case in ALL]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fault_is_handled_or_refused(reader, case, tmp_path):
    if not case.refused:
        case.handled(case.read(tmp_path))
        assert describe(case, None, tmp_path) in PRINTED, FRESH
        return
    with pytest.raises(InputError) as refusal:
        case.read(tmp_path)
    error = refusal.value
    assert case.refused[0] in error.where
    assert all([error.needed, error.found, error.mend])
    for word in case.refused:
        assert word in str(error)
    assert describe(case, error, tmp_path) in PRINTED, FRESH


def test_the_catalogue_has_its_cases_and_each_stands_once():
    assert len(ALL) >= 120
    assert len({(reader, case.fault) for reader, case in ALL}) == len(ALL)


def test_the_table_in_the_book_has_every_fault_and_no_other():
    titles = [line for reader in READERS for line in head(reader).splitlines() if line]
    faults = [case.fault for _, case in ALL]
    lines = PRINTED.splitlines()
    assert [line for line in lines if line.startswith("## ") or " faults: " in line] == titles, (
        FRESH
    )
    named = [lines[k - 1] for k, line in enumerate(lines) if line.startswith(": ")]
    assert named == faults, FRESH
