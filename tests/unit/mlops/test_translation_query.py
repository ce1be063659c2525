"""A Spanish query in English: what the glossary says, what the translator adds, and what neither knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.translation.glossary import Entry, Glossary
from mlops.translation.identity import IdentityTranslator
from mlops.translation.query import LONGEST, QueryTranslator
from tests.fakes.translator import WordTranslator

GLOSSARY = Glossary(
    tuple(
        Entry(es=es, en=en, kind="ingredient")
        for es, en in (("sopa", "soup"), ("pollo", "chicken"), ("de", "of"), ("sopa de pollo", "chicken soup"))
    )
)
WORDS = {"garlic": "ajo", "with": "con", "soup": "caldo"}


def asking(translator=None, glossary=GLOSSARY):
    return QueryTranslator(translator or WordTranslator(WORDS, name="apertium"), glossary)


@pytest.mark.parametrize(
    ("spanish", "english", "translated", "status", "provider"),
    [
        ("sopa de pollo", "chicken soup", True, "ok", "glossary"),
        ("SOPA DE POLLO", "chicken soup", True, "ok", "glossary"),
        ("sopa de pollo con ajo", "chicken soup with garlic", True, "ok", "glossary+apertium"),
        ("¿sopa, pollo?", "soup, chicken?", True, "ok", "glossary"),
        ("sopa de zarandaja", "soup of zarandaja", True, "partial", "glossary"),
        ("zarandaja ajo pollo", "zarandaja garlic chicken", True, "partial", "glossary+apertium"),
        ("zarandaja mirifica pollo", "zarandaja mirifica chicken", False, "partial", "glossary"),
        ("zarandaja", "zarandaja", False, "untranslated", "glossary"),
        ("", "", True, "ok", "none"),
        ("🍕 123", "🍕 123", True, "ok", "none"),
    ],
)
def test_a_query(spanish, english, translated, status, provider):
    query = asking().to_english(spanish)
    assert (query.text, query.translated, query.status, query.provider) == (english, translated, status, provider)


def test_what_the_glossary_knows_whole_needs_no_translator():
    translator = WordTranslator(name="apertium")
    asking(translator).to_english("sopa de pollo")
    assert translator.asked == []


def test_all_readings_are_given_best_first():
    query = asking().to_english("sopa de pollo con ajo")
    assert query.variants[0] == query.text
    assert query.variants == ("chicken soup with garlic", "chicken soup con ajo", "soup of chicken with garlic")


def test_a_translator_that_goes_by_sentences_is_taken_at_its_word():
    query = asking(WordTranslator(WORDS, name="marian")).to_english("caldo con ajo")
    assert (query.text, query.status, query.provider) == ("soup with garlic", "ok", "marian")


@pytest.mark.parametrize("translator", [WordTranslator(broken=True, name="apertium"), IdentityTranslator(),
                                        WordTranslator(broken=True, name="marian")])  # fmt: skip
def test_with_a_broken_translator_the_glossary_goes_on(translator):
    assert asking(translator).to_english("sopa de pollo").text == "chicken soup"
    query = asking(translator).to_english("zarandaja con sopa")
    assert (query.text, query.translated) == ("zarandaja con soup", False)


def test_only_so_much_of_an_endless_query_is_translated():
    assert len(asking().to_english("zarandaja " * 10_000).text) <= LONGEST


@given(st.text())
def test_any_query_has_a_reading(text):
    query = asking().to_english(text)
    assert query.variants
    assert query.status in ("ok", "partial", "untranslated")
