"""Drift of queries: what is found, what is not cried at, and what a file may hold."""

import gzip
import json
import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from mlops.cli.main import build_app
from mlops.drift import distances
from mlops.drift.comparing import DriftRules, compare
from mlops.drift.domain_classifier import weighted_areas
from mlops.drift.persistence import persisted, remember
from mlops.drift.report import Verdict
from mlops.drift.windows import collect, read_window
from mlops.errors import Invalid, NotFound


def at_times(dishes):
    """Each dish in four wordings: few different queries have no meaning to compare."""
    return [f"{dish}{when}" for dish in dishes for when in ("", " tonight", " for two", " at once")]


SAVOURY = [
    "lentil soup",
    "fish stew with potatoes",
    "beef and onion pie",
    "roast chicken",
    "chicken with rice and peas",
]
SWEET = ["apple cake", "chocolate pudding", "lemon tart with cream", "vanilla ice", "plum cake with sugar"]
SPANISH = ["sopa de lentejas", "guiso de pescado con patatas", "pollo asado", "arroz con pollo", "tarta de manzana"]
SAVOURY, SWEET = at_times(SAVOURY), at_times(SWEET)


def asked(seed, number=400, **shares):
    """A window of queries: `sweet` and `spanish` are shares, what is left is savoury; `fields` are added to each."""
    rng = random.Random(seed)  # noqa: S311 - seeded draws, not secrets
    fields = shares.pop("fields", lambda _: {})
    pools = {"sweet": (SWEET, "en"), "spanish": (SPANISH, "es")}
    rows = []
    for _ in range(number):
        draw, chosen = rng.random(), (SAVOURY, "en")
        for name, share in shares.items():
            if draw < share:
                chosen = pools[name]
                break
            draw -= share
        rows.append({"query": rng.choice(chosen[0]), "lang": chosen[1], **fields(rng)})
    return collect((json.dumps(row).encode() for row in rows), name="test")


def meaning(texts):
    """Vectors in which sweet and savoury lie apart, with noise of their own for each text."""
    rows = []
    for text in texts:
        rng = np.random.default_rng(sum(text.encode()))
        rows.append(rng.normal(size=8) + (3 if text in SWEET else -3) * np.eye(8)[0])
    return np.array(rows, dtype=np.float32)


def score(rng, shift=0.0):
    return {"score": rng.gauss(0.5 + shift, 0.1)}


