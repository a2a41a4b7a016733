from dataclasses import replace

import pytest

from config.settings import settings
from core.sealing import Unreadable, seal, unseal


def test_a_sealed_secret_opens_for_whom_and_what_it_was_sealed_alone(installed: None) -> None:
    here = settings()
    sealed = seal(here, "totp", b"a secret", b"Jana")
    assert b"a secret" not in sealed
    assert sealed != seal(here, "totp", b"a secret", b"Jana")
    assert unseal(here, "totp", sealed, b"Jana") == b"a secret"
    for purpose, whose in (("totp", b"Petr"), ("other", b"Jana")):
        with pytest.raises(Unreadable):
            unseal(here, purpose, sealed, whose)


def test_a_changed_or_cut_secret_does_not_open(installed: None) -> None:
    here = settings()
    sealed = seal(here, "totp", b"a secret", b"Jana")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unreadable):
            unseal(here, "totp", bytes(changed), b"Jana")
        with pytest.raises(Unreadable):
            unseal(here, "totp", sealed[:place], b"Jana")


def test_secrets_outlive_a_change_of_the_secret_key_by_its_fallbacks(installed: None) -> None:
    here = settings()
    sealed = seal(here, "totp", b"a secret", b"Jana")
    changed = replace(here, secret_key="another key, also long enough to be one")
    with pytest.raises(Unreadable):
        unseal(changed, "totp", sealed, b"Jana")
    changed = replace(changed, secret_key_fallbacks=(here.secret_key,))
    assert unseal(changed, "totp", sealed, b"Jana") == b"a secret"
    with pytest.raises(Unreadable):
        unseal(here, "totp", seal(changed, "totp", b"a secret", b"Jana"), b"Jana")
