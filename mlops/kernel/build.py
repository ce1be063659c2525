"""`python -m mlops.kernel.build [FOLDER]`: compile the kernel with the C compiler of this machine, beside its sources.

Without a compiler, or for another processor than x86-64, nothing is built and that is said: the product works without.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "kernel.so"
SOURCES = ("companion.c", "cpu.c", "encoder.c", "files.c", "fusion.c", "looking.c", "search.c", "words.c")
_FLAGS = ("-O3", "-std=gnu11", "-shared", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror")


def build(folder: Path = FOLDER) -> str | None:
    """Compile into `folder`; return why nothing was built, None where it was."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return f"the kernel is for x86-64, this machine is {platform.machine()}"
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return "no C compiler: install one (apt install gcc libc6-dev), or set CC"
    # Whoever has it loaded keeps the old file; nobody ever sees half of one.
    fresh = folder / f"{LIBRARY.name}.{os.getpid()}"
    command = [compiler, *_FLAGS, "-o", str(fresh), *(str(FOLDER / source) for source in SOURCES), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the machine's compiler
        if done.returncode != 0:
            return f"{compiler} failed: {done.stderr.strip()[-2000:]}"
        fresh.replace(folder / LIBRARY.name)
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"
    finally:
        fresh.unlink(missing_ok=True)
    return None


def main() -> int:
    """Build, say what became of it; 0 in either case, for nothing depends on it."""
    reason = build(*(Path(folder) for folder in sys.argv[1:2]))
    sys.stderr.write(f"Without the kernel, queries take longer: {reason}\n" if reason else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
