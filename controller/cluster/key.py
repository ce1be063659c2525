"""Which Model: its name, and the namespace that it is in."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """What is worked on. Two Models of one name in two namespaces have nothing to do with each other."""

    namespace: str
    model: str
