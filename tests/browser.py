"""Chromium for the tests: the one of the system, driven by Playwright, with the network closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tools.book import BUILD
from tools.pdf import CHROMIUM, find_chromium

HTML = BUILD / "html"
_PATIENCE = 300_000  # milliseconds: no test fails on a busy machine for being slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for a module of tests."""
    if not (path := find_chromium()):
        pytest.skip(f"no Chromium ({', '.join(CHROMIUM)}) on this machine (set CHROMIUM)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        chromium.new_page = _patient(chromium.new_page)
        chromium.new_context = _patient(chromium.new_context)
        yield chromium
        chromium.close()


def _patient(make: Callable) -> Callable:
    def made(**options):
        it = make(**options)
        it.set_default_timeout(_PATIENCE)
        return it

    return made
