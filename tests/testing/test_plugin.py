"""The plugin beside a test's own settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TWO_TESTS = """
from django.conf import settings as project

def test_that_changes_settings_after_the_sandbox_has(settings, cryptopay_sandbox):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 3

def test_that_comes_after_it():
    assert not hasattr(project, "CRYPTOPAY_HTTP_ADAPTER")
    assert not hasattr(project, "CRYPTOPAY_TOTAL_TIMEOUT")
"""


def test_nothing_is_left_behind_for_the_next_test(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(TWO_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(Path.cwd())}

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert "2 passed" in done.stdout, done.stdout + done.stderr
