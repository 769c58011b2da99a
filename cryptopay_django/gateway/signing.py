"""Signs requests and verifies callbacks, by the gateway's two HMAC schemes. Bytes in, no parsing, no settings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from ..exceptions import SignatureError
from ..redaction import hide_locals

CONTENT_TYPE = "application/json"
SIGNATURE_HEADER = "X-Cryptopay-Signature"

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@hide_locals
def sign_request(*, secret: str, method: str, path: str, date: str, body: bytes = b"") -> str:
    """Return the signature of an API request, base64 of HMAC-SHA1.

    `path` includes the query string and `date` is the very text of the Date header. An empty body
    leaves its line empty: the MD5 of nothing is not what the gateway expects.
    """
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest() if body else ""
    text = "\n".join((method.upper(), digest, CONTENT_TYPE, date, path))
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


@hide_locals
def verify_request(signature: str, *, secret: str, method: str, path: str, date: str, body: bytes = b"") -> bool:
    """Return whether an API request was signed with this secret. The other side of `sign_request`."""
    expected = sign_request(secret=secret, method=method, path=path, date=date, body=body)
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "backslashreplace"))


@hide_locals
def sign_callback(body: bytes, *, secret: str) -> str:
    """Return the signature of a callback, lower-case hex of HMAC-SHA256 over the raw body."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


@hide_locals
def verify_callback(body: bytes, signature: str, *, secrets: Sequence[str]) -> int:
    """Return the index of the secret that signed this body; raise SignatureError when none did.

    Every secret is tried whatever the outcome, in constant time, on bytes: text with a non-ASCII
    character would make `compare_digest` raise.
    """
    if not _HEX_SHA256.fullmatch(signature):
        raise SignatureError("the signature header is missing or is not 64 lower-case hex digits")
    given = signature.encode()
    matches = [hmac.compare_digest(sign_callback(body, secret=secret).encode(), given) for secret in secrets if secret]
    if True not in matches:
        raise SignatureError(f"the signature matches none of the {len(secrets)} callback secrets in force")
    return matches.index(True)
