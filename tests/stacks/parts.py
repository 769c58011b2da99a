"""What stands around a shop: poolers, brokers, proxies and the processes of a row. Started here, ended here."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.throwaway import (
    POSTGRESQL_FOLDERS,
    ProgramsMissingError,
    Server,
    ServerFailedError,
    find_programs,
    free_port,
    private_folder,
    run_to_completion,
    running,
)

START_SECONDS = 60
STOP_SECONDS = 30


def answers(port: int) -> bool:
    """Return whether something listens on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def pgbouncer(server: Server, password: str) -> Iterator[int]:
    """Run PgBouncer in transaction mode before a PostgreSQL, and yield its port."""
    (program,) = find_programs("PgBouncer", ["pgbouncer"])
    with private_folder("postgres") as (folder, account):
        (folder / "users").write_text(f'"postgres" "{password}"\n')
        taken: list[int] = []

        def command(port: int) -> list[str | Path]:
            taken[:] = [port]
            (folder / "pgbouncer.ini").write_text(
                "[databases]\n"
                f"shop = host=127.0.0.1 port={server.port} dbname=shop\n"
                "[pgbouncer]\n"
                "listen_addr = 127.0.0.1\n"
                f"listen_port = {port}\n"
                "unix_socket_dir =\n"
                "auth_type = plain\n"
                f"auth_file = {folder / 'users'}\n"
                "pool_mode = transaction\n"
                "default_pool_size = 4\n"
                "max_client_conn = 200\n"
                "ignore_startup_parameters = extra_float_digits\n"
            )
            return [program, folder / "pgbouncer.ini"]

        with running(command, lambda: answers(taken[0]), folder=folder, account=account, stop_with=signal.SIGINT) as (
            _,
            port,
        ):
            yield port


@contextlib.contextmanager
def redis() -> Iterator[int]:
    """Run a Redis that keeps nothing, and yield its port."""
    (program,) = find_programs("Redis", ["redis-server"])
    with private_folder("redis") as (folder, account):
        taken: list[int] = []

        def command(port: int) -> list[str | Path]:
            taken[:] = [port]
            return [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]

        with running(command, lambda: answers(taken[0]), folder=folder, account=account, stop_with=signal.SIGTERM) as (
            _,
            port,
        ):
            yield port


@contextlib.contextmanager
def rabbitmq() -> Iterator[int]:
    """Run a RabbitMQ that keeps nothing, and yield its port. Its port mapper is one of its own, too."""
    (mapper,) = find_programs("Erlang", ["epmd"])
    (program,) = find_programs("RabbitMQ", ["rabbitmq-server"])
    with private_folder("rabbitmq") as (folder, account):
        taken: list[int] = []

        def listen(port: int) -> list[str | Path]:
            taken[:] = [port]
            return [mapper, "-port", str(port), "-address", "127.0.0.1"]

        def command(port: int) -> list[str | Path]:
            variables = {
                "HOME": folder,
                "ERL_EPMD_PORT": mapper_port,
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODENAME": "stack@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": port,
                "RABBITMQ_DIST_PORT": free_port(),
                "RABBITMQ_MNESIA_BASE": folder / "mnesia",
                "RABBITMQ_LOGS": "-",
                "RABBITMQ_PID_FILE": folder / "pid",
                "RABBITMQ_CONF_ENV_FILE": folder / "none",
                "RABBITMQ_CONFIG_FILE": folder / "none",
                "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
            }
            taken[:] = [port]
            return ["env", *(f"{name}={value}" for name, value in variables.items()), program]

        kept: dict[str, Any] = {"folder": folder, "account": account}
        with (
            running(listen, lambda: answers(taken[0]), stop_with=signal.SIGTERM, **kept) as (_, mapper_port),
            running(command, lambda: answers(taken[0]), stop_with=signal.SIGTERM, **kept) as (_, port),
        ):
            yield port


@contextlib.contextmanager
def replica(primary: Server, password: str, *, lag: int) -> Iterator[int]:
    """Run a streaming replica of a PostgreSQL that shows commits after `lag` seconds, and yield its port."""
    copy, postgres = find_programs("PostgreSQL", ["pg_basebackup"], ["postgres"], folders=POSTGRESQL_FOLDERS)
    with private_folder("postgres") as (folder, account):
        data = folder / "data"
        source = f"postgresql://postgres:{password}@127.0.0.1:{primary.port}/"
        run_to_completion(
            [copy, "--pgdata", data, "--dbname", source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
            folder=folder,
            account=account,
        )
        settings = {"fsync": "off", "max_connections": "200", "recovery_min_apply_delay": f"{lag}s"}

        def command(port: int) -> list[str | Path]:
            given = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder)}
            return [postgres, "-D", data, *(f"--{name}={value}" for name, value in (settings | given).items())]

        def is_ready() -> bool:
            with contextlib.suppress(OSError):
                return (data / "postmaster.pid").read_text().splitlines()[7:] == ["ready   "]
            return False

        with running(command, is_ready, folder=folder, account=account, stop_with=signal.SIGINT) as (_, port):
            yield port


@contextlib.contextmanager
def nginx(upstream: int, *, location: str, more: str) -> Iterator[int]:
    """Run nginx before a server, and yield its port. `more` is what the row sets for its location."""
    (program,) = find_programs("nginx", ["nginx"])
    with private_folder("www-data") as (folder, account):
        taken: list[int] = []

        def command(port: int) -> list[str | Path]:
            taken[:] = [port]
            kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            paths = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
            # With a path behind the address, nginx takes the prefix away.
            behind = "/" if location != "/" else ""
            (folder / "nginx.conf").write_text(
                f"worker_processes 1;\npid {folder / 'pid'};\nerror_log stderr;\n"
                "events { worker_connections 512; }\n"
                f"http {{\naccess_log off;\n{paths}"
                f"upstream shop {{ server 127.0.0.1:{upstream}; keepalive 8; }}\n"
                f"server {{\nlisten 127.0.0.1:{port};\n"
                f"location {location} {{\nproxy_pass http://shop{behind};\nproxy_set_header Host $http_host;\n"
                f"proxy_set_header X-Forwarded-For $remote_addr;\n{more}\n}}\n}}\n}}\n"
            )
            return [program, "-c", folder / "nginx.conf", "-p", folder, "-g", "daemon off;"]

        with running(command, lambda: answers(taken[0]), folder=folder, account=account, stop_with=signal.SIGQUIT) as (
            _,
            port,
        ):
            yield port


class Process:
    """One program of a row: its log, and a port to wait for."""

    def __init__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, port: int = 0
    ) -> None:
        self.name, self.command, self.environment, self.port = name, list(command), dict(environment), port
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, in a session of its own, and wait until it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.log.parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.port and not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailedError(f"{self.name} did not come up:\n{self.tail()}")
            time.sleep(0.05)

    def end(self) -> float:
        """Ask it to stop, and return after how many seconds it had; kill what is left after STOP_SECONDS."""
        if self.process is None:
            return 0.0
        begun = time.monotonic()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        took = time.monotonic() - begun
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        return took

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def kept_running(process: Process) -> Iterator[Process]:
    """Keep a process running until the block ends."""
    try:
        process.start()
        yield process
    finally:
        process.end()


__all__ = [
    "Process",
    "ProgramsMissingError",
    "ServerFailedError",
    "free_port",
    "kept_running",
    "nginx",
    "pgbouncer",
    "rabbitmq",
    "redis",
    "replica",
]
