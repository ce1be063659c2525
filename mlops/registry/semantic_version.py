"""SemVer 2.0 (https://semver.org) by the `semver` library: strict parsing, precedence, the next version. Pure."""

from __future__ import annotations

from typing import Literal

import semver

from mlops.errors import Invalid

Bump = Literal["major", "minor", "patch", "prerelease"]

# SemVer sets no limit; names of Kubernetes resources and labels carry the version, so a sane one is needed.
MAX_LENGTH = 128


def parse_version(text: str) -> semver.Version:
    """Parse `text`; versions compare by precedence, which ignores build metadata.

    Raises Invalid for anything that is not exactly a SemVer 2.0 version: no leading `v`, no missing parts.
    """
    if len(text) > MAX_LENGTH:
        raise Invalid(f"a version of {len(text)} characters is too long, the limit is {MAX_LENGTH}")
    try:
        return semver.Version.parse(text)
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not a semantic version", hint="write MAJOR.MINOR.PATCH, as in 1.4.0 or 2.0.0-rc.1"
        ) from error


def same_release(left: str, right: str) -> bool:
    """True when neither precedes the other: `1.0.0+a` and `1.0.0+b` are one release."""
    return parse_version(left).compare(parse_version(right)) == 0


def next_version(current: str, bump: Bump) -> str:
    """The release after `current`; that of a prerelease is its own release: patch of `1.0.0-rc.1` is `1.0.0`."""
    return str(parse_version(current).next_version(bump))
