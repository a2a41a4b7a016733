"""The locks against guessing, which are in PostgreSQL and need no Valkey."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from core.db import database
from core.ids import new_id
from tenants import locks


@pytest.fixture(autouse=True)
def _texts(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def attempt(email: str, address: str) -> bool:
    """Whether an attempt was let through to the password."""
    try:
        locks.note(database(), email, address)
    except locks.TooMany:
        return False
    return True


def test_the_eleventh_wrong_password_of_an_account_waits_wherever_it_comes_from() -> None:
    email = new_id().hex
    assert [attempt(email, new_id().hex) for _ in range(12)] == [True] * 10 + [False] * 2


def test_the_eleventh_wrong_password_from_an_address_waits_whatever_the_account() -> None:
    address = new_id().hex
    assert [attempt(new_id().hex, address) for _ in range(12)] == [True] * 10 + [False] * 2


def test_the_lock_opens_five_minutes_after_the_oldest_attempt_and_says_when() -> None:
    email = new_id().hex
    for _ in range(10):
        attempt(email, new_id().hex)
    with pytest.raises(locks.TooMany) as closed:
        locks.note(database(), email, new_id().hex)
    assert 290 < closed.value.wait <= 300
    with database().controlling() as control:
        control.execute(
            text("update control.failed_sign_in set at = at - interval '5 minutes' where email = :e"), {"e": email}
        )
    assert attempt(email, new_id().hex)


def test_the_right_password_takes_its_own_note_away_and_no_other() -> None:
    email = new_id().hex
    wrong = [locks.note(database(), email, new_id().hex) for _ in range(9)]
    right = locks.note(database(), email, new_id().hex)
    with database().controlling() as control:
        locks.forget(control, right)
    assert len(wrong) == 9
    assert [attempt(email, new_id().hex) for _ in range(2)] == [True, False]


def test_forty_at_once_are_ten() -> None:
    email, passed = new_id().hex, []
    threads = [threading.Thread(target=lambda: passed.append(attempt(email, new_id().hex))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(True) == 10
