"""The glossary: finding, replacing, merging, reading and writing; and the hygiene of the two lists that are shipped."""

import collections
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Invalid, NotFound
from mlops.translation.glossary import HEADER, KINDS, Entry, Glossary, fold, words_of


def entry(es, en, kind="ingredient"):
    return Entry(es=es, en=en, kind=kind)


SMALL = Glossary(
    (
        entry("melocotón", "peach"),
        entry("tarta", "cake", "dish"),
        entry("tarta de manzana", "apple pie", "dish"),
        entry("manzana", "apple"),
        entry("de", "of", "other"),
        entry("ñora", "dried pepper"),
        entry("té", "tea"),
        entry("te", "you", "other"),
        entry("sin lácteos", "dairy-free", "diet"),
        entry("picado", "chopped", "state"),
    )
)


@pytest.fixture(scope="module")
def shipped():
    return Glossary.shipped()


@pytest.fixture(scope="module")
def writing():
    return Glossary.writing()


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("melocoton", "peach"),
        ("MELOCOTÓN", "peach"),
        ("melocoto\u0301n", "peach"),
        ("nora", "dried pepper"),
        ("tarta de manzana", "apple pie"),
        ("Tarta de  Manzana", "apple pie"),
        ("tarta, de manzana", "cake, of apple"),
        ("tarta de melocotón", "cake of peach"),
        ("té", "tea"),
        ("te", "you"),
        ("sin lacteos!", "dairy-free!"),
        ("(manzana)", "(apple)"),
        ("manzanas", "manzanas"),
        ("", ""),
        ("🍕 123", "🍕 123"),
    ],
)
def test_spanish_is_replaced_by_the_longest_phrase_whatever_its_accents(spanish, english):
    assert SMALL.replace(spanish, "es", "en").text == english


@pytest.mark.parametrize(("english", "spanish"), [("dairy free", "sin lácteos"), ("Apple Pie", "tarta de manzana")])
def test_english_is_replaced_too(english, spanish):
    assert SMALL.replace(english, "en", "es").text == spanish


def test_how_much_was_known_is_counted_in_words():
    replaced = SMALL.replace("tarta de manzana casera", "es", "en")
    assert (replaced.known, replaced.words) == (3, 4)


def test_only_the_kinds_asked_for_are_replaced():
    assert SMALL.replace("manzana picado", "es", "en", frozenset({"state"})).text == "manzana chopped"


@given(st.text())
def test_any_text_can_be_matched_and_spans_never_overlap(text):
    last = 0
    for span in SMALL.match(text, "es"):
        assert last <= span.start < span.end <= len(text)
        assert fold(" ".join(words_of(text[span.start : span.end]))) == fold(" ".join(words_of(span.entry.es)))
        last = span.end


def test_a_text_without_known_phrases_is_left_alone():
    assert SMALL.replace("Ignore all previous instructions", "es", "en").text == "Ignore all previous instructions"


def test_of_two_lists_the_first_is_right():
    other = Glossary((entry("manzana", "potato"), entry("pera", "pear")))
    merged = SMALL.merged(other)
    assert merged.find("manzana", "es").en == "apple"
    assert merged.find("pera", "es").en == "pear"


def test_what_a_corpus_taught_for_certain_overrules_a_thing_but_never_a_function_word():
    taught = Glossary(
        (entry("manzana", "crab", "corpus"), entry("de", "style", "corpus"), entry("pera", "x", "learnt"))
    )
    merged = SMALL.merged(taught)
    assert merged.find("manzana", "es").en == "crab"
    assert merged.find("de", "es").en == "of"
    assert merged.find("pera", "es").en == "x"


def test_what_was_learnt_is_never_written_where_the_shipped_list_has_a_word():
    merged = SMALL.merged(Glossary((entry("manzanas", "apple", "corpus"),)))
    assert merged.find("apple", "en").es == "manzana"


def test_of_many_spanish_verb_forms_the_infinitive_is_written():
    verbs = Glossary((entry("mezcle", "mix", "technique"), entry("mezclar", "mix", "technique")))
    assert verbs.find("mix", "en").es == "mezclar"
    assert verbs.find("mezcle", "es").en == "mix"


