"""``make book``: execute what changed, then render the book.

Jupyter Book executes a notebook again when its own cells change. All outputs and pages are dropped
when ``helpers/``, ``data/``, a table of results, the lock or what genuine files are here changes;
the pages alone when ``tools/`` changes, or the last build did not end well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn, JupyterCacheBase
from nbformat import NotebookNode

from helpers.errors import InputError
from helpers.paths import list_genuine
from tools.digests import digest
from tools.disk_space import require_disk_space
from tools.execution import NOTEBOOKS, ROOT, execute, explain_lack
from tools.status import describe_build, list_origins

BUILD = ROOT / "_build"
_ROOM = 300  # MB; a whole build takes 130
_SETTINGS = ("BOOK_URL", "TIBET_REAL_DATA")  # in the environment
_READ = (
    *("book/**/*", "helpers/**/*", "tools/**/*", "data/**/*", "benchmarks/*.csv"),
    *("*.yml", "pyproject.toml", "CITATION.cff"),
)


def build_book(build: Path = BUILD) -> int:
    """Build the book into the folder `build`, whose name is ``_build``; return an exit status."""
    with require_disk_space(build, _ROOM), FileLock(build / ".lock"):
        origins, finished = list_origins(), build / "built_from.json"
        now = {
            "numbers": [digest(), *list_genuine()],
            "pages": digest("tools/**/*"),
            "all": [digest(*_READ), origins, *map(os.environ.get, _SETTINGS)],
        }
        before = json.loads(finished.read_text("utf-8")) if finished.exists() else {}
        if before == now and (build / "html").exists():
            return 0
        if not fill_cache(_open_cache(build, " ".join(now["numbers"]))):
            return 1
        if before.get("pages") != now["pages"]:
            _drop_pages(build)
        finished.unlink(missing_ok=True)
        command = [Path(sys.executable).with_name("jupyter-book"), "build", "-nWq", "--keep-going"]
        done = subprocess.run([*command, "--path-output", build.parent, ROOT])
        if done.returncode == 0:
            status = describe_build(origins, _list_times(build))
            (build / "html" / "status.md").write_text(status, encoding="utf-8")
            finished.write_text(json.dumps(now), encoding="utf-8")
        return done.returncode


def _open_cache(build: Path, made_from: str) -> JupyterCacheBase:
    """Return Jupyter Book's cache of outputs, emptied if they were made from something else."""
    folder = build / ".jupyter_cache"
    mark = folder / "made_from.txt"
    if not mark.exists() or mark.read_text("utf-8") != made_from:
        _drop_pages(build)  # they show the outputs
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        mark.write_text(made_from, encoding="utf-8")
    return get_cache(folder)


def _list_times(build: Path) -> dict[str, float]:
    """Return how many seconds each page took when it was executed, as the cache has it."""
    records = get_cache(build / ".jupyter_cache").list_cache_records()
    records.sort(key=lambda record: record.created)  # the last one of a page counts
    times = {Path(record.uri).stem: record.data["execution_seconds"] for record in records}
    return dict(sorted(times.items()))


def _drop_pages(build: Path) -> None:
    for name in (".doctrees", "html"):
        shutil.rmtree(build / name, ignore_errors=True)


def fill_cache(cache: JupyterCacheBase) -> bool:
    """Execute the notebooks that the cache lacks; return whether all of them ran.

    One whose genuine files are not here is kept as it was run elsewhere.
    """
    waiting = {path: nbformat.read(path, 4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    waiting = {path: notebook for path, notebook in waiting.items() if not _has(cache, notebook)}
    lacks = {path: explain_lack(notebook) for path, notebook in waiting.items()}
    for path in [path for path, lack in lacks.items() if lack]:
        print(f"{path.name} is shown as it was run elsewhere: {lacks[path]}", flush=True)
        _keep(cache, path, waiting.pop(path), 0)
    seconds = execute(waiting)
    for path, taken in seconds.items():
        _keep(cache, path, waiting[path], taken)
    return len(seconds) == len(waiting)


def _has(cache: JupyterCacheBase, notebook: NotebookNode) -> bool:
    """Return whether the cache has the outputs, whole: a build may have been killed at any line."""
    try:
        cache.merge_match_into_notebook(notebook)
    except (KeyError, IndexError, ValueError):
        return False
    return True


def _keep(cache: JupyterCacheBase, path: Path, notebook: NotebookNode, seconds: float) -> None:
    bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def main() -> int:
    try:
        status = build_book()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if status == 0:
        print(f"the book: {BUILD / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
