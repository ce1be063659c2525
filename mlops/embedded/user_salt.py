"""The secret that user hashes of this home are made with."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.embedded.home import Home


def user_salt(home: Home) -> str:
    """The salt of user hashes, kept so that a user stays the same user; readable by its owner only."""
    path = home.root / ".user-salt"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(16))
    return path.read_text(encoding="utf-8")
