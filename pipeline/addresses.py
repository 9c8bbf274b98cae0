"""Addresses of data as they may be shown: a key that stands in one belongs in no log, record or report."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

# What Arrow reads from an address beside keys: https://arrow.apache.org/docs/python/filesystems.html#s3
_OPEN = {"region", "scheme", "endpoint_override", "allow_bucket_creation", "anonymous"}


def hide_keys(address: str) -> str:
    """Return an address without user, password and parameters that may be keys; a folder as it is."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _OPEN], safe=":/")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()
