"""The installed packages: what is missing, and which distribution won."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import django_fsm
import pytest
from django.core.checks import run_checks

from cryptopay_django.checks import installation


def test_contenttypes_must_be_installed(monkeypatch):
    monkeypatch.setattr("django.apps.apps.is_installed", lambda name: name != "django.contrib.contenttypes")

    assert "cryptopay.E009" in [message.id for message in run_checks(tags=["cryptopay"])]


def test_the_provider_of_the_state_machine_is_told_from_the_file_that_is_imported():
    installed = [name for name in installation._FSM_PROVIDERS if installation._installed_files(name)]

    assert installation.imported_fsm_provider() in {f"{name} {metadata.version(name)}" for name in installed}


@pytest.mark.parametrize("other", ["django-fsm", "django-fsm-rx"])
def test_both_providers_over_each_other_are_seen_and_the_winner_is_named(tmp_path, other):
    """Two distributions in one folder, the second installed silently over the first."""
    source = Path(django_fsm.__file__).read_text()
    install(tmp_path, "django-fsm-2", "4.9", source)
    install(tmp_path, other, "3.9", f"{source}\n# another build")
    shutil.copy(Path(django_fsm.__file__).with_name("signals.py"), tmp_path / "django_fsm")
    code = (
        "import django; django.setup(); from cryptopay_django.checks import installation; "
        "print(installation.check_installation(None)[-1].msg)"
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        },
    )

    assert f"django_fsm is imported from {other} 3.9" in done.stdout
    # The environment of the tests itself may have the third one.
    assert {"django-fsm-2", other} <= set(done.stdout.partition("; installed: ")[2].strip().split(", "))


def install(site: Path, name: str, version: str, source: str) -> None:
    """Write what an installer leaves: the file, and the record of its hash."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    for folder in (site / "django_fsm", info):
        folder.mkdir(exist_ok=True)
    (site / "django_fsm" / "__init__.py").write_text(source)
    digest = base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()).rstrip(b"=").decode()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"django_fsm/__init__.py,sha256={digest},{len(source)}\n")
