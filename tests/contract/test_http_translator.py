"""The http translator against a real server that misbehaves in every way a server can."""

import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from mlops.errors import Invalid
from mlops.translation.http import BATCH, LONGEST_ANSWER, HttpTranslator

pytestmark = pytest.mark.contract


class _Server(ThreadingHTTPServer):
    """Answers by `answer(body) -> (status, bytes)`; keeps the bodies it got."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.bodies = []
        self.released = Event()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append((self.path, body))
        answered = self.server.answer(body)
        status, content = answered if isinstance(answered, tuple) else (200, answered)
        self.send_response(status)
        self.end_headers()
        for piece in content if isinstance(content, list) else [content]:
            if self.server.released.wait(0.1 if isinstance(content, list) else 0):
                return
            self.wfile.write(piece)

    def log_message(self, *args):
        """Keep the test's output clean."""


@pytest.fixture
def serving():
    started = []

    def serve(answer):
        server = _Server(answer)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        translator = HttpTranslator(f"http://127.0.0.1:{server.server_port}/api")
        started.append((server, thread, translator))
        return server, translator

    yield serve
    for server, thread, translator in started:
        server.released.set()
        translator.close()
        server.shutdown()
        server.server_close()
        thread.join()


def shouting(body):
    return json.dumps({"translatedText": [text.upper() for text in body["q"]]}).encode()


def test_it_asks_as_libretranslate_wants_to_be_asked(serving):
    server, translator = serving(shouting)
    answers = translator.translate(["sal", "sopa"], "es", "en", deadline=10)
    assert [(line.text, line.status, line.provider) for line in answers] == [
        ("SAL", "ok", "http"),
        ("SOPA", "ok", "http"),
    ]
    assert server.bodies == [
        ("/api/translate", {"q": ["sal", "sopa"], "source": "es", "target": "en", "format": "text"})
    ]
    assert translator.healthy().ok


def test_many_lines_go_in_batches(serving):
    server, translator = serving(shouting)
    lines = [f"sal {number}" for number in range(2 * BATCH + 1)]
    assert [line.text for line in translator.translate(lines, "es", "en", deadline=10)] == [
        line.upper() for line in lines
    ]
    assert [len(body["q"]) for _, body in server.bodies] == [BATCH, BATCH, 1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, b"oops"), "status 500"),
        ((429, b"slow down"), "status 429"),
        ((302, b""), "status 302"),
        (b"<html>welcome</html>", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[]", "no list translatedText"),
        (b"{}", "no list translatedText"),
        (b'{"translatedText": "one"}', "no list translatedText"),
        (b'{"translatedText": [1]}', "no list translatedText"),
        (b'{"translatedText": [null]}', "no list translatedText"),
        (b'{"translatedText": ["a", "b"]}', "2 texts came back for 1"),
        (b'{"translatedText": []}', "0 texts came back for 1"),
        (b" " * (LONGEST_ANSWER + 1), "longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wrong_answer_leaves_the_lines_and_says_why(serving, answer, reason):
    _, translator = serving(lambda _: answer)
    line = translator.translate(["sal"], "es", "en", deadline=10)[0]
    assert (line.text, line.status) == ("sal", "untranslated")
    health = translator.healthy()
    assert not health.ok
    assert reason in health.reason


def test_one_bad_batch_costs_only_its_own_lines(serving):
    _, translator = serving(lambda body: (500, b"") if "poison" in body["q"] else shouting(body))
    lines = ["a"] * BATCH + ["poison"] * BATCH + ["b"] * BATCH
    statuses = [line.status for line in translator.translate(lines, "es", "en", deadline=10)]
    assert statuses == ["ok"] * BATCH + ["untranslated"] * BATCH + ["ok"] * BATCH


def test_a_server_that_never_answers_costs_the_deadline(serving):
    server, translator = serving(lambda _: server.released.wait(20) or b"")
    began = time.monotonic()
    assert translator.translate(["sal"], "es", "en", deadline=0.2)[0].status == "untranslated"
    assert time.monotonic() - began < 2


def test_a_server_that_drips_costs_the_deadline(serving):
    _, translator = serving(lambda _: [b" "] * 200)
    began = time.monotonic()
    assert translator.translate(["sal"], "es", "en", deadline=0.3)[0].status == "untranslated"
    assert time.monotonic() - began < 2


def test_no_server_at_all_is_a_reason():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        translator = HttpTranslator(f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert translator.translate(["sal"], "es", "en")[0].status == "untranslated"
        assert "ConnectError" in translator.healthy().reason
        translator.close()


@pytest.mark.parametrize(
    "address", ["", "localhost:5000", "ftp://host", "http://", "http://..", "http://ex\u2603", "/translate"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Invalid):
        HttpTranslator(address)


def test_credentials_do_not_get_into_the_version():
    translator = HttpTranslator("https://user:secret@translate.example:8443/api")
    assert translator.version == "https://translate.example:8443"
    translator.close()
