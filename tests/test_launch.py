"""Opening a chapter elsewhere: the address, the buttons, the first cell, a notebook alone."""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import jupytext
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from helpers import paths
from helpers.errors import InputError
from tests.conftest import ROOT, skip_without_packages
from tools import address
from tools.address import FIRST, find_repository, first_cell, write_address
from tools.execution import NOTEBOOKS
from tools.refresh import read_source
from tools.sphinx_ext.launch_buttons import _LAB

REPOSITORY = "https://github.com/some-owner/Some.book_2"
BOOK = "https://some-owner.github.io/Some.book_2"
SOURCES = sorted(NOTEBOOKS.glob("*.md"))
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
PLACES = ("BOOK_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Return a folder with what names the address, and one twin; no variable names one."""
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    text = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(address._TABLE.sub("", text))
    text = (ROOT / "CITATION.cff").read_text()
    (tmp_path / "CITATION.cff").write_text(address._CITED.sub("", text))
    folder = tmp_path / "book" / "notebooks"
    folder.mkdir(parents=True)
    twin = read_source(NOTEBOOKS / "04_elevation_gradients.md")
    nbformat.write(twin, folder / "04_elevation_gradients.ipynb")
    return tmp_path


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def first_of(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    (cell,) = [cell for cell in notebook.cells if FIRST in cell.metadata.get("tags", [])]
    return cell


def test_the_address_is_written_wherever_the_project_names_it(project):
    write_address(REPOSITORY, BOOK, project)
    urls = tomllib.loads((project / "pyproject.toml").read_text())["project"]["urls"]
    assert urls == {"Repository": REPOSITORY, "Book": BOOK}
    citation = yaml.safe_load((project / "CITATION.cff").read_text())
    assert (citation["repository-code"], citation["url"]) == (REPOSITORY, BOOK)
    twin = nbformat.read(project / "book" / "notebooks" / "04_elevation_gradients.ipynb", 4)
    assert first_of(twin).source == first_cell(REPOSITORY).source
    assert find_repository(project) == REPOSITORY


@pytest.mark.parametrize("end", ["\n", ""])
def test_other_links_of_the_owner_stay(project, end):
    path, before = project / "pyproject.toml", "[project.optional-dependencies]\n"
    own = '[project.urls]\n# ours\nRepository = "https://github.com/a/b"\n"Bug Tracker" = "https://c.org"\n'
    path.write_text(path.read_text().replace(before, f"{own}{end}{before}"))
    write_address(REPOSITORY, root=project)
    urls = tomllib.loads(path.read_text())["project"]["urls"]
    assert urls == {"Repository": REPOSITORY, "Bug Tracker": "https://c.org"}


def test_an_address_replaces_the_one_before_and_changes_nothing_else(project):
    before = files_of(project)
    write_address("https://github.com/former/name", BOOK, project)
    write_address(REPOSITORY, root=project)
    after = files_of(project)
    write_address(REPOSITORY, root=project)
    assert files_of(project) == after
    for path, text in after.items():
        assert b"former" not in text
        assert b"github.io" not in text
        lines = [line for line in text.splitlines() if REPOSITORY.encode() not in line]
        if not path.endswith(".ipynb"):
            kept = [line for line in lines if line not in (b"[project.urls]", b"")]
            assert kept == [line for line in before[path].splitlines() if line]


@pytest.mark.parametrize(
    "wrong",
    [
        "http://github.com/owner/name",
        "https://github.com/owner",
        "https://github.com/owner/name/",
        "https://github.com/owner/name.git",
        "https://github.com/owner/name/tree/main",
        "https://github.com/owner/na me",
        'https://github.com/owner/name"+evil()+"',
        "https://github.com/owner/name'",
        "https://github.com/owner/name\n",
        "https://github.com/owner/name@branch",
        "https://github.com/-owner/name",
        "https://github.com/owner/..",
        "https://github.com.evil.org/owner/name",
        "https://user:word@github.com/owner/name",
        "git@github.com:owner/name",
        "",
    ],
)
def test_what_is_no_address_of_a_repository_is_refused_and_nothing_is_written(wrong, project):
    before = files_of(project)
    with pytest.raises(InputError, match="OWNER/NAME, as a browser"):
        write_address(wrong, root=project)
    assert files_of(project) == before


@pytest.mark.parametrize(
    "wrong", ["http://a.org", "https://a", "https://a.org/?x", 'https://a.b/"']
)
def test_what_is_no_address_of_a_book_is_refused_and_nothing_is_written(wrong, project):
    before = files_of(project)
    with pytest.raises(InputError, match="HOST/FOLDER"):
        write_address(REPOSITORY, wrong, project)
    assert files_of(project) == before


def test_the_command_says_why_it_refuses():
    command = [sys.executable, "-m", "tools.address", "github.com/owner/name"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "needed: https://github.com/OWNER/NAME" in done.stderr


def test_a_build_on_github_knows_its_repository_and_a_stated_one_comes_first(project, monkeypatch):
    assert find_repository(project) == ""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "fork/name")
    assert find_repository(project) == "https://github.com/fork/name"
    write_address(REPOSITORY, root=project)
    assert find_repository(project) == REPOSITORY
    monkeypatch.setenv("BOOK_REPOSITORY", "https://github.com/other/name")
    assert find_repository(project) == "https://github.com/other/name"
    monkeypatch.setenv("BOOK_REPOSITORY", "ftp://github.com/other/name")
    with pytest.raises(InputError, match="BOOK_REPOSITORY"):
        find_repository(project)


@pytest.mark.parametrize("repository", ["", REPOSITORY])
def test_the_first_cell_is_python_and_silent_where_helpers_is_there(repository):
    source = first_cell(repository).source
    ast.parse(source)
    assert max(map(len, source.splitlines())) <= 80
    command = [sys.executable, "-c", source]
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@EACH
def test_the_twin_alone_has_the_first_cell_right_before_its_parameters(source):
    twin, edited = read_source(source), jupytext.read(source)
    first = first_of(twin)
    place = twin.cells.index(first)
    assert "parameters" in twin.cells[place + 1].metadata.tags
    assert "remove-cell" in first.metadata.tags
    assert first.id == f"{source.stem[:2]}-{FIRST}"
    assert len(twin.cells) == len(edited.cells) + 1
    assert len({cell.id for cell in twin.cells}) == len(twin.cells)


LINK = re.compile(r"^https?://[^/]+")


@pytest.fixture
def small_book(tmp_path):
    """Return a function that renders one chapter, and one page that could run code."""
    chapters = tmp_path / "source" / "book" / "notebooks"
    chapters.mkdir(parents=True)
    twin = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A chapter")])
    twin.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(twin, chapters / "04_a.ipynb")
    kernel = (
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n"
    )
    (chapters.parent / "page.md").write_text(f"{kernel}# A page\n")
    contents = "# Contents\n\n```{toctree}\nbook/page\nbook/notebooks/04_a\n```\n"
    (tmp_path / "source" / "index.md").write_text(contents)
    settings = {
        "extensions": ["myst_nb", "tools.sphinx_ext.launch_buttons"],
        "html_theme": "sphinx_book_theme",
        "nb_execution_mode": "off",
    }
    conf = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    (tmp_path / "source" / "conf.py").write_text(conf)

    def build(repository: str) -> dict[str, list[tuple[str, str]]]:
        target = tmp_path / "target"
        command = [sys.executable, "-m", "sphinx", "-q", "-W", tmp_path / "source", target]
        here = {name: value for name, value in os.environ.items() if name not in PLACES}
        here |= {"PYTHONPATH": str(ROOT), "BOOK_REPOSITORY": repository}
        done = subprocess.run(command, capture_output=True, text=True, env=here)
        assert done.returncode == 0, done.stderr
        found = {}
        for name in ("index", "book/page", "book/notebooks/04_a"):
            page = BeautifulSoup((target / f"{name}.html").read_text(), "html.parser")
            links = page.select(".dropdown-launch-buttons a")
            found[name] = [(link.get_text(strip=True), link["href"]) for link in links]
        return found

    return build


@pytest.mark.slow
def test_a_chapter_is_opened_on_binder_and_colab_where_the_address_is_known(small_book):
    lab = ("Local JupyterLab", "http://localhost:8888/lab/tree/book/notebooks/04_a.ipynb")
    expected = {"index": [], "book/page": [], "book/notebooks/04_a": [lab]}
    if not address.stated_repository():
        assert small_book("") == expected
    owner_name = REPOSITORY.removeprefix("https://github.com/")
    expected["book/notebooks/04_a"] = [
        (
            "Binder",
            f"https://mybinder.org/v2/gh/{owner_name}/main"
            "?urlpath=lab/tree/book/notebooks/04_a.ipynb",
        ),
        (
            "Colab",
            f"https://colab.research.google.com/github/{owner_name}"
            "/blob/main/book/notebooks/04_a.ipynb",
        ),
        lab,
    ]
    assert small_book(REPOSITORY) == expected


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.mark.slow
def test_make_lab_serves_what_the_button_opens(tmp_path):
    recipe = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True)
    command = shlex.split(re.search(r".*jupyter lab.*", recipe.stdout)[0])
    port = free_port()
    assert f"http://localhost:{command[command.index('--port') + 1]}/lab/tree/" == _LAB
    command[command.index("--port") + 1] = str(port)
    command += ["--no-browser", "--allow-root", "--IdentityProvider.token="]
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | own)
    try:
        link = _LAB.replace("8888", str(port)) + "book/notebooks/04_elevation_gradients.ipynb"
        assert "JupyterLab" in _ask(link, server)
        contents = _ask(link.replace("/lab/tree/", "/api/contents/") + "?content=0", server)
        assert json.loads(contents)["type"] == "notebook"
    finally:
        server.terminate()
        server.wait()


