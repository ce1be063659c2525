"""Apertium's pipeline when things go wrong: stages that die, hang, lie, or outlive their parent.

Most cases run on toy stages (`sed -z`, which speaks the same NUL-ended protocol), so that each mishap is exact; the last
ones kill and stop the real stages.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.errors import Permanent
from mlops.translation.apertium import LONGEST_PAUSE, PATIENCE, ApertiumTranslator, Direction
from mlops.translation.modes import Mode

pytestmark = pytest.mark.contract

PATIENT = 30.0
HOLA = r"s/hello/hola/"


@dataclass
class Clock:
    """Real seconds, and those that a test adds."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def direction(*programs, clock=time.monotonic):
    sed = shutil.which("sed")
    commands = tuple((sed, "-z", "-u", program) for program in programs)
    return Direction(Mode(name="toy", commands=commands, fingerprint="toy"), clock)


def texts(readings):
    return [reading.text if reading else None for reading in readings]


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children():
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text(encoding="utf-8").split()}


def wait_until_gone(pids, seconds=10.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(alive(pid) for pid in pids):
            return
        time.sleep(0.01)
    pytest.fail(f"still running: {[pid for pid in pids if alive(pid)]}")


def test_lines_pass_through_all_stages():
    toy = direction(HOLA, "s/world/mundo/")
    assert texts(toy.run(("hello world", "world"), PATIENT)) == ["hola mundo", "mundo"]
    toy.close()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_line_that_kills_a_stage_is_the_only_one_lost(place):
    programs = [HOLA, HOLA, HOLA]
    programs[place] = "/poison/Q3"
    toy = direction(*programs)
    lines = ["hello one", "hello two", "poison", "hello three", "poison", "hello four"]
    expected = ["hola one", "hola two", None, "hola three", None, "hola four"]
    assert texts(toy.run(lines, PATIENT)) == expected
    assert "sed ended with code 3" in toy.trouble
    toy.close()


def test_a_line_that_hangs_a_stage_costs_its_deadline_and_no_more():
    toy = direction(HOLA, ":a;/tarpit/ba")
    assert texts(toy.run(("hello",), PATIENT)) == ["hola"]
    stuck = toy.pids
    began = time.monotonic()
    assert texts(toy.run(("hello", "tarpit", "hello"), 0.5)) == ["hola", None, None]
    assert time.monotonic() - began < 5
    assert "no answer in time to 2 of 3 lines" in toy.trouble
    wait_until_gone(stuck)
    assert texts(toy.run(("hello",), PATIENT)) == ["hola"]
    toy.close()


@pytest.mark.parametrize(
    "program",
    [r"s/\[[0-9]*\]//", r"s/\[/[9/", r"s/.*/nonsense/"],
    ids=["loses the number", "changes the number", "loses the line"],
)
def test_answers_out_of_step_are_no_answers(program):
    toy = direction(program)
    assert texts(toy.run(("hello", "world"), PATIENT)) == [None, None]
    assert "came in place of" in toy.trouble
    toy.close()


def test_a_stage_that_answers_twice_does_not_shift_the_next_line():
    toy = direction(r"/double/{p}")
    assert texts(toy.run(("double", "one", "two"), PATIENT))[0] == "double"
    assert texts(toy.run(("three",), PATIENT)) == ["three"]
    toy.close()


def test_more_text_than_all_pipes_hold_is_no_deadlock():
    toy = direction(HOLA, HOLA, HOLA)
    lines = ["hello " + "x" * 900] * 1000
    assert texts(toy.run(lines, PATIENT)) == ["hola " + "x" * 900] * 1000
    toy.close()


def test_after_several_failures_in_a_row_it_is_left_alone_for_a_while():
    clock = Clock()
    toy = direction("Q4", clock=clock)
    lines = ["hello"] * 20
    for _ in range(PATIENCE):
        assert texts(toy.run(lines, PATIENT)) == [None] * 20
    assert f"{PATIENCE} failures in a row, next try in 1 s" in toy.trouble
    assert texts(toy.run(lines, PATIENT)) == [None] * 20
    assert f"{PATIENCE} failures" in toy.trouble
    clock.ahead += 1.5
    toy.run(lines, PATIENT)
    assert f"{PATIENCE + 1} failures in a row, next try in 2 s" in toy.trouble
    for _ in range(10):
        clock.ahead += LONGEST_PAUSE
        toy.run(lines, PATIENT)
    assert f"next try in {LONGEST_PAUSE:g} s" in toy.trouble
    toy.close()


def test_a_good_line_ends_the_row_of_failures():
    toy = direction("/poison/Q3")
    for _ in range(PATIENCE * 2):
        assert texts(toy.run(("poison", "hello"), PATIENT)) == [None, "hello"]
    toy.close()


def test_a_program_that_vanished_is_a_reason_and_no_exception(tmp_path):
    gone = tmp_path / "gone"
    toy = Direction(Mode(name="toy", commands=((str(gone), "-z"),), fingerprint="toy"), time.monotonic)
    assert texts(toy.run(("hello",), PATIENT)) == [None]
    assert "cannot be started: No such file" in toy.trouble
    toy.close()


def test_a_program_that_cannot_be_started_leaves_no_other_running(tmp_path):
    sleeper = (shutil.which("sed"), "-z", "-u", HOLA)
    toy = Direction(Mode(name="toy", commands=(sleeper, (str(tmp_path / "gone"),)), fingerprint="toy"), time.monotonic)
    before = children()
    assert texts(toy.run(("hello",), PATIENT)) == [None]
    assert children() == before
    toy.close()


def test_a_busy_pipeline_is_waited_for_only_until_the_deadline():
    toy = direction(":a;/tarpit/ba")
    assert texts(toy.run(("hello",), PATIENT)) == ["hello"]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(toy.run, ("tarpit",), 1.0)
        while not slow.running():
            time.sleep(0.001)
        time.sleep(0.1)
        began = time.monotonic()
        assert texts(toy.run(("hello",), 0.05)) == [None]
        assert time.monotonic() - began < 0.5
        assert "busy" in toy.trouble
        assert texts(slow.result()) == [None]
    assert texts(toy.run(("hello",), PATIENT)) == ["hello"]
    toy.close()


def test_a_forked_process_starts_its_own_stages_and_leaves_ours_alone():
    toy = direction(HOLA)
    assert texts(toy.run(("hello",), PATIENT)) == ["hola"]
    ours = toy.pids
    child = os.fork()
    if child == 0:
        right = texts(toy.run(("hello",), PATIENT)) == ["hola"] and set(toy.pids).isdisjoint(ours)
        toy.close()
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert toy.pids == ours
    assert texts(toy.run(("hello",), PATIENT)) == ["hola"]
    toy.close()


@pytest.fixture
def apertium():
    try:
        translator = ApertiumTranslator()
    except Permanent as error:
        pytest.skip(f"Apertium is not installed here: {error.message} ({error.hint})")
    yield translator
    translator.close()


def english(translator, text="sopa de pollo", deadline=PATIENT):
    return translator.translate([text], "es", "en", deadline=deadline)[0]


def test_the_real_stages_translate_and_are_gone_after_closing(apertium):
    assert english(apertium).text == "soup of chicken"
    assert apertium.translate(["the soup"], "en", "es", deadline=PATIENT)[0].status == "ok"
    stages = apertium.pids
    assert len(stages) > 10
    assert apertium.healthy().ok
    apertium.close()
    wait_until_gone(stages)


def test_stages_that_nobody_needs_are_tried_and_do_not_stay(apertium):
    assert apertium.healthy().ok
    assert apertium.pids == ()
    assert english(apertium, deadline=0.25).text == "soup of chicken"
    stages = apertium.pids
    assert len(stages) > 5
    assert apertium.healthy().ok
    assert apertium.pids == stages


def test_who_comes_while_the_stages_start_waits_for_them(apertium):
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: english(apertium, deadline=0.25), range(4)))
    assert [answer.text for answer in together] == ["soup of chicken"] * 4


