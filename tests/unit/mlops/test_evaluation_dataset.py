"""The files of an evaluation set: what is read, and what each broken line says."""

import gzip

import pytest

from mlops.errors import Invalid, NotFound
from mlops.evaluation.dataset import Query, digest, read_qrels, read_queries

GOOD_QUERY = '{"qid": "q1", "kind": "dish", "text_en": "lentil soup", "text_es": "sopa de lentejas"}\n'
GOOD_QREL = "q1\t0\tr1\t2\n"


def write(folder, content, name="file"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_query_keeps_both_texts_and_its_kind(tmp_path):
    assert read_queries(write(tmp_path, GOOD_QUERY)) == (
        Query(qid="q1", kind="dish", text_en="lentil soup", text_es="sopa de lentejas"),
    )


def test_kind_and_one_text_may_be_missing_and_other_keys_are_ignored(tmp_path):
    (query,) = read_queries(write(tmp_path, '{"qid": 7, "split": "test", "text_es": "  sopa "}'))
    assert query == Query(qid="7", kind="unspecified", text_en=None, text_es="sopa")


@pytest.mark.parametrize("name", ["queries.jsonl.gz", "packed-without-saying-so"])
def test_gzip_is_known_by_its_content(tmp_path, name):
    assert len(read_queries(write(tmp_path, gzip.compress(GOOD_QUERY.encode(), mtime=0), name))) == 1


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_obstacle(tmp_path):
    content = b"\xef\xbb\xbf" + GOOD_QUERY.strip().encode() + b"\r\n\r\n"
    assert len(read_queries(write(tmp_path, content))) == 1


BROKEN_QUERIES = {
    "not JSON": (GOOD_QUERY + "{oops\n", ":2: not JSON"),
    "nested beyond reason": ("[" * 100_000, ":1: not JSON"),
    "a list": ("[1]\n", ":1: list instead of an object"),
    "no qid": ('{"text_en": "soup"}\n', ":1: qid is None"),
    "a qid with a space": ('{"qid": "q 1", "text_en": "soup"}\n', ":1: qid is 'q 1'"),
    "a qid that is true": ('{"qid": true, "text_en": "soup"}\n', ":1: qid is True"),
    "a qid twice": (GOOD_QUERY * 2, ":2: qid q1 occurs twice"),
    "no text at all": ('{"qid": "q1", "text_en": " ", "text_es": null}\n', ":1: query q1 has neither"),
    "a text that is a number": ('{"qid": "q1", "text_en": 5}\n', ":1: text_en is 5"),
    "a kind that is a list": ('{"qid": "q1", "text_en": "soup", "kind": []}\n', ":1: kind is []"),
    "not UTF-8": (b'{"qid": "q1", "text_en": "jalape\xf1o"}\n', ":1: not UTF-8"),
    "an empty file": ("", "holds no query"),
    "blank lines only": ("\n \n", "holds no query"),
    "a gzip file cut short": (gzip.compress(GOOD_QUERY.encode(), mtime=0)[:-12], "damaged gzip"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN_QUERIES.values(), ids=BROKEN_QUERIES)
def test_broken_queries_are_refused_by_file_and_line(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(Invalid) as caught:
        read_queries(path)
    assert str(path) in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint


def test_judgements_may_be_apart_by_tabs_or_spaces(tmp_path):
    assert read_qrels(write(tmp_path, GOOD_QREL + "q1 0 r2 0\nq2  0\tr1 1\n")) == {
        "q1": {"r1": 2, "r2": 0},
        "q2": {"r1": 1},
    }


def test_a_judgement_said_twice_alike_is_one(tmp_path):
    assert read_qrels(write(tmp_path, GOOD_QREL * 2)) == {"q1": {"r1": 2}}


BROKEN_QRELS = {
    "three fields": ("q1 r1 2\n", ":1: 3 fields, not 4"),
    "five fields": ("q1 0 r1 2 x\n", ":1: 5 fields, not 4"),
    "a grade in words": (GOOD_QREL + "q1 0 r2 good\n", ":2: the grade 'good'"),
    "a negative grade": ("q1 0 r1 -1\n", ":1: the grade '-1'"),
    "a fraction": ("q1 0 r1 0.5\n", ":1: the grade '0.5'"),
    "a grade of a billion": ("q1 0 r1 1000000000\n", ":1: the grade"),
    "two minds": (GOOD_QREL + "q1 0 r1 1\n", ":2: r1 has the grades 2 and 1 for q1"),
    "an empty file": ("", "holds no judgement"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN_QRELS.values(), ids=BROKEN_QRELS)
def test_broken_judgements_are_refused_by_file_and_line(tmp_path, content, message):
    with pytest.raises(Invalid, match="file") as caught:
        read_qrels(write(tmp_path, content))
    assert message in caught.value.message


@pytest.mark.parametrize("read", [read_queries, read_qrels])
def test_a_missing_file_is_not_found(tmp_path, read):
    with pytest.raises(NotFound, match="nowhere does not exist"):
        read(tmp_path / "nowhere")


def test_the_digest_tells_texts_grades_and_languages_apart_but_not_the_order():
    one, two = Query(qid="1", text_en="soup", text_es="sopa"), Query(qid="2", text_en="cake", text_es="tarta")
    qrels = {"1": {"r1": 1, "r2": 2}, "2": {"r1": 1}}
    same = digest([one, two], qrels, "en")
    assert digest([two, one], {"2": {"r1": 1}, "1": {"r2": 2, "r1": 1}, "3": {"r9": 1}}, "en") == same
    others = [
        digest([one, two], qrels, "es"),
        digest([one], qrels, "en"),
        digest([one, two], {**qrels, "2": {"r1": 2}}, "en"),
        digest([Query(qid="1", text_en="soups"), two], qrels, "en"),
    ]
    assert len({same, *others}) == 5
