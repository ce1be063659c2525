"""The status page in a real browser: with JavaScript and without, accessible, and looked at (build/screenshots)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders.browser import absent, browser
from tests.builders.predictor_process import predictor_process

pytestmark = [
    pytest.mark.service, pytest.mark.timeout(300), pytest.mark.skipif(absent() is not None, reason=str(absent())),
]  # fmt: skip
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor")
    with predictor_process(
        folder, "--grpc-port", "0", FAKE_SPLIT="1.0.0=80 1.1.0=20", FAKE_ROLLOUT="1",
        PREDICTOR_FEEDBACK_FOLDER=str(folder / "feedback"),
    ) as process:  # fmt: skip
        process.wait_until_ready()
        process.feedback = folder / "feedback"
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        yield process


def rows(predictor):
    lines = [line for path in predictor.feedback.glob("feedback_*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def test_search_feedback_and_the_rollout_with_javascript(predictor):
    before = len(rows(predictor))
    with browser() as window:
        window.open(f"{predictor.url}/")
        rollout = window.wait("#rollout", "step 1 of 2")
        health = window.text("#health")
        window.type("input[type=search]", "lentil soup")
        window.click("form.search button")
        answer = window.wait("#answer", "by version")
        window.run("window.notReloaded = true")
        window.click("li:nth-child(2) button[value=cooked]")
        window.wait("li:nth-child(2) .told", "Thank you")
        window.screenshot(SCREENSHOTS / "page.png")

        assert window.run("return window.notReloaded"), "a button leaves the answer where it is"
        assert window.run("return document.querySelectorAll('ol.recipes > li').length") == 10
        assert window.run("return location.search + location.hash") == "", "nobody's words are in the address"
        assert window.complaints() == []
    for told in ("20 %", "error-rate", "0.001 < 0.02", "1.1.0"):
        assert told in rollout
    for told in ("1.0.0: 80 %", "1.1.0: 20 %", "Alerts"):
        assert told in health
    assert "1.0.0" in answer or "1.1.0" in answer
    assert [row["cooked"] for row in rows(predictor)[before:]] == [["r-" + window_recipe(answer, 2)]]


def window_recipe(answer, place):
    """The number of the recipe at a place, from the text of the answer."""
    return [part.split(" ")[0] for part in answer.split("Recipe ")[1:]][place - 1]


def test_it_is_whole_without_javascript(predictor):
    before = len(rows(predictor))
    with browser(javascript=False) as window:
        window.open(f"{predictor.url}/")
        window.screenshot(SCREENSHOTS / "without-javascript.png")
        window.type("input[type=search]", "lentil soup")
        window.click("form.search button")
        window.click("li:nth-child(1) button[value=clicked]")
        window.screenshot(SCREENSHOTS / "thanks-without-javascript.png")
    assert len(rows(predictor)) == before + 1


@pytest.mark.parametrize(("dark", "width"), [(False, 1000), (True, 380)], ids=["light", "dark and narrow"])
def test_it_is_accessible(predictor, dark, width):
    axe = pytest.importorskip("axe_core_python")
    source = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with browser(dark=dark, width=width) as window:
        window.open(f"{predictor.url}/")
        window.wait("#rollout", "step 1 of 2")
        window.type("input[type=search]", "lentil soup")
        window.click("form.search button")
        window.wait("#answer", "by version")
        window.screenshot(SCREENSHOTS / f"{'dark' if dark else 'light'}-{width}.png")
        window.run(f"{source}; window.axe = axe;")
        found = window.run_async(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations.map("
            "each => `${each.id}: ${each.nodes.map(node => node.target).join(' ')}`)), error => done([String(error)]))"
        )
        wide = window.run("return document.documentElement.scrollWidth > window.innerWidth")
    assert found == []
    assert not wide, "nothing is cut off"
