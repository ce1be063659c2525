"""A headless Chromium, told what to do by its driver's own protocol (W3C WebDriver)."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_SECONDS = 60


def absent() -> str | None:
    """What is not installed."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed: apt-get install chromium chromium-driver" if missing else None


@dataclass(frozen=True)
class Browser:
    """One window."""

    session: httpx.Client

    def open(self, url: str) -> None:
        self._post("/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page, and return what it returns."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str) -> Any:
        """The same, for one that ends by calling its last argument."""
        return self._post("/execute/async", {"script": script, "args": []})

    def text(self, css: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", css))

    def wait(self, css: str, words: str) -> str:
        """Return the text of an element once it holds `words`."""
        deadline = time.monotonic() + _SECONDS
        while words not in (found := self.text(css)):
            assert time.monotonic() < deadline, f"{css} does not say {words!r} but {found!r}"
            time.sleep(0.05)
        return found

    def type(self, css: str, words: str) -> None:
        self._post(f"/element/{self._find(css)}/value", {"text": words})

    def click(self, css: str) -> None:
        self._post(f"/element/{self._find(css)}/click", {})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.session.get("/screenshot").raise_for_status().json()["value"]))

    def complaints(self) -> list[str]:
        """What stands in its console."""
        entries = self._post("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def _find(self, css: str) -> str:
        return str(self._post("/element", {"using": "css selector", "value": css})[_ELEMENT])

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.session.post(path, json=body)
        assert answer.is_success, answer.text[:2000]
        return answer.json()["value"]


@contextmanager
def browser(*, javascript: bool = True, dark: bool = False, width: int = 1000) -> Iterator[Browser]:
    """A window of `width` points, `javascript` switched off by its own setting."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        f"--window-size={width},1400",
    ]
    options: dict[str, Any] = {"args": [*flags, *(["--force-dark-mode"] if dark else [])]}
    if not javascript:
        options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    try:
        _wait_until_up(url)
        made = httpx.post(f"{url}/session", json={"capabilities": {"alwaysMatch": wanted}}, timeout=_SECONDS)
        assert made.is_success, made.text[:2000]
        base = f"{url}/session/{made.json()['value']['sessionId']}"
        with httpx.Client(base_url=base, timeout=_SECONDS) as session:
            yield Browser(session)
            session.delete("")
    finally:
        driver.terminate()
        driver.wait()


def _wait_until_up(url: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            if httpx.get(f"{url}/status", timeout=5).json()["value"]["ready"]:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "chromedriver does not answer"
        time.sleep(0.05)
