"""Two writers at once, in every order: one of them runs in whole at each point where the other touches MLflow.

And one writer that dies at each of these points.
"""

from datetime import UTC, datetime
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.errors import Conflict, MlopsError, Transient
from mlops.model_registry import CHAMPION, ModelRegistry, Stage
from tests.builders.registry_world import MODEL, World
from tests.fakes.lockstep import Lockstep
from tests.fakes.registry_backend import nothing


def at_step(world, number, act):
    """Run `act` once, before the `number`th verb; check at each verb that nobody sees two productions."""
    steps = count()

    def before(verb):
        assert len(world.in_production()) <= 1
        if next(steps) == number:
            world.backend.before = nothing
            act()
            world.backend.before = before

    world.backend.before = before
    return steps


def verbs_of(make_world, act):
    """How many verbs `act` takes when nobody disturbs."""
    world = make_world()
    steps = at_step(world, -1, nothing)
    act(world)
    return next(steps)


@pytest.fixture
def make_world(tmp_path):
    number = count()

    def make(**stages):
        folder = tmp_path / str(next(number))
        folder.mkdir()
        return World(folder, **stages)

    return make


def check_history(world, versions=("1.0.0", "2.0.0", "3.0.0")):
    """Each version's history is a chain, and closed unless the version is in production."""
    for version in versions:
        steps = world.steps(version)
        if steps[-2:] == [(Stage.PRODUCTION, Stage.ARCHIVED)] * 2:
            steps.pop()  # archived by one and superseded by another at the same moment: both are told
        assert [target for _, target in steps[:-1]] == [source for source, _ in steps[1:]], (version, steps)
        promoted = [version] == world.in_production()
        assert (steps[-1][1] is Stage.PRODUCTION) == promoted, (version, steps)
        number = world.registry.get(MODEL, version).number
        tagged = world.backend.version(MODEL, number).tags["recipes.stage"]
        assert (tagged == "Production") == promoted, (version, steps)


def test_two_promotions_leave_one_winner_and_a_whole_history(make_world):
    def world():
        return make_world(a=Stage.PRODUCTION, b=Stage.STAGING, c=Stage.STAGING)

    total = verbs_of(world, lambda each: each.move("2.0.0", Stage.PRODUCTION))
    assert total > 5
    for step in range(total):
        here, other = world(), []
        at_step(here, step, lambda here=here, other=other: other.append(here.attempt("3.0.0", Stage.PRODUCTION)))
        first = here.attempt("2.0.0", Stage.PRODUCTION)
        assert other == [True], step
        assert here.in_production() == (["2.0.0"] if first else ["3.0.0"]), step
        assert here.promotions("3.0.0") == 1, step
        check_history(here)


def test_a_rollback_against_a_promotion_leaves_one_winner_and_a_whole_history(make_world):
    def world():
        here = make_world(a=Stage.PRODUCTION, b=Stage.STAGING, c=Stage.STAGING)
        here.move("2.0.0", Stage.PRODUCTION)
        return here

    total = verbs_of(world, lambda each: each.move("3.0.0", Stage.PRODUCTION))
    for step in range(total):
        here = world()
        at_step(here, step, lambda here=here: here.attempt("1.0.0", Stage.PRODUCTION, restore=True))
        here.attempt("3.0.0", Stage.PRODUCTION)
        assert len(here.in_production()) == 1, step
        check_history(here)


def test_a_duel_of_three_rounds_within_one_promotion(make_world):
    """The version being superseded comes back, and is superseded again, before the first writer has finished."""

    def world():
        return make_world(a=Stage.PRODUCTION, b=Stage.STAGING, c=Stage.STAGING)

    total = verbs_of(world, lambda each: each.move("2.0.0", Stage.PRODUCTION))
    for step in range(total):
        here = world()

        def duel(here=here):
            here.attempt("1.0.0", Stage.PRODUCTION, restore=True)
            here.attempt("3.0.0", Stage.PRODUCTION)
            here.attempt("1.0.0", Stage.PRODUCTION, restore=True)

        at_step(here, step, duel)
        here.attempt("2.0.0", Stage.PRODUCTION)
        assert len(here.in_production()) == 1, step
        check_history(here)


def test_archiving_production_never_takes_a_crossing_promotion_away(make_world):
    def world():
        return make_world(a=Stage.PRODUCTION, b=Stage.STAGING)

    for first, second in [
        (("1.0.0", Stage.ARCHIVED), ("2.0.0", Stage.PRODUCTION)),
        (("2.0.0", Stage.PRODUCTION), ("1.0.0", Stage.ARCHIVED)),
    ]:
        total = verbs_of(world, lambda each, first=first: each.move(*first))
        for step in range(total):
            here = world()
            at_step(here, step, lambda here=here, second=second: here.attempt(*second))
            here.attempt(*first)
            assert here.in_production() == ["2.0.0"], (first, step)


