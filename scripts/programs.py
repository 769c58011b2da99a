"""Finds a server's programs, and runs them in a private folder until a block ends. `throwaway` says which servers."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 60
STOP_SECONDS = 30
KILL_SECONDS = 5

# Where packages put what is not always on a user's PATH.
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


class ThrowawayError(Exception):
    """A throw-away server cannot be had."""


class ProgramsMissingError(ThrowawayError):
    """The server's programs are not installed on this machine."""


class ServerFailedError(ThrowawayError):
    """The server was started and did not come up."""


def find_programs(product: str, *names: Sequence[str], folders: Sequence[str] = ()) -> list[Path]:
    """Find one program for each list of alternative names: on the PATH, else all in one of the folders."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *MORE_FOLDERS])
    newest_first = sorted((folder for pattern in folders for folder in Path("/").glob(pattern[1:])), reverse=True)
    for path in [search, *map(str, newest_first)]:
        found = [next(filter(None, (shutil.which(name, path=path) for name in some)), None) for some in names]
        if all(found):
            return [Path(program) for program in found if program]
    wanted = ", ".join(" or ".join(some) for some in names)
    raise ProgramsMissingError(f"{product} is not installed here: {wanted} not found on PATH or in the usual folders")


@contextlib.contextmanager
def private_folder(service: str) -> Iterator[tuple[Path, str | None]]:
    """Make a folder that only its server can read, and say which account to run it as.

    Servers refuse to run as root: then it is the service's own account, or `nobody`.
    """
    account = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        account = next((name for name in (service, "nobody") if name in names), None)
        if account is None:
            raise ThrowawayError(f"root cannot run the server, and there is no user {service!r} or 'nobody'")
    folder = Path(tempfile.mkdtemp(prefix="throwaway-"))
    try:
        if account:
            shutil.chown(folder, user=account)
        yield folder, account
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_to_completion(command: Sequence[str | Path], *, folder: Path, account: str | None, text: str = "") -> None:
    """Run a program that prepares a server's folder; an interruption ends its children as well."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            **credentials(account),
        )
    try:
        process.communicate(text.encode())
    finally:
        kill_group(process)
    if process.returncode:
        raise ServerFailedError(f"{command[0]} ended with status {process.returncode}:\n{last_lines(folder)}")


@contextlib.contextmanager
def running(
    command: Callable[[int], Sequence[str | Path]],
    is_ready: Callable[[], bool],
    *,
    folder: Path,
    account: str | None,
    stop_with: signal.Signals,
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `command(port)` until the block ends; another port when somebody else took the first one."""
    for attempts_left in (2, 1, 0):
        port = free_port()
        with (folder / "log").open("ab") as log:
            # A session of its own: Ctrl-C at the terminal is for the tests, not for the server under them.
            process = subprocess.Popen(
                command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                **credentials(account),
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and not (ready := is_ready()):
                if time.monotonic() > deadline:
                    raise ServerFailedError(f"no answer within {START_SECONDS} s:\n{last_lines(folder)}")
                time.sleep(0.05)
            if process.poll() is None and ready:
                yield process, port
                return
        finally:
            stop(process, stop_with)
        if not attempts_left or "in use" not in last_lines(folder):
            raise ServerFailedError(f"the server ended with status {process.returncode}:\n{last_lines(folder)}")


def stop(process: subprocess.Popen[bytes], stop_with: signal.Signals) -> None:
    process.send_signal(stop_with)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a session, and wait until nobody writes to its folder any more."""
    deadline = time.monotonic() + KILL_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(0.01)
    process.wait()


def credentials(account: str | None) -> dict[str, Any]:
    return {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []} if account else {}


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        port: int = candidate.getsockname()[1]
        return port


def last_lines(folder: Path, count: int = 20) -> str:
    return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-count:])
