"""A browser, pages that complain of nothing, and the accessibility checker."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

# The first is the same engine without windows, and needs half of the processor time.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
AXE = "axe-core@4"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One browser for all tests of a process: starting it takes longer than they do."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as driver:
        # Playwright's loop runs in this thread; the tests' own queries do not run in it.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def shop(settings, cryptopay_sandbox) -> None:
    cache.clear()
    settings.ROOT_URLCONF = "tests.pages.urls"
    settings.CRYPTOPAY_SHOP_NAME = "Tern & Tide"
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    settings.CRYPTOPAY_SUPPORT_URL = "https://shop.example/help/"
    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 2
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = lambda invoice: "ada.lovelace@a-rather-long-name.example"


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Any]]:
    """Open pages that fail the test when the browser complains: of a script, or of the content security policy."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_page(**options: Any) -> Any:
        context = browser.new_context(viewport=PHONE, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if "ERR_INTERNET_DISCONNECTED" not in text] == []


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker, from npm, kept in pytest's cache."""
    script = Path(pytestconfig.cache.mkdir("axe-core")) / "axe.min.js"
    if not script.exists():
        npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
        if npm is None:
            pytest.skip("no npm here, so axe-core cannot be had: apt-get install npm")
        quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries", "0"]
        try:
            subprocess.run(
                [npm, "install", *quiet, "--prefix", folder, AXE],
                check=True, capture_output=True, timeout=20, cwd=folder,
            )  # fmt: skip
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm could not install {AXE}: {error}")
        # Made whole beside it, then put in place in one step: tests in other processes look here, too.
        fresh = script.with_name(f"{os.getpid()}.js")
        shutil.copy(folder / "node_modules" / "axe-core" / "axe.min.js", fresh)
        fresh.replace(script)
    return script.read_text()


def violations(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found["violations"] for node in one["nodes"]
    ]


def wake(page: Any) -> None:
    """Let a page look now, as when a phone finds its network again."""
    page.evaluate("window.dispatchEvent(new Event('online'))")
