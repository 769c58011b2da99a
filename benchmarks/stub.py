"""The other side of the wire, as fast as a plain Python process can be: `python -m benchmarks.stub PORT`.

Answers for any invoice that it is paid and completed, and for any payment intent that it succeeded.
Checks no signature, keeps nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

from benchmarks.bodies import payment_intent, snapshot

_ACCOUNT = {"id": "acct_benchmark", "object": "account", "livemode": False, "settings": {}, "metadata": {}}


class Stub(asyncio.Protocol):
    """One kept connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            if len(rest) < length:
                return
            self.received = rest[length:]
            body = json.dumps(answer(head.split(b" ", 2)[1].decode(), rest[:length])).encode()
            self.transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )


def answer(path: str, body: bytes) -> dict[str, object]:
    """Return what the gateway says to this request."""
    plain = path.partition("?")[0]
    last = plain.rstrip("/").rpartition("/")[2]
    if plain.startswith("/v1/payment_intents/"):
        return payment_intent(last.removeprefix("pi_"))
    if plain.startswith("/v1/account"):
        return _ACCOUNT
    if body:
        asked = json.loads(body)
        made = snapshot(str(uuid.uuid4()), "new", paid_amount="0.0", transactions=[])
        return {"data": {**made, "custom_id": asked["custom_id"]}}
    return {"data": snapshot(last)}


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
