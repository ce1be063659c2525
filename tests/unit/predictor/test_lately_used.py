"""What was used last is kept, as much of it as fits."""

from hypothesis import given
from hypothesis import strategies as st

from predictor.lately_used import LatelyUsed

KEYS = st.sampled_from("abcdef")


def kept(lately):
    return {key for key in "abcdef" if lately.get(key) is not None}


def test_what_was_used_longest_ago_goes_first():
    lately = LatelyUsed(6, len)
    lately.put("a", "xx")
    lately.put("b", "xx")
    lately.put("c", "xx")
    assert lately.get("a") == "xx"
    lately.put("d", "xxx")
    assert kept(lately) == {"a", "d"}


def test_what_is_put_again_takes_its_room_once():
    lately = LatelyUsed(6, len)
    lately.put("a", "xx")
    for _ in range(5):
        lately.put("b", "xxxx")
    assert kept(lately) == {"a", "b"}


def test_what_is_larger_than_the_bound_is_not_kept():
    lately = LatelyUsed(6, len)
    lately.put("a", "xx")
    lately.put("b", "x" * 7)
    assert kept(lately) == {"a"}


@given(st.lists(st.tuples(KEYS, st.none() | st.text("xy", min_size=1, max_size=8))))
def test_it_never_takes_more_than_its_bound_and_gives_back_what_was_put_last(steps):
    lately, last = LatelyUsed(12, len), {}
    for key, value in steps:
        if value is None:
            lately.get(key)
        else:
            last[key] = value
            lately.put(key, value)
        found = {key: lately.get(key) for key in kept(lately)}
        assert found.items() <= last.items()
        assert (sum(map(len, found.values())) <= 12, len(lately)) == (True, len(found))
