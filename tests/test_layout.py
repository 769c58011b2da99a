"""The repository itself: what a stranger meets first, and what must not be left lying about."""

import os
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Spelt so that this line is none of them. (Without "#" the triple X is ISO 4217's "no currency".)
LEFT_OVERS = re.compile(r"\b(TO[D]O|FIX[M]E|NotImplemented[E]rror)\b|#.*\bXX[X]\b")


@pytest.fixture(scope="module")
def files():
    """The project's files: all but what .gitignore names, without asking git, which may not be installed."""
    listed = ROOT / ".gitignore"
    ignored = listed.read_text().split() if listed.exists() else []
    found = []
    for folder, folders, names in os.walk(ROOT):
        inside = Path(folder)
        folders[:] = [name for name in folders if not is_left_out(inside / name, ignored)]
        found += [inside / name for name in names if not is_left_out(inside / name, ignored)]
    return found


def is_left_out(path, ignored):
    if path.name == ".git" or (path / "pyvenv.cfg").exists():
        return True
    inside = path.relative_to(ROOT).as_posix()
    return any(
        fnmatch(inside if "/" in pattern.rstrip("/") else path.name, pattern.rstrip("/"))
        for pattern in ignored
        if path.is_dir() or not pattern.endswith("/")
    )


def test_what_git_ignores_is_left_out():
    assert is_left_out(ROOT / ".git", [])
    assert is_left_out(ROOT / "tests" / "odd.pyc", ["*.py[cod]"])
    assert is_left_out(ROOT / "tests", ["tests/"])
    assert not is_left_out(ROOT / "README.md", ["README.md/", "*.py[cod]"])
    assert is_left_out(ROOT / "docs" / "protocol.md", ["docs/protocol.md"])
    assert not is_left_out(ROOT / "docs" / "protocol.md", ["protocol/", "other/protocol.md"])


def test_no_python_file_has_left_overs(files):
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFT_OVERS.search(line)
    ]

    assert lines == []


def test_no_text_names_a_folder_of_the_machine_it_was_written_on(files):
    # As a whole path only: a checkout in /app or /src is not named by "example/app/".
    machine = {
        folder: re.compile(rb"(?<![\w.~/-])" + re.escape(os.fsencode(folder)) + b"/")
        for folder in {str(ROOT), str(Path.home())} - {"/"}
    }

    named = [
        f"{path.relative_to(ROOT)}: {folder}/"
        for path in files
        for folder, name in machine.items()
        if name.search(path.read_bytes())
    ]

    assert named == []


def test_every_test_module_says_what_it_is_about(files):
    silent = [
        str(path.relative_to(ROOT))
        for path in files
        if path.is_relative_to(ROOT / "tests")
        and path.name.startswith(("test_", "conftest"))
        and not path.read_text().lstrip().startswith(('"""', 'r"""'))
    ]

    assert silent == []


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readmes_first_screen_shows_the_two_commands(command):
    first_screen = (ROOT / "README.md").read_text().splitlines()[:60]

    assert any(line.strip().startswith(command) for line in first_screen)


def test_ci_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
