"""What is remembered of translations, and what is not."""

from mlops.translation.cache import LONGEST_REMEMBERED, CachedTranslator
from tests.fakes.translator import WordTranslator


def cached(lines=10, **behaviour):
    translator = WordTranslator(**behaviour)
    return translator, CachedTranslator(translator, lines)


def test_a_line_is_translated_once():
    translator, cache = cached()
    first = cache.translate(["the soup", "the soup"], "en", "es")
    assert cache.translate(["the soup"], "en", "es") == first[:1] == first[1:]
    assert translator.asked == ["the soup"]


def test_the_two_directions_are_not_confused():
    _, cache = cached()
    assert cache.translate(["sal"], "en", "es")[0].text == "sal"
    assert cache.translate(["sal"], "es", "en")[0].text == "salt"


def test_what_stayed_untranslated_is_tried_again():
    translator, cache = cached(broken=True)
    assert cache.translate(["the soup"], "en", "es")[0].status == "untranslated"
    translator.broken = False
    assert cache.translate(["the soup"], "en", "es")[0].status == "ok"


def test_the_least_recently_used_line_is_forgotten_first():
    translator, cache = cached(lines=2)
    for line in ("the soup", "the salt", "the soup", "with salt"):
        cache.translate([line], "en", "es")
    assert len(cache) == 2
    translator.asked.clear()
    cache.translate(["the soup", "with salt", "the salt"], "en", "es")
    assert translator.asked == ["the salt"]


def test_a_batch_larger_than_the_cache_is_answered_whole():
    _, cache = cached(lines=2)
    answers = cache.translate([f"salt {number}" for number in range(50)], "en", "es")
    assert [answer.text for answer in answers] == [f"sal {number}" for number in range(50)]
    assert len(cache) == 2


def test_long_lines_are_not_kept():
    translator, cache = cached()
    line = "salt " * LONGEST_REMEMBERED
    cache.translate([line], "en", "es")
    assert len(cache) == 0
    assert translator.asked == [line]


def test_closing_closes_the_translator():
    translator, cache = cached()
    cache.close()
    assert translator.closed
