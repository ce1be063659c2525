"""Trees as they are learned and as they are served: the same scores."""

import numpy as np
import pytest

from mlops.errors import Permanent
from mlops.learning.adapter_training import Lesson, train_adapter
from mlops.learning.tree_graph import tree_graph
from mlops.learning.tree_training import Group, grow
from mlops.retrieval.adapter import QueryAdapter
from mlops.retrieval.features import FEATURES
from mlops.retrieval.trees import Trees

COLUMNS = list(FEATURES)


def groups(seed=0, number=40, size=25):
    """Queries whose recipes are the better the more of their title the query names."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        rows = rng.random((size, len(COLUMNS)), dtype=np.float32)
        estimates = np.round(rows[:, COLUMNS.index("title")], 1).astype(np.float32)
        made.append(Group(rows=rows, estimates=estimates, weights=np.ones(size, dtype=np.float32)))
    return made


@pytest.fixture(scope="module")
def grown():
    return grow(groups(), seed=0)


def test_the_same_data_and_seed_grow_the_same_trees(grown):
    assert grow(groups(), seed=0).graph == grown.graph
    assert grow(groups(seed=1), seed=0).graph != grown.graph


def test_what_matters_is_found(grown):
    assert max(grown.importance, key=grown.importance.get) == "title"
    assert sum(grown.importance.values()) == pytest.approx(1, abs=0.01)


def test_served_trees_score_as_the_learned_ones(grown):
    import lightgbm  # noqa: PLC0415 - the reference of this test alone

    rng = np.random.default_rng(5)
    rows = rng.random((500, len(COLUMNS)), dtype=np.float32)
    target = rows[:, 0] + rows[:, 1] ** 2
    booster = lightgbm.train({"verbosity": -1, "num_leaves": 31, "seed": 1}, lightgbm.Dataset(rows, target), 60)
    thresholds = np.array(
        [node["threshold"] for tree in booster.dump_model()["tree_info"] for node in _splits(tree["tree_structure"])]
    )
    # On each threshold too, and on the numbers beside it: there is where float32 and double would part.
    rows[: len(thresholds) % 500, :] = thresholds[: len(thresholds) % 500, None].astype(np.float32)
    served = Trees(tree_graph(booster.dump_model())).score(rows)
    assert np.abs(served - booster.predict(rows)).max() < 1e-5


def _splits(node):
    if "left_child" in node:
        yield node
        yield from _splits(node["left_child"])
        yield from _splits(node["right_child"])


def test_more_of_what_is_good_never_scores_less(grown):
    rng = np.random.default_rng(9)
    rows = rng.random((300, len(COLUMNS)), dtype=np.float32)
    for column, direction in enumerate(FEATURES.values()):
        if direction:
            more = rows.copy()
            more[:, column] += np.float32(0.3 * direction)
            assert (grown.trees.score(more) >= grown.trees.score(rows) - 1e-6).all(), COLUMNS[column]


def test_even_clicks_that_say_the_opposite_do_not_turn_it_round():
    turned = [Group(rows=g.rows, estimates=1 - g.estimates, weights=g.weights) for g in groups()]
    trees = grow(turned, seed=0).trees
    rows = np.full((2, len(COLUMNS)), 0.5, dtype=np.float32)
    rows[1, COLUMNS.index("title")] = 1.0
    low, high = trees.score(rows)
    assert high >= low


def test_bytes_that_are_no_graph_are_refused():
    with pytest.raises(Permanent, match="cannot be loaded"):
        Trees(b"not a graph")


def unit(rng, number, dimension=32):
    vectors = rng.normal(size=(number, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def lessons(vectors, rng, turn, number=80):
    """Queries for which the recipe that is liked lies where the query points once it is turned."""
    made = []
    for query in unit(rng, number):
        documents = np.sort(rng.choice(len(vectors), 12, replace=False))
        liked = np.argmax(vectors[documents] @ (query + turn @ query))
        relevance = np.zeros(12, dtype=np.float32)
        relevance[liked] = 0.6
        made.append(Lesson(vector=query, documents=documents, relevance=relevance, clicks=5))
    return made


def hits(adapter, judged, vectors):
    return np.mean([np.argmax(vectors[each.documents] @ adapter(each.vector)) == np.argmax(each.relevance) for each in judged])  # fmt: skip


def test_an_adapter_learns_a_turn_that_new_queries_share():
    rng = np.random.default_rng(4)
    vectors, turn = unit(rng, 400), rng.normal(scale=0.12, size=(32, 32)).astype(np.float32)
    adapter, losses = train_adapter(lessons(vectors, rng, turn), vectors, seed=0)
    assert losses[-1] < losses[0]
    unseen = lessons(vectors, rng, turn)
    plain = QueryAdapter(np.zeros((32, 32), dtype=np.float32))
    assert hits(adapter, unseen, vectors) > hits(plain, unseen, vectors)


def test_an_adapter_without_lessons_turns_nothing():
    rng = np.random.default_rng(0)
    vectors = unit(rng, 10)
    assert np.allclose(train_adapter([], vectors, seed=0)[0](vectors[0]), vectors[0], atol=1e-6)


def test_an_adapter_is_the_same_for_the_same_seed():
    rng = np.random.default_rng(1)
    vectors = unit(rng, 300)
    taught = lessons(vectors, rng, np.zeros((32, 32), dtype=np.float32))
    first, second = (train_adapter(taught, vectors, seed=7)[0].weights for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("weights", [np.zeros((3, 4), np.float32), np.zeros((3, 3)), np.zeros(3, np.float32)])
def test_a_matrix_of_another_shape_is_refused(weights):
    with pytest.raises(Permanent, match="square float32"):
        QueryAdapter(weights)
