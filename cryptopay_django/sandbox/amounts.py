"""Calculates with exact amounts: rounding, the fee, and how amounts are written in JSON."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

# Wide enough for any amount times any rate; a host's own decimal context never reaches in here.
EXACT = Context(prec=60)

FEE_RATE = Decimal("0.01")
ZERO = Decimal(0)

_UNITS = tuple(Decimal(1).scaleb(-places) for places in range(31))


def round_up(value: Decimal, places: int) -> Decimal:
    """Round towards more money: what a customer has to pay, what the service charges."""
    return value.quantize(_UNITS[places], rounding=ROUND_CEILING, context=EXACT)


def cut(value: Decimal, places: int) -> Decimal:
    """Cut the digits that do not fit: what a payment is worth."""
    return value.quantize(_UNITS[places], rounding=ROUND_DOWN, context=EXACT)


def round_half_up(value: Decimal, places: int) -> Decimal:
    """Round to the nearest, so that 0.9 and 0.1 of an amount add up to it again."""
    return value.quantize(_UNITS[places], rounding=ROUND_HALF_UP, context=EXACT)


def fee_of(amount: Decimal, places: int, *, rate: Decimal = FEE_RATE) -> Decimal:
    """Return the service's fee: one per cent or what was agreed, rounded up."""
    return round_up(EXACT.multiply(amount, rate), places)


def decimal_places(value: Decimal) -> int:
    """Count the decimal places that carry digits: 1.50 has one."""
    exponent = EXACT.normalize(value).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def spell(value: Decimal) -> str:
    """Spell an amount as the wire does: no exponent, trailing zeros cut, one decimal kept."""
    text = format(EXACT.normalize(value), "f")
    return text if "." in text else text + ".0"


def spell_scientific(value: Decimal) -> str:
    """Spell a whole number of smallest units as `ethereum:` links carry it: 0.2922619e17."""
    _, digits, exponent = EXACT.normalize(value).as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return "0.0"
    return f"0.{''.join(map(str, digits))}e{exponent + len(digits)}"
