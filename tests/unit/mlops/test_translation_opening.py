"""From settings to a translator: the modes of Apertium, the weights of Marian, and what is said when they are missing."""

import sys

import pytest

from mlops.errors import Invalid, Permanent
from mlops.translation import open_translator
from mlops.translation.marian import MarianTranslator
from mlops.translation.modes import find_mode

STAGE = "sed 's/a/b/'"


def write_modes(folder, text):
    for name in ("eng-spa", "spa-eng"):
        (folder / f"{name}.mode").write_text(text, encoding="utf-8")
    return folder


def test_a_mode_is_read_without_a_shell(tmp_path):
    data = tmp_path / "dictionary.bin"
    data.write_bytes(b"words")
    write_modes(tmp_path, f"sed $2 's/a/b/' | cat $1 '{data}'\n")
    mode = find_mode("eng-spa", tmp_path)
    assert [command[0].rpartition("/")[2] for command in mode.commands] == ["sed", "cat"]
    assert [command[1:] for command in mode.commands] == [("-z", "s/a/b/"), ("-z", "-g", str(data))]


def test_the_version_changes_with_the_dictionary(tmp_path):
    data = tmp_path / "dictionary.bin"
    data.write_bytes(b"words")
    write_modes(tmp_path, f"cat '{data}'")
    before = open_translator("apertium", str(tmp_path)).version
    assert open_translator("apertium", str(tmp_path)).version == before
    data.write_bytes(b"other words")
    assert open_translator("apertium", str(tmp_path)).version != before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not one program and its arguments"),
        ("sed x |", "is not one program and its arguments"),
        ("sed x; rm -rf y", "is not one program and its arguments"),
        ("sed x > /dev/null", "is not one program and its arguments"),
        ("sed $(id)", "is not one program and its arguments"),
        ("sed `id`", "is not one program and its arguments"),
        ("sed 'x", "cannot be read"),
        ("no-such-program-anywhere x", "needs the program no-such-program-anywhere"),
        ("sed /no/such/dictionary.bin", "needs /no/such/dictionary.bin, which does not exist"),
    ],
)
def test_a_mode_that_is_not_programs_and_files_is_refused(tmp_path, text, says):
    write_modes(tmp_path, text)
    with pytest.raises(Permanent) as error:
        find_mode("eng-spa", tmp_path)
    assert says in error.value.message
    assert "apt install" in error.value.hint


def test_apertium_that_is_not_installed_says_what_to_install(tmp_path):
    with pytest.raises(Permanent) as error:
        open_translator("apertium", str(tmp_path))
    assert "eng-spa" in error.value.message
    assert "apt install apertium apertium-eng-spa" in error.value.hint


def test_auto_without_apertium_translates_nothing_and_says_why(tmp_path):
    translator = open_translator("auto", str(tmp_path))
    assert translator.name == "identity"
    assert translator.translate(["sopa"], "es", "en")[0].status == "untranslated"
    health = translator.healthy()
    assert not health.ok
    assert "apt install apertium" in health.reason


def test_auto_takes_apertium_where_it_is(tmp_path):
    assert open_translator("auto", str(write_modes(tmp_path, STAGE))).name == "apertium"


@pytest.mark.parametrize("name", ["marian", "http"])
@pytest.mark.parametrize("target", [None, ""])
def test_a_translator_that_needs_a_target_says_so(name, target):
    with pytest.raises(Invalid) as error:
        open_translator(name, target)
    assert "RECIPES_TRANSLATOR_TARGET" in error.value.hint


def test_http_is_opened_without_asking_the_server():
    translator = open_translator("http", "http://127.0.0.1:1")
    assert translator.name == "http"
    translator.close()


def weights(folder, *files):
    for direction in ("es-en", "en-es"):
        (folder / direction).mkdir()
        for name in files:
            (folder / direction / name).write_bytes(b"not weights")
    return folder


def test_marian_without_its_folders_names_them(tmp_path):
    (tmp_path / "es-en").mkdir()
    with pytest.raises(Permanent) as error:
        open_translator("marian", str(tmp_path))
    assert "en-es" in error.value.message
    assert "es-en" not in error.value.message
    assert "save_pretrained" in error.value.hint


@pytest.mark.parametrize(("file", "package"), [("model.bin", "ctranslate2"), ("config.json", "transformers")])
def test_marian_without_its_package_says_which(tmp_path, monkeypatch, file, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Permanent) as error:
        MarianTranslator(weights(tmp_path, file))
    assert f"needs the package {package}" in error.value.message
    assert f"pip install {package}" in error.value.hint


@pytest.mark.parametrize("file", ["model.bin", "config.json"])
def test_marian_with_damaged_weights_names_the_folder_or_the_package(tmp_path, file):
    with pytest.raises(Permanent) as error:
        MarianTranslator(weights(tmp_path, file))
    assert str(tmp_path) in error.value.message
    assert error.value.hint
