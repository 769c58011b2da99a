"""How tests run on the packages of a host: `python -m scripts.hosts`; and adapters leave a shop without their host alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cryptopay_django
from scripts import hosts

ROOT = Path(__file__).parent.parent
HOST_PACKAGES = {"oscar", "payments", "pretix", "salesman"}


@pytest.fixture
def host(tmp_path, monkeypatch):
    folder = tmp_path / "hosts" / "shop"
    folder.mkdir(parents=True)
    (folder / hosts.LOCK).write_text("django==5.2\n")
    monkeypatch.setattr(hosts, "HOSTS", folder.parent)
    monkeypatch.setattr(hosts, "BUILD", tmp_path / "build")
    monkeypatch.setattr(hosts.find_hosts, "__defaults__", (folder.parent,))
    return folder


def test_hosts_are_listed(host, capsys):
    (host.parent / "notes").mkdir()

    assert hosts.main([]) == 0
    assert capsys.readouterr().out == "shop\n"


def test_an_unknown_host_is_named_with_the_known(host, capsys):
    assert hosts.main(["spree"]) == hosts.UNKNOWN
    assert "no such host: spree; tests/hosts has: shop" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["spree", "--keep"], ["--keep", "spree"], ["spree"]])
def test_options_of_pytest_come_last_wherever_our_own_are(host, given):
    assert hosts.main([*given, "--", "-k", "paid"]) == hosts.UNKNOWN


@pytest.mark.timeout(300)
def test_a_missing_network_is_said_and_fails_nothing(host, monkeypatch, capsys):
    # Nobody listens there.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for elsewhere in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(elsewhere, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    assert hosts.main(["shop"]) == hosts.NOT_RUN
    assert capsys.readouterr().out.splitlines()[-1].startswith("not run: a package index cannot be reached")


@pytest.mark.timeout(300)
def test_a_package_that_cannot_be_installed_is_a_failure(host, capsys):
    (host / hosts.LOCK).write_text("/nowhere/at-all-1.0.whl\n")

    assert hosts.main(["shop"]) == hosts.CANNOT_INSTALL
    assert "at-all" in capsys.readouterr().err


def test_a_kept_environment_is_of_one_lock(host):
    def kept():
        with hosts.environment_for("shop", "python", keep=True) as folder:
            return folder

    first = kept()
    assert kept() == first
    (host / hosts.LOCK).write_text("django==6.0\n")

    assert kept() != first
    assert not first.exists()


def test_a_temporary_environment_is_gone_afterwards(host):
    with hosts.environment_for("shop", "python", keep=False) as folder:
        assert folder.is_dir()

    assert not folder.exists()


@pytest.mark.parametrize("own", [True, False])
def test_the_tests_of_a_host_see_nothing_of_the_checkout(host, monkeypatch, own):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (host.parent / "conftest.py").write_text("raise RuntimeError('not for hosts')\n")
    if own:
        (host / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly\n")
    (host / "test_it.py").write_text(
        "import os\n\ndef test_it():\n    assert not {'DJANGO_SETTINGS_MODULE', 'PYTHONPATH'} & os.environ.keys()\n"
    )

    assert hosts.run_tests("shop", Path(sys.executable), ["-q", "-p", "no:django"]) == 0
    (host / "test_it.py").write_text("def test_it():\n    assert False\n")
    assert hosts.run_tests("shop", Path(sys.executable), ["-q", "-p", "no:django"]) == 1


def test_every_host_has_a_lock_of_exact_versions():
    for host in hosts.find_hosts():
        lines = (hosts.HOSTS / host / hosts.LOCK).read_text().splitlines()
        assert [line for line in lines if line and not line.startswith("#") and "==" not in line] == []


def test_an_adapter_is_imported_without_its_host():
    adapters = sorted(
        path.parent.name for path in Path(cryptopay_django.__file__).parent.glob("contrib/*/__init__.py")
    )
    code = (
        "import importlib, sys\n"
        f"for name in {['', *(f'.{adapter}' for adapter in adapters)]!r}:\n"
        "    importlib.import_module('cryptopay_django.contrib' + name)\n"
        f"sys.exit(str({HOST_PACKAGES!r} & sys.modules.keys()) if {HOST_PACKAGES!r} & sys.modules.keys() else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("part", "missing", "install"),
    [
        ("cryptopay_django.api", "drf_spectacular", "cryptopay-django[api]"),
        ("cryptopay_django.contrib.oscar.apps", "oscar", "django-oscar"),
        ("cryptopay_django.contrib.payments.apps", "payments", "django-payments"),
        ("cryptopay_django.contrib.salesman.apps", "salesman", "django-salesman"),
    ],
)
def test_a_part_says_what_to_install_for_it(part, missing, install):
    code = (
        "import importlib, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {missing!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import django; django.setup()\n"
        "from cryptopay_django.exceptions import MissingPackageError\n"
        "try:\n"
        f"    importlib.import_module({part!r})\n"
        "except MissingPackageError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "django.conf.global_settings"}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    assert f'pip install "{install}"' in done.stdout, done.stderr
