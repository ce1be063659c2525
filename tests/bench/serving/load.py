"""A closed loop of wrk: `connections` clients in one thread of C, each asking as soon as it was answered."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(__file__).with_name("load.lua")
# More than any server here answers on the machines that this is run on; wrk says so where it is not enough.
MOST_PER_SECOND = 8000
JSON = "content-type: application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run of wrk saw. `errors` are answers other than 2xx and 3xx, and connections that broke."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


def bodies_needed(seconds: float) -> int:
    """How many bodies a run of that length may use up."""
    return int(seconds * MOST_PER_SECOND) + 64


def run(url: str, bodies: Sequence[bytes], *, connections: int, seconds: int) -> Load:
    """Send `bodies` to `url` for `seconds`, never one twice; what is sent past the last of them counts as an error."""
    with tempfile.NamedTemporaryFile(prefix="bench-bodies-") as file:
        file.write(b"\n".join(bodies) + b"\n")
        file.flush()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-H", JSON, "-s", str(SCRIPT), url,
             "--", file.name],
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    return Load(
        requests=seen["requests"],
        seconds=seen["seconds"],
        p50_ms=seen["p50_us"] / 1000,
        p99_ms=seen["p99_us"] / 1000,
        errors=seen["errors"],
    )
