"""A new project as `startproject` makes it, in a folder of a test, whose commands run as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.documentation.pages import ROOT, Block

_OURS = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "PYTEST")
_URLS = """from django.urls import include, path

urlpatterns = [path("cryptopay/", include("cryptopay_django.urls"))]
"""


class Project:
    """A project `mysite` with an empty app `shop`. Both have no more than what a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.run("-m", "django", "startproject", "mysite", ".")
        self.run("manage.py", "startapp", "shop")
        self.add("mysite/settings.py", 'INSTALLED_APPS += ["cryptopay_django", "shop"]\n')
        self.write("mysite/urls.py", _URLS)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text)

    def add(self, name: str, text: str) -> None:
        """Add to the end of a file."""
        with (self.folder / name).open("a") as file:
            file.write(text)

    def take(self, block: Block) -> None:
        """Write a block of a page as the file that it names."""
        (self.add if block.is_an_addition else self.write)(block.file, block.text)

    def run(self, *words: str) -> tuple[int, str]:
        """Run Python in the folder, with nothing of our own settings; return its status and what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(ROOT), **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr
