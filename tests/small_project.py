"""A copy of the project with two short notebooks, for tests of what make calls."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jupytext
import pandas as pd

from tests.conftest import ROOT

NAMES = ("01_first", "02_second")
TEXT = """---
kernelspec: {{display_name: Python 3 (ipykernel), language: python, name: python3}}
---

# Chapter {name}

```{{code-cell}} ipython3
:tags: [parameters]

source = "embedded"  # or a folder
seed = {number}  # at least 0
```

```{{code-cell}} ipython3
import time

from helpers.paper.claims import weigh
from helpers.statistics.gradients import fit_gradients

time.sleep(0.5)
fit_gradients.__name__, seed
```

```{{code-cell}} ipython3
weigh("{name}", {{"{name}": (seed, "reconstructed", str(seed))}})
```
"""


def copy_project(folder: Path) -> Path:
    """Copy the project without its notebooks, pages and builds, and give it two short notebooks."""
    project = folder / "project"
    unwanted = shutil.ignore_patterns(
        ".*", "_build", "runs", "downloads", "tests", "benchmarks", "notebooks", "_generated"
    )
    shutil.copytree(ROOT, project, ignore=unwanted)
    book = project / "book"
    for page in book.glob("*.md"):
        page.unlink()
    (book / "index.md").write_text("# A short book\n", encoding="utf-8")
    (book / "notebooks").mkdir()
    for number, name in enumerate(NAMES):
        text = TEXT.format(name=name, number=number)
        (book / "notebooks" / f"{name}.md").write_text(text, encoding="utf-8")
        jupytext.write(jupytext.reads(text, "md:myst"), book / "notebooks" / f"{name}.ipynb")
    claims = pd.read_csv(project / "data" / "claims.csv", dtype=str, keep_default_na=False)
    claims = pd.concat([claims[:1].assign(id=name, notebook=name) for name in NAMES])
    claims.to_csv(project / "data" / "claims.csv", index=False)
    chapters = "".join(f"  - file: book/notebooks/{name}\n" for name in NAMES)
    (project / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{chapters}")
    described = "".join(f"book/notebooks/{name}: {name}\n" for name in NAMES)
    (book / "descriptions.yml").write_text(f"book/index: A short book\n{described}")
    config = (project / "_config.yml").read_text(encoding="utf-8")
    (project / "_config.yml").write_text(config.partition("    redirects:")[0], encoding="utf-8")
    grid = {"about": "-", "runs": [{"notebooks": list(NAMES), "parameters": {"seed": [3, 4]}}]}
    (project / "grid.yml").write_text(json.dumps(grid))
    return project
