"""Importing KServe without its side effects, and without what it brings for others.

It parses `sys.argv` when imported, and would exit on our own flags. It imports pandas, for models that ask for their
input as a frame, and a client of the Kubernetes API, which a predictor has no rights to use: half of the time that
importing it takes, and 90 MB.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNUSED = ("pandas", "kserve.api.kserve_client")


class _Absent(ModuleType):
    """Stands for a module while others take names from it, for annotations and to hand them on."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@contextmanager
def only_what_serves() -> Iterator[None]:
    """Within the block, hide the command line and what is not used; whoever imports that later gets the real one."""
    arguments = sys.argv
    sys.argv = arguments[:1]
    absent = {name: _Absent(name) for name in _UNUSED if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        sys.argv = arguments
        for name, module in absent.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
