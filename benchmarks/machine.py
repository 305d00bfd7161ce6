"""What the figures were measured on, in words."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path


def described() -> str:
    """Processor, memory, system and versions; no names and no paths."""
    processor = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return (
        f"{os.cpu_count()} cores ({processor}), {memory} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; "
        f"load at the start {os.getloadavg()[0]:.1f}"
    )
