"""Modules that are loaded when something of theirs is used, and not before."""

import importlib.util
import sys
from importlib import import_module


def load_when_used(package: str, module: str) -> None:
    """Put off the import of `package.module` until one of its names is asked for.

    Does nothing where it is loaded already. This is the recipe of Python's own
    documentation, with the module set on its package too: `from package import module`
    finds it there, and does not look at it.
    """
    name = f"{package}.{module}"
    if name in sys.modules:  # asked first: to look for the spec of one that waits would load it
        return
    parent = import_module(package)
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    waiting = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(waiting)
    sys.modules[name] = waiting
    setattr(parent, module, waiting)
