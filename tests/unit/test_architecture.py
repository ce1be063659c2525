"""The shape of the tree: what import-linter cannot say."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("mlops", "predictor", "controller")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LIMIT = 400
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LIMIT, f"{path} has {lines} lines > {LIMIT}: split it by the question asked"
    assert path.stem not in BANNED, f"{path.name} names no concept"


def test_no_lock_file_with_download_addresses_is_kept():
    names = {"uv.lock", "poetry.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
    assert not [path for path in ROOT.iterdir() if path.name in names]


def test_constraints_hold_versions_only():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert "==" in line, line
        assert "://" not in line, line
