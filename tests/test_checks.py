"""`manage.py check`: what is wrong is said before a customer meets it."""

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

from cryptopay_django import checks

GOOD = {
    "API_KEY": "key",
    "API_SECRET": "an-api-secret-of-the-account",
    "CALLBACK_SECRETS": ["a-callback-secret-of-the-account"],
    "BASE_URL": "production",
}


def found(settings, **account):
    settings.CRYPTOPAY_ACCOUNTS = {"default": {**GOOD, **account}}
    return {message.id: message.msg for message in run_checks(tags=["cryptopay"])}


def test_good_settings_pass(settings):
    assert set(found(settings)) <= {"cryptopay.W010"}


@pytest.mark.parametrize("accounts", [None, {}, {"default": {}}, {"a b": GOOD}])
def test_missing_or_malformed_accounts_are_named(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts

    messages = [message for message in run_checks(tags=["cryptopay"]) if message.id == "cryptopay.E001"]

    assert messages
    assert "CRYPTOPAY_ACCOUNTS" in messages[0].msg


@pytest.mark.parametrize(
    ("account", "id_"),
    [
        ({"BASE_URL": "http://127.0.0.1:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://localhost:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://[::1]:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://gateway.test"}, "cryptopay.E004"),
        ({"CALLBACK_SECRETS": [GOOD["API_SECRET"]]}, "cryptopay.E005"),
        ({"CALLBACK_SECRETS": GOOD["CALLBACK_SECRETS"] * 2}, "cryptopay.W006"),
        ({"CALLBACK_SECRETS": ["short"]}, "cryptopay.W007"),
    ],
)
def test_a_trap_in_an_account_is_said_and_no_secret_with_it(settings, account, id_):
    messages = found(settings, **account)

    assert 'CRYPTOPAY_ACCOUNTS["default"]' in messages[id_]
    assert not any(GOOD["API_SECRET"] in text or "short" in text for text in messages.values())


def test_the_sandbox_on_this_machine_is_fine_while_debugging(settings):
    settings.DEBUG = True

    assert "cryptopay.E003" not in found(settings, BASE_URL="http://127.0.0.1:8100")


def test_an_option_of_a_wrong_type_is_named(settings):
    settings.CRYPTOPAY_SHORTFALL_TOLERANCE = 0.01

    assert "CRYPTOPAY_SHORTFALL_TOLERANCE" in found(settings)["cryptopay.E002"]


def test_an_option_that_does_not_exist_is_named(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_APl = True

    assert "CRYPTOPAY_CONFIRM_WITH_APl" in found(settings)["cryptopay.W008"]


def test_contenttypes_must_be_installed(settings, monkeypatch):
    monkeypatch.setattr("django.apps.apps.is_installed", lambda name: name != "django.contrib.contenttypes")

    assert "cryptopay.E009" in found(settings)


def test_the_provider_of_the_state_machine_is_told_from_the_file_that_is_imported():
    installed = [name for name in ("django-fsm-2", "django-fsm") if checks._installed_files(name)]

    assert checks.imported_fsm_provider() in {f"{name} {metadata.version(name)}" for name in installed}


def test_both_providers_over_each_other_are_seen_and_the_winner_is_named(tmp_path):
    """Two distributions in one folder, the second installed silently over the first."""
    source = Path(django_fsm.__file__).read_text()
    install(tmp_path, "django-fsm-2", "4.9", source)
    install(tmp_path, "django-fsm", "3.9", f"{source}\n# another build")
    shutil.copy(Path(django_fsm.__file__).with_name("signals.py"), tmp_path / "django_fsm")
    code = "import django; django.setup(); from cryptopay_django import checks; print(checks.check_installation(None)[-1].msg)"

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

    assert "django_fsm is imported from django-fsm 3.9" in done.stdout
    assert "installed: django-fsm-2, django-fsm" in done.stdout


def install(site: Path, name: str, version: str, source: str) -> None:
    """Write what an installer leaves: the file, and the record of its hash."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    for folder in (site / "django_fsm", info):
        folder.mkdir(exist_ok=True)
    (site / "django_fsm" / "__init__.py").write_text(source)
    digest = base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()).rstrip(b"=").decode()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"django_fsm/__init__.py,sha256={digest},{len(source)}\n")
