"""Reading a set-up file, with suspicion: plain YAML alone, small, and each thing in it known.

No anchors (with which a short file becomes an endless one), no tags (with which it makes objects), no key twice. What
is wrong is said with its place: `windows.yaml: pipelines.0.stages.2.probability: ...`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from flask_babel import gettext as _
from pydantic import ValidationError

from core.errors import Invalid
from crm.setups.shape import Setup

LARGEST = 2 * 1024 * 1024  # bytes, as of a form
DEEPEST = 12  # lists and mappings within one another
NODES = 50_000
LANGUAGES = ("en", "cs")
BOTH = re.compile(r"«([^«»|]*)\|([^«»]*)»")  # a text of a BPMN file in English and in Czech


class Unreadable(Invalid):
    """This is no set-up file; `fields` are the places in it and what is wrong there."""


def read(content: bytes, where: str, language: str, folder: Path | None = None) -> Setup:
    """What a file says, in this language. Processes stand in it, or in files of `folder`. Raises Unreadable."""
    data = in_language(parsed(content, where), language)
    try:
        setup = Setup.model_validate(data)
    except ValidationError as error:
        raise Unreadable(*((f"{where}: {name}", words) for name, words in Invalid.of(error).fields)) from None
    return setup.model_copy(update={"processes": [*with_bpmn(setup, where, language, folder)]})


def parsed(content: bytes, where: str) -> Any:
    """Plain data out of YAML. Raises Unreadable."""
    if len(content) > LARGEST:
        refuse(where, _("The file is too large: at most %(size)s MB.", size=LARGEST // 1024**2))
    try:
        check_events(content.decode("utf-8"), where)
        data = yaml.load(content, Plain)  # noqa: S506 (a loader that is narrower than the safe one)
    except UnicodeDecodeError:
        refuse(where, _("The file is not text in UTF-8."))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, problem = (mark.line + 1 if mark else 1), getattr(error, "problem", None) or str(error)
        refuse(where, _("Line %(line)s cannot be read: %(why)s.", line=line, why=problem))
    except (ValueError, RecursionError) as error:
        refuse(where, _("The file cannot be read: %(why)s.", why=str(error)[:200]))
    if not isinstance(data, dict):
        refuse(where, _("This is no set-up of Okno."))
    return data


def check_events(text: str, where: str) -> None:
    """Refuse what grows, what makes objects, and what is too deep, before anything is built of it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, yaml.CSafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refuse(where, _("Line %(line)s: anchors are not taken. Write the text out.", line=line))
        if getattr(event, "tag", None):
            refuse(where, _("Line %(line)s: tags are not taken.", line=line))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            refuse(where, _("Line %(line)s is nested too deeply.", line=line))
        if count > NODES:
            refuse(where, _("There is too much in the file."))


class Plain(yaml.CSafeLoader):
    """Texts, numbers, yes and no: days stay texts, and a key is there once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _value in node.value:
            if key_node.tag == "tag:yaml.org,2002:bool":  # `on` is a word where it names something
                key_node.tag = "tag:yaml.org,2002:str"
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key is a word", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


KEPT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
Plain.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag in KEPT]
    for sign, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def in_language(data: Any, language: str) -> Any:
    """{en: ..., cs: ...} becomes one of its texts, wherever it stands."""
    if isinstance(data, dict):
        if "en" in data and data.keys() <= set(LANGUAGES):
            return data.get(language, data["en"])
        return {key: in_language(value, language) for key, value in data.items()}
    return [in_language(one, language) for one in data] if isinstance(data, list) else data


def with_bpmn(setup: Setup, where: str, language: str, folder: Path | None) -> Iterator[Any]:
    """Each process with its drawing, in the language."""
    for number, process in enumerate(setup.processes):
        drawing = process.bpmn
        if process.file:
            path = folder / process.file if folder else None
            if path is None or not path.is_file():
                refuse(f"{where}: processes.{number}.file", _("There is no file %(name)s here.", name=process.file))
            drawing = BOTH.sub(r"\2" if language == "cs" else r"\1", path.read_text(encoding="utf-8"))
        yield process.model_copy(update={"file": "", "bpmn": drawing})


def refuse(where: str, words: str) -> NoReturn:
    raise Unreadable((where, words))
