"""What runs on GitHub: valid, pinned, with the least rights; and the issues that it opens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from tests.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}
READ = {name: yaml.safe_load(path.read_text()) for name, path in WORKFLOWS.items()}
JOBS = {(name, job): about for name, read in READ.items() for job, about in read["jobs"].items()}
EACH_JOB = pytest.mark.parametrize("job", JOBS.values(), ids=["-".join(key) for key in JOBS])


def steps(job: dict) -> list[dict]:
    return job["steps"]


def test_the_five_workflows_are_there():
    assert set(WORKFLOWS) == {"test", "preview", "deploy", "weekly", "links"}


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS.values()),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
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


def test_every_action_is_pinned_to_one_commit_whose_version_is_told():
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS.values():
        for line in path.read_text().splitlines():
            if "uses:" in line:
                action = re.fullmatch(
                    r"\s+(?:- )?uses: (actions/[a-z-]+)(@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line
                )
                assert action, line
                pins.setdefault(action[1], set()).add(action[2])
    assert len(pins) == 7
    assert all(len(versions) == 1 for versions in pins.values())


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_a_workflow_has_no_right_of_its_own_and_code_of_strangers_gets_none(read):
    assert read["permissions"] == {}
    assert "pull_request_target" not in read[True]  # YAML reads the key `on` as true
    assert "workflow_run" not in read[True]
    assert read["concurrency"]["group"]


@EACH_JOB
def test_a_job_has_the_rights_that_it_needs_and_ends(job):
    uses = {step.get("uses", "").partition("@")[0] for step in steps(job)}
    runs = " ".join(step.get("run", "") for step in steps(job))
    needed = {"contents": "read"} if "actions/checkout" in uses else {}
    if "actions/configure-pages" in uses:
        needed["pages"] = "read"
    if "actions/deploy-pages" in uses:
        needed |= {"pages": "write", "id-token": "write"}
    if ".ci/issue" in runs:
        needed["issues"] = "write"
        assert "make" not in runs, "no code of others beside the right to write"
    assert job["permissions"] == needed
    assert job["timeout-minutes"] <= 60


@EACH_JOB
def test_no_token_stays_in_the_checkout_and_no_expression_stands_in_a_script(job):
    for step in steps(job):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", "")
        assert "GH_TOKEN" not in step.get("env", {}) or ".ci/issue" in step["run"]


def test_every_python_that_is_promised_is_tested():
    project = (ROOT / "pyproject.toml").read_text()
    first = re.search(r'requires-python = ">=(3\.\d+)"', project)[1]
    matrix = JOBS["test", "test"]["strategy"]["matrix"]["python"]
    assert matrix[0] == first
    assert JOBS["test", "test"]["steps"][-1]["run"] == ".ci/run"


def test_the_book_is_deployed_from_main_alone_with_its_own_address():
    build = JOBS["deploy", "book"]
    assert READ["deploy"][True]["push"] == {"branches": ["main"]}
    assert build["if"] == "github.ref == 'refs/heads/main'"
    made = next(step for step in steps(build) if step.get("run") == "make book")
    assert made["env"] == {"BOOK_URL": "${{ steps.pages.outputs.base_url }}"}


def test_the_scripts_that_workflows_run_can_be_run():
    for job in JOBS.values():
        for step in steps(job):
            for script in re.findall(r"\.ci/\w+", step.get("run", "")):
                assert os.access(ROOT / script, os.X_OK), script


FAKE_GH = """#!/usr/bin/env bash
echo "$@" >> "$CALLS"
if [ "$2" = list ]; then
  while [ "$1" != --jq ]; do shift; done
  jq -r "$2" "$ISSUES"
fi
"""


@pytest.mark.parametrize(
    ("title", "call"),
    [
        ("Dead links", "issue edit 7 --body-file report.md"),
        ("Dead", "issue create --title Dead --body-file report.md"),
        ('A "title" of $(its) own', 'issue create --title A "title" of $(its) own --body-file'),
    ],
)
def test_an_issue_is_opened_once_and_then_kept_fresh(title, call, tmp_path):
    """A stand-in for GitHub's own command answers from a list; jq filters it as that would."""
    if not shutil.which("jq"):
        pytest.skip("no jq on this machine")
    (tmp_path / "gh").write_text(FAKE_GH)
    (tmp_path / "gh").chmod(0o755)
    issues = '[{"number": 5, "title": "Other"}, {"number": 7, "title": "Dead links"}]'
    (tmp_path / "issues.json").write_text(issues)
    here = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "ISSUES": str(tmp_path / "issues.json"),
    }
    subprocess.run([ROOT / ".ci" / "issue", title, "report.md"], env=here, check=True, cwd=tmp_path)
    asked, done = (tmp_path / "calls").read_text().splitlines()
    assert asked.startswith("issue list --state open")
    assert done.startswith(call)


@pytest.fixture
def answering():
    """Serve four addresses: one that works, one that is gone, one that refuses, one that moved."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            status = {"/here": 200, "/refused": 403, "/moved": 301}.get(self.path, 404)
            self.send_response(status)
            if status == 301:
                self.send_header("Location", "/here")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_dead_links_are_reported_with_their_places_and_others_are_not(answering, tmp_path):
    files = ("_config.yml", "pyproject.toml", "CITATION.cff", "book/descriptions.yml")
    files += ("book/redirect.html", "book/references.bib")
    for name in ("helpers", "data", "book/_static", *files):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    links = [f"[{name}]({answering}/{name})" for name in ("here", "gone", "refused", "moved")]
    command = [sys.executable, "-m", "tools.links", "report.md"]
    here = os.environ | {"PYTHONPATH": str(tmp_path)}

    def check(*kept: str) -> subprocess.CompletedProcess:
        (tmp_path / "book" / "index.md").write_text("\n\n".join(["# A page", *kept]))
        return subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True)

    done = check(links[0], links[2], links[3])
    assert done.stdout.splitlines()[-1] == "3 links, 0 dead, 1 not to be judged", done.stderr
    assert done.returncode == 0
    assert not (tmp_path / "report.md").exists()

    done = check(*links)
    assert done.stdout.splitlines()[-1] == "4 links, 1 dead, 1 not to be judged", done.stderr
    assert done.returncode == 1
    report = (tmp_path / "report.md").read_text()
    assert f"- <{answering}/gone> (404 Client Error" in report
    assert "in `book/index.md` line 5" in report
    assert "1 other links lead to hosts that turn robots away" in report
    for kept in ("here", "refused", "moved"):
        assert f"{answering}/{kept}" not in report
