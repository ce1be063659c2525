"""Jobs are real processes: they outlive a killed shell, run once, and an end without an answer is an answer too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Condition

import pytest

from mlops.embedded.database import Database
from mlops.embedded.job_processes import TRIES, AlreadyRunning, JobProcesses, end_process_of, only_process_of
from mlops.embedded.job_table import JobKind, JobTable
from tests.unit.embedded.conftest import Clock

# A job does as its spec says: it appends a line to a file for every run, waits for a file where it is told to, and ends.
PROGRAM = """
import os, subprocess, sys, time
from datetime import datetime, UTC
from pathlib import Path
from mlops.embedded.database import Database
from mlops.embedded.job_processes import AlreadyRunning, only_process_of
from mlops.embedded.job_table import JobTable
state, name = Path(sys.argv[1]), sys.argv[2]
with Database.open(state) as database:
    table = JobTable(database)
    try:
        with only_process_of(state.parent, name):
            job = table.begin(name)
            if job.done:
                sys.exit(0)
            with open(state.parent / "runs", "a") as runs:
                runs.write(f"{name} {os.getpid()}\\n")
            if job.spec.get("child"):
                child = subprocess.Popen(["sleep", "600"])
                with open(state.parent / "runs", "a") as runs:
                    runs.write(f"child {child.pid}\\n")
            while job.spec.get("wait") and not Path(job.spec["wait"]).exists():
                time.sleep(0.02)
            if job.spec.get("dies"):
                print("no memory left", file=sys.stderr, flush=True)
                os.kill(os.getpid(), 9)
            table.finish(name, {"state": "Succeeded"}, datetime.now(UTC))
            while job.spec.get("lingers") and not Path(job.spec["lingers"]).exists():
                time.sleep(0.02)
    except AlreadyRunning:
        pass
"""


class Bench:
    """A folder with a state file, and shells over it."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "job.py"
        self.program.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
        self.database = Database.open(folder / "state.db")
        self.table = JobTable(self.database)
        self.changed = Condition()
        self.shells: list[JobProcesses] = []
        self.told = 0

    def shell(self) -> JobProcesses:
        self.shells.append(JobProcesses(self.table, self.folder, self.command, Clock(), self.ended))
        return self.shells[-1]

    def command(self, name):
        return [sys.executable, str(self.program), str(self.folder / "state.db"), name]

    def ended(self):
        with self.changed:
            self.told += 1
            self.changed.notify_all()

    def put_down(self, name="job", **spec):
        assert self.table.add(name, JobKind.EVALUATION, "1.0.0", spec, Clock()())

    def wait_for(self, condition):
        with self.changed:
            # Each end is notified; the time-out is for what happens in between, such as a run that begins.
            while not condition():
                self.changed.wait(0.02)

    @property
    def runs(self):
        path = self.folder / "runs"
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []

    def done(self, name="job"):
        return self.table.get(name).done


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    for shell in bench.shells:
        shell.stop()
    bench.database.close()


def test_a_job_runs_once_however_often_it_is_started(bench):
    shell = bench.shell()
    bench.put_down()
    assert not bench.table.add("job", JobKind.EVALUATION, "1.0.0", {}, Clock()())
    for _ in range(3):
        shell.start("job")
    bench.wait_for(bench.done)
    shell.start("job")
    shell.stop()
    assert len(bench.runs) == 1
    assert bench.table.get("job").answer == {"state": "Succeeded"}


def test_what_a_job_does_after_its_answer_is_not_waited_for(bench):
    gate = bench.folder / "go"
    bench.put_down(lingers=str(gate))
    shell = bench.shell()
    shell.start("job")
    bench.wait_for(lambda: bench.told == 1)
    assert bench.done()
    with pytest.raises(AlreadyRunning), only_process_of(bench.folder, "job"):
        pass
    gate.touch()
    bench.wait_for(lambda: bench.told == 2)
    assert bench.table.get("job").answer == {"state": "Succeeded"}


