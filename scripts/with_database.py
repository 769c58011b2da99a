"""Run a command with a throw-away database: `python -m scripts.with_database postgresql -- make test`.

The command finds the database in DATABASE_URL. The server and its folder are gone when the command has
ended, also when it was ended by SIGINT, SIGTERM or SIGHUP, which are passed on to it.

Exit status: the command's own (128 + N when signal N ended it); 127 no such command; 69 the server's
programs are not installed; 70 the server did not come up.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from types import FrameType

from scripts.throwaway import KINDS, ProgramsMissingError, ThrowawayError

PATIENCE_SECONDS = 15
NO_SUCH_COMMAND, PROGRAMS_MISSING, SERVER_FAILED = 127, 69, 70


class Conductor:
    """Passes signals on to the one child, and never lets one end this process while a server runs."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.launching = False
        self.early: int | None = None
        # At a terminal Ctrl-C reaches the child without us; elsewhere its process group gets it from us.
        self.own_group = not sys.stdin.isatty()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self.handle)
        signal.signal(signal.SIGALRM, self.lose_patience)

    def handle(self, signum: int, _frame: FrameType | None) -> None:
        if self.child is not None:
            self.send(signum)
            signal.alarm(PATIENCE_SECONDS)
        elif self.launching or self.early:
            self.early = signum
        else:
            self.early = signum
            raise SystemExit(128 + signum)

    def lose_patience(self, _signum: int, _frame: FrameType | None) -> None:
        self.send(signal.SIGKILL)

    def send(self, signum: int) -> None:
        if self.child is None or self.child.returncode is not None:
            return
        if self.own_group:
            os.killpg(self.child.pid, signum)
        elif signum != signal.SIGINT:
            self.child.send_signal(signum)

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        self.launching = True
        self.child = subprocess.Popen(command, env=environment, process_group=0 if self.own_group else None)
        if self.early:
            self.handle(self.early, None)
        status = self.child.wait()
        signal.alarm(0)
        return status if status >= 0 else 128 - status


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.with_database", description="Run a command with a throw-away database."
    )
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--no-fsync", action="store_true", help="faster; for tests, not for benchmarks")
    parser.add_argument("command", nargs="+", help="after --")
    options = parser.parse_args(arguments)
    if shutil.which(options.command[0]) is None:
        print(f"{options.command[0]}: no such command", file=sys.stderr)
        return NO_SUCH_COMMAND
    conductor = Conductor()
    try:
        with KINDS[options.kind](fsync=not options.no_fsync) as server:
            return conductor.run(options.command, {**os.environ, "DATABASE_URL": server.url})
    except ProgramsMissingError as error:
        print(error, file=sys.stderr)
        return PROGRAMS_MISSING
    except ThrowawayError as error:
        print(f"{options.kind}: {error}", file=sys.stderr)
        return SERVER_FAILED


if __name__ == "__main__":
    sys.exit(main())
