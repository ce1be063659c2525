"""The front door from outside: what is shut, too large, too slow, broken or too much, and what is noted of it all."""

from __future__ import annotations

import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]

JSON = {"content-type": "application/json"}
V1 = "/v1/models/recipes:predict"
V2 = "/v2/models/recipes/infer"


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("path", ["/v2/repository/models/recipes/unload", "/v2/repository/models/recipes/load",
                                  "/v2/repository//models/recipes/unload", "/v1/models/recipes:explain"])  # fmt: skip
def test_administration_is_shut_and_the_model_stays(predictor, method, path):
    answer = httpx.request(method, predictor.url + path)

    assert answer.status_code == 403
    assert predictor.recommend("soup").status_code == 200


@pytest.mark.parametrize("path", ["/recommend", V1, V2])
def test_ten_megabytes_get_an_answer(predictor, path):
    answer = httpx.post(predictor.url + path, content=b'{"query": "' + b"a" * 10_000_000 + b'"}', headers=JSON)

    assert answer.status_code == 413


def test_ten_megabytes_in_chunks_get_an_answer_and_take_no_memory(predictor):
    def chunks():
        for _ in range(160):
            yield b"a" * 65_536

    before = predictor.resident_mib
    answers = [httpx.post(predictor.url + "/recommend", content=chunks(), headers=JSON) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [413] * 5
    assert predictor.resident_mib - before < 20


def raw(predictor, data):
    """Send bytes as they are and return what comes until the server closes."""
    with socket.create_connection(("127.0.0.1", predictor.http_port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


def test_a_slow_client_is_told_so_and_holds_up_nobody(predictor):
    head = b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    with socket.create_connection(("127.0.0.1", predictor.http_port), timeout=10) as slow:
        slow.sendall(head + b'{"que')
        others = [predictor.recommend("soup").status_code for _ in range(5)]
        answer = slow.recv(65_536)

    assert others == [200] * 5
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"problem+json" in answer


BROKEN_HTTP = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a bad length": b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "a negative length": b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "a bad chunk": b"POST /recommend HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "headers of two megabytes": b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "headers without end": b"GET /health HTTP/1.1\r\n" + b"X-A: aaaa\r\n" * 200_000,
    "half a request line": b"GET /heal",
}


@pytest.mark.parametrize("data", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_broken_http_is_refused_and_the_server_stays(predictor, data):
    try:
        answer = raw(predictor, data)
    except OSError:
        answer = b""  # cut off while it was still sending

    assert b"200 OK" not in answer
    assert predictor.get("/health").status_code == 200


async def ask_alone(port, number):
    """Ask over a connection of its own, without the cost of a client library; return the raw answer."""
    body = json.dumps({"query": f"soup {number}"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /recommend HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


def test_a_thousand_clients_at_once_are_answered_or_told_to_come_back(predictor):
    async def storm():
        return await asyncio.gather(*(ask_alone(predictor.http_port, number) for number in range(1000)))

    before = predictor.resident_mib
    answers = asyncio.run(storm())

    codes = [int(answer.split(b" ", 2)[1]) for answer in answers]
    assert set(codes) <= {200, 429}
    assert codes.count(200) >= 16 + 2, "as many as may wait and be worked on at once; more on a machine with time"
    assert all(b"retry-after: 1" in answer for answer, code in zip(answers, codes, strict=True) if code == 429)
    assert predictor.recommend("soup").status_code == 200
    assert "recipes_inflight 1.0" in predictor.get("/metrics").text  # the request that asks
    assert predictor.resident_mib - before < 60


def test_more_than_may_wait_is_told_to_come_back_at_once(predictor):
    with ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(lambda _: predictor.recommend("sleep 2"), range(40)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} <= {200, 429, 504}
    assert refused
    assert max(answer.elapsed.total_seconds() for answer in refused) < 4


def test_health_answers_while_the_model_is_busy(predictor):
    with ThreadPoolExecutor(4) as clients:
        busy = [clients.submit(predictor.recommend, "sleep 1") for _ in range(4)]
        health = predictor.get("/health")
        assert not all(answer.done() for answer in busy)

    assert health.status_code == 200


def test_metrics_are_ours_and_kserves(predictor):
    predictor.post(V1, {"instances": [{"query": "soup"}]})
    text = predictor.get("/metrics").text

    assert "recipes_request_duration_seconds_bucket" in text
    assert "request_predict_seconds_bucket" in text
    assert "python_info" in text


def test_feedback_on_an_answer(predictor):
    answer = predictor.recommend("soup", user_id="jane@example.org").json()
    body = {"recommendation_id": answer["recommendation_id"], "clicked": [answer["recipes"][0]["id"]],
            "user_id": "jane@example.org"}  # fmt: skip

    first, second = predictor.post("/feedback", body), predictor.post("/feedback", body)

    assert (first.status_code, second.json()["duplicate"]) == (202, True)
    assert "jane" not in predictor.log.read_text(encoding="utf-8")


def test_each_request_is_one_line_and_none_holds_a_query(predictor):
    for number in range(20):
        predictor.recommend(f"zanzibar {number}")
        predictor.post(V1, {"instances": [{"query": "zanzibar", "k": 0}]})
        predictor.get("/v1/models/recipes")
    before = len(predictor.lines())
    for number in range(10):
        predictor.recommend(f"zanzibar {number}")
        predictor.post(V1, {"instances": [{"query": "zanzibar", "k": 0}]})
        predictor.get("/v1/models/recipes")

    assert len(predictor.lines()) - before == 20
    assert "zanzibar" not in predictor.log.read_text(encoding="utf-8")
