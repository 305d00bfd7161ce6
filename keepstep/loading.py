"""Loading a command's code, without looking for garbage where none can be."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Within, Python collects no garbage, and later leaves aside what was there when it ended: what modules make as
    they are imported stays, and going through it again and again is a good part of what a short command costs.

    Where nothing was imported, nothing is set aside.
    """
    enabled, before = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
        if enabled:
            gc.enable()
