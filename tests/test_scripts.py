"""The throw-away databases: that they run what they are given, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.throwaway import KINDS, PROGRAMS, ProgramsMissingError
from scripts.with_database import NO_SUCH_COMMAND, PROGRAMS_MISSING, SERVER_FAILED

ROOT = Path(__file__).parent.parent
PRINT_URL = "import os, time; print(os.environ['DATABASE_URL'], flush=True);"


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    try:
        PROGRAMS[request.param]()
    except ProgramsMissingError as missing:
        pytest.skip(str(missing))
    return request.param


@pytest.fixture
def open_folder():
    """A temporary folder like the system's: pytest's own can be entered by nobody else, not by a server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.with_database", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def socket_of(url):
    """The file or folder that the server's private folder holds, or is."""
    return Path(parse_qs(urlsplit(url.strip()).query)["host"][0])


def processes_that_mention(folder):
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [command for command in commands if os.fsencode(folder) in command]


def test_a_command_gets_a_database_and_its_status_is_passed_on(kind):
    code = f"{PRINT_URL} raise SystemExit(7)"

    process = start(kind, "--no-fsync", "--", sys.executable, "-c", code)
    url, errors = process.communicate(timeout=60)

    assert process.returncode == 7, errors
    assert url.startswith(f"{kind}://")
    assert not socket_of(url).exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_then_the_server(kind, signum):
    process = start(kind, "--no-fsync", "--", sys.executable, "-c", f"{PRINT_URL} time.sleep(600)")
    with process:
        socket_file = socket_of(process.stdout.readline())
        assert socket_file.exists()

        process.send_signal(signum)

        # Python turns SIGINT into an exception and then ends itself by that same signal.
        assert process.wait(60) == 128 + signum
    assert not socket_file.exists()
    if Path("/proc/self/cmdline").exists():
        assert processes_that_mention(socket_file) == []


def test_a_signal_during_the_start_leaves_nothing_behind(kind, open_folder):
    process = start(kind, "--", "true", TMPDIR=str(open_folder))
    with process:
        while not list(open_folder.glob("throwaway-*/data")):
            assert process.poll() is None
            time.sleep(0.01)

        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 128 + signal.SIGTERM
    assert list(open_folder.iterdir()) == []


def test_missing_programs_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.programs.MORE_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProgramsMissingError, match="MariaDB is not installed here: mariadb-install-db or"):
        PROGRAMS["mariadb"]()


def test_a_command_that_does_not_exist_has_the_shells_status():
    process = start("postgresql", "--", "no-such-command")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == NO_SUCH_COMMAND
    assert "no-such-command" in errors


def test_the_exit_statuses_differ():
    assert len({NO_SUCH_COMMAND, PROGRAMS_MISSING, SERVER_FAILED}) == 3


def test_a_server_that_does_not_come_up_shows_its_log(kind):
    option = "no_such_setting" if kind == "postgresql" else "no-such-variable"

    with pytest.raises(Exception, match=option), KINDS[kind](options={option: "1"}):
        pass
