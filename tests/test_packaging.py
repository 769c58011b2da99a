"""What is shipped: types, migrations, one version everywhere, extras that add something, a README for a package index."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from django.core.management import call_command
from markdown_it import MarkdownIt

import cryptopay_django

ROOT = Path(__file__).parent.parent
CI = (ROOT / ".ci" / "run").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_one():
    assert PYPROJECT["project"]["version"] == cryptopay_django.__version__ == version("cryptopay-django")
    assert cryptopay_django.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_the_types_are_shipped():
    assert (Path(cryptopay_django.__file__).parent / "py.typed").exists()


@pytest.mark.django_db
def test_no_migration_is_missing():
    # By name: other tests make proxies of Django's own models.
    call_command("makemigrations", "cryptopay_django", "shop", "--check", "--dry-run", verbosity=0)


def names_of(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("extra", PYPROJECT["project"]["optional-dependencies"])
def test_an_extra_adds_what_is_not_installed_anyway(extra):
    added = names_of(PYPROJECT["project"]["optional-dependencies"][extra])

    assert added
    assert not added & names_of(PYPROJECT["project"]["dependencies"])


def test_what_only_this_repository_needs_is_no_extra():
    assert PYPROJECT["dependency-groups"].keys() >= {"dev", "docs", "bench"}
    assert not PYPROJECT["dependency-groups"].keys() & PYPROJECT["project"]["optional-dependencies"].keys()


def test_the_makefile_knows_every_group():
    (line,) = re.findall(r"^GROUPS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(line.split()) == PYPROJECT["dependency-groups"].keys()


def versions_of(what):
    found = re.findall(rf"^{what} :: (\d\.\d+)$", "\n".join(PYPROJECT["project"]["classifiers"]), re.MULTILINE)
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def test_the_classifiers_name_what_ci_runs():
    environments = re.findall(r'environment \w+ ([\d.]+) "django~=([\d.]+)\.0"', CI)
    # Where no version is named: the oldest Python, which gets the oldest Django.
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    (django,) = (entry for entry in PYPROJECT["project"]["dependencies"] if entry.startswith("django>="))

    assert versions_of("Programming Language :: Python") == [oldest, *(python for python, _ in environments)]
    assert versions_of("Framework :: Django") == [
        re.search(r">=([\d.]+)", django)[1],
        *(version for _, version in environments),
    ]


@pytest.mark.parametrize("package", ["django", "urllib3"])
def test_what_we_use_the_inside_of_is_bounded_from_above(package):
    (entry,) = (entry for entry in PYPROJECT["project"]["dependencies"] if re.match(rf"{package}[<>=]", entry))

    assert "<" in entry
    assert f"{package} " in re.search(r"^BOUNDED=\((.*)\)$", CI, re.MULTILINE)[1] + " "


def test_the_readme_needs_nothing_beside_it_on_a_package_index():
    tokens = MarkdownIt("commonmark").parse((ROOT / "README.md").read_text())
    inline = [child for token in tokens for child in token.children or ()]
    targets = [
        child.attrGet("href") or child.attrGet("src") for child in inline if child.type in ("link_open", "image")
    ]

    assert targets
    assert [target for target in targets if not re.match(r"https://|#", target)] == []
