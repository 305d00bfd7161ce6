"""The local Prefect server's own process: it ends when the process that started it is gone, however that one ended."""

from __future__ import annotations

import os
import signal
import sys
import threading


def _follow_parent() -> None:
    """The other end of standard input is the parent's alone, so it closes with the parent."""
    # Not through sys.stdin: a thread that waits inside its buffer breaks the interpreter's end.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # The server gets a moment to close its database; what still runs then is ended.
    threading.Timer(10, os._exit, (1,)).start()


def main(port: int) -> None:
    threading.Thread(target=_follow_parent, daemon=True).start()
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
