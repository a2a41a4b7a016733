"""Ready-made industries: what a business of one trade finds on its first day. Read from config/industries/*.yaml.

Each is a whole set-up (crm.setups.shape) with its texts as {en: ..., cs: ...}; its processes stand beside it as BPMN
files, in which a text in two languages is written «Call the client|Zavolat klientovi».
"""

from functools import cache
from pathlib import Path

import config
from core.actor import Actor
from crm.setups.applying import Part, apply
from crm.setups.reading import LANGUAGES, read
from crm.setups.shape import Setup

FOLDER = Path(config.__file__).parent / "industries"
DEFAULT = "general"


def industries() -> list[str]:
    """Their keys, the general one last."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml")), key=lambda key: (key == DEFAULT, key))


def names_in(language: str) -> list[tuple[str, str]]:
    """(key, name) of each, for a choice."""
    return [(key, setup_of(key, language).name) for key in industries()]


@cache
def setup_of(key: str, language: str) -> Setup:
    """The set-up of an industry in one language. Raises Unreadable, with the place of what is wrong."""
    path = FOLDER / f"{key}.yaml"
    return read(path.read_bytes(), path.name, language if language in LANGUAGES else "en", FOLDER)


def furnish(actor: Actor, industry: str) -> list[Part]:
    """Put an industry into a new workspace, in its language; processes act as the actor, who owns it."""
    return apply(actor, setup_of(industry, actor.workspace.language))
