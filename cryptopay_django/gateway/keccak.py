"""Calculates Keccak-256 as Ethereum uses it, from before SHA-3 was standardised. No standard library has it.

One permutation serves both; they differ in one byte of padding. So the tests compare `sponge` with hashlib's SHA3-256.
Nothing here is secret: it checks the spelling of addresses.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_RATE = 136
_ROUNDS = 24


def keccak_256(message: bytes) -> bytes:
    """Return the hash that Ethereum calls keccak256."""
    return sponge(message, padding=0x01)


def sponge(message: bytes, *, padding: int) -> bytes:
    """Absorb a message and squeeze 32 bytes; 0x01 pads as Keccak, 0x06 as SHA3-256."""
    padded = bytearray(message) + bytes(_RATE - len(message) % _RATE)
    padded[len(message)] ^= padding
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK


def _round_constants() -> list[int]:
    """Return the constants of the rounds, from the shift register that defines them."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


_CONSTANTS = _round_constants()


def _permute(lanes: list[int]) -> None:
    """Apply Keccak-f[1600]; the lane of column x and row y stands at x + 5 y."""
    for constant in _CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for x in range(5):
            mixed = columns[x - 1] ^ _rotate(columns[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                lanes[x + y] ^= mixed
        x, y, held = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            held, lanes[x + 5 * y] = lanes[x + 5 * y], _rotate(held, (step + 1) * (step + 2) // 2 % 64)
        for y in range(0, 25, 5):
            row = lanes[y : y + 5]
            for x in range(5):
                lanes[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        lanes[0] ^= constant
