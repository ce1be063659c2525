"""The status page without a browser: whole by forms alone, deaf to other sites, and never a user's words as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from mlops.feedback import FeedbackStore
from mlops.feedback_spool import DailySpool
from mlops.status_page.rollout import GateLine, Rollout, VersionLine
from predictor.ports import Ports

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {**BROWSER, "origin": "http://test", "sec-fetch-site": "same-origin"}
GATE = GateLine(phase="canary", metric="error-rate", verdict="Passed", told="0.001 < 0.02")
ROLLOUT = Rollout(
    model="recipes", reason="Canary", production="1.0.0", notes=("The Model is paused.",),
    versions=(VersionLine(version="1.1.0", stage="Staging", reason="Analysing", message="2 checks passed", weight=20,
                          progress="step 1 of 2", gates=(GATE,)),),
)  # fmt: skip


def show(world, **headers):
    return world.request("GET", "/", headers=BROWSER | headers)


def search(world, query, path="/search", **headers):
    return world.request("POST", path, data={"query": query}, headers=FORM | headers)


def test_a_browser_gets_the_page_and_a_probe_what_kserve_says(world):
    page = show(world)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "1.0.0" in page.text
    assert world.request("GET", "/").json() == {"kserve": "/"}


def test_a_search_without_javascript_shows_recipes_their_version_and_buttons(world):
    page = search(world, "lentil soup")
    assert page.status_code == 200
    assert "by version <strong>1.0.0</strong>" in page.text
    assert page.text.count("<form class=told") == 10
    assert world.metrics['recipes_request_duration_seconds_count{route="/recommend",status="200",version="1.0.0"}'] == 1


def test_what_was_asked_before_is_shown_whole_again(world):
    world.post("/recommend", {"query": "lentil soup", "k": 10})
    first, again = search(world, "lentil soup"), search(world, "lentil soup")
    assert first.text.count("<h3>Recipe ") == again.text.count("<h3>Recipe ") == 10


class Fields(HTMLParser):
    """The hidden fields of the first form of a recipe."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "input" and given.get("type") == "hidden":
            self.found.setdefault(given["name"], given["value"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [("clicked", {"clicked": ["r"]}), ("cooked", {"cooked": ["r"]}), ("disliked", {"ratings": {"r": 1}})],
    ids=["clicked", "cooked", "disliked"],
)
def test_a_button_is_kept_as_feedback(make_world, tmp_path, said, kept):
    store = FeedbackStore(DailySpool(tmp_path, lambda: 1_800_000_000.0))
    world = make_world(feedback=store)
    fields = Fields(search(world, "soup").text).found
    answer = world.request("POST", "/search/feedback", data={**fields, "said": said}, headers=FORM)
    store.close()

    assert (answer.status_code, "Thank you" in answer.text) == (200, True)
    spool = DailySpool(tmp_path, lambda: 1_800_000_000.0)
    (row,) = spool.newest_rows(10)
    spool.close()
    named = str(kept).replace("'r'", repr(fields["recipe"]))
    assert str({name: row[name] for name in kept}) == named
    assert row["recommendation_id"] == fields["recommendation_id"]


FOREIGN = {
    "another origin": {"origin": "https://evil.example"},
    "a sandboxed page": {"origin": "null"},
    "another site": {"sec-fetch-site": "cross-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("path", ["/search", "/search/feedback"])
def test_a_form_of_another_site_is_refused(world, path, headers):
    page = search(world, "soup", path, **headers)
    assert (page.status_code, "of another site" in page.text) == (403, True)


def test_what_a_user_typed_is_text(world):
    page = search(world, "<script>alert(1)</script>' onfocus='x")
    assert "<script>alert" not in page.text
    assert "' onfocus" not in page.text
    assert "value='&lt;script&gt;" in page.text
    assert "script-src 'sha256-" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("query", "status"), [("", 422), ("x" * 501, 422), ("boom", 500)], ids=["none", "long", "boom"]
)
def test_what_goes_wrong_is_said_on_the_page_under_its_status(world, query, status):
    page = search(world, query)
    assert (page.status_code, "role=alert" in page.text) == (status, True)
    assert "Traceback" not in page.text


def test_without_a_model_the_page_says_so(make_world):
    page = show(make_world(served=None))
    assert (page.status_code, "unavailable" in page.text) == (200, True)


def test_where_the_rollout_is(make_world):
    world = make_world(ports=Ports(rollout=lambda _: ROLLOUT))
    assert world.request("GET", "/models/recipes/rollout").json()["versions"][0]["progress"] == "step 1 of 2"
    page = world.request("GET", "/models/recipes/rollout", headers=BROWSER).text
    for told in ("step 1 of 2", "20 %", "error-rate", "0.001 &lt; 0.02", "The Model is paused."):
        assert told in page


def test_where_nobody_knows_of_rollouts_that_is_said(world):
    answer = world.request("GET", "/models/recipes/rollout")
    assert (answer.status_code, "the controller answers" in answer.json()["detail"]) == (503, True)
