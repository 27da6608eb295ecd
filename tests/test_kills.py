"""Commands that are killed: of each, one kill of those that `python -m tests.kills` makes."""

from __future__ import annotations

import pytest

from tests.kills import GLDAS, KINDS, kill

SEED = 11


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_after_a_kill_the_next_run_puts_everything_right(kind, tmp_path):
    if kind == "data" and not GLDAS.is_dir():
        pytest.skip(f"genuine GLDAS files are not at {GLDAS} (set TIBET_REAL_DATA)")
    assert len(list(kill(kind, 1, SEED, tmp_path))) == 1
