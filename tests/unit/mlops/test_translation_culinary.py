"""Recipe English to recipe Spanish: tables of lines as they stand in recipes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.translation.agreement import Form, agreeing, form_of, pluralised, with_article
from mlops.translation.culinary import LONGEST_NAME, Draft, Holder, Slot, finish, slot_texts, tidy
from mlops.translation.glossary import Entry, Glossary
from mlops.translation.ingredients import draft_ingredient
from mlops.translation.phrasebook import Phrasebook
from mlops.translation.steps import draft_step
from mlops.translation.translator import Line
from mlops.translation.units import read_measure

BOOK = Phrasebook(Glossary.writing().merged(Glossary.shipped()))
NOTHING = Glossary(())


def settled(draft):
    """The line, with what is left to the translator in double brackets."""
    pieces = (f"[[{piece.text}]]" if isinstance(piece, Slot) else piece for piece in draft.pieces)
    return tidy("".join(pieces))


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("2 cups flour", "2 tazas de harina"),
        ("1 cup butter", "1 taza de mantequilla"),
        ("1/2 cup sugar", "1/2 taza de azúcar"),
        ("1 1/2 tsp salt", "1 1/2 cucharaditas de sal"),
        ("½ teaspoon salt", "½ cucharadita de sal"),
        ("1.5 tbsp honey", "1,5 cucharadas de miel"),
        ("200 g rice", "200 g de arroz"),
        ("1 kg potatoes", "1 kg de patatas"),
        ("1 litre water", "1 litro de agua"),
        ("2 lbs. of beef", "2 libras de ternera"),
        ("8 oz cheese", "8 onzas de queso"),
        ("1 pinch of salt", "1 pizca de sal"),
        ("a pinch of salt", "una pizca de sal"),
        ("3 garlic cloves, sliced", "3 dientes de ajo, en rodajas"),
        ("3 cloves of garlic", "3 dientes de ajo"),
        ("a few sprigs of thyme", "unas pocas ramitas de tomillo"),
        ("half a pound of butter", "media libra de mantequilla"),
        ("two spoons of butter", "dos cucharadas de mantequilla"),
        ("1 heaping tablespoon flour", "1 cucharada colmada de harina"),
        ("about 200 g rice", "unos 200 g de arroz"),
        ("2-3 tbsp milk", "2-3 cucharadas de leche"),
        ("2 to 3 tbsp milk", "2 a 3 cucharadas de leche"),
        ("3 eggs", "3 huevos"),
        ("3-4 large eggs", "3-4 huevos grandes"),
        ("1 large onion", "1 cebolla grande"),
        ("an onion", "una cebolla"),
        ("2 onions", "2 cebollas"),
        ("2 red peppers, cut into strips", "2 pimientos rojos, en tiras"),
        ("onion, finely chopped", "cebolla, picada finamente"),
        ("1 onion, peeled and finely chopped", "1 cebolla, pelada y picada finamente"),
        ("2 finely chopped onions", "2 cebollas picadas finamente"),
        ("tomatoes, in 2 cm pieces", "tomates, en trozos de 2 cm"),
        ("2 cups (about 200 g) rice", "2 tazas (unos 200 g) de arroz"),
        ("1 (400 g) can chickpeas, drained", "1 lata (400 g) de garbanzos, escurridos"),
        ("2 x 400 g tins chickpeas, drained", "2 latas (400 g) de garbanzos, escurridos"),
        ("4 salmon fillets, about 150 g each", "4 lomos de salmón, unos 150 g cada uno"),
        ("juice of 2 lemons", "zumo de 2 limones"),
        ("juice of 1/2 lemon", "zumo de 1/2 limón"),
        ("almond flour", "harina de almendra"),
        ("butter or oil", "mantequilla o aceite"),
        ("salt and ice", "sal y hielo"),
        ("Salt and pepper to taste", "Sal y pimienta al gusto"),
        ("salt", "sal"),
        ("Salt", "Sal"),
        ("200 g quixotberries", "200 g de [[quixotberries]]"),
        ("quixotberries, chopped", "[[quixotberries]], picado"),
        ("1", "1"),
        ("", ""),
        ("🍕", "[[🍕]]"),
    ],
)
def test_an_ingredient_line(english, spanish):
    assert settled(draft_ingredient(english, BOOK)) == spanish


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("Mix butter and sugar", "Mezclar mantequilla y azúcar"),
        ("Mix butter and sugar, then bake for 20 minutes.", "Mezclar mantequilla y azúcar, luego hornear durante 20 minutos."),
        ("Fold in the flour and stir well.", "Incorporar la harina y remover bien."),
        ("Let it cool completely.", "Dejarlo enfriar por completo."),
        ("Let the dough rest for 1 hour.", "Dejar reposar la masa durante 1 hora."),
        ("Do not boil.", "No hervir."),
        ("Bake at 180 °C for 35-40 minutes until golden.", "Hornear a 180 °C durante 35-40 minutos hasta que esté dorado."),
        ("Fry the onion until soft and golden.", "Freír la cebolla hasta que esté blando y dorado."),
        ("Peel them and serve with the sauce.", "Pelarlos y servir con la salsa."),
        ("In a large bowl, mix the flour with 150 ml water.", "En un bol grande, mezclar la harina con 150 ml de agua."),
        ("Butter the mould.", "Untar con mantequilla [[the mould]]."),
        ("Add butter, oil and salt.", "Añadir mantequilla, aceite y sal."),
        ("Heat the oven to 170 °C and line a 20 cm round tin.", "Calentar el horno a 170 °C y forrar un molde redondo de 20 cm."),
        ("Cook for just 2 minutes. Serve.", "Cocer durante solo 2 minutos. Servir."),
        ("Meanwhile, drain the beans.", "Mientras tanto, escurrir las alubias."),
        ("Carefully remove the lid.", "Retirar con cuidado la tapa."),
        ("Add the yolk to the sugar", "Añadir la yema al azúcar"),
        ("", ""),
        ("...", "..."),
        ("1.", "1."),
    ],
)  # fmt: skip
def test_a_step(english, spanish):
    assert settled(draft_step(english, BOOK)) == spanish


def test_an_unknown_command_is_put_to_the_translator_as_one():
    draft = draft_step("Defenestrate the onion.", BOOK)
    assert [(slot.command, slot.text) for slot in draft.slots] == [(True, "Defenestrate xqa")]
    assert list(slot_texts([draft])) == ["You must Defenestrate xqa"]
    answer = Line(text="Tienes que defenestrar xqa", status="partial", provider="x", unknown=("xqa",))
    assert finish(draft, [answer], NOTHING).text == "Defenestrar la cebolla."


@pytest.mark.parametrize("english", ["The cake is ready.", "It keeps for a week.", "When cold, it sets."])
def test_a_statement_is_not_taken_for_a_command(english):
    assert not any(slot.command for slot in draft_step(english, BOOK).slots)


@given(st.text(max_size=80))
def test_any_text_can_be_drafted_as_step_and_ingredient(text):
    for draft in (draft_step(text, BOOK), draft_ingredient(text, BOOK)):
        answers = [Line(text=slot.text, status="untranslated", provider="x") for slot in draft.slots]
        assert finish(draft, answers, NOTHING).text is not None


def slotted(*pieces):
    return Draft(pieces=pieces)


def test_held_phrases_come_back_wherever_the_translator_moved_them():
    slot = Slot(source="the salt in the oil", text="xqa in xqb", held=("la sal", "el aceite"))
    answer = Line(text="En Xqb, xqa", status="ok", provider="x")
    assert finish(slotted(slot), [answer], NOTHING).text == "en el aceite, la sal"


@pytest.mark.parametrize("text", ["xqa", "xqa xqa xqb", "xqa xqc", ""], ids=["lost", "doubled", "changed", "empty"])
def test_a_slot_that_lost_a_held_phrase_stays_english(text):
    slot = Slot(source="the salt in the oil", text="xqa in xqb", held=("la sal", "el aceite"))
    finished = finish(slotted("Poner ", slot), [Line(text=text, status="ok", provider="x")], NOTHING)
    assert (finished.text, finished.complete) == ("Poner the salt in the oil", False)


def test_words_that_the_translator_did_not_know_are_looked_up():
    glossary = Glossary((Entry(es="nuez moscada", en="nutmeg", kind="ingredient"),))
    answer = Line(text="Queso con nutmeg", status="partial", provider="x", unknown=("nutmeg",))
    draft = slotted(Slot(source="cheese with nutmeg", text="cheese with nutmeg"))
    assert finish(draft, [answer], glossary).text == "queso con nuez moscada"


def test_a_name_within_a_spanish_line_is_no_gap_but_a_whole_english_line_is():
    def kept(words):
        return Line(text=words, status="untranslated", provider="x")

    name = "Old Bay"
    phrase = " ".join(["word"] * (LONGEST_NAME + 1))
    assert finish(slotted("1 taza de ", Slot(source=name, text=name)), [kept(name)], NOTHING).complete
    assert not finish(slotted(Slot(source=name, text=name)), [kept(name)], NOTHING).complete
    assert not finish(slotted("1 taza de ", Slot(source=phrase, text=phrase)), [kept(phrase)], NOTHING).complete


def test_stand_ins_are_different_for_any_number_of_phrases():
    holder = Holder()
    names = [holder.hold(str(number)) for number in range(2000)]
    assert len(set(names)) == 2000
    slot = Slot(source="x", text=" ".join(names), held=tuple(holder.held))
    answer = Line(text=" ".join(reversed(names)), status="ok", provider="x")
    assert finish(slotted(slot), [answer], NOTHING).text == " ".join(str(number) for number in reversed(range(2000)))


@pytest.mark.parametrize(
    ("line", "text", "rest"),
    [
        ("2 cups flour", "2 tazas", "flour"),
        ("1 cup", "1 taza", ""),
        ("12 oz. ham", "12 onzas", "ham"),
        ("2 cupboards", "2", "cupboards"),
        ("a little milk", "un poco", "milk"),
        ("half dozen eggs", "media docena", "eggs"),
        ("1/0 cup x", "1/0 taza", "x"),
    ],
)
def test_a_measure(line, text, rest):
    measure = read_measure(line)
    assert (measure.text, measure.rest) == (text, rest)


@pytest.mark.parametrize("line", ["", "flour", "salt 2", "180 °C", "50% cream", "²"])
def test_no_measure(line):
    assert read_measure(line) is None


@pytest.mark.parametrize(
    ("phrase", "feminine", "plural"),
    [
        ("cebollas rojas", True, True), ("aceite de oliva", False, False), ("sal", True, False), ("nueces", True, True),
        ("agua", True, False), ("arroz", False, False), ("día", False, False), ("anís", False, False), ("", False, False),
    ],
)  # fmt: skip
def test_gender_and_number(phrase, feminine, plural):
    assert form_of(phrase) == Form(feminine=feminine, plural=plural)


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("taza", "tazas"), ("limón", "limones"), ("nuez", "nueces"), ("flor", "flores"), ("inglés", "ingleses"),
        ("grande", "grandes"), ("tazas", "tazas"), ("", ""),
    ],
)  # fmt: skip
def test_plurals(singular, plural):
    assert pluralised(singular) == plural


@pytest.mark.parametrize(
    ("adjective", "phrase", "agreed"),
    [
        ("picado", "cebollas", "picadas"), ("finamente picado", "cebolla", "picada finamente"),
        ("grande", "huevos", "grandes"), ("en rodajas", "cebollas", "en rodajas"),
        ("recién molido", "pimienta", "recién molida"), ("partido por la mitad", "limones", "partidos por la mitad"),
        ("inglés", "salsa", "inglesa"), ("bien dorado", "cebollas", "bien doradas"), ("", "sal", ""),
    ],
)  # fmt: skip
def test_adjectives_agree(adjective, phrase, agreed):
    assert agreeing(adjective, form_of(phrase)) == agreed


@pytest.mark.parametrize(
    ("phrase", "definite", "after", "whole"),
    [
        ("agua", True, "", "el agua"), ("agua", False, "", "un agua"), ("aguas", True, "", "las aguas"),
        ("aceite", True, "de", "del aceite"), ("harina", True, "de", "de la harina"), ("huevo", True, "a", "al huevo"),
        ("ollas", False, "", "unas ollas"),
    ],
)  # fmt: skip
def test_articles(phrase, definite, after, whole):
    assert with_article(phrase, definite=definite, after=after) == whole
