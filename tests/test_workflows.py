"""What runs on GitHub: valid, with the least rights, on every Python that is promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS.values()),
        ("custom.github-workflows-require-timeout", WORKFLOWS.values()),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", (GITHUB / "ISSUE_TEMPLATE").glob("*.yml")),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_github_understands_them(schema, files):
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", schema]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing_unsafe():
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", GITHUB]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in WORKFLOWS:
        assert f"{name}.yml" in done.stderr, "it was read"
