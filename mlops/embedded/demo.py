"""The demonstration: a real `recipes up` in a process of its own, real requests over HTTP, the answers printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from mlops.errors import Permanent, Transient
from mlops.registry.server import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

START_SECONDS = 300
STOP_SECONDS = 40
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request of the demonstration and what it is meant to show."""

    title: str
    body: Mapping[str, Any]


QUESTIONS = (
    Question(title="A wish in English", body={"query": "a quick vegan dinner with chickpeas", "k": 3}),
    Question(title="The same in Spanish", body={"query": "una cena vegana rápida con garbanzos", "k": 3}),
    Question(title="An allergy, said in words", body={"query": "postre de chocolate sin huevo", "k": 3}),
    Question(title="From what is in the fridge", body={"query": "I have lentils, carrots and onions", "k": 3}),
    Question(
        title="Filters as parameters",
        body={"query": "pasta", "k": 3, "max_minutes": 30, "without_allergens": ["milk"]},
    ),
)


@contextmanager
def running_service(home: Path, environment: Mapping[str, str], wait: Callable[[float], None]) -> Iterator[str]:
    """Start `recipes up` on free ports, yield its address once it answers, and stop it again.

    Raises Permanent when it ends before it answers, Transient when it does not answer in START_SECONDS.
    """
    port = free_port()
    settings = {
        "RECIPES_HOME": str(home),
        "RECIPES_PORT": str(port),
        "RECIPES_GRPC_PORT": str(free_port()),
        "RECIPES_MLFLOW_PORT": str(free_port()),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops.cli.main", "up"], env=os.environ | environment | settings, stdout=sys.stderr
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(process, url, wait)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, wait: Callable[[float], None]) -> None:
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        if process.poll() is not None:
            raise Permanent(f"recipes up ended with code {process.returncode}", hint="its messages are above")
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass  # not listening yet: that is what is waited for
        wait(POLL_SECONDS)
    raise Transient(f"recipes up did not answer within {START_SECONDS} s", hint="try again, or run recipes doctor")


def ask(url: str, question: Question) -> dict[str, Any]:
    """POST one question; raises Permanent with the problem's detail when the answer is not 200."""
    answer = httpx.post(f"{url}/recommend", json=dict(question.body), timeout=30)
    document: dict[str, Any] = answer.json()
    if answer.status_code != httpx.codes.OK:
        raise Permanent(f"{question.body} was answered {answer.status_code}: {document.get('detail')}")
    return document
