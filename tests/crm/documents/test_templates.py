"""Templates of Word: what is refused and by which words, and documents made of them for a deal."""

import io
import zipfile
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.errors import Busy, Forbidden, Invalid
from core.files import files
from crm.contacts import actions as contacts
from crm.deals.models import Deal
from crm.documents import limited, making, word
from crm.documents.models import Document
from crm.fields import actions as fields
from crm.timeline.queries import timeline_of
from tests.crm.documents.words import changed, read, written
from tests.crm.fields.test_fields import add
from tests.crm.people import Desk
from tests.crm.processes.drawing import end, process, service, start, user
from tests.crm.processes.works import Works
from tests.crm.quotes.offering import client, priced_deal
from tests.shop import Shop

CONTRACT = (
    "Contract: {{ deal.name }} for {{ client.name }}, {{ client.address }}",
    "{% if client.vat_no %}VAT no. {{ client.vat_no }}{% endif %}To pay {{ totals.gross }}",
)
LINES = ("{%tr for item in items %}", "{{ loop.index }}. {{ item.name }}: {{ item.net }}", "{%tr endfor %}")


def template(shop: Shop, *words: str, name: str = "Contract", table: tuple[str, ...] = ()) -> UUID:
    with shop.acting() as actor:
        content = written(*words, table=table)
        return making.add_template(actor, making.NewDocumentTemplate(name=name, content=content)).id


def made(shop: Shop, deal_id: UUID, named: str = "contract", by: UUID | None = None) -> bytes:
    with shop.acting(by) as actor:
        document = making.create(actor, making.create.parse({"deal_id": deal_id, "template": named}))
    with files().reading(document.file_key) as kept:
        return kept.read()


def deal(shop: Shop) -> UUID:
    with shop.acting() as actor:
        return priced_deal(actor, contact_id=client(actor)).id


def test_a_document_says_what_the_deal_says_and_stands_on_its_timeline(shop: Shop) -> None:
    template(shop, *CONTRACT, table=LINES)
    deal_id = deal(shop)
    words = read(made(shop, deal_id)).replace("\N{NO-BREAK SPACE}", " ")
    for said in (
        "Contract: Windows for a flat for Petr Černý, Lidická 24", "To pay CZK 92,791.94",
        "1. Wooden window: 75,114.00", "2. Montage: 1,700.00",
    ):  # fmt: skip
        assert said in words
    assert "VAT no." not in words
    with shop.acting() as actor:
        lines = [str(one.line) for _day, entries in timeline_of(actor, deal=actor.db.get_one(Deal, deal_id)).days
                 for one in entries]  # fmt: skip
    assert any("Document" in line and "Contract – Windows for a flat" in line for line in lines)
    (row,) = shop.rows("select file_size from document")
    (counted,) = shop.rows("select value from counter where name = 'storage'")
    assert counted.value >= row.file_size > 1000


def test_a_document_says_what_own_fields_say_and_refuses_one_that_was_removed(shop: Shop) -> None:
    with shop.acting() as actor:
        field = add(actor, "Windows", "number")
        add(actor, "Scaffold", "yes")
        add(actor, "Discount", "text", "company")
        add(actor, "Allergies", "text", "contact")
        person = client(actor)
        contacts.change(actor, contacts.change.parse({"id": person, "custom": {"allergies": "{{ dust }}"}}))
        deal_id = priced_deal(actor, contact_id=person, custom={"windows": 1250.5, "scaffold": True}).id
    template(
        shop,
        "{{ deal.custom.windows }} {% if deal.custom.scaffold %}with scaffold{% endif %}"
        "{% if company.custom.discount %}cheap{% endif %} {{ contact.custom.allergies }}",
    )
    assert read(made(shop, deal_id)) == "1,250.5 with scaffold {{ dust }}"
    page = Desk.of(shop).page("/settings/documents")
    assert "<code>deal.custom.windows</code></dt><dd>Deal: Windows</dd>" in page
    with shop.acting() as actor:
        fields.delete(actor, fields.OneField(id=field.id))
    with pytest.raises(Invalid) as refusal:
        made(shop, deal_id)
    assert "deal.custom.windows" in refusal.value.fields[0][1]
    assert len(shop.rows("select 1 from document")) == 1


