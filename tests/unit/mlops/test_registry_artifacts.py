import errno
import os
from pathlib import Path

import pytest

from mlops.errors import Conflict, Invalid, NotFound, Permanent
from mlops.registry.artifacts import copy_folder, files_of, local_folder, new_folder


@pytest.fixture
def artifact(tmp_path):
    folder = tmp_path / "artifact"
    (folder / "index").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "index" / "vectors.npy").write_bytes(b"\0" * 100)
    return folder


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///data/a%20b", "/data/a b"),
        ("file://localhost/data", "/data"),
        ("/data/x", "/data/x"),
        ("file://elsewhere/data", None),
        ("mlflow-artifacts:/1/2", None),
        ("s3://bucket/a", None),
        ("relative/path", None),
        ("", None),
    ],
)
def test_which_address_is_a_folder_here(uri, path):
    assert local_folder(uri) == (None if path is None else Path(path))


def test_a_path_survives_its_own_uri(tmp_path):
    strange = tmp_path / "ñandú 100% #1?"
    assert local_folder(strange.as_uri()) == strange


def test_a_copy_has_the_same_files(artifact, tmp_path):
    copy_folder(artifact, tmp_path / "store" / "model")
    assert files_of(tmp_path / "store" / "model") == ("MLmodel", "index/vectors.npy")
    assert (tmp_path / "store" / "model" / "index" / "vectors.npy").read_bytes() == b"\0" * 100


def test_a_copy_on_one_file_system_takes_no_room(artifact, tmp_path):
    copy_folder(artifact, tmp_path / "model")
    assert (tmp_path / "model" / "MLmodel").stat().st_ino == (artifact / "MLmodel").stat().st_ino


def test_without_links_the_bytes_are_copied(artifact, tmp_path, monkeypatch):
    def no_links(*paths):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    copy_folder(artifact, tmp_path / "model")
    assert (tmp_path / "model" / "MLmodel").read_text() == "flavors: {}"
    assert (tmp_path / "model" / "MLmodel").stat().st_ino != (artifact / "MLmodel").stat().st_ino


def test_links_are_refused_because_they_could_bring_in_anything(artifact, tmp_path):
    (artifact / "secret").symlink_to("/etc/passwd")
    with pytest.raises(Invalid, match="secret is not a plain file"):
        copy_folder(artifact, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_special_files_are_refused(artifact):
    os.mkfifo(artifact / "pipe")
    with pytest.raises(Invalid, match="pipe"):
        files_of(artifact)


@pytest.mark.parametrize("missing", ["nowhere", "artifact/MLmodel", "empty"])
def test_a_folder_without_files_is_not_found(artifact, tmp_path, missing):
    (tmp_path / "empty" / "nested").mkdir(parents=True)
    with pytest.raises(NotFound):
        copy_folder(tmp_path / missing, tmp_path / "model")


def test_nothing_is_written_over(artifact, tmp_path):
    copy_folder(artifact, tmp_path / "model")
    with pytest.raises(Conflict, match="not an empty folder"):
        copy_folder(artifact, tmp_path / "model")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    def fill():
        with new_folder(tmp_path / "model") as partial:
            (partial / "half").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Permanent, match="No space left on device"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_fault_on_the_way_leaves_nothing_behind(tmp_path):
    def fail():
        with new_folder(tmp_path / "model") as partial:
            (partial / "half").write_text("half")
            raise NotFound("the rest is gone")

    with pytest.raises(NotFound):
        fail()
    assert list(tmp_path.iterdir()) == []
