"""Loads `kubectl recipes` from the packages beside this file, those with compiled parts for this Python.

`sys.path` is set here and not by PYTHONPATH: programs that are started from here (kubectl, and what logs in for it) must
not find these packages before their own.
"""

import sys
from pathlib import Path

_HOME = Path(__file__).resolve().parent
sys.path[:0] = [str(_HOME / "any"), str(_HOME / "cp{}{}".format(*sys.version_info[:2]))]

from mlops.cli.kubectl import main  # noqa: E402 - found only now

main()