def test_what_people_wrote_is_never_a_placeholder_nor_markup(shop: Shop) -> None:
    template(shop, "{{ deal.name }}")
    hostile = '{{ 7 * 7 }} {% for %} <w:br/> & ]]> "x"'
    with shop.acting() as actor:
        deal_id = priced_deal(actor, name=hostile).id
    assert read(made(shop, deal_id)) == hostile


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("{{ ''.__class__.__mro__ }}", "__"), ("{{ deal.__class__ }}", "__class__"), ("{{ deal.name() }}", "name"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", ""), ("{{ 'a' * 10000000000 }}", "mul"),
        ("{% include 'x' %}", "include"), ("{% import 'os' as os %}", ""), ("{% set a = 1 %}", "a"),
        ("{{ deal|attr('name') }}", "attr"), ("{{ deal[me] }}", "me"), ("{% macro a() %}{% endmacro %}", "a"),
        ("{{ deal.name", "not written right"),
    ],
)  # fmt: skip
def test_a_template_with_code_in_it_is_refused_and_the_place_named(shop: Shop, words: str, place: str) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refusal:
        making.add_template(actor, making.NewDocumentTemplate(name="Bad", content=written(words)))
    ((field, said),) = refusal.value.fields
    assert (field, place in said) == ("file", True), said
    assert shop.rows("select 1 from document_template") == []


def relation(kind: str, target: str) -> bytes:
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{base}/{kind}" Target="{target}" TargetMode="External"/></Relationships>'
    ).encode()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b" " * (60 << 20))
    return out.getvalue()


def field_of(code: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(written("Here"))) as package:
        document = package.read("word/document.xml")
    return document.replace(b"<w:t>Here</w:t>", f"<w:instrText>{code}</w:instrText>".encode())