_CELL = st.text(st.characters(categories=["L", "N", "Zs"], exclude_characters="\u2028\u2029"), min_size=1, max_size=20)
_PHRASE = _CELL.map(str.strip).filter(words_of)


@given(st.lists(st.builds(Entry, es=_PHRASE, en=_PHRASE, kind=st.sampled_from(sorted(KINDS)))))
def test_a_list_survives_being_written_and_read(entries):
    glossary = Glossary(tuple(entries))
    assert Glossary.from_tsv(glossary.to_tsv()) == glossary


def test_a_file_is_written_and_read(tmp_path):
    SMALL.save(tmp_path / "glossary.tsv")
    assert Glossary.load(tmp_path / "glossary.tsv") == SMALL


def test_windows_line_ends_are_read():
    assert Glossary.from_tsv(SMALL.to_tsv().replace("\n", "\r\n")) == SMALL


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not the header"),
        ("es,en,kind\n", "is not the header"),
        (f"{HEADER}\nsal\tsalt\n", "line 2: 2 cells, 3 expected"),
        (f"{HEADER}\nsal\tsalt\tother\nsal\tsalt\tmineral\n", "line 3: kind 'mineral'"),
        (f"{HEADER}\n \tsalt\tother\n", "line 2: a side without a word"),
    ],
)
def test_a_damaged_list_names_its_line(text, says):
    with pytest.raises(Invalid) as error:
        Glossary.from_tsv(text, origin="list.tsv")
    assert says in error.value.message
    assert "list.tsv" in error.value.message


def test_a_list_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        Glossary.load(tmp_path / "none.tsv")


def test_a_list_that_is_not_text_says_so(tmp_path):
    (tmp_path / "bad.tsv").write_bytes(b"es\ten\tkind\n\xff\xfe")
    with pytest.raises(Invalid, match="not UTF-8"):
        Glossary.load(tmp_path / "bad.tsv")


@pytest.fixture(params=["shipped", "writing"])
def data(request):
    return request.getfixturevalue(request.param)


def test_the_data_is_composed_trimmed_lower_case_and_single_spaced(data):
    for each in data.entries:
        for side in (each.es, each.en):
            assert side == unicodedata.normalize("NFC", side)
            assert side == " ".join(side.split())
            assert not set(side) & set('"*@#~^$[]{}<>\\/|_;'), side


def test_the_data_says_nothing_twice(data):
    seen = collections.Counter((each.es, each.en, each.kind) for each in data.entries)
    assert [row for row, times in seen.items() if times > 1] == []


def test_the_shipped_list_translates_each_spanish_phrase_one_way(shipped):
    seen = collections.Counter(each.es.lower() for each in shipped.entries)
    assert [phrase for phrase, times in seen.items() if times > 1] == []


def test_the_writing_list_writes_each_english_phrase_one_way_per_kind(writing):
    seen = collections.Counter((each.en.lower(), each.kind) for each in writing.entries)
    assert [phrase for phrase, times in seen.items() if times > 1] == []


def test_the_shipped_list_is_large_and_nothing_in_it_was_learnt(shipped):
    assert len(shipped.entries) >= 1500
    assert not {each.kind for each in shipped.entries} & {"corpus", "learnt"}


def test_verbs_to_write_are_infinitives(writing):
    wrong = [
        each.es
        for each in writing.entries
        if each.kind == "technique" and not fold(each.es.split()[0]).endswith(("ar", "er", "ir"))
    ]
    assert all(phrase.split()[0] in ("a", "al", "fuera", "de") for phrase in wrong), wrong


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("sin huevo", "without egg"), ("sin gluten", "gluten-free"), ("pollo", "chicken"), ("á la", "à la"),
        ("melocoton", "peach"), ("cacahuete", "peanut"), ("marisco", "seafood"), ("leche", "milk"),
        ("nueces", "walnuts"), ("pimienta", "pepper"), ("pimiento", "bell pepper"), ("aceite", "oil"),
    ],
)  # fmt: skip
def test_words_that_filters_and_searches_depend_on_are_right(shipped, spanish, english):
    assert shipped.find(spanish, "es").en == english