def _ask(link: str, server: subprocess.Popen) -> str:
    for _ in range(240):
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(link) as answer:
                return answer.read().decode()
        except URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.5)
    raise TimeoutError(link)


def new_python(folder: Path, *options: str) -> Path:
    """Make an environment with the libraries of this one, but without the book.

    Of the libraries it gets the folder, as one line of a .pth file: Python does not follow the
    .pth files in there, by which the checkout is installed.
    """
    subprocess.run([sys.executable, "-m", "venv", *options, folder], check=True)
    python = folder / "bin" / "python"
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True).stdout
    (Path(own.strip()) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python


def elsewhere(**more: str) -> dict[str, str]:
    """Return the environment variables of somebody who has no checkout."""
    unwanted = ("PYTHONPATH", "TIBET_REAL_DATA", "PYTEST_ADDOPTS", *PLACES)
    return {name: value for name, value in os.environ.items() if name not in unwanted} | more


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Return a copy of what is published, without anything that was made here."""
    folder = tmp_path_factory.mktemp("published") / "book"
    for name in ("helpers", "data", "book/sweeps"):
        ignored = shutil.ignore_patterns("__pycache__", "what_survives.csv")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def installed(published, tmp_path_factory) -> Path:
    """Return a Python in which a wheel of the book is installed, and no checkout is to be seen."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=published, check=True, capture_output=True)
    python = new_python(folder / "python", "--without-pip")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--no-deps", "--ignore-installed", wheel], check=True)
    kernel = [python, "-m", "ipykernel", "install", "--sys-prefix"]
    subprocess.run(kernel, check=True, capture_output=True, env=elsewhere())
    return python


EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
asks = nbformat.v4.new_code_cell("import helpers; print(helpers.__file__)")
notebook.cells.append(asks)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, list]]:
    """Return what each cell of the chapter shows, but for the pixels."""
    kinds = ("text/plain", "text/markdown", "text/html")
    return [
        (cell.id, [[output.data.get(kind) for kind in kinds] for output in cell.outputs])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("number", ["14", "18"])
@pytest.mark.slow
def test_a_notebook_opened_alone_shows_what_the_book_shows(number, installed, tmp_path):
    (twin,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    shutil.copy(twin, tmp_path)
    command = [installed, "-c", EXECUTE, twin.name]
    done = subprocess.run(command, cwd=tmp_path, env=elsewhere(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / twin.name, 4)
    found = Path(executed.cells.pop().outputs[0].text.strip())
    assert found.is_relative_to(installed.parent.parent)
    assert shown(executed) == shown(nbformat.read(twin, 4))
    written = {path.name for path in tmp_path.iterdir()} - {twin.name}
    assert written == ({"_build"} if number == "14" else set())  # the stand-in archive


def test_a_checkout_uses_its_own_folders():
    assert (paths.DATA, paths.SWEEPS) == (ROOT / "data", ROOT / "book" / "sweeps")
    assert (paths.DOWNLOADS, paths.STANDIN) == (ROOT / "downloads", ROOT / "_build" / "standin")


@pytest.mark.slow
def test_the_first_cell_installs_helpers_from_the_repository_where_it_is_absent(
    published, tmp_path
):
    """Git is told to find the address in a folder: the cell itself runs as it is published."""
    if not shutil.which("git"):
        pytest.skip("no git on this machine")
    as_somebody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        command = ["git", *identity, *words]
        subprocess.run(command, cwd=published, env=elsewhere(**as_somebody), check=True)
    python = new_python(tmp_path / "python", "--without-pip")
    here = elsewhere(
        **as_somebody,
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{published.as_uri()}.insteadOf",
        GIT_CONFIG_VALUE_0=REPOSITORY,
        PIP_NO_INDEX="1",
        PIP_NO_DEPS="1",
        PIP_NO_BUILD_ISOLATION="0",  # pip reads 0 as: no isolation
        PIP_NO_WARN_SCRIPT_LOCATION="1",
        PIP_CONFIG_FILE=os.devnull,
    )
    tell = "\nimport helpers.study\nprint(helpers.__file__)\nhelpers.study.load_study()"
    (tmp_path / "empty").mkdir()
    for code, fails in (
        ("import helpers", "No module named 'helpers'"),
        (first_cell("").source, "make lab"),
        (first_cell("https://github.com/some-owner/none").source, "CalledProcessError"),
        (first_cell(REPOSITORY).source + tell, ""),
    ):
        broken = {"GIT_ALLOW_PROTOCOL": "file"}  # nothing but folders is asked
        done = subprocess.run(
            [python, "-c", code],
            cwd=tmp_path / "empty",
            env=here | broken,
            capture_output=True,
            text=True,
        )
        assert (done.returncode != 0) == bool(fails), done.stderr
        assert fails in done.stderr
    assert Path(done.stdout.split()[-1]).is_relative_to(tmp_path / "python")


@pytest.mark.slow
def test_conda_and_binder_get_an_environment_in_which_the_book_works(tmp_path):
    """What the lock names is here already: pip has to agree, not to fetch it once more."""
    about = yaml.safe_load((ROOT / "environment.yml").read_text())
    name, pip, section = about["dependencies"]
    if name.removeprefix("python=") != platform.python_version().rpartition(".")[0]:
        pytest.skip(f"conda gets {name}, this is {platform.python_version()}")
    programs = new_python(tmp_path / "env").parent
    here = elsewhere(PATH=f"{programs}:{os.environ['PATH']}", PIP_NO_COMPILE="1")
    skip_without_packages(["pip"], env=here)
    for line in (shlex.quote(pip), *section["pip"]):
        install = ["python", "-m", "pip", "install", "--quiet", *shlex.split(line)]
        subprocess.run(install, cwd=ROOT, env=here, check=True)
    subprocess.run([ROOT / "postBuild"], cwd=ROOT, env=here, check=True)
    for command in (
        [programs / "python", "-c", "from helpers.study import load_study; load_study()"],
        [programs / "python", "-m", "jupyterlab", "--version"],
        [programs / "python", "-c", "import ipykernel"],
        ["pip", "check"],
    ):
        done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
