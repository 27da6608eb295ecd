"""The house: arrows between rooms go one way, no circle, and a door plate that can be read."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

# each may import from those before it; figures draw what all others compute, tools use everything
ORDER = (
    "helpers.errors",
    "helpers.provenance",
    "helpers.paths",
    "helpers.cluster",
    "helpers.parameters",
    "helpers.checks",
    "helpers.factors",
    "helpers.oxygen",
    "helpers.readers",
    "helpers.statistics",
    "helpers.pathmodel",
    "helpers.reconstruction",
    "helpers.study",
    "helpers.paper",
    "helpers.exercises",
    "helpers.figures",
    "tools",
)
ROOMS = ("readers", "statistics", "pathmodel", "paper", "figures")


def name_of(path: Path) -> str:
    """Return the dotted name of a module of the repository."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    name_of(path): path
    for folder in ("helpers", "tools")
    for path in ROOT.glob(f"{folder}/**/*.py")
}


def imports_of(module: str) -> set[str]:
    """Return the modules that one imports anywhere in it, for types only included."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & MODULES.keys() - {"helpers", "tools"}


def room_of(module: str) -> str:
    """Return the room in which a module stands."""
    return "tools" if module.startswith("tools") else ".".join(module.split(".")[:2])


def test_imports_make_no_circle():
    order = TopologicalSorter({module: imports_of(module) for module in MODULES}).static_order()
    assert len(list(order)) >= len(MODULES) - 2


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"helpers", "tools"}))
def test_a_module_imports_only_from_rooms_before_its_own(module):
    rank = ORDER.index(room_of(module))
    later = {name for name in imports_of(module) if ORDER.index(room_of(name)) > rank}
    assert not later


def test_the_door_plate_of_helpers_has_at_most_sixteen_names():
    names = {path.name for path in (ROOT / "helpers").iterdir() if path.name[0] not in "_."}
    assert len(names) <= 16


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_exports_what_its_modules_define_and_each_has_a_docstring(room):
    exported = import_module(f"helpers.{room}")
    for name in exported.__all__:
        thing = getattr(exported, name)
        if callable(thing):
            assert thing.__module__.startswith(f"helpers.{room}.")
            assert thing.__doc__
