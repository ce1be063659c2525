"""What the interpreter itself makes users wait for: the lock that threads share, the collection of garbage, and memory.

`make bench-swap` holds what they come to: with the interpreter's defaults, loading a version beside the traffic made
every answer wait 5 ms at each of its steps, and a full collection stopped all of them for 150 ms.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress
from threading import get_native_id

_TURN_SECONDS = 0.0005
# Of gc.set_threshold: objects more than before, and how many collections of the younger come before one of the older.
_YOUNG, _MIDDLE, _OLD = 10_000, 20, 50
# Of nice(2): a third of the share of a thread that stays where it was.
_STEPS_BACK = 5
# glibc's mallopt(3): what is larger comes from the kernel by itself, and how much may lie unused at the heap's end.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGE_BYTES = 256 << 20, 64 << 20


def take_brief_turns() -> None:
    """Have threads hand each other the interpreter after half a millisecond instead of five."""
    sys.setswitchinterval(_TURN_SECONDS)


def step_back() -> None:
    """Have the thread that calls stand back behind the others of the process where there are more than cores.

    Those that answer do: the loop's thread needs a fifth of a core, but in turns of microseconds, each of which another
    request waits for. As one of many that want a core all the time it had each of them after milliseconds.
    """
    if sys.platform != "linux":  # elsewhere a thread has no priority of its own by these calls
        return
    with suppress(OSError):  # of a sandbox that forbids it: what answers as before is better than what does not
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _STEPS_BACK)


def collect_rarely() -> None:
    """Search for garbage in cycles more rarely than by default.

    Imports make hundreds of thousands of objects and hardly a cycle: of the processor's time until a predictor was
    ready a tenth went into searching them. An answer leaves hardly a cycle behind either, and makes some hundred
    objects, so that the interpreter's 700 were made by every few of them. Of 32 at once the slowest hundredth waited
    half as long again.
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def keep_for_good() -> None:
    """Never search again what is there now, libraries above all: a full collection then takes only what came since.

    What is garbage in a cycle at this moment is never given back, so call it where little is: after a start. The rest
    is searched more rarely, for those too that did not ask for it before.
    """
    gc.freeze()
    collect_rarely()


def keep_memory() -> None:
    """Have the allocator keep what queries give back, so that the next one need not have it made anew, page by page.

    A query makes several arrays of 4 bytes a recipe. Given back to the kernel each time, they were a tenth of what a
    request cost among 100,000 recipes. What loading left over is given back first. Without glibc nothing happens.
    """
    libc = ctypes.CDLL(None)
    try:
        trim, option = libc.malloc_trim, libc.mallopt
    except AttributeError:
        return
    trim(0)
    option(_MMAP_THRESHOLD, _LARGE_BYTES)
    option(_TRIM_THRESHOLD, _KEPT_BYTES)
