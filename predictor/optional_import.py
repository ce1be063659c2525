"""Importing others' packages as where what they can do without is not installed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within the block `package` counts as not installed, unless it is imported already; afterwards it is as it was."""
    hidden = package not in sys.modules
    if hidden:
        # Which Python itself takes for a module that is not there.
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[package]
