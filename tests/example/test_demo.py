"""The parts of the demo that are not the story; `make demo ONCE=1` is what proves the story."""

import os
import socket
import subprocess
import sys

import pytest

from example_project.demo import __main__ as demo
from example_project.demo.processes import ROOT, DemoError, claim_port


@pytest.fixture
def busy_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_busy_port_is_named_with_the_variable_to_set(busy_port):
    with pytest.raises(DemoError, match=rf"port {busy_port} is in use .*\n.*make demo SANDBOX_PORT=\d+"):
        claim_port("SANDBOX_PORT", busy_port)


@pytest.mark.parametrize("text", ["", None])
def test_a_port_that_is_not_given_is_the_default_one(text, monkeypatch):
    monkeypatch.delenv("PORT", raising=False)
    if text is not None:
        monkeypatch.setenv("PORT", text)

    assert demo.read_port("PORT", 8000) == 8000


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8_000", "٨٠٠٠"])
def test_what_is_no_port_is_refused(text, monkeypatch):
    monkeypatch.setenv("PORT", text)

    with pytest.raises(DemoError, match="PORT must be a port number"):
        demo.read_port("PORT", 8000)


def test_the_demo_touches_nothing_when_a_port_is_busy(busy_port, monkeypatch):
    monkeypatch.setenv("PORT", str(busy_port))

    with pytest.raises(DemoError, match=f"port {busy_port} is in use"):
        demo.demo()

    assert not (ROOT / "example_project" / "var" / f"demo-{busy_port}").exists()


def test_two_servers_need_two_ports(monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("SANDBOX_PORT", "8123")

    with pytest.raises(DemoError, match="both 8123"):
        demo.demo()


def test_a_folder_that_saw_an_error_is_kept_and_named():
    with (
        pytest.raises(DemoError, match="it broke\n  Logs and database: ") as caught,
        demo.folder(once=True, port=1) as var,
    ):
        raise DemoError("it broke")

    assert str(var) in str(caught.value)
    assert var.is_dir()
    var.rmdir()


def test_a_child_ends_when_its_parent_is_gone():
    child = subprocess.Popen(
        [sys.executable, "-m", "example_project.demo.tether", "http.server", "--bind=127.0.0.1", "0"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert child.stdout is not None
    assert b"Serving HTTP" in child.stdout.readline()

    child.communicate(timeout=20)

    assert child.returncode == 0
