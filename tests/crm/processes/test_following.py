"""Where runs stand, the way that one went, and the buttons that help it; versions that runs move to; trying out."""

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from standardwebhooks import Webhook, WebhookVerificationError

from config.settings import settings
from core import outbound
from core.db import database
from core.errors import Forbidden, NotFound
from crm.processes import running, webhooks
from tests.crm.processes.drawing import beside, element, end, notify, process, put, service, start, timer, user, waits
from tests.crm.processes.works import Works
from tests.shop import Shop, csrf

TWO = process(
    start(), user("call", fields="result!", due="after=PT15M hours=always"), user("visit"), end(),
    "start -> call -> visit -> end", name="Windows by itself",
)  # fmt: skip


def page(works: Works, path: str, by: UUID | None = None) -> str:
    return str(works.shop.browser(by).get(works.shop.path(path)).get_data(as_text=True))


def press(works: Works, path: str, by: UUID | None = None, **form: str) -> Any:
    browser = works.shop.browser(by)
    token = csrf(browser, works.shop.path("/tasks/new"))
    return browser.post(works.shop.path(path), data={"csrf_token": token, **form})


def test_the_page_of_a_process_counts_where_runs_stand_and_filters_them(works: Works) -> None:
    deal = works.begun(TWO)
    works.do("process.start", process_id=works.process().id, record_id=works.deal(name="Dveře"))
    works.work()
    path = f"/settings/processes/{works.process().id}"
    shown = page(works, path)
    row = shown.split('id="place-call"')[1].split("</tr>")[0]
    assert re.search(r'class="num la">2<', row)
    with works.shop.base.workspace(works.shop.workspace) as session, session.begin():
        session.execute(text("update task set due_at = now() - interval '1 hour' where deal_id = :id"), {"id": deal})
    late = page(works, f"{path}?late=true").split('id="runs"')[1].split('id="versions"')[0]
    assert "Okna Novák" in late
    assert "Dveře" not in late
    assert "1 late" in page(works, path)
    assert "There are no such runs" in page(works, f"{path}?status=failed")
    assert "Okna Novák" in page(works, f"{path}?element=call")
    assert "There are no such runs" in page(works, f"{path}?element=visit")
    assert "Windows by itself" in page(works, f"/deals/{deal}").split('id="processes"')[1]


def test_a_run_that_cannot_go_on_says_why_and_is_tried_again_from_its_page(works: Works) -> None:
    broken = process(start(), service("x", "deal.edit", id="deal.id", name="record.zork"), end(), "start -> x -> end")
    works.begun(broken)
    path = f"/settings/processes/runs/{works.run().id}"
    assert "It cannot go on." in page(works, path)
    assert press(works, f"{path}/retry").status_code == 303
    works.work()
    assert works.run().status == "failed"
    press(works, f"{path}/skip", step_id=str(works.step("x").id))
    works.work()
    assert works.run().status == "done"
    assert "Skipped" in page(works, path)


def test_a_step_is_given_to_somebody_else_and_a_run_is_ended_from_its_page(works: Works) -> None:
    petr = works.member(works.shop.member("sales", "Petr Malý"))
    works.begun(TWO)
    path = f"/settings/processes/runs/{works.run().id}"
    press(works, f"{path}/reassign", step_id=str(works.step("call").id), assignee_id=str(petr))
    assert works.task("call").assignee_id == petr
    assert "Petr Malý" in page(works, path)
    press(works, f"{path}/cancel")
    assert works.run().status == "cancelled"
    assert works.shop.rows("select count(*) as n from task where deleted_at is null")[0].n == 0


def test_a_seller_does_the_step_given_to_them_and_steers_nothing(works: Works) -> None:
    sales = works.shop.member("sales", "Eva")
    works.begun(process(start(), user("call", f"member={works.member(sales)}", fields="result!"), end(),
                        "start -> call -> end"))  # fmt: skip
    run, step = works.run(), works.step("call")
    for what, more in (("cancel", {}), ("retry", {}), ("skip", {"step_id": step.id})):
        with pytest.raises((Forbidden, NotFound)):
            works.do(f"process.{what}", sales, id=run.id, **more)
        assert press(works, f"/settings/processes/runs/{run.id}/{what}", sales,
                     **{k: str(v) for k, v in more.items()}).status_code in (403, 404)  # fmt: skip
    with pytest.raises((Forbidden, NotFound)):
        works.do("process.move_runs", sales, id=works.process().id)
    for path in (f"/settings/processes/{works.process().id}", f"/settings/processes/{works.process().id}/try"):
        assert works.shop.browser(sales).get(works.shop.path(path)).status_code == 404
    assert (works.run().status, works.step("call").state) == ("running", "open")
    works.complete("call", by=sales, result="yes")
    assert works.run().status == "done"


