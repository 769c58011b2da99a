"""Shows the pages with settings: the account's settings and balances, and the trouble maker.

The service calls Japanese `jp`, which is no code of a language: a browser asks for `ja`, and so does the markup.
"""

from __future__ import annotations

from ..account import Handling
from ..core import Sandbox
from ..network_faults import API_FAULTS, CALLBACK_FAULTS, MEANINGS, Fault
from ..open_questions import QUESTIONS
from ..routing import Response
from .frame import button, desk_page, facts, field, form, select
from .hosted_parts import spell_coins
from .html import Html, el, join

_HANDLINGS: dict[str, str] = {
    Handling.MANUAL: "do nothing, I will handle them",
    Handling.REFUND: "refund to my account",
    Handling.RECALCULATE: "settle at the new rate",
}
_ENDINGS = {"completed": "returns the overage: completed", "refunded": "returns all of it: refunded"}
_SHARES = {"0": "never", "0.05": "1 in 20", "0.1": "1 in 10", "0.25": "1 in 4", "0.5": "every other", "1": "always"}


def show_account(sandbox: Sandbox) -> Response:
    """Return the account: what it does with unresolved invoices, where callbacks go, balances."""
    account = sandbox.account
    settings = form(
        "settings",
        *(
            field(name.replace("_", " ").capitalize(), select(name, _HANDLINGS, getattr(account, name)))
            for name in ("underpaid", "overpaid", "paid_late")
        ),
        field(
            "A refund of an overpaid invoice",
            select("overpaid_refund_ends", _ENDINGS, account.overpaid_refund_ends),
            "The service is known to do either.",
        ),
        field("Callback URL", el("input", name="callback_url", type="url", value=account.callback_url)),
        field(
            "New callback secret",
            el("input", name="callback_secret", autocomplete="off"),
            "Signs from now on. Keep the old one in your settings until all that it signed has arrived.",
        ),
        el("p", el("button", "Save", type="submit", class_="main")),
        class_="fields wide",
    )
    balances = {currency: spell_coins(amount) for currency, amount in sorted(account.balances.items())}
    none_yet = el("p", "Nothing yet: what is completed or refunded to the account shows here.", class_="hint")
    reset = button("Forget everything", "reset", {}, kind="danger", hint="Invoices, callbacks, settings, time")
    identity = {"API key": account.api_key, "Seed": sandbox.state.seed}
    return desk_page(
        sandbox,
        "Account",
        "/account",
        el("section", el("h2", "Unresolved invoices and callbacks"), settings),
        el("section", el("h2", "Balances"), facts(balances) if balances else none_yet),
        el("section", el("h2", "This sandbox"), facts(identity), reset),
    )


def show_variants(sandbox: Sandbox) -> Response:
    """Return the open questions about the service, and the answers that are played."""
    variants = sandbox.state.variants
    fields = [
        field(
            f"{name}: {question.text}",
            select(name, {answer: f"{answer}: {text}" for answer, text in question.answers.items()}, variants[name]),
        )
        for name, question in QUESTIONS.items()
    ]
    words = "No source proves these. Try your shop with each answer."
    save = el("p", el("button", "Set", type="submit", class_="main"))
    return desk_page(
        sandbox,
        "Variants",
        "/variants",
        el(
            "section",
            el("h2", "Open questions"),
            el("p", words, class_="hint"),
            form("variants", *fields, save, class_="fields wide"),
        ),
    )


def show_trouble(sandbox: Sandbox) -> Response:
    """Return the switches of the trouble maker."""
    trouble = sandbox.state.trouble
    stop = button("No more trouble", "trouble", {"off": True})
    switches = form(
        "trouble",
        el("h3", "Callbacks"),
        *(_switch(sandbox, fault) for fault in CALLBACK_FAULTS),
        el("h3", "The API"),
        *(_switch(sandbox, fault) for fault in API_FAULTS),
        el("p", el("button", "Set", type="submit", class_="main"), stop),
    )
    planned = ", ".join(mishap.fault for mishap in trouble.planned)
    words = "By chance, always the same with the same seed; or for certain, the very next time."
    return desk_page(
        sandbox,
        "Trouble",
        "/trouble",
        el(
            "section",
            el("h2", "Trouble maker"),
            el("p", words, class_="hint"),
            el("p", f"Planned: {planned}", class_="notice") if planned else None,
            switches,
        ),
    )


def _switch(sandbox: Sandbox, fault: Fault) -> Html:
    chance = sandbox.state.trouble.probabilities.get(fault)
    chosen = format(chance, "f") if chance else "0"
    shares = _SHARES if chosen in _SHARES else _SHARES | {chosen: chosen}
    now = button("Next one", "trouble", {"next": [{"fault": fault.value}]})
    after = button("Next one, after the effect", "trouble", {"next": [{"fault": fault.value, "after_effect": True}]})
    both = fault in {Fault.RESET, Fault.ERROR, Fault.TIMEOUT}
    name = fault.value.replace("_", " ").capitalize()
    return el(
        "div",
        field(name, select(fault.value, shares, chosen), MEANINGS[fault]),
        join(now, after if both else None),
        class_="switch",
    )