FOUND = {
    "the language turns": ({"spanish": 0.3}, {"spanish": 0.8}, "language"),
    "other words are asked for": ({"sweet": 0.1}, {"sweet": 0.5}, "words"),
    "another meaning is asked for": ({"sweet": 0.1}, {"sweet": 0.5}, "meaning"),
    "answers are scored lower": ({"fields": score}, {"fields": lambda rng: score(rng, -0.1)}, "score"),
    "another version answers": (
        {"fields": lambda _: {"version": "1.0.0"}}, {"fields": lambda _: {"version": "1.1.0"}}, "version",
    ),
    "fewer recipes are shown": (
        {"fields": lambda _: {"shown": ["a"] * 10}}, {"fields": lambda _: {"shown": ["a"] * 3}}, "shown (count)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "now", "feature"), FOUND.values(), ids=FOUND)
def test_what_is_found(before, now, feature):
    report = compare(asked(1, **before), asked(2, **now), encode=meaning)
    assert report.verdict is Verdict.DRIFT
    (test,) = [test for test in report.tests if test.feature == feature]
    assert test.drifted
    assert test.reason in report.reasons
    assert report.document()["drift"] is True


def test_equal_windows_are_rarely_called_drift():
    """At a level of 1 %, one of 40 pairs may be; three would be 1 in 150 by chance."""
    cried = [
        compare(asked(seed, spanish=0.3), asked(1000 + seed, spanish=0.3), encode=None).drift for seed in range(40)
    ]
    assert sum(cried) <= 2


def test_a_difference_that_does_not_matter_is_none_however_sure():
    report = compare(asked(1, 20_000, spanish=0.30), asked(2, 20_000, spanish=0.35), encode=None)
    (language,) = [test for test in report.tests if test.feature == "language"]
    assert language.p_corrected < 0.01
    assert not language.drifted
    assert "< 0.1" in language.reason


def test_too_little_is_no_all_clear():
    report = compare(asked(1), asked(2, 49), encode=None)
    assert (report.verdict, report.drift, report.tests) == (Verdict.NO_DATA, False, ())
    assert report.reasons == ("current: 49 queries < 50",)


def test_the_same_windows_get_the_same_answer():
    reports = [compare(asked(1, sweet=0.2), asked(2, sweet=0.3), encode=meaning).document() for _ in range(2)]
    assert reports[0] == reports[1]


def test_a_query_that_one_person_repeats_is_no_change_of_meaning():
    """Half of the new window is one text: words change, but nothing that a classifier could generalise."""
    current = asked(2)
    repeated = type(current)(events=(*current.events[:200], *[current.events[0]] * 200), left_out={})
    report = compare(asked(1), repeated, encode=meaning)
    (found,) = [test for test in report.tests if test.feature == "meaning"]
    assert not found.drifted


def test_ids_are_compared_with_nobody():
    report = compare(
        asked(1, fields=lambda rng: {"session": f"s{rng.random()}"}),
        asked(2, fields=lambda rng: {"session": f"t{rng.random()}"}),
        encode=None,
    )
    assert "session" not in {test.feature for test in report.tests}


def test_a_language_that_no_line_names_is_detected():
    rows = [json.dumps({"query": query}).encode() for query in SAVOURY * 20]
    spanish = [json.dumps({"query": query}).encode() for query in SPANISH * 20]
    detect = {**dict.fromkeys(SAVOURY, "en"), **dict.fromkeys(SPANISH, "es")}.get
    report = compare(collect(rows, name="a"), collect(spanish, name="b"), encode=None, detect=detect)
    assert next(test for test in report.tests if test.feature == "language").effect == pytest.approx(1.0)


def test_columns_of_one_value_and_of_none_break_nothing():
    same = [json.dumps({"query": "!!", "k": 10, "flag": None}).encode()] * 60
    report = compare(collect(same, name="a"), collect(same, name="b"), encode=None)
    assert report.verdict is Verdict.NO_DRIFT


BROKEN = {
    "not JSON": b"{",
    "not an object": b"[1]",
    "query is no text": b'{"query": 3}',
}


@pytest.mark.parametrize(("rule", "line"), BROKEN.items(), ids=BROKEN)
def test_a_broken_line_is_left_out_and_counted(rule, line):
    window = collect([line, b'{"query": "soup"}'], name="test")
    assert (len(window.events), window.left_out) == (1, {rule: 1})


def test_numbers_that_are_none_are_left_out_of_a_line_that_python_wrote():
    rows = {
        "query": "soup",
        "score": math.nan,
        "x": math.inf,
        "long": 10**400,
        "k": 3,
        "scores": [math.nan],
        "yes": True,
    }
    (event,) = collect([json.dumps(rows).encode()], name="test").events
    assert event.fields == {"k": 3.0, "scores (count)": 1.0, "yes": True}


def test_a_line_of_brackets_without_end_is_left_out():
    window = collect([b"[" * 100_000, b'{"query": "soup"}'], name="test")
    assert window.left_out == {"not JSON": 1}


def test_a_file_that_is_mostly_broken_is_refused():
    with pytest.raises(Invalid, match="2 of 3 lines are no queries, most often: not JSON"):
        collect([b"x", b"y", b'{"query": "soup"}'], name="test")


@pytest.mark.parametrize("ts", ["yesterday", 1e300, None, True, "2026-01-01T00:00:00", 1767225600])
def test_times_are_read_where_they_are_times(ts):
    (event,) = collect([json.dumps({"query": "soup", "ts": ts}).encode()], name="test").events
    assert event.at is None or event.at.year == 2026


def test_a_packed_file_is_read_and_a_missing_one_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"query": " fish \\n soup "}\n\n'))
    (event,) = read_window(tmp_path / "a.gz").events
    assert event.query == "fish soup"
    with pytest.raises(NotFound):
        read_window(tmp_path / "b")


def document(*drifted, verdict="Drift"):
    return {"verdict": verdict, "tests": [{"feature": name, "drifted": True} for name in drifted]}


LASTING = {
    "one window is a day": ([document("words")], ()),
    "two in a row are a change": ([document("words", "language"), document("words")], ("words",)),
    "what was long ago does not count": ([document("words"), document(), document("words")], ()),
    "a window without data is passed over": (
        [document("words"), document(verdict="NoData"), document("words")], ("words",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("past", "lasting"), LASTING.values(), ids=LASTING)
def test_what_lasts(past, lasting):
    assert persisted(past) == lasting


def test_the_history_grows_and_another_file_is_refused(tmp_path):
    path = tmp_path / "history.jsonl"
    assert len(remember(path, document("words"))) == 1
    assert persisted(remember(path, document("words"))) == ("words",)
    path.write_text('{"some": "thing"}\n')
    with pytest.raises(Invalid, match="line 1: no drift report"):
        remember(path, document())


def test_the_false_discovery_rate_is_that_of_the_book():
    """Benjamini and Hochberg's rule by hand: p times the number of tests over its rank, never falling with rank."""
    assert distances.corrected([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.04, 0.04))


def test_a_level_of_the_rules_is_the_level_of_the_tests():
    report = compare(asked(1), asked(2), encode=None, rules=DriftRules(level=0.2))
    assert {test.level for test in report.tests} == {0.2}


def told(*arguments):
    return CliRunner().invoke(build_app(), ["drift", "--json", "--no-meaning", *map(str, arguments)])


def test_the_latest_queries_of_a_server_are_compared_with_those_before(tmp_path):
    spool = tmp_path / "pod-1" / "shown"
    spool.mkdir(parents=True)
    now = datetime.now(UTC)  # noqa: TID251 - so does the command
    rows = [
        {"ts": (now - timedelta(hours=hours)).isoformat(), "query": query, "lang": lang, "score": score, "shown": ["a"]}
        for hours, queries, lang, score in ((2, SPANISH, "es", 0.2), (30, SAVOURY, "en", 0.8))
        for query in queries * 20
    ]
    (spool / "shown_1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = told("--recorded", tmp_path)
    document = json.loads(result.stdout)

    assert result.exit_code == 0
    assert document["drift"] is True
    assert {"language", "score"} <= {test["feature"] for test in document["tests"] if test["drifted"]}


@pytest.mark.parametrize(
    "arguments", [(), ("--reference", "a"), ("--reference", "a", "--current", "b", "--recorded", "c")]
)
def test_two_files_are_compared_or_one_folder(arguments):
    assert told(*arguments).exit_code == 2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1_000))
def test_areas_under_the_curve_are_those_of_scikit_learn_whatever_is_weighed(seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, 40)]
    scores = rng.integers(0, 9, 42) / 2.0
    weights = np.vstack([np.ones(42), rng.integers(0, 3, (5, 42))]).astype(np.float64)
    expected = [roc_auc_score(labels, scores, sample_weight=row) for row in weights]
    assert weighted_areas(labels, scores, weights) == pytest.approx(expected)


def test_where_one_window_weighs_nothing_there_is_no_area():
    assert np.isnan(weighted_areas(np.array([0, 1]), np.array([1.0, 2.0]), np.array([[1.0, 0.0]]))[0])


@pytest.mark.parametrize("texts", [1, 2, 4, 12, 20])
def test_however_few_different_queries_there_are_they_are_compared(texts):
    def encode(asked):
        return np.array([[len(text), text.count("x") % 3, 1.0] for text in asked], dtype=np.float32)

    lines = [json.dumps({"query": f"query {'x' * (number % texts)}"}).encode() for number in range(120)]
    window = collect(lines, name="window")
    assert compare(window, window, encode=encode).verdict is Verdict.NO_DRIFT