def test_runs_move_to_a_new_version_but_those_that_were_where_it_has_nothing(works: Works) -> None:
    works.begun(TWO)
    first = works.run()
    works.complete("call", result="yes")
    works.do("process.start", process_id=works.process().id, record_id=works.deal(name="Dveře"))
    works.work()
    second = works.run()
    works.republished(
        works.process().id,
        process(start(), user("call", fields="result! floor:number!"), user("price"), end(),
                "start -> call -> price -> end", name="Windows by itself"),
    )  # fmt: skip
    shown = press(works, f"/settings/processes/{works.process().id}/move")
    assert shown.status_code == 303
    with works.shop.acting() as actor:
        first, second = actor.db.get_one(type(first), first.id), actor.db.get_one(type(first), second.id)
    assert first.version_id != second.version_id == works.process().active_id
    moving = works.do("process.move_runs", id=works.process().id)
    assert (moving.moved, [one.missing for one in moving.stayed]) == (0, [["Visit"]])
    works.complete("call", result="yes", floor=2)
    assert works.waiting() == ["price"]
    works.complete("price")
    assert works.run().status == "done"


TRIED = process(
    start(), user("call", "who=owner", '<okno:late member="%s"/>', fields="result!", due="after=PT15M hours=always"),
    beside("late", "call", timer("PT1H"), interrupts=False),
    service("tell", "", notify("owner", "'Late: ' + deal.name")),
    waits("pause", "P3D"), service("won", "deal.win", id="deal.id"), end(), end("end2"),
    "start -> call -> pause -> won -> end", "late -> tell -> end2",
)  # fmt: skip


def test_trying_a_process_out_walks_through_time_and_leaves_nothing_behind(works: Works) -> None:
    boss = works.member(works.shop.member("admin", "Petr Malý"))
    made, deal = works.do("process.create", xml=TRIED % boss), works.deal()
    path = f"/settings/processes/{made.id}/try"
    tables = ("process_instance", "process_step", "task", "event", "notification")
    counts = " union all ".join(f"select count(*) as n from {table}" for table in tables)
    before = works.shop.rows(counts)

    def go(shown: str, do: str, result: str = "") -> str:
        found = re.search(r'name="moves" value="([^"]*)"', shown)
        moves = (found[1] if found else "[]").replace("&#34;", '"')
        form = {"record_id": str(deal), "moves": moves, "do": do, "call/result": result}
        return str(press(works, path, None, **form).get_data(as_text=True))

    shown = go("", "")
    assert "Task for Jana Dvořáková: Call" in shown
    refused = go(shown, "call")
    assert "Fill this in." in refused
    shown = go(refused, "time")
    assert "Petr Malý is told that Call is late" in shown
    assert "Jana Dvořáková is told: Late: Okna Novák" in shown
    shown = go(shown, "call", "yes")
    assert "Waits: pause" in shown
    shown = go(shown, "time")
    assert "deal.win" in shown
    assert "comes to its end" in shown
    assert works.shop.rows(counts) == before
    assert works.get_deal(deal).status == "open"
    assert works.shop.rows("select count(*) as n from process_version")[0].n == 0


def test_trying_out_says_what_would_fail(works: Works) -> None:
    made = works.do(
        "process.create",
        xml=process(start(), service("x", "deal.edit", id="deal.id", name="record.zork"), end(), "start -> x -> end"),
    )
    shown = press(works, f"/settings/processes/{made.id}/try", record_id=str(works.deal()), moves="[]", do="")
    assert "record.zork" in shown.get_data(as_text=True)
    assert press(works, f"/settings/processes/{made.id}/try", moves="[1]", do="").status_code == 422


HOOK = '<okno:webhook url="https://hooks.example.com/x"><okno:arg name="deal" value="deal.name"/></okno:webhook>'


