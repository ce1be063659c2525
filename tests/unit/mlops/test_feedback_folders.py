"""Folders of pods: what those that are gone left is kept as long as it may be, and then goes."""

from datetime import UTC, datetime

import pytest

from mlops.feedback_folders import tidy
from mlops.feedback_spool import DailySpool

NOW = datetime(2027, 1, 15, tzinfo=UTC)
OLD, NEW = "20250101", "20270110"


@pytest.fixture
def volume(tmp_path):
    def pod(name, *days, open_now=False):
        for kind, folder in (("feedback", tmp_path / name), ("shown", tmp_path / name / "shown")):
            spool = DailySpool(folder, NOW.timestamp, name=kind)
            for day in days:
                (folder / f"{kind}_{day}.jsonl").write_text("{}\n")
            if not open_now:
                spool.close()
        return tmp_path / name

    return pod


def left(folder):
    return sorted(path.name for path in folder.rglob("*.jsonl"))


def test_a_pod_that_is_gone_leaves_nothing_once_all_it_kept_is_old(volume, tmp_path):
    gone = volume("gone", OLD)
    assert tidy(tmp_path, NOW, 365) == ["gone"]
    assert not gone.exists()


def test_what_is_young_stays_and_what_is_old_beside_it_goes(volume, tmp_path):
    gone = volume("gone", OLD, NEW)
    assert tidy(tmp_path, NOW, 365) == []
    assert left(gone) == [f"feedback_{NEW}.jsonl", f"shown_{NEW}.jsonl"]


def test_a_pod_that_runs_is_left_alone(volume, tmp_path):
    there = volume("there", OLD, open_now=True)
    assert tidy(tmp_path, NOW, 365) == []
    assert len(left(there)) == 2


def test_what_is_no_pods_is_left_alone(volume, tmp_path):
    mine = volume("gone", OLD)
    (mine / "notes.txt").write_text("mine")
    (tmp_path / "lost+found").mkdir()
    assert tidy(tmp_path, NOW, 365) == []
    assert (mine / "notes.txt").exists()
