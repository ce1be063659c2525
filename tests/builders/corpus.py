"""A dozen recipes, enough to tell rankings apart, and the artefact made of them."""

from mlops.artifact.builder import BuildSpec, build, seal
from mlops.recipe import Recipe, corpus_digest
from mlops.retrieval.encoder_source import find_encoder
from mlops.translation.glossary import Glossary
from mlops.translation.identity import IdentityTranslator


def recipe(id_: str, title: str, ingredients: str, **changes) -> Recipe:
    """A recipe whose ingredients are given as one line of words with commas."""
    values = {"id": id_, "title": title, "ingredients": tuple(ingredients.split(", ")), "steps": ("Cook it.",)}
    return Recipe(**(values | changes))


KITCHEN = (
    recipe("apple-cake", "Apple cake", "3 apples, 200 g flour, 3 eggs, 100 g butter", minutes=60, title_es="Tarta de manzana"),
    recipe("beef-stew", "Beef stew", "800 g beef, 3 carrots, 1 onion, 200 ml red wine", minutes=150, title_es="Estofado de ternera"),
    recipe("caprese", "Caprese salad", "4 tomatoes, 200 g mozzarella, basil, olive oil", minutes=10, title_es="Ensalada caprese"),
    recipe("chicken-soup", "Chicken soup", "1 chicken, 2 carrots, 1 onion, salt", minutes=90, title_es="Sopa de pollo"),
    recipe("chickpea-curry", "Chickpea curry", "400 g chickpeas, 400 ml coconut milk, 1 onion, curry paste", minutes=25, title_es="Curry de garbanzos"),
    recipe("fruit-salad", "Fruit salad", "2 apples, 2 oranges, 1 banana", minutes=10, title_es="Macedonia de frutas"),
    recipe("grilled-cod", "Grilled cod", "4 cod fillets, 1 lemon, olive oil", minutes=20, title_es="Bacalao a la plancha"),
    recipe("lentil-soup", "Lentil soup", "300 g lentils, 2 carrots, 1 onion, olive oil", minutes=40, title_es="Sopa de lentejas"),
    recipe("omelette", "Potato omelette", "6 eggs, 4 potatoes, 1 onion, olive oil", minutes=35, title_es="Tortilla de patatas"),
    recipe("pancakes", "Pancakes", "200 g flour, 2 eggs, 300 ml milk", title_es="Tortitas"),
    recipe("roast-potatoes", "Roast potatoes", "1 kg potatoes, olive oil, rosemary", minutes=55, title_es="Patatas asadas"),
    recipe("satay", "Chicken satay", "500 g chicken, 3 tbsp peanut butter, 2 tbsp soy sauce", minutes=30, title_es="Satay de pollo"),
)  # fmt: skip


def build_artifact(out, version="1.0.0", recipes=KITCHEN, translator=None):
    """Build and seal an artefact in the folder `out`; return its manifest."""
    spec = BuildSpec(
        model="recipes",
        version=version,
        data_digest=corpus_digest(recipes),
        code_revision="test",
        encoder=find_encoder(),
    )
    manifest = build(
        recipes,
        out,
        spec,
        translator=IdentityTranslator() if translator is None else translator,
        glossary=Glossary.shipped(),
        progress=lambda *_: None,
    )
    return seal(out, manifest, {"ndcg@10": 1.0}, {"ndcg@10": 1.0})
