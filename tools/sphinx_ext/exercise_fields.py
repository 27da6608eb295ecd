"""A Sphinx extension: a chapter brings the answers to its exercises, for ``exercises.js``.

They stand in the page, since a page opened from a file may not read another. Base64 keeps them out
of sight of who reads the source of the page; it hides nothing from who looks for them.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from sphinx.application import Sphinx

from helpers import exercises


def list_known(chapter: str) -> dict[str, dict[str, Any]]:
    """Return what judges and describes an answer, by exercise of a chapter (two digits)."""
    answers = json.loads(exercises.ANSWERS.read_text(encoding="utf-8"))
    listed = exercises.load_exercises()
    listed = listed[listed.index.str.startswith(f"{chapter}.")]
    return {
        exercise: {
            "kind": one["kind"],
            "choices": one["choices"].split(", ") if one["choices"] else [],
            "decimals": one["decimals"],
            "wanted": exercises.describe(one),
            "beside": _describe_beside(one),
            **answers[exercise],
        }
        for exercise, one in listed.iterrows()
        if exercise in answers
    }


def _describe_beside(one: Mapping) -> str:
    """Return what stands beside a field: unit, and decimals or kind."""
    if one["choices"]:
        return ""
    kind = exercises.KINDS[one["kind"]]
    count = exercises.DECIMALS[int(one["decimals"])] if one["decimals"] else kind
    return f"{one['unit']}, {count}".removeprefix(", ")


def _embed(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: Any) -> None:
    chapter = re.match(r"book/notebooks/(\d\d)_", page)
    if chapter and "body" in context:
        hidden = b64encode(json.dumps(list_known(chapter[1])).encode()).decode()
        script = f'<script type="text/plain" id="exercise-answers">{hidden}</script>\n'
        context["body"] += script


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the answers put at the end of each chapter as it is written."""
    app.connect("html-page-context", _embed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
