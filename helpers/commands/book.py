"""``make book``: execute what changed, then render the book.

Jupyter Book executes a notebook again when its own cells change, but it does not see an edited
helper or data file. So the cache of executed notebooks, and the pages made from them, are
dropped whenever the digest of the science in ``helpers/``, of ``data/``, of the sweep's table that
is shown and of ``requirements.lock`` changes, and when genuine files come or go. A change in
``helpers/commands/``, which no notebook imports, drops the pages only. Builds of one folder take
turns.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn, JupyterCacheBase
from jupyter_cache.executors.utils import create_cache_bundle
from jupyter_cache.readers import DEFAULT_READ_DATA
from nbformat import NotebookNode

from helpers.commands.execution import NOTEBOOKS, ROOT, execute, explain_lack
from helpers.commands.status import describe_build
from helpers.genuine import list_genuine

BUILD = ROOT / "_build"
STATUS = BUILD / "status.md"  # which a page includes
_COMMANDS = Path("helpers", "commands")
_CACHE = ".jupyter_cache"  # where Jupyter Book looks for it


def digest(root: Path = ROOT) -> str:
    """Return one checksum of everything that a notebook's numbers depend on, but itself."""
    parts = [*root.glob("helpers/**/*.py"), *root.glob("data/**/*")]
    parts += [root / "book" / "sweeps" / "what_survives_small.parquet", root / "requirements.lock"]
    return _sum_up((part for part in parts if root / _COMMANDS not in part.parents), root)


def _sum_up(files: Iterable[Path], root: Path = ROOT) -> str:
    total = hashlib.sha256()
    for path in sorted(file for file in files if file.is_file()):
        total.update(f"{path.relative_to(root)} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def drop_stale(numbers: str, pages: str, build: Path = BUILD) -> None:
    """Remove what was made below `build` under another digest.

    Parameters
    ----------
    numbers : str
        The digest of now for the cached outputs; the pages go with them.
    pages : str
        That of what makes pages of them.
    build : Path
        A folder of Jupyter Book.
    """
    known = build / ".digest"
    before = known.read_text().splitlines() if known.exists() else []
    stale = [build / _CACHE] if before[:1] != [numbers] else []
    if before != [numbers, pages]:
        for folder in (*stale, build / ".doctrees", build / "html"):
            shutil.rmtree(folder, ignore_errors=True)
        known.write_text(f"{numbers}\n{pages}\n")


def fill_cache(build: Path = BUILD) -> bool:
    """Execute the pages that the cache below `build` lacks; return whether all of them ran."""
    cache = get_cache(build / _CACHE)
    waiting = {}
    for path, read in _executable_pages().items():
        staged = cache.add_nb_to_project(str(path), read_data=read)
        try:
            cache.match_cache_notebook(cache.get_project_notebook(staged.pk).nb)
        except KeyError:
            waiting[path] = cache.get_project_notebook(staged.pk)
    for path in list(waiting):
        if lack := explain_lack(waiting[path].nb):
            print(f"{path.name} is shown as it was run elsewhere: {lack}", flush=True)
            _keep(cache, waiting.pop(path), path, 0)
    finished = execute({path: notebook.nb for path, notebook in waiting.items()})
    for path, result in finished.items():
        _keep(cache, waiting[path], result.cwd, result.time)
    return len(finished) == len(waiting)


def _keep(
    cache: JupyterCacheBase, notebook: CacheBundleIn, folder: Path | str, seconds: float
) -> None:
    bundle = create_cache_bundle(notebook, folder, None, seconds, None)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def executed_notebooks() -> dict[Path, NotebookNode]:
    """Return the notebooks by path with the outputs that :func:`fill_cache` keeps."""
    cache = get_cache(BUILD / _CACHE)
    return {
        path: cache.merge_match_into_file(path)[1] for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }


def _executable_pages() -> dict[Path, dict[str, str]]:
    """Return the notebooks and the Markdown pages with code, with the reader of each."""
    notebooks = {path: dict(DEFAULT_READ_DATA) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    markdown = {
        path: {"type": "plugin", "name": "myst_nb_md"}
        for path in sorted(NOTEBOOKS.parent.glob("*.md"))
        if "\nkernelspec:" in path.read_text(encoding="utf-8")
    }
    return notebooks | markdown


def build_book(build: Path = BUILD) -> int:
    """Build the book into the folder `build`, whose name is ``_build``; return an exit status."""
    build.mkdir(parents=True, exist_ok=True)
    with FileLock(build / ".lock"):
        current = digest()
        pages = _sum_up((ROOT / _COMMANDS).glob("*"))
        drop_stale(" ".join([current, *list_genuine()]), pages, build)
        if not fill_cache(build):
            return 1
        STATUS.write_text(describe_build(current), encoding="utf-8")
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        command = [jupyter_book, "build", "-n", "-W", "--keep-going", "-q"]
        return subprocess.run([*command, "--path-output", build.parent, ROOT]).returncode


def main() -> int:
    status = build_book()
    if status == 0:
        print(f"the book: {BUILD / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
