"""Run the shop of tests/stacks on every stack of its table, and write what came of it into docs/compatibility.md.

    python -m scripts.stacks                      # all rows, two at a time
    python -m scripts.stacks --only psycopg2      # rows whose name or group has one of these words
    python -m scripts.stacks --fast --jobs 3      # the steps that need no burst, three rows at a time; writes nothing
    python -m scripts.stacks --list

Each row has an environment of its own under build/stacks, a database server of its own, and a sandbox of its own.
Results are kept in tests/stacks/results.json; those of rows that were not run stay. Exit status 1 if a row is red that
the table does not explain, or holds although the table says that it does not; 77 if no row can run on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scripts.environments import ROOT, MissingHereError, NotInstalledError, environment
from scripts.throwaway import KINDS, ProgramsMissingError, ThrowawayError
from tests.settings import database_from_url
from tests.stacks import parts
from tests.stacks.results import Result, is_explained, is_explained_now, read_results, summary, write_results
from tests.stacks.rows import FRONTS, ROWS, SERVERS, SUB_PATH, Row
from tests.stacks.story import Story, StoryError

SEEDED, SEEDED_FAST = 2200, 30
FAST = ("purchase", "underpaid", "refund", "live pages")
NOT_RUN = 77
TRIES_OF_WHAT_IS_NOT_SUPPORTED = 3
SECRETS = ("sandbox-api-secret", "sandbox-callback-secret")


class RowError(Exception):
    """A row could not be tried to its end."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    chosen = _choose(options)
    if not chosen:
        print("no row has such a name", file=sys.stderr)
        return 64
    if options.list:
        print("\n".join(f"{row.group}: {row.name}" for row in chosen))
        return 0
    # So that what was started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    steps = FAST if options.fast else options.steps
    is_kept = not (options.keep or steps)
    one_at_a_time = threading.Lock()

    def run_and_report(row: Row) -> str:
        if options.red and is_explained_now(row):
            return "skipped"  # another run has done it meanwhile
        result = run(row, steps)
        with one_at_a_time:
            print(f"{row.name} ... {summary(row, result)}", flush=True)
            if result["log"]:
                print(textwrap.indent(result["log"], "    "))
            if is_kept and not result["missing"]:
                # After each row, so that a run that is broken off keeps what it has seen.
                seen = {name: value for name, value in result.items() if name not in {"log", "missing"}}
                write_results(read_results() | {row.name: seen})
        return "skipped" if result["missing"] else "passed" if is_explained(row, result) else "failed"

    pool = ThreadPoolExecutor(options.jobs)
    try:
        count = Counter(pool.map(run_and_report, chosen))
    finally:
        pool.shutdown(cancel_futures=True)  # whoever breaks it off waits for the rows that run, and starts no other
    if is_kept:
        subprocess.run([sys.executable, "-m", "scripts.document"], cwd=ROOT, check=True)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    if not (count["passed"] or count["failed"]):
        print("not run: no row can run here; each of them says why")
        return NOT_RUN
    return 1 if count["failed"] else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.stacks", description="Try every stack of tests/stacks.")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="rows whose name or group has one of these words")
    parser.add_argument("--exactly", nargs="+", metavar="NAME", help="rows of these names")
    parser.add_argument("--red", action="store_true", help="of these, rows without a result as the table says")
    parser.add_argument("--list", action="store_true", help="print the rows")
    parser.add_argument("--steps", nargs="+", metavar="STEP", help="only these steps of the story; nothing is written")
    parser.add_argument("--fast", action="store_true", help=f"only {', '.join(FAST)}; nothing is written")
    parser.add_argument("--jobs", type=int, default=2, metavar="NUMBER", help="as many rows at a time")
    parser.add_argument("--keep", action="store_true", help="leave results.json and the page as they are")
    return parser.parse_args(arguments)


def _choose(options: argparse.Namespace) -> list[Row]:
    """Return the rows that are meant; none if a name is unknown."""
    named, words = options.exactly, [word.lower() for word in options.only or ()]
    if named:
        rows = [row for row in ROWS if row.name in named]
        return rows if len(rows) == len(set(named)) else []
    rows = [row for row in ROWS if not words or any(word in f"{row.name} {row.group}".lower() for word in words)]
    # Most of what is not supported fails late, under load.
    return [
        row for row in rows if not (options.fast and row.not_supported) and not (options.red and is_explained_now(row))
    ]


# --- one row


