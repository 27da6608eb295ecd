"""The project's own files hold together."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import helpers
from helpers.factors import GROUPS, load_factors, show_unit
from make import LOCK
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_lock_pins_everything_with_hashes_and_names_no_registry():
    lock = LOCK.read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9_.-]+)==([^\s;]+)", lock, re.M))
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    for line in wanted:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), line
    for block in re.split(r"\n(?=[a-z0-9])", lock)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "http" not in re.sub(r"aiohttp|httpx|httpcore", "", lock)


def test_conda_and_binder_use_the_same_lock_and_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, section = environment["dependencies"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert (pip, section) == ("pip>=23.3", {"pip": [f"-r {LOCK.relative_to(ROOT).as_posix()}"]})
    assert (ROOT / "postBuild").stat().st_mode & 0o111


def test_make_lists_its_commands_and_sets_up_as_python_alone_does():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("book", "check", "test", "serve", "run", "sweep", "data", "refresh", "lab"):
        assert re.search(rf"^make {command} ", listed, re.M)
    for goal in ("book", "test"):
        told = subprocess.run(["make", "-n", goal], cwd=ROOT, capture_output=True, text=True).stdout
        assert told == f"python3 make.py {goal}\n"
        assert f"make {goal} " in (ROOT / "README.md").read_text(encoding="utf-8")


MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(helpers.__path__, "helpers.")
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_functions_are_documented(module):
    assert module.__doc__
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ != module.__name__ or name.startswith("_"):
            continue
        text = inspect.getdoc(function)
        assert text, name
        parameters = inspect.signature(function).parameters
        if len(parameters) > 1:
            section = text.split("Parameters\n----------\n")[1]
            for parameter in parameters:
                assert re.search(rf"^(\w+, )*{parameter}(, \w+)* :", section, re.M), name


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