@pytest.mark.parametrize("digest", ["a", "b"])
def test_two_who_register_one_release_leave_one_version(make_world, digest):
    total = verbs_of(make_world, lambda each: each.register("1.0.0"))
    for step in range(total):
        here, numbers, refused = make_world(), [], []

        def attempt(wanted, here=here, numbers=numbers, refused=refused):
            try:
                numbers.append(here.register("1.0.0", wanted).number)
            except Conflict as error:
                refused.append(error.message)

        at_step(here, step, lambda attempt=attempt: attempt("a"))
        attempt(digest)
        left = here.backend.versions(MODEL)
        assert len(left) == 1, step
        assert set(numbers) == {left[0].number}, step
        assert len(refused) == (digest == "b"), step
        assert all("recipes 1.0.0 is taken by 1.0.0 with digest sha256:" in message for message in refused)


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    ("version", "to", "restore"),
    [("3.0.0", Stage.PRODUCTION, False), ("1.0.0", Stage.PRODUCTION, True), ("2.0.0", Stage.ARCHIVED, False)],
)
def test_what_a_writer_left_half_done_the_next_one_finishes(make_world, version, to, restore):
    def world():
        here = make_world(a=Stage.PRODUCTION, b=Stage.STAGING, c=Stage.STAGING)
        here.move("2.0.0", Stage.PRODUCTION)
        return here

    def die():
        raise KilledError

    for step in range(verbs_of(world, lambda each: each.move(version, to, restore=restore))):
        here = world()
        at_step(here, step, die)
        with pytest.raises(KilledError):
            here.move(version, to, restore=restore)
        here.backend.before = nothing
        assert len(here.in_production()) <= 1
        here.attempt(version, to, restore=restore)
        assert here.in_production() == ([] if to is Stage.ARCHIVED else [version]), step
        assert here.steps(version)[-1][1] is to, step
        for other in {"1.0.0", "2.0.0"} - {version}:
            assert here.steps(other)[-1] == (Stage.PRODUCTION, Stage.ARCHIVED), step


def test_a_registration_that_dies_leaves_no_version(make_world):
    def die():
        raise KilledError

    for step in range(verbs_of(make_world, lambda each: each.register("1.0.0")) - 2):
        here = make_world()
        at_step(here, step, die)
        with pytest.raises(KilledError):
            here.register("1.0.0")
        here.backend.before = nothing
        assert here.registry.list_versions() == (), step
        assert here.register("1.0.0").stage is Stage.TRAINING


def test_a_registration_that_fails_closes_its_run_as_failed(make_world):
    here = make_world()
    (here.artifact / "MLmodel").unlink()
    with pytest.raises(MlopsError):
        here.register("1.0.0")
    assert [status for _, status in here.backend.runs.values()] == ["FAILED"]


def test_an_answer_that_got_lost_is_looked_up(make_world):
    """The server moved the alias but its answer did not arrive."""
    here = make_world(a=Stage.STAGING)
    move_alias = here.backend.set_alias

    def lose_the_answer(model, alias, number):
        move_alias(model, alias, number)
        if alias == CHAMPION:
            raise Transient("read timeout")

    here.backend.set_alias = lose_the_answer
    assert here.move("1.0.0", Stage.PRODUCTION).stage is Stage.PRODUCTION


def test_a_request_that_got_lost_is_transient_and_changes_nothing(make_world):
    here = make_world(a=Stage.PRODUCTION, b=Stage.STAGING)

    def lose_the_request(model, alias, number):
        raise Transient("connection refused")

    here.backend.set_alias = lose_the_request
    with pytest.raises(Transient, match="connection refused"):
        here.move("2.0.0", Stage.PRODUCTION)
    assert here.in_production() == ["1.0.0"]
    assert here.promotions("2.0.0") == 0


@pytest.fixture(scope="module")
def contest(tmp_path_factory):
    """1.0.0 was in production, 4.0.0 is, and 2.0.0 and 3.0.0 wait."""
    here = World(
        tmp_path_factory.mktemp("world"), a=Stage.PRODUCTION, b=Stage.STAGING, c=Stage.STAGING, d=Stage.STAGING
    )
    here.move("4.0.0", Stage.PRODUCTION)
    return here


PROMOTE_2 = ("2.0.0", Stage.PRODUCTION, False)
PROMOTE_3 = ("3.0.0", Stage.PRODUCTION, False)
ROLL_BACK = ("1.0.0", Stage.PRODUCTION, True)
ARCHIVE_4 = ("4.0.0", Stage.ARCHIVED, False)


