"""Modules that are loaded when something of theirs is used, and not before."""

import importlib.util
import sys
from importlib import import_module
from types import ModuleType


def load_when_used(name: str) -> None:
    """Put off the import of a module until something is asked of it that only it can answer.

    Does nothing where it is loaded already, or is not installed. Python's own LazyLoader
    would load it when anything at all is asked: to write down where a call came from,
    `inspect` asks every module for its file.
    """
    if name in sys.modules:
        return
    package, _, module = name.rpartition(".")
    parent = import_module(package) if package else None
    spec = importlib.util.find_spec(name)
    if spec is None:
        return
    waiting = ModuleType(name)
    waiting.__spec__, waiting.__loader__, waiting.__file__ = spec, spec.loader, spec.origin

    def loaded(attribute: str) -> object:
        """Return an attribute of the module itself, which takes the place of what waited."""
        if sys.modules.get(name) is waiting:
            del sys.modules[name]
        real = import_module(name)
        if parent is not None:
            setattr(parent, module, real)
        return getattr(real, attribute)

    # Python asks a module's own __getattr__ for what the module does not have (PEP 562).
    waiting.__getattr__ = loaded  # type: ignore[method-assign]
    sys.modules[name] = waiting
    if parent is not None:
        setattr(parent, module, waiting)