PLAIN = written("{{ deal.name }}")
BAD: dict[str, tuple[bytes, str]] = {
    "no zip": (b"%PDF-1.7", "no Word document"),
    "another zip": (bomb()[:0] + changed(PLAIN, **{"[Content_Types]DOTxml": b"<Types/>"}), "no Word document"),
    "a bomb": (bomb(), "far more packed"),
    "macros": (changed(PLAIN, word__vbaProjectDOTbin=b"x"), "word/vbaProject.bin"),
    "docm": (changed(PLAIN, **{"[Content_Types]DOTxml": b"<Types>x.macroEnabled.main+xml</Types>"}), "macros"),
    "embedded": (changed(PLAIN, word__embeddings__aDOTxlsx=b"x"), "word/embeddings/a.xlsx"),
    "template elsewhere": (
        changed(PLAIN, word___rels__settingsDOTxmlDOTrels=relation("attachedTemplate", "https://evil.example/a.dotm")),
        "https://evil.example/a.dotm",
    ),
    "picture elsewhere": (
        changed(PLAIN, word___rels__otherDOTxmlDOTrels=relation("image", "https://evil.example/a.png")),
        "image in word/_rels/other.xml.rels",
    ),
    "file of the reader": (
        changed(PLAIN, word___rels__otherDOTxmlDOTrels=relation("hyperlink", "file:///etc/passwd")), "/etc/passwd",
    ),
    "entity": (changed(PLAIN, word__otherDOTxml=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "word/other.xml"),
    "field": (changed(PLAIN, word__documentDOTxml=field_of("INCLUDETEXT https://evil.example")), "INCLUDETEXT"),
    "too large": (PLAIN + b" " * (5 << 20), "5 MB"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_more_than_a_document_is_refused_and_named(what: str) -> None:
    content, place = BAD[what]
    with pytest.raises(Invalid) as refusal:
        word.placeholders_of(content)
    assert place in refusal.value.fields[0][1]


def test_a_link_that_a_reader_clicks_is_no_harm() -> None:
    linked = changed(PLAIN, word___rels__otherDOTxmlDOTrels=relation("hyperlink", "https://okna.example"))
    assert word.placeholders_of(linked) == ["deal.name"]


def test_a_template_that_eats_memory_ends_in_its_child_alone(shop: Shop) -> None:
    loops = "".join(f"{{% for a{n} in items %}}" for n in range(7)) + "{{ deal.about }}" + "{% endfor %}" * 7
    template(shop, loops)
    with shop.acting() as actor:
        items = [{"name": "x", "unit_price": "1"}] * 40
        deal_id = priced_deal(actor, *items, about="y" * 5_000).id
    with pytest.raises(Busy):
        made(shop, deal_id)
    assert shop.rows("select 1 from document") == []


def test_a_placeholder_that_there_is_not_is_marked_and_refused_by_its_name(shop: Shop) -> None:
    template(shop, "{{ deal.colour }} {{ buyer }} {{ client.name }} {{ steps.measure.width }}")
    page = Desk.of(shop).page("/settings/documents")
    for name, missing in (
        ("deal.colour", True),
        ("buyer", True),
        ("client.name", False),
        ("steps.measure.width", False),
    ):
        assert (f"<code>{name}</code> (there is no such thing)" in page) is missing
    deal_id = deal(shop)
    for named, said in (("contract", "deal.colour"), ("none such", "none such")):
        with shop.acting() as actor, pytest.raises(Invalid) as refusal:
            making.create(actor, making.create.parse({"deal_id": deal_id, "template": named}))
        assert said in refusal.value.fields[0][1]
    assert shop.rows("select 1 from document") == []


def test_a_process_makes_one_with_what_was_measured(shop: Shop) -> None:
    template(shop, "Width {{ steps.measure.width }} for {{ deal.name }}")
    works = Works(shop)
    works.begun(
        process(
            start(), user("measure", fields="width:number!"),
            service("paper", "document.create", deal_id="deal.id", template="'Contract'"), end(),
            "start -> measure -> paper -> end",
        )
    )  # fmt: skip
    works.complete("measure", width="1200")
    assert works.run().status == "done", works.run().error
    with shop.acting() as actor:
        (document,) = actor.db.query(Document)
    with files().reading(document.file_key) as kept:
        assert read(kept.read()) == "Width 1,200 for Okna Novák"


def test_pages_upload_make_download_and_take_back_by_right(shop: Shop) -> None:
    desk, deal_id = Desk.of(shop), deal(shop)
    file = (io.BytesIO(written(*CONTRACT)), "contract.docx")
    assert desk.send("/settings/documents/templates", template_name="Contract", file=file).status_code == 303
    again = (io.BytesIO(b"not at all"), "contract.docx")
    refused = desk.send("/settings/documents/templates", template_name="Another", file=again)
    assert (refused.status_code, "This is no Word document" in refused.get_data(as_text=True)) == (422, True)
    assert desk.send("/documents/", deal_id=str(deal_id), template="Contract").status_code == 303
    (row,) = shop.rows("select id from document")
    assert str(row.id) in desk.page(f"/deals/{deal_id}")
    kept = desk.get(f"/documents/{row.id}")
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert "Petr Černý" in read(kept.get_data())
    reader, outside = (Desk.of(shop, shop.member(role, role)) for role in ("reader", "field"))
    assert reader.get(f"/documents/{row.id}").status_code == 200
    assert outside.get(f"/documents/{row.id}").status_code == 404
    assert reader.send("/documents/", deal_id=str(deal_id), template="Contract").status_code == 403
    assert reader.send(f"/documents/{row.id}/delete").status_code == 403
    assert reader.send("/settings/documents/templates", template_name="Mine").status_code == 403
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("""update role set fields = '{"deal": {"amount": "hidden"}}' where key = 'reader'"""))
    assert reader.get(f"/documents/{row.id}").status_code == 404
    assert desk.send(f"/documents/{row.id}/delete").status_code == 303
    assert desk.get(f"/documents/{row.id}").status_code == 404
    assert len(shop.rows("select 1 from document where deleted_at is not null")) == 1


def test_a_file_goes_where_its_row_was_not_stored(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_actor: Any, _deal: Any) -> None:
        raise limited.NotMade("the test")

    template(shop, "{{ deal.name }}")
    deal_id, before = deal(shop), len(list(files().under(f"{shop.workspace.schema}/")))
    monkeypatch.setattr(Document, "title", break_off)
    with pytest.raises(TypeError):
        made(shop, deal_id)
    assert len(list(files().under(f"{shop.workspace.schema}/"))) == before
    assert shop.rows("select 1 from document") == []


def test_only_who_may_change_settings_adds_templates(shop: Shop) -> None:
    with shop.acting(shop.member("sales")) as actor, pytest.raises(Forbidden):
        making.add_template(actor, making.NewDocumentTemplate(name="Mine", content=PLAIN))
    assert shop.rows("select 1 from document_template") == []
