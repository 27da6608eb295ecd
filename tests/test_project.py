"""The project's own files hold together."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.factors import GROUPS, load_factors, show_unit
from make import LOCK
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parts_of(lock: Path) -> list[str]:
    """Return the requirements of a lock, each with its hashes."""
    return re.split(r"\n(?=[a-z0-9])", "\n" + lock.read_text(encoding="utf-8"))[1:]


def test_the_locks_pin_everything_with_hashes_agree_and_name_no_registry():
    parts = {lock: parts_of(lock) for lock in (LOCK, *sorted((ROOT / "locks").glob("*.lock")))}
    pinned = {}
    for lock in parts:
        for part in parts[lock]:
            name, version, where = re.match(r"([a-z0-9_.-]+)==([^\s;]+)([^\\]*)", part).groups()
            assert pinned.setdefault((name, where), version) == version, f"{lock.name}: {name}"
            assert "--hash=sha256:" in part, part.splitlines()[0]
            assert "http" not in re.sub(r"aiohttp|httpx|httpcore", "", part)
    assert not {use for use in PROJECT["optional-dependencies"] if use != "book"}.difference(
        lock.stem for lock in parts
    )
    extras = PROJECT["optional-dependencies"].values()
    for line in [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        versions = {version for (each, _), version in pinned.items() if each == name}
        assert versions, line
        assert all(map(requirement.specifier.contains, versions)), line


def test_each_use_is_installed_whole():
    """What a use asks for stands in the lock of the book or in its own."""
    for use, lines in PROJECT["optional-dependencies"].items():
        locks = [LOCK] if use == "book" else [LOCK, ROOT / "locks" / f"{use}.lock"]
        there = {part.split("==")[0] for lock in locks for part in parts_of(lock)}
        for line in [*PROJECT["dependencies"], *lines]:
            assert canonicalize_name(Requirement(line).name) in there, f"{use}: {line}"


ROOMS = ("readers", "statistics", "pathmodel", "paper", "figures")
PLAIN = ("study", "factors", "oxygen", "provenance", "exercises", "reconstruction", "errors")
EXPORTED = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (importlib.import_module(f"helpers.{name}") for name in (*ROOMS, *PLAIN))
    for name in getattr(module, "__all__", dir(module))
    if inspect.isfunction(each := getattr(module, name))
    and each.__module__.startswith(module.__name__)
    and not name.startswith("_")
}


@pytest.mark.parametrize("name", EXPORTED)
def test_what_notebooks_import_is_documented(name):
    text, parameters = inspect.getdoc(EXPORTED[name]), inspect.signature(EXPORTED[name]).parameters
    assert text
    if len(parameters) > 1:
        _, _, section = text.partition("Parameters\n----------\n")
        for parameter in parameters:
            assert re.search(rf"^(\w+, )*{parameter}(, \w+)*( :|$)", section, re.M), parameter


def test_the_registry_holds_44_identifiers_in_four_groups():
    registry = load_factors()
    assert registry.groupby("group", sort=False).size().to_dict() == dict(
        zip(GROUPS, (14, 8, 12, 10), strict=True)
    )
    assert registry.index.is_unique
    assert all(code.isidentifier() for code in registry.index)
    assert registry["named_in_text"].sum() == 29
    assert registry[["confidence", "meaning_confidence"]].stack().between(0, 1).all()
    assert (registry[["label", "name", "unit", "definition"]] != "").all(axis=None)


def test_units_are_shown_with_raised_exponents():
    assert show_unit("umol m-2 s-1").replace("\N{NO-BREAK SPACE}", " ") == "µmol m⁻² s⁻¹"


@pytest.mark.parametrize("goal", ["lab", "edit"])
def test_root_may_start_jupyterlab(goal):
    """Root is the user of many containers, and JupyterLab refuses root that does not ask."""
    said = subprocess.run(["make", "-n", goal], cwd=ROOT, capture_output=True, text=True).stdout
    assert ("--allow-root" in said) == (os.getuid() == 0)


def test_the_containers_use_what_is_there():
    """A user other than root, uses that have a lock, and no host but that of the public image."""
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    folder = ROOT / ".devcontainer"
    written = (folder / "devcontainer.json").read_text(encoding="utf-8")
    about = json.loads(written)
    image, *stages = re.findall(r"^FROM (\S+)", docker, re.M)
    assert image == "python:3.11-slim"
    named = re.findall(r"^FROM \S+ AS (\w+)", docker, re.M)
    assert set(stages) <= set(named)
    (user,) = re.findall(r"^USER (\w+)", docker, re.M)
    assert user != "root"
    assert f"COPY --chown={user} " in docker
    assert (about["remoteUser"], about["build"]["target"]) == (user, *named)
    assert (folder / about["build"]["dockerfile"]).samefile(ROOT / "Dockerfile")
    assert (folder / about["build"]["context"]).samefile(ROOT)
    for text in (docker, about["postCreateCommand"]):
        (uses,) = re.findall(r"python make\.py setup ([\w ]*\w)", text)
        assert all((ROOT / "locks" / f"{use}.lock").exists() for use in uses.split())
    for module in re.findall(r"-m (tools\.\w+)", docker):
        assert find_spec(module), module
    assert "://" not in docker + written
    copied = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".venv", "_build", "runs", "downloads", "lab"} <= set(copied)
