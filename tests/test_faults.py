"""The catalogue of faults: each is handled rightly or refused clearly, and the book says how."""

from __future__ import annotations

import pytest

from helpers.errors import InputError
from tests.faults import READERS
from tests.faults.__main__ import TABLE, cases, print_table

ALL = [(reader, case) for reader in READERS for case in cases(reader)]


@pytest.mark.parametrize(
    ("reader", "case"), ALL, ids=[f"{reader}: {case.fault}" for reader, case in ALL]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fault_is_handled_or_refused(reader, case, tmp_path):
    if not case.refused:
        case.handled(case.read(tmp_path))
        return
    with pytest.raises(InputError) as refusal:
        case.read(tmp_path)
    error = refusal.value
    assert case.refused[0] in error.where
    assert all([error.needed, error.found, error.mend])
    for word in case.refused:
        assert word in str(error)


def test_the_catalogue_has_its_cases_and_each_stands_once():
    assert len(ALL) >= 120
    assert len({(reader, case.fault) for reader, case in ALL}) == len(ALL)


def test_the_table_in_the_book_is_fresh():
    assert TABLE.read_text(encoding="utf-8") == print_table(), "run python -m tests.faults"
