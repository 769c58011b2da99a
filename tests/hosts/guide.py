"""Makes a project from nothing, and installs an adapter in it by its page of the documentation alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "docs" / "adapters"
BLOCK = re.compile(r"```python\n# ([\w/]+\.py)(, at the end)?\n(.*?)```", re.DOTALL)

# What the tests change: ports, the database, and mails, which are printed.
SERVED = """
import os

ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES["default"]["NAME"] = os.environ.get("SHOP_DATABASE", DATABASES["default"]["NAME"])
DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
PAYMENT_HOST = os.environ.get("SHOP_HOST", "")
CRYPTOPAY_ACCOUNTS["default"]["BASE_URL"] = os.environ.get("SANDBOX_URL", "")
"""


def make_project(page: str, folder: Path, *, shop: Path, settings: str, urls: str) -> Path:
    """Return a new project with the app `shop` and the host's own settings and URLs, and then what the page says."""
    command = [sys.executable, "-m", "django", "startproject", "mysite", str(folder)]
    subprocess.run(command, check=True)
    shutil.copytree(shop, folder / "shop", ignore=shutil.ignore_patterns("__pycache__", "payment.py"))
    append(folder / "mysite" / "settings.py", settings)
    (folder / "mysite" / "urls.py").write_text(urls)
    for name, is_an_addition, text in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        if is_an_addition:
            append(folder / name, text)
        else:
            (folder / name).write_text(text)
    append(folder / "mysite" / "settings.py", SERVED)
    return folder


def append(file: Path, text: str) -> None:
    """Put a text at the end of a file."""
    file.write_text(f"{file.read_text()}\n{text}")
