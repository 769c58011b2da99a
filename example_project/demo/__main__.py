"""Starts the shop and the sandbox, plays the story, and keeps them up until Ctrl-C.

PORT=8000 SANDBOX_PORT=8100 python -m example_project.demo
ONCE=1 python -m example_project.demo     stops after the story; status 0 if the order was paid once
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

from .balance import BalanceStory
from .processes import ROOT, DemoError, Server, claim_port, running
from .story import Story

CLOSING = """
  The shop is open.

    shop      {shop}/         log in as ada, password ada-demo
    admin     {shop}/admin/   log in as staff, password staff-demo
    gateway   {gateway}/         the sandbox: no coin is real
    logs      {var}

  To pay an order of yours, follow the link to the sandbox's wallet below
  its payment page.

  Ctrl-C stops both.
"""


def read_port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise DemoError(f"{variable} must be a port number, not {text!r}")
    return int(text)


@contextlib.contextmanager
def folder(*, once: bool, port: int) -> Iterator[Path]:
    """Give an empty folder for database, outbox and logs: what the sandbox knows does not last either."""
    if once:
        var = Path(tempfile.mkdtemp(prefix="cryptopay-demo-"))
    else:
        var = ROOT / "example_project" / "var" / f"demo-{port}"
        shutil.rmtree(var, ignore_errors=True)
        var.mkdir(parents=True)
    is_kept = not once
    try:
        yield var
    except Exception as error:
        is_kept = True
        raise DemoError(f"{error}\n  Logs and database: {var}") from error
    finally:
        if not is_kept:
            shutil.rmtree(var, ignore_errors=True)


def prepare(var: Path, *, sandbox_port: int) -> None:
    """Set the environment for us and for the children, whatever this terminal is set up for otherwise."""
    for name in [name for name in os.environ if name.startswith(("SHOP_", "CRYPTOPAY_"))]:
        del os.environ[name]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "example_project.config.settings",
        "SHOP_VAR_DIR": str(var),
        "SANDBOX_PORT": str(sandbox_port),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
    }
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("seed_shop", demo_users=True, verbosity=0)


@contextlib.contextmanager
def both(var: Path, *, port: int, sandbox_port: int) -> Iterator[tuple[Server, Server]]:
    """Run the shop and the sandbox, and tell when each answers."""
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    shop_url, gateway_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
    shop_command = ["django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    gateway_command = [
        "cryptopay_django.sandbox",
        f"--port={sandbox_port}",
        f"--callback-url={shop_url}/cryptopay/callbacks/",
        f"--api-key={account['API_KEY']}",
        f"--api-secret={account['API_SECRET']}",
        f"--callback-secret={account['CALLBACK_SECRETS'][0]}",
    ]
    with (
        running("gateway", gateway_url, gateway_command, log=var / "gateway.log") as gateway,
        running("shop", shop_url, shop_command, log=var / "shop.log") as shop,
    ):
        for server, path in ((gateway, "/control/state"), (shop, "/")):
            seconds = server.wait_until_it_answers(path)
            print(f"     {server.name:<10} {server.url}/ answers after {seconds:.1f} s", flush=True)
        yield shop, gateway


def demo() -> None:
    once = os.environ.get("ONCE", "") not in ("", "0")
    port, sandbox_port = read_port("PORT", 8000), read_port("SANDBOX_PORT", 8100)
    if port == sandbox_port:
        raise DemoError(f"PORT and SANDBOX_PORT are both {port}: they need one each")
    claim_port("PORT", port)
    claim_port("SANDBOX_PORT", sandbox_port)
    with folder(once=once, port=port) as var:
        print("\n  One order, one invoice, one payment: a shop and the sandbox on this machine\n", flush=True)
        prepare(var, sandbox_port=sandbox_port)
        with both(var, port=port, sandbox_port=sandbox_port) as (shop, gateway):
            Story(shop=shop.url, gateway=gateway.url).play()
            print("\n  A balance: an address that stays, an invoice, and a payment that is held\n", flush=True)
            BalanceStory(shop=shop.url, gateway=gateway.url).play()
            if once:
                print("\n  The order was paid exactly once, and the ledgers agree.\n", flush=True)
                return
            print(CLOSING.format(shop=shop.url, gateway=gateway.url, var=var.relative_to(ROOT)), flush=True)
            while True:
                time.sleep(0.5)
                shop.check()
                gateway.check()


def end(*_: object) -> None:
    """Leave through every `finally` on the way, so that the children are stopped."""
    sys.exit(143)


def main() -> int:
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    try:
        demo()
    except DemoError as error:
        print(f"\n  Not as it should be: {error}\n", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\n  Both have stopped.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
