"""Where messages go. An address is a secret: no sentence here holds one, only its number and where it stands."""

from __future__ import annotations

import os
from pathlib import Path

from components.images.regular_files import read_regular
from pipeline.notify.settings import Notify

_MOST_BYTES = 1 << 16
_MOST = 50


class AddressError(ValueError):
    """There are no addresses, or they can't be read; one sentence says where they were looked for."""


def read_addresses(notify: Notify) -> tuple[str, ...]:
    """Return Apprise's addresses, such as `mailto://...`, in the order in which they are numbered, from 1.

    Raises:
        AddressError: There are none, or what is there are none.
    """
    where = notify.file or f"${notify.env}"
    addresses = tuple(_split(_read_file(notify.file) if notify.file else _read_variable(notify.env)))
    if not addresses:
        raise AddressError(f"{where}: no address there; write one a line, such as mailto://USER:PASSWORD@HOST.")
    if len(addresses) > _MOST:
        raise AddressError(f"{where}: {len(addresses)} addresses; expected at most {_MOST}.")
    for number, address in enumerate(addresses, 1):
        if "://" not in address:
            raise AddressError(f"{where}: number {number} is no address; expected SERVICE://..., and no spaces in it.")
    return addresses


def _split(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [address for line in lines for address in line.split()]


def _read_variable(name: str) -> str:
    if name not in os.environ:
        raise AddressError(f"${name}: not set; set it to the addresses that [notify] means.")
    return os.environ[name]


def _read_file(name: str) -> str:
    try:
        return read_regular(Path(name), _MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
    # Outside, for the other error may hold what the file holds.
    raise AddressError(f"{name}: cannot be read ({reason}); name a file of addresses in [notify].")
