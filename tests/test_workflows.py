"""What runs on GitHub: valid, with the least rights, on every Python that is promised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}
READ = {name: yaml.safe_load(path.read_text()) for name, path in WORKFLOWS.items()}
JOBS = {
    f"{name}-{job}": about for name, read in READ.items() for job, about in read["jobs"].items()
}


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


def test_nothing_but_the_deployment_may_write():
    """Code of strangers runs in requests: it gets no right to write, and no other way to one."""
    for read in READ.values():
        assert read["permissions"] == {}
        assert not {"pull_request_target", "workflow_run"} & set(read[True])  # YAML: on is true
    writes = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writes == {"deploy-deploy"}
    assert READ["deploy"][True]["push"] == {"branches": ["main"]}
    assert JOBS["deploy-book"]["if"] == "github.ref == 'refs/heads/main'"


def test_every_python_that_is_promised_is_tested_and_the_scripts_can_be_run():
    first = re.search(r'requires-python = ">=(3\.\d+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert JOBS["test-test"]["strategy"]["matrix"]["python"][0] == first
    runs = [step.get("run", "") for job in JOBS.values() for step in job["steps"]]
    scripts = set(re.findall(r"\.ci/\w+", " ".join(runs)))
    assert scripts
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
