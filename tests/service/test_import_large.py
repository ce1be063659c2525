"""Imports that are large, hostile or broken off, in processes of their own: their memory is measured, not believed."""

import gzip
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.corpus.store import CorpusStore

pytestmark = pytest.mark.service

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "recipes_archive.parquet"
# Resident, of the whole process, at its peak. Some 35 MB are Python and its libraries, some 100 more are pyarrow.
MEGABYTES = 250
MEGABYTES_OF_TEXT = 100
DRIVER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from mlops.corpus.importing import import_files
from mlops.corpus.store import CorpusStore
from mlops.errors import MlopsError
home, *files = map(Path, sys.argv[1:])
try:
    with CorpusStore.open(home / "corpus.db") as store:
        report = import_files(
            files, store, rejects_dir=home / "rejects", now=datetime.now(UTC), progress=lambda *_: None
        )
        document = report.to_json() | {"corpus": store.count()}
except MlopsError as error:
    document = {"fault": type(error).__name__, "message": error.message, "hint": error.hint}
# Not ru_maxrss: that begins with what the process which started this one held.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
document["megabytes"] = int(peak.split()[1]) / 1024
print(json.dumps(document))
"""


def command(home, *files):
    return [sys.executable, "-c", DRIVER, str(home), *map(str, files)]


def run_import(home, *files, **options):
    done = subprocess.run(command(home, *files), capture_output=True, check=True, timeout=110, **options)
    return json.loads(done.stdout)


def row(number, step="Stir."):
    return {
        "id": f"r{number:06}",
        "title": f"Dish {number}",
        "ingredients": [f"{amount} g of something plain to eat, chopped" for amount in range(15)],
        "steps": [step] * 12,
    }


def write_rows(path, count, step="Stir."):
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            stream.write(json.dumps(row(number, step)) + "\n")
    return path


def test_two_hundred_megabytes_are_imported_in_bounded_memory(tmp_path):
    """Every hundredth row is bad, so that the rejects file grows too."""
    path = tmp_path / "large.jsonl"
    count, step = 0, "Stir and simmer. " * 30
    with path.open("w", encoding="utf-8") as stream:
        while stream.tell() < 200_000_000:
            count += 1
            stream.write(json.dumps(row(count, step) | ({"minutes": "soon"} if count % 100 == 0 else {})) + "\n")
    report = run_import(tmp_path, path)
    assert report["read"] == count
    assert report["rejected"] == count // 100
    assert report["corpus"] == report["added"] == count - count // 100
    assert report["megabytes"] < MEGABYTES_OF_TEXT, report


def test_a_parquet_file_of_one_large_row_group_is_not_read_at_once(tmp_path):
    path = tmp_path / "large.parquet"
    rows = [row(number, f"{number} " * 500) for number in range(6000)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="none", use_dictionary=False)
    del rows
    assert path.stat().st_size > 150_000_000
    report = run_import(tmp_path, path)
    assert report["added"] == 6000
    assert report["megabytes"] < MEGABYTES, report


@pytest.mark.shared_data
@pytest.mark.skipif(not ARCHIVE.exists(), reason="needs ../shared/data")
def test_the_archive_is_imported_and_a_second_time_nothing_changes(tmp_path):
    """Two of its 46,370 rows hold a blank step or ingredient."""
    first, second = run_import(tmp_path, ARCHIVE), run_import(tmp_path, ARCHIVE)
    counts = ("read", "added", "updated", "unchanged", "rejected")
    assert [first[name] for name in counts] == [46_370, 46_368, 0, 0, 2]
    assert [second[name] for name in counts] == [46_370, 0, 0, 46_368, 2]
    assert first["seconds"] < 60
    assert max(first["megabytes"], second["megabytes"]) < MEGABYTES


def test_hostile_files_cost_neither_memory_nor_the_files_beside_them(tmp_path):
    good = json.dumps(row(1)) + "\n"
    files = {
        "line.jsonl": '{"title": "' + "x" * 100_000_000 + '"}\n' + good,
        "wide.jsonl": '{"title": [' + "[]," * 1_300_000 + "1]}\n",
        "deep.jsonl": "[" * 50_000_000 + "\n" + good,
        "list.json": "[" + "[" * 50_000_000,
        "one-item.json": '["' + "x" * 50_000_000,
        "quote.csv": 'title,ingredients\n"' + "x,y\n" * 100_000,
        "page.html": "<div>" * 400_000 + "<p>nothing to eat",
        "graph.json": '{"@graph": [' + '{"@type": "Recipe"},' * 10_000 + "{}]}",
        "good.jsonl": good,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(good.encode() + b" " * 500_000_000, 1))
    report = run_import(tmp_path, *[tmp_path / name for name in (*files, "bomb.jsonl.gz")])
    by_name = {Path(file["path"]).name: file for file in report["files"]}
    assert by_name["line.jsonl"]["rejected"] == by_name["deep.jsonl"]["rejected"] == 1
    assert by_name["bomb.jsonl.gz"]["rejected"] == 1
    assert {name for name, file in by_name.items() if file.get("error")} == {"list.json", "one-item.json", "page.html"}
    assert by_name["graph.json"]["rejected"] == 10_000
    assert report["corpus"] == 2
    assert report["megabytes"] < MEGABYTES, report


def test_a_disk_that_fills_up_leaves_whole_batches_and_an_import_that_can_go_on(tmp_path):
    def no_file_beyond_two_megabytes():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

    path = write_rows(tmp_path / "a.jsonl", 5000)
    report = run_import(tmp_path, path, preexec_fn=no_file_beyond_two_megabytes)
    assert report["fault"] == "Permanent"
    assert str(tmp_path / "corpus.db") in report["message"]
    assert "importing again goes on from there" in report["hint"]
    with CorpusStore.open(tmp_path / "corpus.db") as store:
        kept = store.count()
        assert kept == len(list(store.rows()))
    assert 0 < kept < 5000
    assert kept % 500 == 0
    again = run_import(tmp_path, path)
    assert (again["unchanged"], again["added"]) == (kept, 5000 - kept)


def test_a_killed_import_leaves_whole_batches_and_can_be_repeated(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", 6000)
    running = subprocess.Popen(command(tmp_path, path), stdout=subprocess.DEVNULL)
    try:
        wait_for_rows(tmp_path / "corpus.db", running)
        os.kill(running.pid, signal.SIGKILL)
    finally:
        running.kill()
        running.wait()
    with CorpusStore.open(tmp_path / "corpus.db") as store:
        kept = store.count()
    assert 0 < kept < 6000
    assert kept % 500 == 0
    assert run_import(tmp_path, path)["unchanged"] == kept


def wait_for_rows(database, running):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        if database.exists():
            connection = sqlite3.connect(database, timeout=1)
            try:
                if connection.execute("SELECT count(*) FROM recipes").fetchone()[0]:
                    return
            except sqlite3.OperationalError:
                pass  # not made yet
            finally:
                connection.close()
        time.sleep(0.02)
    raise AssertionError("the import wrote nothing")


def test_standard_input_is_read_plain_and_packed(tmp_path):
    text = write_rows(tmp_path / "a.jsonl", 1200).read_bytes() + b"{broken\n"
    assert run_import(tmp_path, "-", input=text)["added"] == 1200
    again = run_import(tmp_path, "-", input=gzip.compress(text))
    assert (again["unchanged"], again["rejected"]) == (1200, 1)
    assert (tmp_path / "rejects" / "stdin.rejects.jsonl").exists()


def test_a_pipe_with_a_name_is_read_too(tmp_path):
    pipe = tmp_path / "rows.jsonl"
    os.mkfifo(pipe)
    running = subprocess.Popen(command(tmp_path, pipe), stdout=subprocess.PIPE)
    pipe.write_text(json.dumps(row(1)) + "\n")
    out, _ = running.communicate(timeout=60)
    assert json.loads(out)["added"] == 1
