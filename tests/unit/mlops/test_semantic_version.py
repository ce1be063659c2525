import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Invalid
from mlops.registry.semantic_version import next_version, parse_version, same_release

# The precedence example of https://semver.org, item 11.
ASCENDING = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.10.0",
]

numbers = st.integers(min_value=0, max_value=10**9)
prereleases = st.sampled_from(["", "-alpha", "-rc.1", "-rc9", "-0.a.12", "-x-y-z.4"])
builds = st.sampled_from(["", "+a", "+20240101.sha-5114f85"])
versions = st.builds("{}.{}.{}{}{}".format, numbers, numbers, numbers, prereleases, builds)


def test_versions_order_by_precedence():
    shuffled = ASCENDING[1::2] + ASCENDING[0::2]
    assert sorted(shuffled, key=parse_version) == ASCENDING


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0 ", " 1.0.0", "1.0.0\n", "1.0.0-", "1.0.0+", "-1.0.0",
     "1.٣.0", "latest", "1.0.0; DROP TABLE model_versions", "9" * 5000 + ".0.0", "1.0.0-" + "a" * 200],
)  # fmt: skip
def test_anything_that_is_not_exactly_a_version_is_refused(text):
    with pytest.raises(Invalid):
        parse_version(text)


def test_build_metadata_makes_no_other_release():
    assert same_release("1.0.0+a", "1.0.0+b")
    assert not same_release("1.0.0-a", "1.0.0-b")


@pytest.mark.parametrize(
    ("current", "bump", "expected"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "prerelease", "1.2.4-rc.1"),
        ("1.0.0-rc.1", "patch", "1.0.0"),
        ("1.0.0-rc.1", "prerelease", "1.0.0-rc.2"),
        ("1.2.3+build", "patch", "1.2.4"),
    ],
)
def test_the_next_version(current, bump, expected):
    assert next_version(current, bump) == expected


@given(versions, st.sampled_from(["major", "minor", "patch", "prerelease"]))
def test_the_next_version_is_later_and_is_a_version(current, bump):
    assert parse_version(next_version(current, bump)) > parse_version(current)