def test_a_job_that_dies_has_failed_and_its_last_words_are_kept(bench):
    bench.put_down(dies=True)
    bench.shell().start("job")
    bench.wait_for(bench.done)
    assert bench.table.get("job").answer == {
        "state": "Failed",
        "message": "its process ended with code -9 and left no answer: no memory left",
    }


def test_a_job_outlives_the_shell_that_started_it_and_is_waited_for_by_the_next(bench):
    gate = bench.folder / "go"
    bench.put_down(wait=str(gate))
    # The first shell is killed: nobody waits for its child any more.
    orphan = subprocess.Popen(bench.command("job"), start_new_session=True)
    bench.wait_for(lambda: bench.runs)
    bench.shell().take_up()
    gate.touch()
    bench.wait_for(bench.done)
    orphan.wait()
    assert len(bench.runs) == 1
    assert bench.table.get("job").tries == 1


def test_a_job_that_was_put_down_but_never_started_is_started_by_the_next_shell(bench):
    bench.put_down()
    bench.shell().take_up()
    bench.wait_for(bench.done)
    assert len(bench.runs) == 1


def test_a_job_whose_process_died_with_its_shell_runs_again_but_not_for_ever(bench):
    bench.put_down()
    for _ in range(TRIES):
        bench.table.begin("job")
    bench.shell().take_up()
    assert bench.table.get("job").answer == {"state": "Failed", "message": f"its process died {TRIES} times"}
    assert bench.runs == []


def test_a_job_killed_behind_the_next_shells_back_is_noticed(bench):
    bench.put_down(wait=str(bench.folder / "never"))
    orphan = subprocess.Popen(bench.command("job"), start_new_session=True)
    bench.wait_for(lambda: bench.runs)
    bench.shell().take_up()
    os.kill(orphan.pid, signal.SIGKILL)
    orphan.wait()
    bench.wait_for(bench.done)
    assert bench.table.get("job").answer["message"].startswith("its process is gone and left no answer")


def test_a_cancelled_job_ends_and_what_it_would_have_found_is_not_kept(bench):
    shell = bench.shell()
    bench.put_down(wait=str(bench.folder / "never"))
    shell.start("job")
    bench.wait_for(lambda: bench.runs)
    shell.cancel("job")
    assert bench.table.get("job").answer == {"state": "Failed", "message": "cancelled"}
    shell.stop()


def gone(number):
    """Whether no process of this number runs; a zombie runs nothing."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_cancelled_job_ends_with_what_it_had_started(bench):
    shell = bench.shell()
    bench.put_down(wait=str(bench.folder / "never"), child=True)
    shell.start("job")
    bench.wait_for(lambda: len(bench.runs) == 2)
    shell.cancel("job")
    numbers = [line.split()[1] for line in bench.runs]
    bench.wait_for(lambda: all(map(gone, numbers)))


def test_a_job_of_another_shell_is_ended_too_and_one_that_does_not_run_is_not(bench):
    bench.put_down(wait=str(bench.folder / "never"))
    orphan = subprocess.Popen(bench.command("job"), start_new_session=True)
    bench.wait_for(lambda: bench.runs)
    # Who looks whether it runs must not spoil the note of whom to end.
    with pytest.raises(AlreadyRunning), only_process_of(bench.folder, "job"):
        pass
    assert end_process_of(bench.folder, "job", time.sleep)
    assert orphan.wait() == -signal.SIGTERM
    assert not end_process_of(bench.folder, "job", time.sleep)


def test_a_shell_that_stops_ends_its_jobs_and_leaves_them_to_the_next(bench):
    first = bench.shell()
    bench.put_down(wait=str(bench.folder / "go"))
    first.start("job")
    bench.wait_for(lambda: bench.runs)
    first.stop()
    assert not bench.done()
    (bench.folder / "go").touch()
    bench.shell().take_up()
    bench.wait_for(bench.done)
    assert len(bench.runs) == 2
