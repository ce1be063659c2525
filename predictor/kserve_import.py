"""Importing KServe without its side effects: it parses `sys.argv` when imported, and would exit on our own flags."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_arguments() -> Iterator[None]:
    """Hide the command line within the block."""
    arguments = sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.argv = arguments
