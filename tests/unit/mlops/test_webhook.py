"""Notices are delivered in the form of Alertmanager's webhook, tried again where that may help, and never waited for."""

from __future__ import annotations

import json
from threading import Event

import httpx
import pytest
from tenacity import wait_none

from mlops.monitoring.alerts import Alert, Kind, Notice
from mlops.monitoring.webhook import ATTEMPTS, Webhook, document


def notice(kind=Kind.ERRORS, *, resolved=False, subject=""):
    alert = Alert(kind=kind, subject=subject, reason="5.0% > 2.0%", found_at=0.0, seen_at=30.0, fires_since=15.0)
    return Notice(alert=alert, at=60.0, resolved=resolved)


class Receiver:
    """Answers with the codes it was given, and then 200; 0 is no answer. What comes last is taken and not counted."""

    LAST = notice(subject="last")

    def __init__(self, *codes):
        self.codes = list(codes)
        self.bodies = []
        self.over = Event()

    def __call__(self, request):
        body = json.loads(request.content)
        if body["alerts"][0]["labels"].get("subject") == "last":
            self.over.set()
            return httpx.Response(200)
        self.bodies.append(body)
        code = self.codes.pop(0) if self.codes else 200
        if code == 0:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(code)


def deliver(receiver, *batches, **options):
    webhook = Webhook("https://hook.example/secret", {"model": "recipes"}, pauses=wait_none(),
                      transport=httpx.MockTransport(receiver), **options)  # fmt: skip
    for batch in (*batches, [Receiver.LAST]):
        webhook.send(batch)
    assert receiver.over.wait(timeout=30)
    webhook.close()
    return webhook


def test_the_form_is_alertmanagers():
    body = document([notice(), notice(Kind.ANOMALY, resolved=True, subject="error_rate")], {"model": "recipes"})
    assert (body["version"], body["status"], body["commonLabels"]) == ("4", "firing", {"model": "recipes"})
    first, second = body["alerts"]
    assert first["labels"] == {"alertname": "errors", "severity": "critical", "model": "recipes"}
    assert first["annotations"] == {"summary": "5.0% > 2.0%"}
    assert (first["startsAt"], first["endsAt"]) == ("1970-01-01T00:00:15Z", "0001-01-01T00:00:00Z")
    assert (second["status"], second["endsAt"]) == ("resolved", "1970-01-01T00:01:00Z")
    assert second["labels"]["subject"] == "error_rate"


def test_what_is_all_over_is_resolved():
    assert document([notice(resolved=True)], {})["status"] == "resolved"


def test_a_notice_is_delivered_once():
    receiver = Receiver()
    assert deliver(receiver, [notice()]).lost == 0
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("codes", [(0, 0), (500, 503), (429, 408)], ids=["no answer", "a fault", "later"])
def test_what_may_help_is_tried_again(codes):
    receiver = Receiver(*codes)
    assert deliver(receiver, [notice()]).lost == 0
    assert len(receiver.bodies) == 3


def test_an_address_that_refuses_is_not_asked_again():
    receiver = Receiver(404)
    assert deliver(receiver, [notice()], [notice()]).lost == 1
    assert len(receiver.bodies) == 2, "the next notice is tried all the same"


def test_after_the_last_try_it_is_lost_and_said(caplog):
    receiver = Receiver(*[500] * 50)
    assert deliver(receiver, [notice()]).lost == 1
    assert len(receiver.bodies) == ATTEMPTS
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert not any("secret" in line for line in ours), "httpx is kept quiet by who sets up the logs"


def test_nobody_waits_for_an_address_that_hangs():
    gate = Event()

    def hang(request):
        assert gate.wait(timeout=30)
        return httpx.Response(200)

    webhook = Webhook("https://hook.example", {}, waiting=3, transport=httpx.MockTransport(hang))
    for _ in range(10):
        webhook.send([notice()])
    assert webhook.lost in (6, 7)  # the thread may have taken one
    gate.set()
    webhook.close()
