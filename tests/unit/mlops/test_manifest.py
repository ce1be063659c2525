"""The manifest: what pins an artefact."""

import hashlib
import json
from dataclasses import replace

import pytest

from mlops.artifact.manifest import MANIFEST_FILE, Manifest, hash_files, read_manifest, verify
from mlops.errors import Invalid, NotFound, Permanent


def manifest_of(folder) -> Manifest:
    return Manifest(
        model="recipes",
        version="1.0.0",
        schema_version=1,
        encoder="tiny",
        encoder_digest="sha256:0",
        dimension=384,
        recipes=2,
        data_digest="sha256:1",
        code_revision="abc",
        translator="identity 1",
        seed=0,
        metrics={"ndcg@10": 0.5},
        files=hash_files(folder),
    )


@pytest.fixture
def artifact(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "vectors.npy").write_bytes(b"vectors")
    (tmp_path / "rows.jsonl").write_bytes(b"{}\n")
    (tmp_path / MANIFEST_FILE).write_bytes(manifest_of(tmp_path).to_bytes())
    return tmp_path


def test_an_untouched_artefact_verifies_and_round_trips(artifact):
    manifest = read_manifest(artifact)
    verify(artifact, manifest, manifest.digest)
    assert Manifest(**json.loads(manifest.to_bytes())) == manifest


@pytest.mark.parametrize("size", [0, 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9 << 20])
def test_the_digest_of_a_file_is_that_of_all_its_pieces(tmp_path, size):
    content = (bytes(range(251)) * (size // 251 + 1))[:size]  # no piece is like another
    (tmp_path / "rows.jsonl").write_bytes(content)

    assert hash_files(tmp_path) == {"rows.jsonl": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def test_a_changed_byte_is_named_with_both_digests(artifact):
    manifest = read_manifest(artifact)
    (artifact / "index" / "vectors.npy").write_bytes(b"vectorz")
    with pytest.raises(Permanent) as caught:
        verify(artifact, manifest)
    message = str(caught.value)
    assert "index/vectors.npy" in message
    assert manifest.files["index/vectors.npy"] in message
    assert hash_files(artifact)["index/vectors.npy"] in message


def test_a_missing_file_is_named(artifact):
    manifest = read_manifest(artifact)
    (artifact / "rows.jsonl").unlink()
    with pytest.raises(Permanent, match=r"rows\.jsonl is missing"):
        verify(artifact, manifest)


def test_a_foreign_file_is_named(artifact):
    manifest = read_manifest(artifact)
    (artifact / "evil.pkl").write_bytes(b"x")
    with pytest.raises(Permanent, match=r"evil\.pkl .* does not belong"):
        verify(artifact, manifest)


def test_what_mlflow_notes_in_a_registered_folder_is_not_foreign(artifact):
    manifest = read_manifest(artifact)
    (artifact / "registered_model_meta").write_text("model_name: recipes", encoding="utf-8")
    verify(artifact, manifest)


def test_a_link_is_refused(artifact):
    manifest = read_manifest(artifact)
    (artifact / "rows.jsonl").unlink()
    (artifact / "rows.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(Invalid, match="is a link"):
        verify(artifact, manifest)


def test_another_artefact_than_the_registered_one_is_refused_with_both_digests(artifact):
    manifest = read_manifest(artifact)
    with pytest.raises(Permanent) as caught:
        verify(artifact, manifest, "sha256:other")
    assert "sha256:other" in str(caught.value)
    assert manifest.digest in str(caught.value)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", Invalid),
        (b"[]", Invalid),
        (b"{}", Invalid),
        (b"\xff\xfe", Invalid),
        (b'{"schema_version": 99}', Invalid),
        (b'{"schema_version": 1, "model": "x"}', Invalid),
    ],
)
def test_what_is_no_manifest_is_refused(artifact, content, error):
    (artifact / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(error, match="manifest"):
        read_manifest(artifact)


def test_a_folder_without_manifest_is_not_an_artefact(tmp_path):
    with pytest.raises(NotFound, match="holds no manifest"):
        read_manifest(tmp_path)


def test_the_digest_moves_with_any_field(artifact):
    manifest = read_manifest(artifact)
    assert replace(manifest, version="1.0.1").digest != manifest.digest
