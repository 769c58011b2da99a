"""Every command of the documentation exists, with the options that are given; those that harm nothing are run."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError

from cryptopay_django.sandbox.__main__ import _parse

from .pages import OF_HOSTS, PAGES, ROOT, blocks, commands

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HARMLESS = {
    "check", "cryptopay_doctor", "cryptopay_groups", "cryptopay_prune", "cryptopay_reconcile", "cryptopay_worker",
}  # fmt: skip
ALL = sorted(
    {
        line
        for page in PAGES
        if page not in OF_HOSTS
        for block in blocks(page, "sh", "cron")
        for line in commands(block)
    }
)
OURS = [line for line in ALL if line.startswith("python manage.py ")]


def parse(name: str, arguments: list[str]) -> argparse.Namespace:
    command = load_command_class(get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    parser.called_from_command_line = False
    return parser.parse_args(arguments)


def is_a_management_command(name: str, *arguments: str) -> None:
    if name != "runserver":
        parse(name, list(arguments))


def installs_an_extra_that_exists(*arguments: str) -> None:
    assert arguments[0] == "install"
    packages = [argument for argument in arguments[1:] if not argument.startswith("--")]
    for package in packages:
        name, _, extras = package.removesuffix("]").partition("[")
        assert name == PROJECT["name"]
        assert set(filter(None, extras.split(","))) <= set(PROJECT["optional-dependencies"])


def is_a_target(*arguments: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for argument in arguments:
        assert re.search(rf"^{re.escape(argument.partition('=')[0])}(:| \?=)", makefile, re.MULTILINE)


def is_a_module_with_these_options(module: str, *arguments: str) -> None:
    if module == "cryptopay_django.sandbox":
        _parse(list(arguments))
    else:
        # Celery's commands are run by tests/proofs/test_celery.py.
        assert module in {"venv", "pytest", "celery", "twine"} or (ROOT / f"{module.replace('.', '/')}.py").exists()


def is_a_part_of_ci(*parts: str) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for part in parts:
        assert f"\npart_{part}() {{" in script


ROADS: dict[str, Callable[..., None]] = {
    "python manage.py ": is_a_management_command,
    "python -m ": is_a_module_with_these_options,
    "django-admin ": is_a_management_command,
    "pip ": installs_an_extra_that_exists,
    "make ": is_a_target,
    ".ci/run": is_a_part_of_ci,
}


@pytest.mark.parametrize("line", ALL)
def test_a_command_exists_with_its_options(line: str) -> None:
    if line.startswith(("curl ", "git ", ". .venv/")):
        return
    (start,) = [start for start in ROADS if line.startswith(start)]

    ROADS[start](*shlex.split(line.removeprefix(start)))


def is_harmless(line: str) -> bool:
    """Whether it calls nobody outside, and ends by itself."""
    name = line.split()[2]
    return name in HARMLESS and "--callback-url" not in line and (name != "cryptopay_worker" or "--once" in line)


@pytest.mark.parametrize("line", list(filter(is_harmless, OURS)))
def test_a_harmless_command_runs(line: str, db: None, cryptopay_sandbox: object) -> None:
    name, *arguments = shlex.split(line.removeprefix("python manage.py "))
    output = io.StringIO()
    # The doctor finds no callbacks and no worker here, and says so by its status.
    told = (CommandError, SystemExit) if name == "cryptopay_doctor" else ()

    with contextlib.suppress(*told):
        call_command(name, *arguments, stdout=output, stderr=output)

    assert "Traceback" not in output.getvalue()