def test_every_real_stage_can_be_killed_and_comes_back(apertium):
    english(apertium)
    for place in range(len(apertium.pids)):
        os.kill(apertium.pids[place], signal.SIGKILL)
        assert english(apertium).status in ("ok", "untranslated")
        assert english(apertium).text == "soup of chicken"


def test_a_stopped_real_stage_costs_the_deadline_and_is_replaced(apertium):
    english(apertium)
    stopped = apertium.pids
    os.kill(stopped[3], signal.SIGSTOP)
    began = time.monotonic()
    answer = english(apertium, deadline=0.25)
    assert time.monotonic() - began < 2
    assert (answer.text, answer.status) == ("sopa de pollo", "untranslated")
    wait_until_gone(stopped)
    assert english(apertium).text == "soup of chicken"


@pytest.mark.parametrize("last_words", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)", "raise SystemError"])
def test_the_stages_end_with_their_parent_however_it_ends(apertium, last_words):
    program = (
        "import os, signal, sys\n"
        "from mlops.translation.apertium import ApertiumTranslator\n"
        "translator = ApertiumTranslator()\n"
        "for word, *ways in (('sal', 'es', 'en'), ('salt', 'en', 'es')):\n"
        "    assert translator.translate([word], *ways, deadline=30)[0].status == 'ok'\n"
        "print(*translator.pids, flush=True)\n"
        f"{last_words}\n"
    )
    parent = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    stages = [int(pid) for pid in parent.stdout.split()]
    assert len(stages) > 10
    wait_until_gone(stages)