def test_a_webhook_is_told_and_its_answer_is_kept(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    (secret,) = webhooks.secrets_of(settings(), works.shop.workspace)

    def post(_config: Any, url: str, body: bytes, headers: Any) -> outbound.Reply:
        assert Webhook(secret).verify(body, headers) == {"deal": "Okna Novák"}
        sent.append((url, body, headers["webhook-id"]))
        return outbound.Reply(201, b'{"number": 7}')

    monkeypatch.setattr(outbound, "post", post)
    works.begun(
        process(start(), element("serviceTask", "hook", HOOK), service("s", "", put("n", "steps.hook.answer.number")),
                end(), "start -> hook -> s -> end")
    )  # fmt: skip
    assert works.run().status == "done", works.run().error
    assert sent == [("https://hooks.example.com/x", b'{"deal":"Okna Nov\xc3\xa1k"}', str(works.step("hook").id))]
    assert works.run().data["steps"]["hook"]["status"] == 201
    assert works.run().data["data"]["n"] == 7


def test_the_secret_of_webhooks_is_the_workspaces_own_and_shown_to_those_alone_who_draw(
    works: Works, other: Shop
) -> None:
    works.published(process(start(), user("call"), end(), "start -> call -> end"))
    (ours,), (theirs,) = (webhooks.secrets_of(settings(), one.workspace) for one in (works.shop, other))
    assert ours != theirs
    config = replace(settings(), secret_key="a newer key, long enough to pass as one", secret_key_fallbacks=("x" * 40,))
    headers = webhooks.signatures(config, works.shop.workspace, "one", b"{}")
    for secret in webhooks.secrets_of(config, works.shop.workspace):
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(theirs).verify(b"{}", headers)
    page = works.shop.path("/settings/processes")
    assert ours in works.shop.browser().get(page).get_data(as_text=True)
    for role in ("head", "sales", "reader"):
        assert "whsec_" not in works.shop.browser(works.shop.member(role)).get(page).get_data(as_text=True)


def test_a_webhook_that_never_answers_stops_the_run_with_clear_words_and_can_be_tried_again(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def post(_config: Any, url: str, _body: bytes, _headers: Any) -> outbound.Reply:
        asked.append(url)
        raise outbound.Unreachable("no answer in time")

    monkeypatch.setattr(outbound, "post", post)
    works.begun(process(start(), element("serviceTask", "hook", HOOK), end(), "start -> hook -> end"))
    for pause in webhooks.PAUSES:
        assert works.run().status == "running"
        works.pass_time(pause + 1)
    assert len(asked) == 5
    assert works.run().status == "failed"
    assert works.run().error == "https://hooks.example.com/x was asked 5 times: no answer in time"
    monkeypatch.setattr(outbound, "post", lambda *_given: outbound.Reply(204, b""))
    works.do("process.retry", id=works.run().id)
    works.work()
    assert works.run().status == "done"


def test_a_process_makes_a_quote_of_the_deal_and_writes_by_a_template(works: Works) -> None:
    works.do("mail_template.create", name="Thanks", subject="Hello {{first_name}}", body="For {{deal}}.{{my_phone}}")
    contact = works.do("contact.create", first_name="Jan", emails=[{"address": "jan@example.com"}]).id
    deal = works.deal(contact_id=contact)
    version = works.get_deal(deal).version
    works.do("deal.price", id=deal, version=version, items=[{"name": "Window", "unit_price": "1000", "vat_rate": "21"}])
    process_id = works.published(
        process(
            start(), service("quote", "quote.create", deal_id="deal.id"),
            service("send", "quote.send", id="steps.quote.id", to="contact.emails[0].address"),
            service("mail", "mail.send_template", deal_id="deal.id", template="'Thanks'"), end(),
            "start -> quote -> send -> mail -> end",
        )
    )  # fmt: skip
    works.do("process.start", process_id=process_id, record_id=deal)
    works.work()
    assert works.run().status == "done", works.run().error
    (quote,) = works.shop.rows("select state, sent_to, number from quote")
    assert (quote.state, quote.sent_to) == ("sent", "jan@example.com")
    (mail,) = works.shop.rows("select subject, text, to_address from mail")
    assert (mail.subject, mail.text, mail.to_address) == ("Hello Jan", "For Okna Novák.", "jan@example.com")


def test_a_step_costs_few_statements(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    counts: list[int] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    def counted(*given: Any) -> bool:
        said.clear()
        event.listen(database().ws, "before_cursor_execute", note)
        try:
            return step_on(*given)
        finally:
            event.remove(database().ws, "before_cursor_execute", note)
            counts.append(len(said))

    step_on = running.step_on
    monkeypatch.setattr(running, "step_on", counted)
    contact = works.do("contact.create", first_name="Jan").id
    works.begun(
        process(
            start(), service("a", "", put("x", "deal.amount")), service("b", "deal.edit", id="deal.id", about="'x'"),
            user("call", "role=owner", due="after=PT15M hours=working"), end(), "start -> a -> b -> call -> end",
        ),
        contact_id=contact,
    )  # fmt: skip
    works.complete("call")
    assert works.run().status == "done"
    for found, most in zip(counts, (6, 8, 20, 7), strict=False):
        assert found <= most, counts
