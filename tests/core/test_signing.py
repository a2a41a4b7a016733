from dataclasses import replace

from config.settings import settings
from core.signing import sign, signed


def test_a_signature_holds_for_its_text_and_purpose_alone(installed: None) -> None:
    here = settings()
    signature = sign(here, "mailed link", "a text")
    assert len(signature) == 43
    assert signed(here, "mailed link", "a text", signature)
    assert not signed(here, "mailed link", "another text", signature)
    assert not signed(here, "file", "a text", signature)
    assert not signed(here, "mailed link", "a text", "š" * 43)


def test_signatures_outlive_a_change_of_the_secret_key_by_its_fallbacks(installed: None) -> None:
    here = settings()
    signature = sign(here, "mailed link", "a text")
    changed = replace(here, secret_key="another key, also long enough to be one")
    assert not signed(changed, "mailed link", "a text", signature)
    assert signed(replace(changed, secret_key_fallbacks=(here.secret_key,)), "mailed link", "a text", signature)
