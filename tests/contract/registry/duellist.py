"""One process that keeps promoting its own version: `python -m tests.contract.registry.duellist URI MODEL VERSION N`.

Prints `ready`, waits for a line, then attempts it N times whenever the version is not in production, and prints what
became of each attempt as one JSON array of [why, outcome]. It stops earlier when nobody takes production away any more.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

from mlops.errors import Conflict
from mlops.model_registry import Stage, open_registry

PATIENCE = 8.0


def main() -> None:
    uri, model, version, attempts = *sys.argv[1:4], int(sys.argv[4])
    outcomes = []
    with open_registry(uri, lambda: datetime.now(UTC)) as registry:  # noqa: TID251 - a composition root
        registry.get(model, version)  # opens the connection
        print("ready", flush=True)  # noqa: T201 - this is what the test waits for
        sys.stdin.readline()
        last_attempt = time.monotonic()
        while len(outcomes) < attempts and time.monotonic() < last_attempt + PATIENCE:
            if registry.get(model, version).stage is Stage.PRODUCTION:
                continue  # until the other one has taken it
            last_attempt = time.monotonic()
            why = f"attempt {len(outcomes)} of {version}"
            try:
                registry.transition(model, version, Stage.PRODUCTION, by=version, why=why, restore=True)
            except Conflict as error:
                outcomes.append((why, error.message))
            else:
                outcomes.append((why, "won"))
    print(json.dumps(outcomes), flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    main()
