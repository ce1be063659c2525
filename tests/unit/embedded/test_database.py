"""The state file: whole transactions, one writer, and clear words for what is wrong with it."""

from __future__ import annotations

import sqlite3

import pytest

from mlops.embedded import database as module
from mlops.embedded.database import Database
from mlops.errors import Permanent, Transient

INSERT = "INSERT INTO queries (at, body) VALUES ('now', 'soup')"


def rows(database: Database) -> int:
    return len(database.read("SELECT * FROM queries"))


def test_what_a_block_wrote_before_it_failed_is_not_kept(database):
    def fail():
        with database.transaction() as connection:
            connection.execute(INSERT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rows(database) == 0
    with database.transaction() as connection:
        connection.execute(INSERT)
    assert rows(database) == 1


def test_a_block_within_a_block_is_kept_or_lost_with_the_outer_one(database):
    def fail():
        with database.transaction():
            with database.transaction() as connection:
                connection.execute(INSERT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rows(database) == 0


def test_another_process_sees_what_was_written_and_that_something_was(database):
    with Database.open(database.path) as other:
        before = database.changes_of_others()
        with other.transaction() as connection:
            connection.execute(INSERT)
        assert database.changes_of_others() != before
        assert rows(database) == 1
        before = database.changes_of_others()
        with database.transaction() as connection:
            connection.execute(INSERT)
        assert database.changes_of_others() == before, "one's own writes are no news"


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(database, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.01)
    with Database.open(database.path) as other, database.transaction():
        with pytest.raises(Transient, match="locked") as fault, other.transaction():
            pass
        assert "another process writes" in fault.value.hint


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(b"this was a database once" * 400)
    with pytest.raises(Permanent, match=r"state\.db: file is not a database"):
        Database.open(path)


def test_a_file_of_a_newer_version_is_left_alone(database):
    with sqlite3.connect(database.path) as connection:
        connection.execute(f"PRAGMA user_version={module.SCHEMA_VERSION + 1}")
    with pytest.raises(Permanent, match="schema 2, this code knows 1"):
        Database.open(database.path)


def test_opened_again_it_holds_what_it_held(database):
    with database.transaction() as connection:
        connection.execute(INSERT)
    with Database.open(database.path) as again:
        assert rows(again) == 1
