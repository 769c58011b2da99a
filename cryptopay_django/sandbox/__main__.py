"""Run the sandbox from the command line: python -m cryptopay_django.sandbox."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence

from .account import SANDBOX_API_KEY, SANDBOX_API_SECRET, SANDBOX_CALLBACK_SECRET, Account
from .clock import Clock
from .core import Sandbox
from .postman import post
from .server import SandboxServer

_WELCOME = """\
Cryptopay sandbox: it plays the gateway; no coin is worth anything here.

  API and pages   {url}
  callbacks go to {callback_url}
  seed            {seed}
  speed           {speed:g} (1 is real time, 0 stands still)

Paste into your settings:

  CRYPTOPAY_ACCOUNTS = {{
      "default": {{
          "API_KEY": {key!r},
          "API_SECRET": {secret!r},
          "CALLBACK_SECRETS": [{callback_secret!r}],
          "BASE_URL": {url!r},
      }}
  }}

Pay the newest invoice:  curl -d '{{"invoice_id": "..."}}' {url}/control/pay
Stop with Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    options = _parse(arguments)
    account = Account(
        api_key=options.api_key,
        api_secret=options.api_secret,
        callback_secrets=[options.callback_secret],
        callback_url=options.callback_url,
    )
    clock = Clock(speed=options.speed)
    sandbox = Sandbox(account=account, seed=options.seed, clock=clock, post=post)
    try:
        server = SandboxServer((options.host, options.port), sandbox, remote_control=options.remote_control)
    except OSError as error:
        sys.stderr.write(
            f"The sandbox cannot listen on {options.host}:{options.port}: {error.strerror}.\n"
            "Another one may be running there; stop it, or choose another port with --port.\n"
        )
        return 1
    sandbox.state.base_url = server.url
    sys.stdout.write(
        _WELCOME.format(
            url=server.url,
            callback_url=options.callback_url or "nowhere: give --callback-url",
            seed=options.seed,
            speed=options.speed,
            key=options.api_key,
            secret=options.api_secret,
            callback_secret=options.callback_secret,
        )
    )
    sys.stdout.flush()
    server.start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.stdout.write("\nThe sandbox has stopped.\n")
    finally:
        server.stop()
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cryptopay_django.sandbox", description="Play the Cryptopay gateway on this machine."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8100, help="port to listen on, 0 for any free one (default: %(default)s)")
    add("--callback-url", default="", help="where callbacks are posted: your site's callback URL")
    add("--api-key", default=SANDBOX_API_KEY, help="default: %(default)s")
    add("--api-secret", default=SANDBOX_API_SECRET, help="default: %(default)s")
    add("--callback-secret", default=SANDBOX_CALLBACK_SECRET, help="default: %(default)s")
    add("--speed", type=_speed, default=1.0, help="how fast its clock runs: 60 makes a minute a second")
    add("--seed", default=secrets.token_hex(4), help="repeat a run: the same seed gives the same ids")
    add("--remote-control", action="store_true", help="let other machines use the control API too")
    return parser.parse_args(arguments)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 0 to 1000000")
    return speed


if __name__ == "__main__":
    sys.exit(main())
