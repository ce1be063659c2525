"""An artefact is brought whole and verified, or not at all; what is there already is not fetched twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops.artifact.manifest import MANIFEST_FILE, read_manifest
from mlops.artifact_fetch import Settings, fetch, main
from mlops.errors import Conflict, Invalid, MlopsError, NotFound, Permanent, Transient
from tests.builders.registry_world import World
from tests.builders.small_artifact import small_artifact

WRONG = f"sha256:{'0' * 64}"


@pytest.fixture
def world(tmp_path):
    """A registry with recipes 1.0.0, whose artefact is a real one of one file."""
    (tmp_path / "registry").mkdir()
    world = World(tmp_path / "registry")
    manifest = small_artifact(world.artifact)
    world.registry.register(
        "recipes", "1.0.0", world.artifact, digest=manifest.digest, metadata={}, metrics={}, params={}, by="ci", why="new"
    )  # fmt: skip
    return world


def settings(tmp_path, **rest):
    given = {"registry": "http://mlflow:5000"} if "source" not in rest else {}
    return Settings(into=tmp_path / "artifact", version="1.0.0", **(given | rest))


def opened(world):
    return lambda _: world.copy().registry


def refused(uri):
    raise Transient("the registry does not answer")


def test_it_comes_from_the_registry_verified(world, tmp_path):
    manifest = fetch(settings(tmp_path), opened(world))

    assert manifest == read_manifest(tmp_path / "artifact")


def test_it_comes_from_a_folder(world, tmp_path):
    assert fetch(settings(tmp_path, source=world.artifact.as_uri()), refused).version == "1.0.0"


def test_what_is_there_is_not_fetched_again(world, tmp_path):
    first = fetch(settings(tmp_path), opened(world))

    assert fetch(settings(tmp_path, digest=first.digest), refused) == first


def test_what_is_there_but_damaged_is_fetched_anew(world, tmp_path):
    fetch(settings(tmp_path), opened(world))
    (tmp_path / "artifact" / "rows.jsonl").unlink()
    (tmp_path / "artifact" / "rows.jsonl").write_text("{ }\n")

    fetch(settings(tmp_path), opened(world))

    assert (tmp_path / "artifact" / "rows.jsonl").read_text() == "{}\n"


REFUSED = {
    "another digest": ({"digest": WRONG}, Permanent, WRONG),
    "another model": ({"model": "soups"}, MlopsError, "soups"),
    "neither registry nor source": ({"registry": None}, Invalid, "neither"),
    "a source that is nowhere": ({"source": "/nowhere"}, NotFound, "/nowhere"),
    "a source of another kind": ({"source": "s3://bucket/key"}, Invalid, "s3"),
}


@pytest.mark.parametrize(("given", "fault", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_the_reason(world, tmp_path, given, fault, said):
    with pytest.raises(fault, match=said):
        fetch(settings(tmp_path, **given), opened(world))


def test_an_artefact_registered_under_another_version_is_refused(world, tmp_path):
    other = replace(read_manifest(world.artifact), version="2.0.0")
    world.artifact.joinpath(MANIFEST_FILE).unlink()
    world.artifact.joinpath(MANIFEST_FILE).write_bytes(other.to_bytes())

    with pytest.raises(Conflict, match=r"2\.0\.0, not recipes 1\.0\.0"):
        fetch(settings(tmp_path, source=str(world.artifact)), refused)


def test_the_exit_code_tells_what_is_worth_repeating(world, tmp_path, capsys):
    assert main(["--version=1.0.0"]) == 2
    assert main([f"--into={tmp_path / 'a'}", "--version=1.0.0", "--source=/nowhere"]) == 6
    assert main([f"--into={tmp_path / 'b'}", "--version=1.0.0", f"--source={world.artifact}"]) == 0
