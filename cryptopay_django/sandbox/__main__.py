"""Runs the sandbox from the command line: `python -m cryptopay_django.sandbox`."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from .account import SANDBOX_API_KEY, SANDBOX_API_SECRET, SANDBOX_CALLBACK_SECRET, Account
from .clock import Clock
from .core import DEFAULT_BASE_URL, Sandbox
from .network_faults import Fault
from .open_questions import QUESTIONS
from .post_callback import post
from .refusals import RefusalError
from .server import SandboxServer
from .state import State
from .storage import StateFile, StateFileError

_WELCOME = """\
Cryptopay sandbox: it plays the gateway; no coin is worth anything here.

  API and pages   {url}
  callbacks go to {callback_url}
  seed            {seed}
  speed           {speed:g} (1 is real time, 0 stands still)
  trouble         {trouble}
  variants        {variants}

Paste into your settings:

  CRYPTOPAY_ACCOUNTS = {{
      "default": {{
          "API_KEY": {key!r},
          "API_SECRET": {secret!r},
          "CALLBACK_SECRETS": [{callback_secret!r}],
          "BASE_URL": {url!r},
      }}
  }}

Pay an invoice in the browser, or:  curl -d '{{"invoice_id": "..."}}' {url}/control/pay
Stop with Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    options = _parse(arguments)
    try:
        sandbox = _open(options)
        server = SandboxServer((options.host, options.port), sandbox, remote_control=options.remote_control)
    except StateFileError as error:
        sys.stderr.write(f"The sandbox cannot start: {error}. Move the file away to begin anew.\n")
        return 1
    except RefusalError as refusal:
        sys.stderr.write(f"The sandbox cannot start: {refusal}.\n")
        return 1
    except OSError as error:
        sys.stderr.write(
            f"The sandbox cannot listen on {options.host}:{options.port}: {error.strerror}.\n"
            "Another one may be running there; stop it, or choose another port with --port.\n"
        )
        return 1
    sandbox.state.base_url = server.url
    sys.stdout.write(_welcome(sandbox))
    sys.stdout.flush()
    server.start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.stdout.write("\nThe sandbox has stopped.\n")
    finally:
        server.stop()
        with sandbox.changed:
            sandbox.note_change()
    return 0


def _open(options: argparse.Namespace) -> Sandbox:
    """Make a sandbox, or take up the one in the state file. What the command line says goes before the file."""
    file = StateFile(options.state) if options.state else None
    state = file.load() if file else None
    if state is None:
        clock = Clock(speed=1.0 if options.speed is None else options.speed)
        state = State(
            seed=options.seed or secrets.token_hex(4), clock=clock, account=Account(), base_url=DEFAULT_BASE_URL
        )
    elif options.speed is not None:
        state.clock.set_speed(options.speed)
    for name in ("api_key", "api_secret", "callback_url"):
        if getattr(options, name) is not None:
            setattr(state.account, name, getattr(options, name))
    if options.callback_secret is not None:
        state.account.change({"callback_secret": options.callback_secret})
    if options.trouble is not None:
        state.trouble.set(options.trouble)
    if options.variant is not None:
        state.variants.change(options.variant)
    return Sandbox(state=state, post=post, keep=file.save) if file else Sandbox(state=state, post=post)


def _welcome(sandbox: Sandbox) -> str:
    state, account = sandbox.state, sandbox.account
    odds = ", ".join(f"{fault} {chance}" for fault, chance in state.trouble.probabilities.items())
    return _WELCOME.format(
        url=state.base_url,
        callback_url=account.callback_url or "nowhere: give --callback-url",
        seed=state.seed,
        speed=state.clock.speed,
        trouble=odds or "none",
        variants=", ".join(f"{name} {answer}" for name, answer in state.variants.chosen.items()) or "none",
        key=account.api_key,
        secret=account.api_secret,
        callback_secret=account.callback_secrets[0],
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cryptopay_django.sandbox", description="Play the Cryptopay gateway on this machine."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8100, help="port to listen on, 0 for any free one (default: %(default)s)")
    add("--callback-url", help="where callbacks are posted: your site's callback URL")
    add("--api-key", help=f"default: {SANDBOX_API_KEY}")
    add("--api-secret", help=f"default: {SANDBOX_API_SECRET}")
    add("--callback-secret", help=f"default: {SANDBOX_CALLBACK_SECRET}")
    add("--speed", type=_speed, help="how fast its clock runs: 60 makes a minute a second (default: 1)")
    add("--seed", help="repeat a run: the same seed gives the same ids, rates and trouble (default: a new one)")
    add("--state", type=Path, metavar="FILE", help="keep everything in this file, so that a restart loses nothing")
    add(
        "--trouble",
        nargs="?",
        type=_pairs,
        const={"all": "0.1"},
        metavar="FAULT=CHANCE,...",
        help=f"make trouble; alone, each fault with a chance of 0.1. Faults: all, {', '.join(Fault)}",
    )
    add(
        "--variant",
        type=_pairs,
        metavar="QUESTION=ANSWER,...",
        help=f"answer what no source proves otherwise than by default. Questions: {', '.join(QUESTIONS)}",
    )
    add("--remote-control", action="store_true", help="let other machines use the control API too")
    return parser.parse_args(arguments)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 0 to 1000000")
    return speed


def _pairs(text: str) -> dict[str, str]:
    pairs = (piece.partition("=") for piece in text.split(","))
    return {name.strip(): chance.strip() for name, _, chance in pairs}


if __name__ == "__main__":
    sys.exit(main())
