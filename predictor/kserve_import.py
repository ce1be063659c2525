"""Importing KServe without its side effects, and without what it brings for others.

It parses `sys.argv` when imported, and would exit on our own flags. It imports pandas, for models that ask for their
input as a frame, and a client of the Kubernetes API with a class for each of a hundred kinds, which a predictor has no
rights to use: most of the time that importing it takes, and 90 MB.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

from predictor.optional_import import without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNUSED = ("pandas", "kserve.api.kserve_client", "kserve.api_client", "kserve.configuration", "kserve.models")


class _Absent(ModuleType):
    """Stands for a module while others take names from it, for annotations and to hand them on."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _InTheirPlace(MetaPathFinder, Loader):
    """Finds an absent module wherever one of `_UNUSED` is looked for, and for all that is in such a one."""

    def find_spec(self, name: str, *_: Sequence[str] | ModuleType | None) -> ModuleSpec | None:
        above = sys.modules.get(name.rpartition(".")[0])
        absent = name in _UNUSED or isinstance(above, _Absent)
        return ModuleSpec(name, self, is_package=True) if absent else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def only_what_serves() -> Iterator[None]:
    """Within the block, hide the command line and what is not used; whoever imports that later gets the real one.

    Rich is hidden for httpx, which has a command line of its own where there is rich.
    """
    arguments, finder = sys.argv, _InTheirPlace()
    sys.argv = arguments[:1]
    sys.meta_path.insert(0, finder)
    try:
        with without("rich"):
            yield
    finally:
        sys.argv = arguments
        sys.meta_path.remove(finder)
        for name, module in list(sys.modules.items()):
            if isinstance(module, _Absent):
                del sys.modules[name]
