"""The catalogue of faults: each is handled or refused clearly, and docs/faults.md says how."""

from __future__ import annotations

import re

import pytest

from helpers.errors import InputError
from tests.faults import READERS
from tests.faults.__main__ import TABLE, cases, describe, head

FRESH = "run python -m tests.faults"
PRINTED = TABLE.read_text(encoding="utf-8")
ALL = [(reader, case) for reader in READERS for case in cases(reader)]


@pytest.mark.parametrize(
    "case", [case for _, case in ALL], ids=[f"{reader}: {case.fault}" for reader, case in ALL]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fault_is_handled_or_refused(case, tmp_path):
    error = None
    if case.refused:
        with pytest.raises(InputError) as refusal:
            case.read(tmp_path)
        error = refusal.value
        assert case.refused[0] in error.where
        assert all([error.needed, error.found, error.mend])
        assert [word for word in case.refused if word not in str(error)] == []
    else:
        case.handled(case.read(tmp_path))
    assert describe(case, error, tmp_path) in PRINTED, FRESH


def test_the_catalogue_has_every_fault_once_and_no_other():
    named = re.findall(r"^- \*\*(.*)\*\*$", PRINTED, re.M)
    assert named == [case.fault for _, case in ALL], FRESH
    assert all(head(reader) in PRINTED for reader in READERS), FRESH
    assert len({(reader, case.fault) for reader, case in ALL}) == len(ALL)
