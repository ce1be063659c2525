"""What the interpreter itself makes users wait for: the lock that threads share, and the collection of garbage.

`make bench-swap` holds what they come to: with the interpreter's defaults, loading a version beside the traffic made
every answer wait 5 ms at each of its steps, and a full collection stopped all of them for 150 ms.
"""

from __future__ import annotations

import gc
import sys

_TURN_SECONDS = 0.0005


def take_brief_turns() -> None:
    """Have threads hand each other the interpreter after half a millisecond instead of five."""
    sys.setswitchinterval(_TURN_SECONDS)


def keep_for_good() -> None:
    """Never search again what is there now, libraries above all: a full collection then takes only what came since.

    What is garbage in a cycle at this moment is never given back, so call it where little is: after a start.
    """
    gc.freeze()
