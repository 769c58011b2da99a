"""Make the Python environments of the rows of tests/stacks, under build/stacks; `scripts.stacks` runs the rows."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from scripts.hosts import NO_NETWORK
from tests.stacks.rows import BASE

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "stacks"


class NotInstalledError(Exception):
    """Packages cannot be installed."""


class MissingHereError(Exception):
    """This machine has no interpreter of that version, or no way to a package index."""


def environment(python: str, django: str, packages: tuple[str, ...]) -> Path:
    """Return an environment with these packages, before those that every row has. It is made once, and kept."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    all_have = [*(one for one in needed if not one.startswith("django>")), f"django~={django}.0", *BASE]
    base = _environment(python, all_have)
    if not packages:
        return base
    return _environment(python, [*dict.fromkeys(packages), f"django~={django}.0"], base)


def _environment(python: str, requirements: list[str], base: Path | None = None) -> Path:
    """Make an environment, unless it is there. With a base, what that has is found behind its own packages."""
    name = hashlib.sha256(json.dumps([python, requirements, str(base)]).encode()).hexdigest()[:12]
    folder = BUILD / f"{python}-{name}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{python}-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two runs at a time, one makes it
        if not (folder / "complete").exists():
            _make_environment(folder, python, requirements, base)
    return folder


def _make_environment(folder: Path, python: str, requirements: list[str], base: Path | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    interpreter = find_python(python)
    without_pip = ["--without-pip"] if base else []
    subprocess.run([str(interpreter), "-m", "venv", *without_pip, str(folder)], check=True)
    pip = (base or folder) / "bin" / "python"
    if base:
        (found,) = (folder / "lib").glob("python*/site-packages")
        (beneath,) = (base / "lib").glob("python*/site-packages")
        (found / "base.pth").write_text(f"{beneath}\n")
    elsewhere = ["--python", str(folder / "bin" / "python")] if base else []
    command = [str(pip), "-m", "pip", *elsewhere, "install", "--quiet"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", *requirements], capture_output=True, text=True, check=False
    )
    if done.returncode:
        if NO_NETWORK.search(done.stderr):
            raise MissingHereError("a package index cannot be reached")
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "error:" in line]
        raise NotInstalledError(f"cannot be installed: {lines[0] if lines else 'pip failed'}\n{done.stderr[-2500:]}")
    (folder / "complete").touch()


def find_python(version: str) -> Path:
    """Return an interpreter of this version; raise MissingHereError if there is none."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [
        *sorted(home.glob(f"versions/{version}.*/bin/python{version}")),
        Path(shutil.which(f"python{version}") or ""),
    ]
    for candidate in candidates:
        if (
            candidate.name
            and subprocess.run([candidate, "-c", "import venv"], check=False, capture_output=True).returncode == 0
        ):
            return candidate
    raise MissingHereError(f"no Python {version} on this machine")