@pytest.mark.parametrize(
    "acts",
    [
        (PROMOTE_2, PROMOTE_3),
        (PROMOTE_2, PROMOTE_3, ROLL_BACK),
        (PROMOTE_3, ARCHIVE_4),
    ],
    ids=["two promotions", "with a rollback", "with an archiving"],
)
@settings(max_examples=100, deadline=None)
@given(order=st.lists(st.integers(0, 2), min_size=20, max_size=60))
def test_in_any_order_there_is_one_winner_and_a_whole_history(contest, acts, order):
    here = contest.copy()
    succeeded = []

    def writer(version, to, restore):
        if here.attempt(version, to, restore=restore):
            succeeded.append((version, to, restore))

    in_lockstep(here, [partial(writer, *act) for act in acts], order)

    promoted = {version for version, to, _ in succeeded if to is Stage.PRODUCTION}
    assert len(here.in_production()) == 1
    assert set(here.in_production()) <= {version for version, *_ in acts}
    assert all(here.promotions(version) >= 1 for version in promoted)
    check_history(here, ("1.0.0", "2.0.0", "3.0.0", "4.0.0"))


@settings(max_examples=100, deadline=None)
@given(order=st.lists(st.integers(0, 2), min_size=20, max_size=60))
def test_two_promotions_and_an_archiving_at_once_are_in_order_after_the_next_promotion(contest, order):
    """Three at once may leave a history that is one step behind, never two in production, and it is made good."""
    here = contest.copy()
    in_lockstep(here, [partial(here.attempt, *act[:2]) for act in (PROMOTE_2, PROMOTE_3, ARCHIVE_4)], order)
    assert here.in_production() in (["2.0.0"], ["3.0.0"])
    here.move("1.0.0", Stage.PRODUCTION, restore=True)
    assert here.in_production() == ["1.0.0"]
    check_history(here, ("1.0.0", "2.0.0", "3.0.0", "4.0.0"))


def in_lockstep(world, writers, order):
    lockstep = Lockstep(writers)
    world.backend.before = lockstep.pause
    lockstep.run(order)
    world.backend.before = nothing


def test_a_promotion_takes_back_what_an_archiving_removed_too_late_to_notice(contest):
    """The archiving decides on the old alias, removes the new one, and looks before the promotion is recorded."""
    here = contest.copy()
    writers = [partial(here.attempt, "2.0.0", Stage.PRODUCTION), partial(here.attempt, "4.0.0", Stage.ARCHIVED)]
    promote, archive = 0, 1
    in_lockstep(here, writers, [promote] * 3 + [archive] * 6 + [promote] * 2 + [archive] * 9 + [promote] * 20)
    assert here.in_production() == ["2.0.0"]
    check_history(here)


def test_two_who_write_the_same_event_at_the_same_moment_both_succeed(make_world):
    """MLflow reads before it writes, so that the second one meets the constraint of the table."""
    here = make_world(a=Stage.PRODUCTION, b=Stage.STAGING)
    write_tag = here.backend.set_tag

    def second_comes_first(model, number, key, value):
        known = here.backend.version(model, number).tags
        write_tag(model, number, key, value)
        if key not in known:
            raise Conflict("(sqlite3.IntegrityError) UNIQUE constraint failed")

    here.backend.set_tag = second_comes_first
    assert here.move("2.0.0", Stage.PRODUCTION).stage is Stage.PRODUCTION
    check_history(here, ("1.0.0", "2.0.0"))


def test_the_loser_is_told_who_won(make_world):
    here = make_world(a=Stage.STAGING, b=Stage.STAGING)
    move_alias = here.backend.set_alias

    def second_comes_right_after(model, alias, number):
        move_alias(model, alias, number)
        move_alias(model, alias, 2)

    here.backend.set_alias = second_comes_right_after
    with pytest.raises(Conflict, match=r"recipes 1\.0\.0 was promoted, but 2\.0\.0 won the race"):
        here.move("1.0.0", Stage.PRODUCTION)
    assert here.promotions("1.0.0") == 0


def test_history_keeps_its_order_when_a_clock_goes_back(make_world):
    here = make_world(a=Stage.STAGING)
    past = ModelRegistry(here.backend, lambda: datetime(2020, 1, 1, tzinfo=UTC))
    past.transition(MODEL, "1.0.0", Stage.PRODUCTION, by="slow clock", why="x")
    assert here.steps("1.0.0")[-1] == (Stage.STAGING, Stage.PRODUCTION)
