import threading
import time

import pytest
from flask import Flask

from core.errors import Invalid
from core.ids import new_id
from tenants import passwords

ABOUT = ("jana.dvorakova@oknahorak.cz", "Jana Dvořáková", "Okna Horák s.r.o.", "okna-horak")


def refusal(password: str) -> str:
    with pytest.raises(Invalid) as refused:
        passwords.check(password, ABOUT)
    ((name, message),) = refused.value.fields
    assert name == "password"
    return str(message)


@pytest.fixture(autouse=True)
def _texts(app: Flask) -> object:
    with app.test_request_context("/"):
        yield


def test_eleven_characters_are_too_few_and_twelve_are_enough() -> None:
    assert "11 characters" in refusal("zkrx vbwq m")
    passwords.check("zkrx vbwq mt", ABOUT)


def test_128_characters_are_taken_and_129_are_not() -> None:
    long = "Tři stříbrné stříkačky " * 6
    passwords.check(long[:128], ABOUT)
    assert "at most 128" in refusal(long[:129])


def test_no_kind_of_character_is_asked_for() -> None:
    for password in ("modrá tužka stůl", "83749174928471", "{}]:;!#$%^&*(", "ěščřžýáíéúůďťň", "tři slova vedle sebe"):
        passwords.check(password, ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password1234!", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "abcabcabcabc",
        "heslo1234567", "Slunicko2026", "iloveyou2024", "P@ssw0rd2026", "januaryfebruary", "01011990 0101",
    ],
)  # fmt: skip
def test_common_passwords_are_refused_in_any_spelling(password: str) -> None:
    assert "guess" in refusal(password)


@pytest.mark.parametrize(
    "password",
    [
        "Jana.Dvorakova1",
        "Dvořáková2026",
        "oknahorak2026",
        "okna-horak-12",
        "okno okno okno",
        "OknaHorakSRO1",
        "Jana Okno 2026",
    ],
)
def test_passwords_made_of_the_persons_own_words_are_refused(password: str) -> None:
    assert "guess" in refusal(password)


def test_three_thousand_common_passwords_of_enough_length_are_refused() -> None:
    """Every common root with the endings people give it; not one of them gets by."""
    roots = [
        "password",
        "qwerty",
        "iloveyou",
        "monkey",
        "dragon",
        "football",
        "letmein",
        "sunshine",
        "princess",
        "welcome",
        "superman",
    ]
    endings = [f"{year}" for year in range(1950, 2030)] + [f"{n:06d}"[::-1] for n in range(0, 1000000, 111111)]
    tried = [
        f"{a}{e}{mark}" for a in roots for e in endings for mark in ("", "!", ".", "?") if len(f"{a}{e}{mark}") >= 12
    ]
    tried += [f"{a.capitalize()}{e}" for a in roots for e in endings if len(a + e) >= 12]
    assert len(tried) > 3000
    assert [password for password in tried if not passwords.easily_guessed(password, ())] == []


def test_the_check_is_quick_whatever_is_typed() -> None:
    began = time.monotonic()
    for password in ("4@8({[<369&#!1|/0$5+7%2" * 6, "p@$$w0rd1" * 14, "a" * 128, "11/11/2011" * 12):
        passwords.easily_guessed(password[:128], ABOUT)
    assert time.monotonic() - began < 4


def test_a_password_fits_its_own_hash_and_no_other() -> None:
    one, other = passwords.hashed("modrá tužka stůl"), passwords.hashed("jiné heslo vedle")
    assert one.startswith("$argon2id$")
    assert "m=19456,t=2,p=1" in one
    assert passwords.matching("modrá tužka stůl", [other, one], 3) == 1
    assert passwords.matching("modrá tužka stů", [other, one], 3) is None
    assert passwords.matching("modrá tužka stůl", [], 3) is None
    assert passwords.matching("modrá tužka stůl", ["none"], 1) is None


def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    composed, decomposed = "modrá tužka", "modra\u0301 tuz\u030cka"
    assert composed != decomposed
    assert passwords.matching(decomposed, [passwords.hashed(composed)], 1) == 0


def test_a_hash_of_another_cost_is_outdated() -> None:
    from argon2 import PasswordHasher

    assert passwords.outdated(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("whatever it is"))
    assert not passwords.outdated(passwords.hashed("whatever it is"))


def test_few_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    class Slow:
        def hash(self, _password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return new_id().hex

    monkeypatch.setattr(passwords, "hasher", Slow())
    threads = [threading.Thread(target=passwords.hashed, args=("x",)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == passwords.AT_ONCE


def test_who_waits_too_long_for_a_turn_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 0.05)
    with passwords.turn(), passwords.turn(), pytest.raises(passwords.Overloaded):
        passwords.hashed("whatever it is")
