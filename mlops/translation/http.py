"""Translation by a server with LibreTranslate's interface: `POST /translate`.

Nothing leaves the machine unless an operator names such a server. The only importer of httpx in this package.
Interface: https://docs.libretranslate.com/ (q, source, target, format; the answer holds translatedText).
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import httpx

from mlops.errors import Invalid
from mlops.translation.stream import plain
from mlops.translation.translator import QUERY_SECONDS, Health, Line, untranslated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.recommendation import Language

NAME = "http"
PROBE_SECONDS = 2.0
# Servers bound the texts of one request; LibreTranslate's own default is far above this.
BATCH = 50
LONGEST_ANSWER = 4 << 20

logger = logging.getLogger(__name__)


class HttpTranslator:
    """Asks the server at `url`, such as `http://127.0.0.1:5000`. Raises Invalid for what is not an HTTP address."""

    name = NAME

    def __init__(self, url: str, *, api_key: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            address = httpx.URL(url)
            address.host.encode("idna")
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Invalid(f"translator address {url!r}: {error}") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise Invalid(f"translator address {url!r} is not http://… or https://…")
        # The address without credentials: the version is written into manifests.
        self.version = f"{address.scheme}://{address.netloc.decode().rpartition('@')[2]}"
        self._api_key = api_key
        self._clock = clock
        self._client = httpx.Client(base_url=address)

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        """Translate in batches of BATCH; every batch without a proper answer in time stays untranslated."""
        until = self._clock() + deadline
        answers: list[Line] = []
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            texts = self._ask(batch, source, target, until - self._clock())
            if isinstance(texts, str):
                logger.warning("translation by %s failed for %d lines: %s", self.version, len(batch), texts)
                answers += untranslated(batch, NAME)
            else:
                answers += [Line(text=text, status="ok", provider=NAME) for text in texts]
        return tuple(answers)

    def healthy(self) -> Health:
        """Translate one word each way."""
        for word, source, target in (("sal", "es", "en"), ("salt", "en", "es")):
            texts = self._ask((word,), source, target, PROBE_SECONDS)
            if isinstance(texts, str):
                return Health(ok=False, reason=f"{self.version}: {texts}")
        return Health(ok=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, lines: Sequence[str], source: str, target: str, seconds: float) -> list[str] | str:
        """The translated lines, or what went wrong."""
        if seconds <= 0:
            return "the deadline has passed"
        if self._client.is_closed:
            return "closed"
        body: dict[str, Any] = {
            "q": [plain(line) for line in lines],
            "source": source,
            "target": target,
            "format": "text",
        }
        if self._api_key is not None:
            body["api_key"] = self._api_key
        try:
            answer = self._receive(body, self._clock() + seconds)
        except httpx.HTTPStatusError as error:
            return f"status {error.response.status_code}"
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        try:
            return _texts(json.loads(answer), len(lines))
        except ValueError as error:
            return f"the answer is not JSON: {error}"

    def _receive(self, body: dict[str, Any], until: float) -> bytes:
        """The whole answer. httpx bounds the wait for each piece, so a server that drips is stopped here."""
        received = bytearray()
        with self._client.stream("POST", "translate", json=body, timeout=until - self._clock()) as answer:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                received += piece
                if self._clock() > until:
                    raise httpx.ReadTimeout("the answer did not end in time")
                if len(received) > LONGEST_ANSWER:
                    raise httpx.DecodingError(f"the answer is longer than {LONGEST_ANSWER} bytes")
        return bytes(received)


def _texts(document: object, expected: int) -> list[str] | str:
    texts = document.get("translatedText") if isinstance(document, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return "the answer holds no list translatedText of strings"
    if len(texts) != expected:
        return f"{len(texts)} texts came back for {expected}"
    return [str(text) for text in texts]
