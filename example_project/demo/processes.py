"""The two servers of the demo as child processes: started, waited for, stopped."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30


class DemoError(Exception):
    """Something is not as it should be; the message is for the person at the terminal."""


class Server:
    """One child process, its address and its log."""

    def __init__(self, name: str, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.url = url
        self.process = process
        self.log = log

    def check(self) -> None:
        """Raise DemoError with the end of its log when it is no longer running."""
        if self.process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
            raise DemoError(f"the {self.name} ended with status {self.process.returncode}:\n{tail}")

    def wait_until_it_answers(self, path: str) -> float:
        """Return after how many seconds it answered."""
        begun = time.monotonic()
        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() - begun < PATIENCE:
                self.check()
                with contextlib.suppress(requests.RequestException):
                    if session.get(self.url + path, timeout=5).ok:
                        return time.monotonic() - begun
                time.sleep(0.05)
        raise DemoError(f"the {self.name} does not answer at {self.url}; its log: {self.log}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(name: str, url: str, command: list[str], *, log: Path) -> Iterator[Server]:
    """Run a module with its arguments until the block ends, or this process does, in whatever way."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own command lines)
            [sys.executable, "-m", "example_project.demo.tether", *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop the children in order
        )
    server = Server(name, url, process, log)
    try:
        yield server
    finally:
        server.stop()


def claim_port(variable: str, port: int) -> None:
    """Raise DemoError, naming the variable to set, if the port is in use."""
    if not is_free(port):
        other = port + 10 if port < 65000 else port - 10
        raise DemoError(f"port {port} is in use on this machine.\n  Choose another one: make demo {variable}={other}")


def is_free(port: int) -> bool:
    with socket.socket() as caller, socket.socket() as probe:
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return False
        # As the servers do: a port whose last connections are only cooling down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
