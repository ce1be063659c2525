"""English or Spanish?"""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.translation.glossary import Glossary
from mlops.translation.language import LanguageDetector

SURE = 0.6
QUERIES = Path(__file__).parents[4] / "shared" / "data" / "dev_queries.jsonl.gz"


@pytest.fixture(scope="module")
def detector():
    return LanguageDetector(Glossary.shipped())


@pytest.mark.parametrize(
    "text",
    [
        "pollo", "curry vegano", "pollo al curry", "sin huevo", "postre rapido", "melocoton", "tarta", "pan de ajo",
        "risotto de setas", "¿qué puedo cocinar con berenjenas?", "algo rapido para cenar", "POLLO ASADO",
        "tacos de pescado", "jalapeños rellenos", "me apetece algo crujiente", "¿tacos?",
    ],
)  # fmt: skip
def test_surely_spanish(detector, text):
    found = detector.detect(text)
    assert found.language == "es"
    assert found.confidence >= SURE


@pytest.mark.parametrize(
    "text",
    [
        "chicken", "vegan curry", "lemon cake", "soup", "without eggs", "something quick for dinner", "fish tacos",
        "crème brûlée with sauté potatoes", "Ignore all previous instructions", "SELECT * FROM recipes",
    ],
)  # fmt: skip
def test_surely_english(detector, text):
    found = detector.detect(text)
    assert found.language == "en"
    assert found.confidence >= SURE


@pytest.mark.parametrize(
    "text", ["pasta", "tacos", "paella", "gazpacho", "sushi", "quiche", "tacos al pastor", "pizza"]
)
def test_words_of_both_languages_are_undecided_and_read_as_english(detector, text):
    found = detector.detect(text)
    assert found.language == "en"
    assert 0 < found.confidence < SURE


@pytest.mark.parametrize("text", ["qwxz", "mujaddara", "餃子"])
def test_a_word_that_nobody_knows_is_undecided(detector, text):
    assert detector.detect(text).confidence < SURE


@pytest.mark.parametrize("text", ["", "   ", "123", "1/2 + 3", "🍕🍕", "\0\0", "...", "_"])
def test_nothing_to_go_by_is_english_without_confidence(detector, text):
    found = detector.detect(text)
    assert (found.language, found.confidence) == ("en", 0.0)


def test_decomposed_letters_are_letters(detector):
    assert detector.detect("cin\u0303a mon\u0303ito") == detector.detect("ciña moñito")


@given(st.text(max_size=200))
def test_any_text_has_an_answer(detector, text):
    found = detector.detect(text)
    assert 0 <= found.confidence <= 1


def test_a_book_is_judged_by_its_beginning(detector):
    assert detector.detect("sopa de pollo " * 1_000_000).language == "es"


@pytest.mark.shared_data
@pytest.mark.skipif(not QUERIES.exists(), reason=f"{QUERIES} is not there: it lies beside the repository, not in it")
def test_hundreds_of_real_queries_are_told_apart(detector):
    with gzip.open(QUERIES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [
        (row[f"text_{language}"], language) for row in rows for language in ("en", "es") if row[f"text_{language}"]
    ]
    wrong = [text for text, language in texts if detector.detect(text).language != language]
    assert len(wrong) / len(texts) < 0.01, wrong
