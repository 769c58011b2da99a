"""Throw-away database servers, for tests and benchmarks: made in a temporary folder, gone afterwards.

    with postgresql() as server:
        os.environ["DATABASE_URL"] = server.url

Only the standard library, and only programs that a distribution's server packages install.
"""

import contextlib
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from scripts.programs import (
    ProgramsMissingError,
    ServerFailedError,
    ThrowawayError,
    find_programs,
    free_port,
    private_folder,
    run_to_completion,
    running,
)

__all__ = [
    "KINDS",
    "PROGRAMS",
    "ProgramsMissingError",
    "Server",
    "ServerFailedError",
    "ThrowawayError",
    "find_programs",
    "free_port",
    "mariadb",
    "mysql",
    "postgresql",
    "private_folder",
    "run_to_completion",
    "running",
]

DATABASE = "shop"
POSTGRESQL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


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
        without = "DELETE FROM mysql.global_priv WHERE User IN ('', 'root');\nFLUSH PRIVILEGES;\n"
        files = _Files(folder, account, data, socket_file, password)
        with _serving("mariadb", server, variables, files, without) as running_server:
            yield running_server


@contextlib.contextmanager
def mysql(*, fsync: bool = True, options: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a MySQL of its own; `options` are server variables, with dashes."""
    (server,) = mysql_programs()
    variables = {
        "character-set-server": "utf8mb4",
        "max-connections": "200",
        "mysqlx": "OFF",
        "secure-file-priv": "NULL",
    }
    if not fsync:
        variables |= {"innodb-flush-log-at-trx-commit": "0", "innodb-doublewrite": "0", "skip-log-bin": "ON"}
    variables |= options or {}
    with private_folder("mysql") as (folder, account):
        data, socket_file, password = folder / "data", folder / "socket", secrets.token_hex(16)
        run_to_completion(
            [server, "--no-defaults", f"--datadir={data}", "--initialize-insecure"], folder=folder, account=account
        )
        files = _Files(folder, account, data, socket_file, password)
        with _serving("mysql", server, variables, files, "DROP USER root@localhost;\n") as running_server:
            yield running_server


@dataclass(frozen=True)
class _Files:
    folder: Path
    account: str | None
    data: Path
    socket: Path
    password: str


@contextlib.contextmanager
def _serving(
    kind: str, server: Path, variables: Mapping[str, str], files: _Files, first: str = ""
) -> Iterator[Server]:
    """Run a server on its folder of data. `first` is SQL that is executed before its user is made."""
    # Executed before the first connection is accepted.
    (files.folder / "init.sql").write_text(
        f"{first}CREATE USER root@'%' IDENTIFIED BY '{files.password}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;\n"
        f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"
    )

    def command(port: int) -> list[str | Path]:
        fixed = [
            f"--datadir={files.data}",
            f"--socket={files.socket}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
        ]
        named = [f"--pid-file={files.folder / 'pid'}", f"--init-file={files.folder / 'init.sql'}"]
        return [server, "--no-defaults", *fixed, *named, *(f"--{n}={v}" for n, v in variables.items())]

    def is_ready() -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(files.socket))
            return bool(connection.recv(1))
        return False

    with running(command, is_ready, folder=files.folder, account=files.account, stop_with=signal.SIGTERM) as (
        process,
        port,
    ):
        user = f"{kind}://root:{files.password}@"
        yield Server(
            kind=kind,
            url=f"{user}/{DATABASE}?host={quote(str(files.socket), safe='')}",
            tcp_url=f"{user}127.0.0.1:{port}/{DATABASE}",
            port=port,
            folder=files.folder,
            process=process,
        )


def postgresql_programs() -> list[Path]:
    return find_programs("PostgreSQL", ["initdb"], ["postgres"], folders=POSTGRESQL_FOLDERS)


def mariadb_programs() -> list[Path]:
    # The first one is a script that needs the last one, which Debian packages with the client.
    install, server = ["mariadb-install-db", "mysql_install_db"], ["mariadbd", "mysqld"]
    return find_programs("MariaDB", install, server, ["my_print_defaults"])


def mysql_programs() -> list[Path]:
    (server,) = found = find_programs("MySQL", ["mysqld"])
    # MariaDB's packages have a program of this name, too.
    if "MariaDB" in subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout:
        raise ProgramsMissingError(f"MySQL is not installed here: {server} is MariaDB")
    return found


KINDS: dict[str, Callable[..., contextlib.AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
    "mysql": mysql,
}
PROGRAMS: dict[str, Callable[[], list[Path]]] = {
    "postgresql": postgresql_programs,
    "mariadb": mariadb_programs,
    "mysql": mysql_programs,
}
