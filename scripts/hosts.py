"""Run the tests of an adapter on the real packages of its host, in an environment of its own.

    python -m scripts.hosts                     # list the hosts
    python -m scripts.hosts oscar               # a temporary environment
    python -m scripts.hosts oscar --keep        # one below build/hosts, which the next run finds
    python -m scripts.hosts oscar -- -k paid    # options of pytest

A host is a folder of tests/hosts. Its requirements.lock is installed as it is, then this package (the checkout, or
--wheel) and the distribution of integrations/HOST, if there is one. Then pytest runs in the folder. Exit status:
pytest's own; 64 for an unknown host; 70 if something cannot be installed; 77 where the network is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOSTS = ROOT / "tests" / "hosts"
INTEGRATIONS = ROOT / "integrations"
BUILD = ROOT / "build" / "hosts"
LOCK = "requirements.lock"
UNKNOWN, CANNOT_INSTALL, NOT_RUN = 64, 70, 77
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Name or service not known|Network is unreachable"
    r"|Temporary failure in name resolution|getaddrinfo failed|Connection refused"
)
# What a shop's own shell would not have, and what would lead the tests back into the checkout.
NOT_INHERITED = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH", "PYTEST_ADDOPTS", "VIRTUAL_ENV")


class InstallError(Exception):
    """Something cannot be installed."""


class NetworkMissingError(InstallError):
    """A package index cannot be reached."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.hosts",
        description="Run an adapter's tests on its host.",
        epilog="Options of pytest come after --.",
    )
    parser.add_argument("host", nargs="?", help="a folder of tests/hosts; without it they are listed")
    parser.add_argument("--keep", action="store_true", help="keep the environment below build/hosts for the next run")
    parser.add_argument("--python", default=sys.executable, help="the interpreter (default: this one)")
    parser.add_argument("--wheel", type=Path, help="a wheel of this package instead of the checkout")
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    options, pytest_options = parser.parse_args(given[:end]), given[end + 1 :]
    known = find_hosts()
    if options.host is None:
        print("\n".join(known))
        return 0
    if options.host not in known:
        print(f"no such host: {options.host}; tests/hosts has: {', '.join(known) or 'none'}", file=sys.stderr)
        return UNKNOWN
    try:
        with environment_for(options.host, options.python, keep=options.keep) as folder:
            python = install(options.host, folder, options.python, options.wheel)
            return run_tests(options.host, python, pytest_options)
    except NetworkMissingError as error:
        print(f"{error}\nnot run: a package index cannot be reached, and {options.host} has to be installed from it")
        return NOT_RUN
    except InstallError as error:
        print(f"{options.host}: {error}", file=sys.stderr)
        return CANNOT_INSTALL


def find_hosts(folder: Path = HOSTS) -> list[str]:
    """Return the names of the hosts: folders with a lock."""
    return sorted(lock.parent.name for lock in folder.glob(f"*/{LOCK}"))


@contextlib.contextmanager
def environment_for(host: str, python: str, *, keep: bool) -> Iterator[Path]:
    """Make a folder for the environment of a host: a temporary one, or to keep, one for this lock and interpreter."""
    if not keep:
        with tempfile.TemporaryDirectory(prefix=f"hosts-{host}-") as name:
            yield Path(name)
        return
    mark = hashlib.sha256((HOSTS / host / LOCK).read_bytes() + python.encode()).hexdigest()[:12]
    folder = BUILD / f"{host}-{mark}"
    for older in BUILD.glob(f"{host}-*"):
        if older != folder:
            shutil.rmtree(older)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def install(host: str, folder: Path, python: str, wheel: Path | None) -> Path:
    """Install the lock, unless that was done before, and our distributions; return the environment's interpreter."""
    inside, complete = folder / "venv" / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"install {host}", flush=True)
        pip_or_venv([python, "-m", "venv", "--clear", folder / "venv"])
        pip(inside, "install", "--no-deps", "--requirement", HOSTS / host / LOCK)
        complete.touch()
    own = [(wheel or ROOT).resolve()]
    if (INTEGRATIONS / host / "pyproject.toml").exists():
        own.append(INTEGRATIONS / host)
    pip(inside, "install", "--no-deps", "--force-reinstall", *own)
    pip(inside, "check")
    return inside


def pip(python: Path, *arguments: str | Path) -> None:
    """Run the pip of an environment; raise InstallError with what it says."""
    pip_or_venv([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments])


def pip_or_venv(command: Sequence[str | Path]) -> None:
    """Run a command that installs; raise NetworkMissingError or InstallError with what it says."""
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-3000:]
        kind = NetworkMissingError if NO_NETWORK.search(said) else InstallError
        raise kind(f"cannot be installed: {' '.join(map(str, command))}\n{said}")


def run_tests(host: str, python: Path, options: Sequence[str]) -> int:
    """Run pytest in the folder of a host, with that folder's own configuration; return its exit status."""
    folder = HOSTS / host
    own = folder / "pytest.ini"
    configured = ["-c", own if own.exists() else os.devnull, "--rootdir", folder, "--confcutdir", folder]
    command = [python, "-m", "pytest", *configured, *options]
    return subprocess.run(command, cwd=folder, env=environment(), check=False).returncode


def environment() -> dict[str, str]:
    """Return the variables that a command gets."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


if __name__ == "__main__":
    # So that the environment is deleted, and what runs in it is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
