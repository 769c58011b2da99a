"""What is shipped: types, migrations, one version everywhere."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from django.core.management import call_command

import cryptopay_django

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_one():
    assert PYPROJECT["project"]["version"] == cryptopay_django.__version__ == version("cryptopay-django")
    assert cryptopay_django.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_the_types_are_shipped():
    assert (Path(cryptopay_django.__file__).parent / "py.typed").exists()


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