def run(row: Row, steps: Collection[str] | None = None) -> Result:
    """Try one row; return what ran, on which versions, and what failed. What is not supported may hold by chance."""
    result = _run_once(row, steps)
    for _ in range(TRIES_OF_WHAT_IS_NOT_SUPPORTED - 1):
        if row.not_supported and result["ok"]:
            result = _run_once(row, steps)
    return result


def _run_once(row: Row, steps: Collection[str] | None) -> Result:
    begun = time.monotonic()
    result: Result = {"ok": False, "failed": "", "versions": {}, "steps": {}, "checks": [], "log": "", "missing": ""}
    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    try:
        _try(row, folder, result, steps)
        result["ok"] = True
    except (ProgramsMissingError, MissingHereError) as error:
        result["missing"] = str(error)
    except (RowError, NotInstalledError, StoryError, ThrowawayError) as error:
        result["failed"] = str(error).splitlines()[0]
        result["log"] = f"{error}\n{_ends_of_logs(folder)}"
    except Exception as error:  # noqa: BLE001  a row that breaks in an unforeseen way is red, and the next one runs
        result["failed"] = f"{type(error).__name__}: {error}".splitlines()[0]
        result["log"] = f"{error!r}\n{_ends_of_logs(folder)}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result["seconds"] = round(time.monotonic() - begun)
    return result


def _ends_of_logs(folder: Path) -> str:
    found = [
        f"{log.name}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        for log in folder.glob("*.log")
        if log.name != "sandbox.log"
    ]
    return "\n".join(found)


def _try(row: Row, folder: Path, result: Result, steps: Collection[str] | None) -> None:
    venv = environment(row.python, row.django, (*SERVERS[row.server].packages, *row.packages))
    with contextlib.ExitStack() as stack:
        seeded = SEEDED if steps is None or "export" in steps else SEEDED_FAST
        story = start(row, folder, venv, result, stack, seeded)
        result["versions"] = _versions(story, row)
        for name, step in story.steps():
            if steps is None or name in steps:
                try:
                    result["steps"][name] = step()
                except StoryError as error:
                    raise StoryError(f"{name}: {error}") from error
        story.fail()
    _look_for_secrets(row, folder)
    result["steps"]["secrets"] = "in no log and no report"


def start(row: Row, folder: Path, venv: Path, result: Result, stack: contextlib.ExitStack, seeded: int) -> Story:
    """Start everything of a row, to be ended with `stack`, and return the story that can be played on it."""
    python = str(venv / "bin" / "python")
    databases = stack.enter_context(_databases(row, folder, venv))
    port, gateway_port = parts.free_port(), parts.free_port()
    prefix = SUB_PATH if row.front == "sub-path" else ""
    shop = f"http://127.0.0.1:{stack.enter_context(_front(row, port))}"
    gateway = f"http://127.0.0.1:{gateway_port}"
    variables = _variables(row, folder, databases, gateway)
    if row.redis:
        variables["STACK_REDIS"] = f"redis://127.0.0.1:{stack.enter_context(parts.redis())}/0"
    if row.rabbitmq:
        variables["STACK_RABBITMQ"] = f"amqp://guest:guest@127.0.0.1:{stack.enter_context(parts.rabbitmq())}//"

    def keep_running(name: str, command: list[str], port: int = 0) -> parts.Process:
        process = parts.Process(name, command, environment=variables, folder=folder, port=port)
        return stack.enter_context(parts.kept_running(process))

    sandbox = ["-m", "cryptopay_django.sandbox", f"--port={gateway_port}", f"--seed={row.name}"]
    sandbox.append(f"--callback-url={shop}{prefix}/cryptopay/callbacks/")
    keep_running("sandbox", [python, *sandbox], gateway_port)
    seed = [python, "-m", "tests.stacks.shop.seed", str(seeded)]
    result["checks"] = _run(seed, variables, "the tables could not be made").split()
    server = keep_running("server", _limited(row.files, _command(SERVERS[row.server].command, venv, port)), port)
    for number, words in enumerate(row.workers):
        keep_running(f"worker-{number}", [python, *words])

    def restart() -> float:
        took = server.end()
        story.meanwhile()
        server.start()
        return took

    story = Story(shop, gateway, seeded=seeded, restart=restart, prefix=prefix, desk=row.desk, lag=row.lag)
    return story


