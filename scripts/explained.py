"""Changes that no test can tell from the code as it is, each with why. `scripts/mutate.py` tries all others too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.mutants import Mutant


@dataclass(frozen=True)
class Explained:
    """Survivors: in this function these lines, as a run prints them, become what this pattern fits; and why."""

    file: str
    within: str
    old: str
    new: str
    why: str

    def fits(self, mutant: Mutant) -> bool:
        """Whether it is about this one."""
        is_there = (mutant.file, mutant.within, mutant.old) == (self.file, self.within, self.old)
        return is_there and re.fullmatch(self.new, mutant.new) is not None


SIGNING, MERGE, EVENTS = "gateway/signing.py", "services/snapshots/merge.py", "services/events/outbox.py"
BACKOFF = "services/backoff.py"
COMPARISON = "services/snapshots/compare.py"
APPROVAL, SCHEMAS = "services/resolution/approval.py", "gateway/schemas.py"
JSON, VALUES = "gateway/strictjson.py", "gateway/values.py"
TYPES = "for the type checker; nothing is done with it"
ONE_DATABASE = "with one database a model is routed as none is"
NAMED = "the pattern names each character, so the flag is for the reader"
FINITE = "F differs from f only in how it writes what is not finite"
SLOTS = "slots make it small; that nothing can be written into it is `frozen`"
SPELLING = "Python takes the name of an algorithm or an encoding in either spelling"

EXPLAINED: tuple[Explained, ...] = (
    Explained(
        SIGNING,
        "module",
        '_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)',
        r".*\{64\}\", \)",
        NAMED,
    ),
    Explained(
        SIGNING,
        "sign_request",
        'digest = hashlib.md5(body, usedforsecurity=False).hexdigest() if body else ""',
        r".*md5\(body, (usedforsecurity=(None|True))?\).*",
        "it matters only where Python was built without MD5",
    ),
    Explained(
        SIGNING,
        "sign_request",
        'return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()',
        ".*SHA1.*",
        SPELLING,
    ),
    Explained(
        SIGNING,
        "verify_request",
        'return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "backslashreplace"))',
        ".*UTF-8.*",
        SPELLING,
    ),
    Explained(
        SIGNING, "sign_callback", 'return hmac.digest(secret.encode(), body, "sha256").hex()', ".*SHA256.*", SPELLING
    ),
    *(
        Explained(file, within, f'{name.upper()} = "{name}"', ".*", "members are compared; nobody reads a value")
        for file, within, names in (
            (COMPARISON, "Relation", ("ahead", "same", "behind", "conflict", "unknown")),
            (MERGE, "Source", ("callback", "answer", "get")),
        )
        for name in names
    ),
    Explained(
        COMPARISON,
        "module",
        "_RANK = {InvoiceStatus.NEW: 0, InvoiceStatus.UNRESOLVED: 1} | dict.fromkeys(FINAL_STATUSES, 2)",
        r".*dict\.fromkeys\(FINAL_STATUSES, 3\)",
        "only the order of ranks counts",
    ),
    Explained(
        COMPARISON,
        "relation",
        "return Relation.AHEAD if theirs > ours else Relation.BEHIND",
        ".*theirs >= ours.*",
        "ranks that are equal do not come as far as this line",
    ),
    Explained(
        MERGE,
        "merge_snapshot",
        'message: str = "",',
        ".*XXXX.*",
        "every text but the one that CONFIRMATION_EVENT names means the same",
    ),
    Explained(
        MERGE,
        "_merge_amounts",
        "if advance or snapshot.paid_amount > invoice.paid_amount:",
        ".*>=.*",
        "an amount that is set to itself is no change",
    ),
    Explained(
        MERGE,
        "status_event",
        "detail: dict[str, str] = {}",
        ".*None",
        "`new_event` makes the same of both",
    ),
    Explained(
        EVENTS,
        "module",
        '_NAMESPACE = uuid.UUID("6f0f3c3e-5a58-4d0e-9a4b-2f1c7d9be001")',
        ".*6F0F3C3E.*",
        "a UUID is the same in either spelling",
    ),
    Explained(
        EVENTS,
        "write_events",
        'once_committed(InvoiceEvent, level, "%s: event %s", event.named, event.kind, extra=extra)',
        r"once_committed\(None,.*",
        ONE_DATABASE,
    ),
    Explained(
        EVENTS,
        "read_about",
        'return ChannelPayment.objects.primary().select_related("channel").get(pk=event.channel_payment_id)',
        r".*select_related\(None\).*",
        "the channel is then read by a statement more",
    ),
    Explained(
        APPROVAL,
        "approve_resolution",
        'row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)',
        r".*select_related\(None\).*",
        "the invoice is then read by a statement more",
    ),
    Explained(
        APPROVAL,
        "approve_resolution",
        "_check_waiting(locked, approver=person)",
        r"_check_waiting\(locked, (approver=None)?\)",
        "who planned it never changes, and was compared before",
    ),
    Explained(
        APPROVAL,
        "approve_resolution",
        "with write_transaction(Resolution, durable=True):",
        r".*\(Resolution, (durable=(None|False))?\):",
        "`read_anew` has refused an open transaction before",
    ),
    Explained(
        APPROVAL,
        "approve_resolution",
        "with write_transaction(Resolution, durable=True):",
        r".*\(None, durable=True\):",
        ONE_DATABASE,
    ),
    Explained(
        APPROVAL,
        "withdraw_resolution",
        "with write_transaction(Resolution):",
        r".*\(None\):",
        ONE_DATABASE,
    ),
    Explained(APPROVAL, "_drop", "with write_transaction(Resolution):", r".*\(None\):", ONE_DATABASE),
    Explained(
        MERGE,
        "_merge_identity",
        'if value not in (None, "") and getattr(invoice, name) in (None, "")',
        ".*XXXX.*",
        "an empty text in place of an empty text is no change",
    ),
    Explained(
        BACKOFF,
        "backoff",
        "return timedelta(seconds=min(10 * 2 ** min(failures - 1, 10), 3600))",
        r".*min\(failures - 1, 11\).*",
        "an hour is the most in either case",
    ),
    *(
        Explained(
            SCHEMAS,
            name,
            f"@dataclass(frozen=True, slots=True{more})",
            rf"@dataclass\(frozen=True, (slots=(None|False))?{more}\)|@dataclass\(frozen=True{more}\)",
            SLOTS,
        )
        for names, more in (
            (("Transaction", "CallbackMessage", "_Envelope"), ""),
            (("InvoiceSnapshot", "Recalculation", "Refund"), ", kw_only=True"),
        )
        for name in names
    ),
    Explained(
        JSON,
        "module",
        'Json: TypeAlias = Union[bool, int, Decimal, str, "list[Json]", "dict[str, Json]", Odd, None]',
        r"Json: TypeAlias = None",
        TYPES,
    ),
    Explained(
        JSON,
        "module",
        r"""_MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)""",
        r".*\]', \)",
        "a backslash before the end of a line is no JSON, and is refused as that",
    ),
    Explained(JSON, "module", '_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)', r".*\{1,64\}\", \)", NAMED),
    Explained(JSON, "_parse", 'text = body.decode("utf-8")', ".*UTF-8.*", SPELLING),
    Explained(JSON, "Odd", "@dataclass(frozen=True, slots=True)", r".*True, (slots=(None|False))?\)", SLOTS),
    Explained(
        JSON,
        "parse_json_tolerantly",
        'return _replace_strings(parsed) if "\\\\u" in text else parsed',
        r".* or True else parsed",
        "a short cut: where nothing is to be replaced, nothing is",
    ),
    Explained(JSON, "dump_json", 'return _text_of(value).encode("utf-8")', ".*UTF-8.*", SPELLING),
    Explained(
        JSON, "_text_of", "return json.dumps(value, ensure_ascii=False)", ".*ensure_ascii=None.*", "None is as false"
    ),
    Explained(JSON, "_text_of", 'return format(value, "f")', '.*"F".*', FINITE),
    Explained(
        JSON,
        "_check_depth",
        'if text.count("[") + text.count("{") <= most:',
        ".* < most:",
        "a short cut: at the limit counting comes to the same",
    ),
    Explained(
        JSON,
        "_check_depth",
        'depth += 1 if mark in "[{" else -1',
        ".*XX.*",
        "a bracket is no letter",
    ),
    Explained(
        JSON,
        "_read_fraction",
        'number = Decimal("NaN")',
        r"number = Decimal\(\"(nan|NAN)\"\)",
        "Python reads it in any spelling",
    ),
    Explained(JSON, "module", 'T = TypeVar("T")', ".*", TYPES),
    Explained(VALUES, "module", 'T = TypeVar("T")', ".*", TYPES),
    Explained(
        VALUES,
        "module",
        '_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)',
        r".*A-F.*re\.IGNORECASE \| re\.ASCII\)",
        "capitals or not is all one to it",
    ),
    Explained(
        VALUES,
        "module",
        r'_LINK = re.compile(r"https?://[^\s/?#\\@][^\s\\]*", re.IGNORECASE)',
        r".*HTTPS.*re\.IGNORECASE\)",
        "capitals or not is all one to it",
    ),
    Explained(VALUES, "Codec", "@dataclass(frozen=True, slots=True)", r".*True, (slots=(None|False))?\)", SLOTS),
    Explained(VALUES, "amount_text", 'whole, _, decimals = format(amount, "f").partition(".")', '.*"F".*', FINITE),
    Explained(
        VALUES,
        "amount_text",
        "return f\"{whole}.{decimals.rstrip('0') or '0'}\"",
        ".*XX0XX.*",
        "there is no letter among decimals",
    ),
    Explained(VALUES, "plain_text", 'return format(amount, "f")', '.*"F".*', FINITE),
    Explained(VALUES, "read_object", 'return cast("dict[str, Json]", value)', r"return cast\(.*, value\)", TYPES),
    *(
        Explained(
            VALUES,
            "_read_signed_amount",
            old,
            rf".*cast\((None|\"XXDecimalXX\"|\"decimal\"|\"DECIMAL\"), value\){more}",
            TYPES,
        )
        for old, more in (
            ('if _is_number(value) and cast("Decimal", value) < 0:', " < 0:"),
            ('return _EXACT.minus(_read_amount(_EXACT.minus(cast("Decimal", value)), path))', r"\), path\)\)"),
        )
    ),
    Explained(
        VALUES,
        "_read_signed_amount",
        'if _is_number(value) and cast("Decimal", value) < 0:',
        ".*<= 0:",
        "zero is its own opposite",
    ),
    Explained(VALUES, "module", "Notes: TypeAlias = tuple[str, ...]", ".*", TYPES),
    *(
        Explained(VALUES, within, old, r".*cast\(.*\).*", TYPES)
        for within, old in (
            ("_read_address", 'address = cast("str", _ADDRESS.read(value, path))'),
            ("_read_url", 'return cast("str", _ONE_LINE.read(value, path)).strip()'),
        )
    ),
    Explained(
        VALUES, "_spell_number", 'decimals = decimals.rstrip("0")', ".*XX0XX.*", "there is no letter among decimals"
    ),
    Explained(
        VALUES,
        "_read_details",
        'return tuple(value) if isinstance(value, list) else (cast("Json", value),)',
        r"return tuple\(value\) if isinstance\(value, list\) else \(cast\(.*, value\),\)",
        TYPES,
    ),
    *(
        Explained(
            VALUES,
            "module",
            f"{name} = Annotated[str, text(field_lengths.{name.upper()}_LENGTH, empty=False)]",
            ".*empty=None.*",
            "None is as false",
        )
        for name in ("Code", "Pair", "Txid")
    ),
)
