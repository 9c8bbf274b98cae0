"""Modules that TensorFlow and TFX import as they start, and that a run uses late or never, are executed on first use.

It is what `importlib.util.LazyLoader` of the standard library does, for packages, too. Such a module is in sys.modules
and can be imported from, and its submodules are found. The first name that is asked of it executes it, whole and as
ever, so whoever uses it gets all of it. Nothing is left out, and nothing is replaced.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Asked of any module by the import system, by `inspect` and by `warnings`: that is no use of it.
_NO_USE = frozenset({"__path__", "__file__", "__cached__", "__wrapped__", "__warningregistry__"})


def defer_imports(
    names: Collection[str], *, open_packages: Collection[str], leaves: Collection[str], defined_in: Mapping[str, str]
) -> None:
    """Let these modules be executed on first use, unless they are imported already.

    Args:
        names: Full names. A submodule that is not among them is a use of its package, which is executed first, as ever.
        open_packages: Those of them that only hand on names of their submodules, which may be imported alone.
        leaves: Submodules that need nothing of their package, and may be imported alone.
        defined_in: For some of them a leaf that defines names that they hand on: such a name comes from it, and is
            no use of the heavy one.
    """
    sys.meta_path.insert(0, _Finder(frozenset(names), frozenset(open_packages), frozenset(leaves), defined_in))


class _Finder(MetaPathFinder):
    """Finds modules where they are always found, and gives those of some names to another loader."""

    def __init__(
        self,
        names: frozenset[str],
        open_packages: frozenset[str],
        leaves: frozenset[str],
        defined_in: Mapping[str, str],
    ) -> None:
        self._names = names
        self._leaves = leaves
        self._open_packages = open_packages
        self._defined_in = defined_in

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Return the spec of a module that is to be deferred; None leaves it to the other finders."""
        if fullname not in self._names:
            if fullname not in self._leaves:
                self._use_parent(fullname.rpartition(".")[0])
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            submodules = {name.rpartition(".")[2] for name in self._names if name.rpartition(".")[0] == fullname}
            spec.loader = _Loader(spec.loader, self._defined_in.get(fullname), submodules)
        return spec

    def _use_parent(self, parent: str) -> None:
        """Execute a deferred package before a module of it, so that the order is the one that its authors know."""
        package = sys.modules.get(parent)
        if isinstance(package, _DeferredModule) and parent not in self._open_packages:
            package.execute()


class _Loader(Loader):
    """Makes the module and does not execute it."""

    def __init__(self, loader: Loader, definitions: str | None, submodules: set[str]) -> None:
        self._loader = loader
        self._definitions = definitions
        self._submodules = submodules

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that executes itself on first use."""
        module = _DeferredModule(spec.name)
        vars(module)["_deferred"] = _State(threading.RLock(), self._definitions, self._submodules)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Hand the module back to its own loader, for the time when it is used."""
        assert module.__spec__
        module.__spec__.loader = module.__loader__ = self._loader


@dataclass(slots=True)
class _State:
    lock: Any
    definitions: str | None
    submodules: set[str]
    executing: bool = False


class _DeferredModule(ModuleType):
    """A module that is executed when a name is asked of it that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        """Execute the module, unless the name can be had without.

        Another thread that asks meanwhile waits for the end of it.
        """
        state: _State | None = vars(self).get("_deferred")
        if state and not state.executing:
            if name in _NO_USE or name in state.submodules:  # the import system then imports the submodule
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
            if state.definitions and hasattr(definitions := importlib.import_module(state.definitions), name):
                setattr(self, name, getattr(definitions, name))
                return vars(self)[name]
        self.execute()
        if name in vars(self):
            return vars(self)[name]
        if "__getattr__" in vars(self):  # the module's own, PEP 562
            return vars(self)["__getattr__"](name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def execute(self) -> None:
        """Execute the module, once; in its midst it is what any module is that is being imported."""
        state: _State | None = vars(self).get("_deferred")
        if state is None:
            return
        with state.lock:
            if state.executing or "_deferred" not in vars(self):
                return  # this thread is at it, or another has done it
            state.executing = True
            try:
                self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]
            except BaseException:
                state.executing = False
                raise
            del vars(self)["_deferred"]
            self.__class__ = ModuleType  # type: ignore[assignment]
