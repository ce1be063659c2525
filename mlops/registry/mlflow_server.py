"""MLflow's own command line on a leash: `python -m mlops.registry.mlflow_server server …` is `mlflow server …`.

It ends when its standard input does. Whoever starts it holds the other end of that pipe, and the kernel closes that
even for a process that is killed: without it, a killed `recipes up` would leave MLflow behind, holding the port.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading

_STDIN = 0


def main() -> None:
    """Run MLflow's command with this process' arguments until it ends or the leash does."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    runpy.run_module("mlflow", run_name="__main__")


def _end_with_stdin() -> None:
    # Not sys.stdin: its lock, held by a thread, makes the interpreter abort when it shuts down.
    while os.read(_STDIN, 1):
        pass
    # MLflow hands the signal on to the web server that it started.
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
