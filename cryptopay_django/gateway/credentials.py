"""Checks the form of the API key and of the gateway's URL, for clients and for settings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..redaction import hide_locals

API_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
"""What an API key may be made of: it is sent in a header."""


@hide_locals
def check_base_url(base_url: str) -> None:
    """Raise ValueError, which shows nothing of it, for what is no root of an HTTP site: a password may be in it."""
    wrong = "the base URL must be scheme://host[:port] with http or https, without a user, a path or a query"
    try:
        parts = urlsplit(base_url)
        has_root = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    if not has_root or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(wrong)
