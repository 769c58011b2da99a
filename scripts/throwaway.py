"""Throw-away database servers, for tests and benchmarks: made in a temporary folder, gone afterwards.

    with postgresql() as server:
        os.environ["DATABASE_URL"] = server.url

Only the standard library, and only programs that a distribution's server packages install.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

DATABASE = "shop"
START_SECONDS = 60
STOP_SECONDS = 30
KILL_SECONDS = 5

# Where packages put what is not always on a user's PATH.
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")
POSTGRESQL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


class ThrowawayError(Exception):
    """A throw-away server cannot be had."""


class ProgramsMissingError(ThrowawayError):
    """The server's programs are not installed on this machine."""


class ServerFailedError(ThrowawayError):
    """The server was started and did not come up."""


@dataclass(frozen=True)
class Server:
    """A running server. `url` goes through its private socket, `tcp_url` through a loopback port."""

    kind: str
    url: str
    tcp_url: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextlib.contextmanager
def postgresql(
    *, fsync: bool = True, options: Mapping[str, str] | None = None, programs: Sequence[Path] | None = None
) -> Iterator[Server]:
    """Run a PostgreSQL of its own. `options` are settings of its configuration, `programs` are initdb and postgres."""
    initdb, postgres = programs or postgresql_programs()
    settings = {"logging_collector": "off", "max_connections": "200"}
    if not fsync:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    settings |= options or {}
    with private_folder("postgres") as (folder, account):
        data, password = folder / "data", secrets.token_hex(16)
        (folder / "password").write_text(password)
        run_to_completion(
            [
                *(initdb, "--pgdata", data, "--username", "postgres", "--pwfile", folder / "password"),
                *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            folder=folder,
            account=account,
        )
        run_to_completion(
            [postgres, "--single", "-D", data, "postgres"],
            folder=folder,
            account=account,
            text=f"CREATE DATABASE {DATABASE}\n",
        )

        def command(port: int) -> list[str | Path]:
            given = {
                "port": str(port),
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": str(folder),
            }
            return [
                postgres,
                "-D",
                data,
                *(f"--{name}={value}" for name, value in (settings | given).items()),
            ]

        def is_ready() -> bool:
            # The eighth line of the lock file is what `pg_ctl start --wait` looks at as well.
            with contextlib.suppress(OSError):
                return (data / "postmaster.pid").read_text().splitlines()[7:] == ["ready   "]
            return False

        with running(command, is_ready, folder=folder, account=account, stop_with=signal.SIGINT) as (
            process,
            port,
        ):
            user = f"postgresql://postgres:{password}@"
            yield Server(
                kind="postgresql",
                url=f"{user}:{port}/{DATABASE}?host={quote(str(folder), safe='')}",
                tcp_url=f"{user}127.0.0.1:{port}/{DATABASE}",
                port=port,
                folder=folder,
                process=process,
            )


@contextlib.contextmanager
def mariadb(*, fsync: bool = True, options: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a MariaDB of its own; `options` are server variables, with dashes."""
    install, server = find_programs("MariaDB", ["mariadb-install-db", "mysql_install_db"], ["mariadbd", "mysqld"])
    variables = {"character-set-server": "utf8mb4", "max-connections": "200"}
    if not fsync:
        variables |= {"innodb-flush-log-at-trx-commit": "0", "innodb-doublewrite": "0"}
    variables |= options or {}
    with private_folder("mysql") as (folder, account):
        data, socket_file, password = folder / "data", folder / "socket", secrets.token_hex(16)
        run_to_completion(
            [
                *(install, "--no-defaults", f"--datadir={data}"),
                *("--skip-test-db", "--auth-root-authentication-method=normal"),
            ],
            folder=folder,
            account=account,
        )
        # Executed before the first connection is accepted.
        (folder / "init.sql").write_text(
            "DELETE FROM mysql.global_priv WHERE User IN ('', 'root');\n"
            "FLUSH PRIVILEGES;\n"
            f"CREATE USER root@'%' IDENTIFIED BY '{password}';\n"
            "GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;\n"
            f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"
        )

        def command(port: int) -> list[str | Path]:
            fixed = [
                f"--datadir={data}",
                f"--socket={socket_file}",
                f"--port={port}",
                "--bind-address=127.0.0.1",
            ]
            files = [f"--pid-file={folder / 'pid'}", f"--init-file={folder / 'init.sql'}"]
            return [server, "--no-defaults", *fixed, *files, *(f"--{n}={v}" for n, v in variables.items())]

        def is_ready() -> bool:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(socket_file))
                return bool(connection.recv(1))
            return False

        with running(command, is_ready, folder=folder, account=account, stop_with=signal.SIGTERM) as (
            process,
            port,
        ):
            user = f"mariadb://root:{password}@"
            yield Server(
                kind="mariadb",
                url=f"{user}/{DATABASE}?host={quote(str(socket_file), safe='')}",
                tcp_url=f"{user}127.0.0.1:{port}/{DATABASE}",
                port=port,
                folder=folder,
                process=process,
            )


def postgresql_programs() -> list[Path]:
    return find_programs("PostgreSQL", ["initdb"], ["postgres"], folders=POSTGRESQL_FOLDERS)


def mariadb_programs() -> list[Path]:
    # The first one is a script that needs the last one, which Debian packages with the client.
    install, server = ["mariadb-install-db", "mysql_install_db"], ["mariadbd", "mysqld"]
    return find_programs("MariaDB", install, server, ["my_print_defaults"])


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


KINDS: dict[str, Callable[..., contextlib.AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
}
PROGRAMS: dict[str, Callable[[], list[Path]]] = {
    "postgresql": postgresql_programs,
    "mariadb": mariadb_programs,
}
