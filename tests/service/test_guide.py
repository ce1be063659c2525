"""README.md and docs/guide.md, typed as a reader would type them: each command ends as they say and prints what they say.

`pytest -m guide tests/service/test_guide.py` types the slow ones too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from mlops.registry.server import free_port
from tests.builders.console_document import Command, File, Shell, missing, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/guide.md")
START_SECONDS = 400  # a first training included, on processors that others use
PORTS = ("RECIPES_PORT", "RECIPES_GRPC_PORT", "RECIPES_MLFLOW_PORT")
DEFAULT_PORTS = ("8080", "8081", "5000")

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]


class Reader:
    """Somebody in a clone with `recipes up` beside them; the ports of the document are free ones here."""

    def __init__(self, folder: Path) -> None:
        self.ports = [str(free_port()) for _ in PORTS]
        for name in ("manifests", "mlops"):
            (folder / name).symlink_to(ROOT / name)
        self.folder = folder
        self.environment = os.environ | dict(zip(PORTS, self.ports, strict=True)) | {
            "RECIPES_HOME": "data",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "150",
        }  # fmt: skip

    @contextmanager
    def up(self) -> Iterator[None]:
        """`recipes up`, until the block ends."""
        with (self.folder / "up.txt").open("w") as told:
            process = subprocess.Popen(
                ["recipes", "up"], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=told
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not self._answers():
                assert process.poll() is None, self.told()
                assert time.monotonic() < deadline, f"not healthy within {START_SECONDS} s: {self.told()}"
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def told(self) -> str:
        """What `recipes up` printed."""
        return self.to_document((self.folder / "up.txt").read_text(encoding="utf-8"))

    def to_document(self, text: str) -> str:
        for here, there in zip(self.ports, DEFAULT_PORTS, strict=True):
            text = text.replace(f"127.0.0.1:{here}", f"127.0.0.1:{there}")
        return text

    def to_here(self, text: str) -> str:
        for here, there in zip(self.ports, DEFAULT_PORTS, strict=True):
            text = text.replace(f"127.0.0.1:{there}", f"127.0.0.1:{here}")
        return text

    def _answers(self) -> bool:
        try:
            health = httpx.get(f"http://127.0.0.1:{self.ports[0]}/health", timeout=5)
            models = httpx.get(f"http://127.0.0.1:{self.ports[0]}/models", timeout=5)
        except httpx.TransportError:
            return False
        return health.status_code == models.status_code == 200


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.guide)], ids=["core", "whole"])
def test_the_guide_does_what_it_says(tmp_path, slow):
    if shutil.which("apertium") is None:
        pytest.skip("the guide speaks Spanish: apt install apertium apertium-eng-spa")
    reader = Reader(tmp_path)
    with reader.up(), closing(Shell(tmp_path, reader.environment, seconds=400)) as shell:
        faults = [fault for document, step in both() for fault in followed(document, step, reader, shell, slow=slow)]
    assert not faults, "\n".join(faults)


def followed(document: str, step: File | Command, reader: Reader, shell: Shell, *, slow: bool) -> list[str]:
    """Save a file or type a command; return what went otherwise than the document says. A reader would go on, and so
    does the test."""
    if isinstance(step, File):
        (reader.folder / step.name).write_text(reader.to_here(step.text), encoding="utf-8")
        return []
    if step.typed == "make up":
        return wrong(document, step, 0, reader.told())
    if step.slow and not slow:
        return []
    return wrong(document, step, *typed(shell, reader, step))


def both() -> Iterator[tuple[str, File | Command]]:
    """What a reader does, in the order of reading."""
    for document in DOCUMENTS:
        for step in steps_of((ROOT / document).read_text(encoding="utf-8")):
            yield document, step


def typed(shell: Shell, reader: Reader, step: Command) -> tuple[int, str]:
    """Type one command: its exit code, and what it printed with the document's ports."""
    started = time.monotonic()
    code, output = shell.run(reader.to_here(step.typed))
    output = reader.to_document(output)
    print(f"{time.monotonic() - started:6.1f} s  $ {step.typed}\n{output}")  # noqa: T201 - pytest shows it where the test fails
    return code, output


def wrong(document: str, step: Command, code: int, output: str) -> list[str]:
    """The exit code and the first line that are others than the document's."""
    place = f"{document}:{step.line}: $ {step.typed}\n{output}"
    faults = [] if code == 0 or step.may_fail else [f"{place}ended with {code}"]
    line = missing(step, output)
    return faults if line is None else [*faults, f"{place}did not print: {line}"]
