"""Set everything up and build the book, or test it, with nothing but Python.

    python make.py book
    python make.py check    what tells of a fault within minutes
    python make.py test     everything

``make`` calls it, too. Packages go to ``.venv``: those of LOCK, and for each other use
of a file in ``locks/`` (``python make.py setup print lab``).
"""

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent
LOCK, PROJECT = ROOT / "requirements.lock", ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TESTS = ["pytest", "-n", "3", "--dist"]  # two at a time would wait for browsers and kernels


def run(*module: object) -> None:
    """Run a module in the virtual environment; where it fails, end with its status."""
    if status := subprocess.run([PYTHON, "-m", *module], cwd=ROOT).returncode:
        sys.exit(status)


def set_up(uses: list[str]) -> None:
    """Install what is not installed yet; copies of locks and of PROJECT in VENV say what is."""
    if sys.version_info < (3, 11):  # noqa: UP036 (an older one may start this file)
        sys.exit("Python 3.11 or newer is needed: python3.11 make.py, or make PYTHON=python3.11")
    pip = ["pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    locked = ["--no-compile", "--require-hashes", "-r"]
    own = ["--no-build-isolation", "--editable", ROOT]
    for file in (LOCK, PROJECT, *(ROOT / "locks" / f"{use}.lock" for use in uses)):
        mark = VENV / file.name
        if not mark.exists() or mark.read_bytes() != file.read_bytes():
            if file == LOCK:
                venv.create(VENV, clear=True, with_pip=True)
            run(*pip, *(own if file == PROJECT else [*locked, file]))
            shutil.copy(file, mark)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python make.py", description=__doc__.splitlines()[0])
    parser.add_argument("goal", choices=["setup", "book", "check", "test"])
    parser.add_argument("uses", nargs="*", help="of setup: names of files in locks/")
    given = parser.parse_args()
    goal, uses = given.goal, given.uses
    set_up([*uses, *{"check": ["test"], "test": ["test", "lab"]}.get(goal, [])])
    if goal == "book":
        run("tools.book")
    if goal in ("check", "test"):
        os.environ["OMP_NUM_THREADS"] = "1"  # several tests at a time: threads would only wait
        run("ruff", "check", ".")
        run("ruff", "format", "--check", ".")
        run("mypy")
    if goal == "check":
        run(*TESTS, "worksteal", "-m", "not slow")
    if goal == "test":
        run("tools.book")
        run(*TESTS, "worksteal")
        run(*TESTS, "loadfile", "--nbval", "-o", "filterwarnings=default", "book/notebooks")


if __name__ == "__main__":
    main()
