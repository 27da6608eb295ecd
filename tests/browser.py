"""Chromium for the tests: the one of the system, driven by Playwright, with the network closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from helpers.commands.book import BUILD
from helpers.commands.pdf import CHROMIUM, find_chromium

HTML = BUILD / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for a module of tests."""
    if not (path := find_chromium()):
        pytest.skip(f"no Chromium ({', '.join(CHROMIUM)}) on this machine (set CHROMIUM)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
