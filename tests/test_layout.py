"""The repository itself: what a stranger meets first, and what must not be left lying about."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Spelt so that this line is none of them. (Without "#" the triple X is ISO 4217's "no currency".)
LEFT_OVERS = re.compile(r"\b(TO[D]O|FIX[M]E|NotImplemented[E]rror)\b|#.*\bXX[X]\b")


@pytest.fixture(scope="module")
def tracked():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout, so nothing says which files belong to the project")
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_python_file_has_left_overs(tracked):
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFT_OVERS.search(line)
    ]

    assert lines == []


def test_no_text_names_a_folder_of_the_machine_it_was_written_on(tracked):
    machine = {str(ROOT), str(Path.home())} - {"/"}

    named = [
        f"{path.relative_to(ROOT)}: {folder}/"
        for path in tracked
        for folder in machine
        if f"{folder}/".encode() in path.read_bytes()
    ]

    assert named == []


def test_every_test_module_says_what_it_is_about(tracked):
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked
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
