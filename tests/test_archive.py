"""The benchmark of the archive, tried out on a small one: its methods agree, and it grows."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.archive import SMALL, report
from benchmarks.common import exponent_of


def test_the_benchmark_runs_on_a_small_archive(tmp_path):
    table = tmp_path / "growth.csv"
    text = "\n".join(report(size=SMALL, table=table))
    assert "| helpers |" in text
    assert "| xarray |" in text
    assert "| CDO |" in text or "There is no CDO here" in text
    growth = pd.read_csv(table)
    grown = ["full archive", "years", "years", "models", "models", "cells", "cells"]
    assert growth["what"].tolist() == grown
    models = growth[growth["what"] == "models"]
    assert exponent_of(models["models"], models["bytes_read"])[0] == pytest.approx(1, abs=0.1)