def _look_for_secrets(row: Row, folder: Path) -> None:
    """Raise RowError if a secret is in a log or in what a tracker was sent, or if a tracker was sent nothing."""
    logs = {log.name: log.read_text(errors="replace") for log in folder.glob("*.log") if log.name != "sandbox.log"}
    if shown := sorted(name for name, text in logs.items() if any(secret in text for secret in SECRETS)):
        raise RowError(f"secrets in {', '.join(shown)}")
    if row.setup in {"sentry", "opentelemetry"} and not logs.get("tracker.log"):
        raise RowError("the tracker was told nothing")


def _variables(row: Row, folder: Path, databases: dict[str, Any], gateway: str) -> dict[str, str]:
    stack = {
        "folder": str(folder),
        "gateway": gateway,
        "databases": databases,
        "processing": row.processing,
        "values": dict(row.values),
        "first": row.first,
        "apps": row.apps,
        "outermost": row.outermost,
        "middleware": row.middleware,
        "urls": row.urls,
        "setup": row.setup,
        "collects": row.collects,
        "desk": row.desk,
    }
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "DJANGO_SETTINGS_MODULE": "tests.stacks.shop.settings",
        "STACK": json.dumps(stack),
    }


@contextlib.contextmanager
def _databases(row: Row, folder: Path, venv: Path) -> Iterator[dict[str, Any]]:
    """Yield DATABASES for a row, with its server running."""
    if row.database == "sqlite":
        one = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "shop.sqlite3")}
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"}
        yield {"default": {**one, "OPTIONS": {**options, **row.options}, **row.database_settings}}
        return
    with contextlib.ExitStack() as stack:
        more = {"programs": _copied_programs(venv, row.programs, stack)} if row.programs else {}
        server = stack.enter_context(KINDS[row.database](fsync=False, **more))
        found = database_from_url(server.tcp_url)
        password = unquote(urlsplit(server.tcp_url).password or "")
        if row.pooler:
            found["PORT"] = str(stack.enter_context(parts.pgbouncer(server, password)))
        found["ENGINE"] = row.engine or found["ENGINE"]
        found["OPTIONS"] |= row.options
        databases = {"default": {**found, **row.database_settings}}
        if row.lag:
            port = stack.enter_context(parts.replica(server, password, lag=row.lag))
            databases["replica"] = {**databases["default"], "PORT": str(port), "TEST": {"MIRROR": "default"}}
        yield databases


def _copied_programs(venv: Path, folder: str, stack: contextlib.ExitStack) -> list[Path]:
    """Copy a server that a row's package brings to where its account may read it; return initdb and postgres."""
    package = folder.partition("/")[0]
    (packages,) = venv.glob("lib/python*/site-packages")
    copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stack-")))
    copy.chmod(0o755)
    # Its programs look for their libraries beside the package.
    for found in filter(Path.exists, (packages / folder, packages / f"{package}.libs")):
        shutil.copytree(found, copy / found.relative_to(packages))
    programs = [copy / folder / "bin" / name for name in ("initdb", "postgres")]
    for program in programs:
        program.chmod(0o755)
    return programs


@contextlib.contextmanager
def _front(row: Row, port: int) -> Iterator[int]:
    """Yield the port that customers and the gateway use."""
    if not row.front:
        yield port
        return
    location = f"{SUB_PATH}/" if row.front == "sub-path" else "/"
    with parts.nginx(port, location=location, more=FRONTS[row.front]) as front:
        yield front


def _command(words: tuple[str, ...], venv: Path, port: int) -> list[str]:
    given = [word.format(port=port, venv=venv) for word in words]
    return [str(venv / "bin" / "python"), *given] if given[0] == "-m" else [str(venv / "bin" / given[0]), *given[1:]]


def _limited(files: int, command: list[str]) -> list[str]:
    """Return a command that may open no more than so many files; any number where it is 0."""
    return ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(files), *command] if files else command


def _run(command: list[str], variables: dict[str, str], otherwise: str) -> str:
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RowError(f"{otherwise}: {(done.stderr or done.stdout).strip().splitlines()[-1]}\n{done.stderr[-3000:]}")
    return done.stdout


def _versions(story: Story, row: Row) -> dict[str, str]:
    """Return the versions that ran, as the shop itself says them."""
    packages = [re.split(r"[\[=]", entry)[0] for entry in (*SERVERS[row.server].packages, *row.packages)]
    return dict(story.get("/about/", package=list(dict.fromkeys(packages))).json())


if __name__ == "__main__":
    sys.exit(main())
