"""``make book``: execute what changed, then render the book.

Jupyter Book executes a notebook again when its own cells change, but it does not see an edited
helper or data file. So what the cache holds of a notebook, and its page, are dropped when a helper
that it imports, ``data/``, the sweep's table that is shown or ``requirements.lock`` changes, and
when genuine files come or go. A change in ``tools/``, which no notebook imports, drops
all pages, but no output. Where nothing at all has changed since a build that ended well, that
build is the book. Builds of one folder take turns.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn, JupyterCacheBase
from jupyter_cache.readers import get_reader
from nbformat import NotebookNode

from helpers.errors import InputError
from helpers.paths import list_genuine
from tools.digests import digest, digest_everything, digest_of, digest_pages
from tools.disk_space import require_disk_space
from tools.execution import NOTEBOOKS, ROOT, execute, explain_lack
from tools.status import describe_build, list_origins

BUILD = ROOT / "_build"
STATUS = BUILD / "status.md"  # which a page includes
_ROOM = 300  # MB; a whole build takes 130
_CACHE = ".jupyter_cache"  # where Jupyter Book looks for it
_SETTINGS = ("BOOK_URL", "TIBET_REAL_DATA")  # in the environment


def drop_stale(
    numbers: dict[Path, str],
    pages: str,
    cache: JupyterCacheBase,
    build: Path = BUILD,
    ended_well: bool = True,
) -> None:
    """Remove what was made below `build` under other digests.

    Parameters
    ----------
    numbers : dict of str
        The digest of now for the outputs of each notebook, and for its page.
    pages : str
        That of what makes pages of them.
    cache : jupyter_cache.cache.main.JupyterCacheBase
        It holds the outputs.
    build : Path
        A folder of Jupyter Book.
    ended_well : bool
        Whether the last build did. Otherwise a page may be half-written, and all go.
    """
    known = build / "digests.json"
    before = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    now = {"pages": pages, "numbers": {str(path): value for path, value in numbers.items()}}
    if before.get("pages") != pages or not ended_well:
        for name in (".doctrees", "html"):
            shutil.rmtree(build / name, ignore_errors=True)
    fresh = dict(now["numbers"].items() & before.get("numbers", {}).items())
    for record in cache.list_cache_records():
        if record.uri not in fresh:
            with suppress(KeyError):  # a build that was killed did not come to write its file
                cache.remove_cache(record.pk)
    for path in numbers:
        if str(path) not in fresh:  # Sphinx reads a page anew whose doctree is not there
            doctree = build / ".doctrees" / path.relative_to(ROOT).with_suffix(".doctree")
            doctree.unlink(missing_ok=True)
    if now != before:
        partial = known.with_suffix(".part")
        partial.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        partial.replace(known)


def fill_cache(cache: JupyterCacheBase, pages: dict[Path, NotebookNode]) -> bool:
    """Execute the pages that the cache lacks; return whether all of them ran."""
    waiting = {path: page for path, page in pages.items() if not _is_kept(cache, page)}
    for path in list(waiting):
        if lack := explain_lack(waiting[path]):
            print(f"{path.name} is shown as it was run elsewhere: {lack}", flush=True)
            _keep(cache, path, waiting.pop(path), 0)
    finished = execute(waiting)
    for path, result in finished.items():
        _keep(cache, path, waiting[path], result.time)
    return len(finished) == len(waiting)


def _is_kept(cache: JupyterCacheBase, notebook: NotebookNode) -> bool:
    """Return whether the cache has the outputs, whole: a build may have been killed at any line."""
    try:
        cache.merge_match_into_notebook(notebook)
    except (KeyError, IndexError, ValueError):
        return False
    return True


def _keep(cache: JupyterCacheBase, path: Path, notebook: NotebookNode, seconds: float) -> None:
    bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def executed_notebooks() -> dict[Path, NotebookNode]:
    """Return the notebooks by path with the outputs that :func:`fill_cache` keeps."""
    cache = get_cache(BUILD / _CACHE)
    return {
        path: cache.merge_match_into_file(path)[1] for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }


def _executable_pages() -> dict[Path, NotebookNode]:
    """Return the notebooks and the Markdown pages with code by path."""
    pages = {path: nbformat.read(path, 4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    read = get_reader({"type": "plugin", "name": "myst_nb_md"})
    texts = sorted(NOTEBOOKS.parent.glob("*.md"))
    return pages | {
        path: read(str(path))
        for path in texts
        if "\nkernelspec:" in path.read_text(encoding="utf-8")
    }


@contextmanager
def take_turn(build: Path = BUILD) -> Iterator[int]:
    """Wait until nobody else works in a folder.

    Yields
    ------
    int
        An open file. A process that inherits it holds the turn, too: Sphinx goes on when the
        process that started it is killed.
    """
    with (build / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def build_book(build: Path = BUILD) -> int:
    """Build the book into the folder `build`, whose name is ``_build``; return an exit status."""
    finished = build / "finished.json"
    with require_disk_space(build, _ROOM), take_turn(build) as turn:
        genuine, origins = list_genuine(), list_origins(digest())
        settings = {name: os.environ.get(name) for name in _SETTINGS}
        inputs = json.dumps([digest_everything(), genuine, origins, settings])
        if (build / "html").exists() and finished.exists() and finished.read_text() == inputs:
            return 0
        ended_well = finished.exists()
        finished.unlink(missing_ok=True)
        cache = get_cache(build / _CACHE)
        pages = _executable_pages()
        numbers = {path: " ".join([digest_of(page), *genuine]) for path, page in pages.items()}
        drop_stale(numbers, digest_pages(), cache, build, ended_well)
        if not fill_cache(cache, pages):
            return 1
        STATUS.write_text(describe_build(origins), encoding="utf-8")
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        command = [jupyter_book, "build", "-n", "-W", "--keep-going", "-q"]
        command += ["--path-output", build.parent, ROOT]
        done = subprocess.run(command, pass_fds=[turn])
        if done.returncode == 0:
            finished.write_text(inputs)
        return done.returncode


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
