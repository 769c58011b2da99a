"""Where the ORM writes its statements otherwise, the ORM itself is used, and the whole road of a callback is the same."""

from __future__ import annotations

import os
import subprocess
import sys

TRIED = [
    "tests/models/test_sql_cache.py",
    "tests/models/test_save_signals.py",
    "tests/services/test_callbacks.py",
]
SAYS_SO = """
import logging
import pytest
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory

@pytest.mark.django_db
def test_it_is_said_once(caplog):
    Invoice.objects.find(account="default")
    assert Callback.objects.change(CallbackFactory(), error="why")
    said = [record for record in caplog.records if "cannot be reused" in record.getMessage()]
    assert [(record.levelname, record.args[0]) for record in said] == [("WARNING", "default")]
"""


def test_the_orm_is_used_and_the_log_says_so_once(tmp_path):
    (tmp_path / "test_said.py").write_text(SAYS_SO)
    environment = {**os.environ, "DATABASE_URL": "otherwise://"}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", "pyproject.toml", "--rootdir", "."]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path / "test_said.py"), *TRIED],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "no tests ran" not in done.stdout
