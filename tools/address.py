"""``make address REPOSITORY=https://github.com/OWNER/NAME``: say where the book is published.

``pyproject.toml`` keeps the address; what else must name it (the citation, the first cell of each
``.ipynb`` twin) is written from there. Until an owner has set one, the book names none.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat

from helpers.errors import InputError
from tools.execution import ROOT

FIRST = "launch"  # tag of the cell that installs helpers
_REPOSITORY = re.compile(
    r"https://github\.com/[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\.git)"
)
_BOOK = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?")
_TABLE = re.compile(r"\[project\.urls\]\n((?:[^[\n].*\n|\n)*)")
_OURS = re.compile(r"^(?:Repository|Book) *=.*\n|^\n", re.M)
_CITED = re.compile(r"^(?:repository-code|url): .*\n", re.M)


def check_repository(address: str, where: str) -> str:
    """Return the address of a repository, which goes into code and links, if it is one.

    Parameters
    ----------
    address : str
        As given.
    where : str
        By whom, for the reader of the refusal.

    Raises
    ------
    InputError
        If it is anything but ``https://github.com/OWNER/NAME``: Binder and Colab are told the
        owner and the name.
    """
    if not _REPOSITORY.fullmatch(address):
        raise InputError(
            where,
            needed="https://github.com/OWNER/NAME, as a browser shows it",
            found=repr(address),
            mend="leave out .git, a slash at the end, and all that follows NAME",
        )
    return address


def _check_book(address: str) -> str:
    if not _BOOK.fullmatch(address):
        raise InputError(
            "the address of the built book",
            needed="https://HOST/FOLDER, such as https://OWNER.github.io/NAME",
            found=repr(address),
            mend="leave out what follows the folder (index.html, ? and #)",
        )
    return address


def stated_repository(root: Path = ROOT) -> str:
    """Return the address of the repository that ``pyproject.toml`` states, empty without one."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return address and check_repository(address, "pyproject.toml: [project.urls] Repository")


def find_repository(root: Path = ROOT) -> str:
    """Return the repository that the built pages link to, empty if none is known.

    The environment variable ``BOOK_REPOSITORY`` names it for one build; otherwise
    ``pyproject.toml`` does, or the repository in which GitHub Actions builds the book.
    """
    if named := os.environ.get("BOOK_REPOSITORY"):
        return check_repository(named, "BOOK_REPOSITORY")
    here = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")]
    return stated_repository(root) or (
        check_repository("/".join(here), "GITHUB_REPOSITORY") if all(here) else ""
    )


def first_cell(repository: str) -> nbformat.NotebookNode:
    """Return the cell with which a notebook that is opened alone finds ``helpers``.

    Parameters
    ----------
    repository : str
        A checked address, or empty: then the cell can only say what to do.

    Returns
    -------
    nbformat.NotebookNode
        It does and prints nothing where ``helpers`` is there; pages leave it out.
    """
    if repository:
        source = f"""\
# Opened alone (in Colab, say), this notebook first installs what it imports.
import subprocess
import sys
from importlib.util import find_spec

if find_spec("helpers") is None:
    book = "git+{repository}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", book]
    subprocess.run(pip, check=True)"""
    else:
        source = """\
# Opened alone, this notebook cannot work: it imports helpers from the book.
from importlib.util import find_spec

if find_spec("helpers") is None:
    raise ModuleNotFoundError(
        "no helpers here. Get the whole book and open this notebook there, "
        "with `make lab`; or install helpers into this Python: "
        "`pip install /path/to/the/book`"
    )"""
    return nbformat.v4.new_code_cell(source, metadata={"tags": [FIRST, "remove-cell"]})


def write_address(repository: str, book: str = "", root: Path = ROOT) -> None:
    """Write the address wherever the project names it.

    Parameters
    ----------
    repository : str
        ``https://github.com/OWNER/NAME``.
    book : str
        Where the built book is read, if it is known.
    root : Path
        Of the project: ``pyproject.toml``, ``CITATION.cff`` and the twins are changed there.

    Raises
    ------
    InputError
        If one of the two is no such address. Then nothing is written.
    """
    check_repository(repository, "the address of the repository")
    urls = {"Repository": repository} | ({"Book": _check_book(book)} if book else {})
    table = "".join(f'{name} = "{address}"\n' for name, address in urls.items())
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    if found := _TABLE.search(text):
        table += _OURS.sub("", found[1])
        text = text.replace(found[0], "")
    before = "[project.optional-dependencies]\n"
    text = text.replace(before, f"[project.urls]\n{table}\n{before}")
    path.write_text(text, encoding="utf-8")

    path = root / "CITATION.cff"
    text = _CITED.sub("", path.read_text(encoding="utf-8"))
    cited = f'repository-code: "{repository}"\n' + (f'url: "{book}"\n' if book else "")
    path.write_text(text.replace("abstract:", f"{cited}abstract:", 1), encoding="utf-8")

    for path in sorted((root / "book" / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            if FIRST in cell.metadata.get("tags", []):
                cell.source = first_cell(repository).source
        nbformat.write(notebook, path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make address", description=__doc__.splitlines()[0])
    parser.add_argument("repository", help="https://github.com/OWNER/NAME")
    parser.add_argument("book", nargs="?", default="", help="https://… of the built book")
    arguments = parser.parse_args()
    try:
        write_address(arguments.repository, arguments.book)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print("wrote pyproject.toml, CITATION.cff and the first cells; now: make test, then commit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
