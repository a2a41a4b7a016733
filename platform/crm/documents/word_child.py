"""The child in which templates of Word are read and filled in: a program of its own that imports nothing of ours.

stdin: {"file": a .docx in base64, "data": values or null}. Without data the answer is what the template asks for, as
JSON: {"used": ["deal.name", "items.name" ...]} or {"wrong": [code, where]}; with data it is the document.

A template may name values, go through lists and ask whether there is something. It reaches nothing but the plain data:
there are no functions, no attributes of objects, no globals, and only the filters below.
"""

import base64
import io
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

MEMORY = 512 << 20  # bytes
SECONDS = 10
MOST = 500  # places that a template may name
FILTERS = ("upper", "lower", "title", "capitalize", "trim", "default", "length", "first", "last")
TESTS = ("defined", "undefined", "none", "even", "odd")
LOOP = ("index", "index0", "first", "last", "length")
NODES = (
    "Template", "Output", "TemplateData", "Name", "Getattr", "Getitem", "For", "If", "CondExpr", "Filter", "Test",
    "Const", "Compare", "Operand", "And", "Or", "Not", "Keyword",
)  # fmt: skip


class Wrong(Exception):
    """What a template may not have: a code and the place, for whoever asked."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    asked = json.load(sys.stdin)
    file = io.BytesIO(base64.b64decode(asked["file"]))
    if asked["data"] is None:
        sys.stdout.write(json.dumps(looked_into(file)))
    else:
        sys.stdout.buffer.write(filled(file, asked["data"]))


def looked_into(file: io.BytesIO) -> dict[str, Any]:
    import jinja2

    try:
        return {"used": sorted(used(file))}
    except Wrong as wrong:
        return {"wrong": list(wrong.args)}
    except jinja2.TemplateSyntaxError as error:
        return {"wrong": ["syntax", str(error.message)]}


def used(file: io.BytesIO) -> set[str]:
    """The places that a template names, lists without a number: "items.name". Raises Wrong."""
    from jinja2 import nodes

    found: set[str] = set()
    for xml in parts(file):
        tree = environment().parse(xml)
        for node in tree.find_all(nodes.Node):
            allowed = FILTERS if isinstance(node, nodes.Filter) else TESTS if isinstance(node, nodes.Test) else None
            if type(node).__name__ not in NODES or (allowed is not None and node.name not in allowed):
                raise Wrong("code", shown(node))
        walk(tree, {"loop": "loop"}, found)
        if len(found) > MOST:
            raise Wrong("many", "")
    return {place for place in found if not place.startswith("loop")}


def parts(file: io.BytesIO) -> Iterator[str]:
    """The XML of all that docxtpl renders, cleaned as it does."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docxtpl import DocxTemplate

    template = DocxTemplate(file)
    template.init_docx()
    yield template.patch_xml(template.get_xml())
    rendered = (RELATIONSHIP_TYPE.HEADER, RELATIONSHIP_TYPE.FOOTER, RELATIONSHIP_TYPE.FOOTNOTES)
    for relation in template.docx.part.rels.values():
        if relation.reltype in rendered:
            yield template.patch_xml(relation.target_part.blob.decode("utf-8"))
    properties = template.docx.core_properties
    for name in ("author", "category", "comments", "identifier", "keywords", "subject", "title"):
        yield str(getattr(properties, name, "") or "")


def walk(node: Any, names: dict[str, str], found: set[str]) -> None:
    """Note what is named below this node; `names` leads from the names of loops to what they go through."""
    from jinja2 import nodes

    if isinstance(node, nodes.For):
        through = place_of(node.iter, names)
        if not isinstance(node.target, nodes.Name) or through is None:
            raise Wrong("code", shown(node))
        found.add(through)
        inside = {**names, node.target.name: through}
        for child in (*node.body, *node.else_, *([node.test] if node.test else [])):
            walk(child, inside, found)
        return
    place = place_of(node, names)
    if place is not None:
        found.add(place)
        return
    for child in node.iter_child_nodes():
        walk(child, names, found)


def place_of(node: Any, names: dict[str, str]) -> str | None:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        if node.name.startswith("_"):
            raise Wrong("code", node.name)
        return names.get(node.name, node.name)
    key: Any
    if isinstance(node, nodes.Getattr):
        key = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    elif isinstance(node, nodes.Getitem):
        raise Wrong("code", shown(node))
    else:
        return None
    if str(key).startswith("_"):
        raise Wrong("code", str(key))
    before = place_of(node.node, names)
    if before is None:
        raise Wrong("code", shown(node))
    return before if isinstance(key, int) else f"{before}.{key}"


def shown(node: Any) -> str:
    """What stands there, as near as it can be said."""
    from jinja2 import nodes

    for one in [node, *node.find_all(nodes.Node)]:
        said = getattr(one, "attr", None) or getattr(one, "name", None)
        if isinstance(said, str):
            return said
    return type(node).__name__.lower()


def environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.runtime import LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class PlainData(ImmutableSandboxedEnvironment):
        """Values are looked up in the data given, and nowhere else."""

        def getattr(self, value: Any, name: Any) -> Any:
            return self.getitem(value, name)

        def getitem(self, value: Any, key: Any) -> Any:
            if isinstance(value, LoopContext) and key in LOOP:
                return getattr(value, key)
            if isinstance(value, dict) and key in value:
                return value[key]
            if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
                return value[key]
            return self.undefined(obj=value, name=key)

        def is_safe_callable(self, _value: Any) -> bool:
            return False

    made = PlainData(autoescape=True, undefined=StrictUndefined)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


def filled(file: io.BytesIO, data: Any) -> bytes:
    from docxtpl import DocxTemplate

    template = DocxTemplate(file)
    template.render(data, jinja_env=environment(), autoescape=True)
    out = io.BytesIO()
    template.save(out)
    return out.getvalue()


if __name__ == "__main__":
    main()
