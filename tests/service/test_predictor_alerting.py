"""A predictor process that is not well tells an address of it, and knows after a start what was measured before."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.builders.predictor_process import predictor_process

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


@pytest.fixture
def receiver():
    """An address that takes the second of two deliveries."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            taken.append(body)
            self.send_response(503 if len(taken) == 1 else 200)
            self.end_headers()

        def log_message(self, *words):
            pass

    taken = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alert_reaches_somebody_though_not_at_once(tmp_path, receiver):
    url, taken = receiver
    needs_more_disk_than_there_is = str(1 << 60)
    with predictor_process(
        tmp_path, "--feedback-folder", str(tmp_path / "feedback"), "--least-free-bytes", needs_more_disk_than_there_is,
        PREDICTOR_ALERT_WEBHOOK=url,
    ) as predictor:  # fmt: skip
        predictor.wait_until_ready()
        end = time.monotonic() + 60
        while len(taken) < 2 and time.monotonic() < end:
            time.sleep(0.2)
        health = predictor.get("/health").json()
        metrics = predictor.get("/metrics").text
        lines = predictor.lines("alert")

    first, second = taken
    assert first == second, "what was not taken is sent again as it was"
    (alert,) = second["alerts"]
    assert alert["labels"]["alertname"] == "disk"
    assert "MiB wanted" in alert["annotations"]["summary"]
    assert [each["alert"] for each in health["alerts"]] == ["disk"]
    assert 'recipes_alert{alert="disk",severity="warning"} 1.0' in metrics
    assert [each["alert"] for each in lines] == ["disk"]
    assert url not in predictor.log.read_text(encoding="utf-8"), "the address may hold a secret"


def test_what_was_measured_is_known_after_a_start(tmp_path):
    flags = ("--metrics-folder", str(tmp_path / "metrics"), "--grpc-port", "0")
    with predictor_process(tmp_path, *flags) as predictor:
        predictor.wait_until_ready()
        for _ in range(5):
            predictor.recommend("soup")
        assert predictor.recommend("boom").status_code == 500
        predictor.terminate()
    with predictor_process(tmp_path, *flags) as predictor:
        predictor.wait_until_ready()
        predictor.recommend("soup")
        window = predictor.get("/metrics", params={"window_minutes": 60}).json()

    assert (window["requests"], window["errors"]) == (7, 1)
    assert window["metrics"]["api_latency_ms"]["count"] == 7
