"""Drawing a process in the browser: what is missing is said, what is drawn is saved, published and runs."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from crm.deals import actions as deals
from crm.processes import actions
from crm.processes.bpmn import Definition, read
from crm.processes.decisions import decide, read_table
from crm.processes.models import Process
from tests.browser.axe import looks
from tests.browser.conftest import Visitors, picture
from tests.crm.processes import drawing
from tests.shop import Shop

pytestmark = pytest.mark.browser

DRAWN = ".designer[data-ready=true]"


def opened(page: Page, shop: Shop, process_id: UUID) -> None:
    page.goto(shop.path(f"/settings/processes/{process_id}/designer"))
    page.wait_for_selector(DRAWN)


def stored(shop: Shop) -> Process:
    with shop.acting() as actor:
        return actor.db.query(Process).one()


def test_a_process_is_drawn_mended_saved_published_and_runs(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/settings/processes/new"))
    page.get_by_role("textbox", name="Name").fill("Call every client")
    page.get_by_role("button", name="Open in the designer").click()
    page.wait_for_selector(DRAWN)
    problems = page.locator(".designer-problems li")

    page.get_by_text("All steps as a list").first.click()
    outline = page.locator(".outline")
    outline.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Ask somebody to do something").click()
    panel = page.locator(".step-panel")
    panel.get_by_label("Name", exact=True).fill("Call the client")
    panel.get_by_label("Due within").fill("15")
    panel.get_by_role("button", name="Add a field").click()
    panel.get_by_label("Label").fill("Result")
    panel.get_by_label("Short name").fill("result")
    panel.get_by_label("must be filled in").check()
    panel.get_by_role("button", name="Remove this line").click()
    missing = problems.filter(has_text="Nobody is to do Call the client")
    expect(missing).to_have_count(1)
    expect(page.locator(".problem-mark")).to_be_visible()
    shoot(page, "missing")
    found = looks(page, "designer")
    assert not found, "\n".join(found)
    page.set_viewport_size({"width": 1440, "height": 900})

    outline.get_by_role("button", name="End").click()
    missing.get_by_role("button").click()
    panel.get_by_role("button", name="Somebody else, if nobody is found").click()
    panel.get_by_label("Who", exact=True).select_option(label="Whoever started it")
    expect(problems).to_have_count(0)
    expect(page.get_by_text("It can be published")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator("[data-designer-target=state]")).to_have_text("Saved")
    assert stored(shop).active_id is None
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".designer-head")).to_contain_text("Version 1 published")
    shoot(page, "published")

    definition = read(stored(shop).draft)
    step = next(one for one in definition.elements.values() if one.tag == "userTask")
    assert (step.name, step.own("due").get("after")) == ("Call the client", "PT15M")  # type: ignore[union-attr]
    with shop.acting() as actor:
        deal = deals.create(actor, deals.create.parse({"name": "Okna Novák"}))
        actions.start(actor, actions.Start(process_id=stored(shop).id, record_id=deal.id))
    assert when(shop, "select name from task").name == "Call the client"


def test_steps_within_a_step_are_drawn_and_run(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/settings/processes/new"))
    page.get_by_role("textbox", name="Name").fill("Mount")
    page.get_by_role("button", name="Open in the designer").click()
    page.wait_for_selector(DRAWN)
    page.get_by_text("All steps as a list").first.click()
    outline = page.locator(".outline")
    outline.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Steps within a step").click()
    starts = outline.get_by_role("button", name="Start")
    expect(starts).to_have_count(2)
    starts.nth(1).click()
    page.get_by_role("button", name="Ask somebody to do something").click()
    expect(page.get_by_text("It can be published")).to_be_visible()
    picture(page, "designer/within")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".designer-head")).to_contain_text("Version 1 published")
    with shop.acting() as actor:
        deal = deals.create(actor, deals.create.parse({"name": "Okna Novák"}))
        run = actions.start(actor, actions.Start(process_id=stored(shop).id, record_id=deal.id)).id
    task = when(shop, "select id from task").id
    with shop.acting() as actor:
        actions.complete(actor, actions.complete.parse({"id": task, "values": {}}))
    when(shop, "select id from process_instance where id = :id and status = 'done'", id=run)


def when(shop: Shop, sql: str, **values: Any) -> Any:
    """The row, as soon as it is there."""
    until = time.monotonic() + 15
    while not (found := shop.rows(sql, **values)):
        assert time.monotonic() < until, sql
        time.sleep(0.1)
    return found[0]


TABLE = (
    '<dmn:decisionTable id="t"><dmn:input id="i"><dmn:inputExpression id="ie"><dmn:text>deal.amount</dmn:text>'
    '</dmn:inputExpression></dmn:input><dmn:output id="o" name="level"/><dmn:rule id="r"><dmn:inputEntry id="re">'
    '<dmn:text>&gt; 5</dmn:text></dmn:inputEntry><dmn:outputEntry id="ro"><dmn:text>"high"</dmn:text>'
    "</dmn:outputEntry></dmn:rule></dmn:decisionTable>"
)
WHOLE = drawing.process(
    drawing.start("deal.stage to=Quote if=(deal.amount > 10)"),
    drawing.user(
        "call", "role=sales how=least if=(deal.amount < 5)|who=owner", '<okno:late who="head"/>',
        '<okno:task todo="call" name="&quot;Call &quot; + deal.name"/>',
        fields="kind:choice:a|b! note:long", due="after=PT15M hours=working",
    ),
    drawing.beside("slow", "call", drawing.timer("R3/PT10M", "working", "Cycle"), interrupts=False),
    drawing.gateway("which", default="end"),
    drawing.service(
        "move", "deal.edit", drawing.notify("owner", '"a\nb" + deal.name'), drawing.put("x", "1 + 2"),
        id="deal.id", about='"<&>\'"',
    ),
    drawing.beside("failed", "move", '<bpmn:errorEventDefinition errorRef="e"/>'),
    drawing.element("businessRuleTask", "table", TABLE),
    drawing.element(
        "serviceTask", "told", '<okno:webhook url="https://a.cz"><okno:arg name="d" value="deal.id"/></okno:webhook>'
    ),
    drawing.hears("paid", "payment.created by=deal_id"),
    drawing.end(),
    "start -> call -> which", "which -> move ? steps.call.kind == 'a' && deal.amount > 1", "which -> end",
    "move -> table -> told -> paid -> end", "slow -> end", "failed -> end",
    before='<bpmn:error id="e" errorCode="refused"/>', perHour=5,
)  # fmt: skip


def test_what_okno_adds_to_bpmn_comes_through_the_designer_unchanged(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        process = actions.create(actor, actions.create.parse({"xml": WHOLE}))
    page = visitors.member(shop)
    opened(page, shop, process.id)
    page.keyboard.press("Control+s")
    for _moment in range(50):
        if stored(shop).draft != WHOLE:
            break
        time.sleep(0.1)
    assert stored(shop).draft != WHOLE
    assert meant(read(stored(shop).draft)) == meant(read(WHOLE))


def meant(definition: Definition) -> Any:
    """All that our reader knows of a process; the order of the file does not matter between elements."""
    elements = {key: vars(one) for key, one in definition.elements.items()}
    flows = sorted((one.id, one.source, one.target, one.condition) for one in definition.flows)
    return definition.key, definition.name, definition.subject, definition.settings, elements, flows


def args_of(shop: Shop, step: str) -> dict[str, str]:
    action = read(stored(shop).draft).elements[step].own("action")
    assert action is not None
    return {one.get("name"): one.get("value") for one in action.inner}


def test_what_an_action_is_given_is_chosen_by_people_who_know_no_expressions(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    drawn = drawing.process(
        drawing.start("deal.created"),
        drawing.user("call", fields="width:number! day:date note:text", name="Call the client"),
        drawing.service("move", "deal.move", id="deal.id"),
        drawing.service("task", "task.create", name="'Look at ' + deal.name", due_on="days_after(today, 3)"),
        drawing.service("odd", "deal.edit", id="deal.id", amount="deal.amount > 1.0 ? 2.0 : 3.0"),
        drawing.end(), "start -> call -> move -> task -> odd -> end",
    )  # fmt: skip
    for step, said in (("move", "Move it"), ("task", "Plan it"), ("odd", "Half it")):
        drawn = drawn.replace(f'<bpmn:serviceTask id="{step}"', f'<bpmn:serviceTask id="{step}" name="{said}"')
    with shop.acting() as actor:
        process = actions.create(actor, actions.create.parse({"xml": drawn}))
        stages = {name: str(key) for key, name in shop.rows("select id, name from stage")}
    page = visitors.member(shop)
    opened(page, shop, process.id)
    panel, problems = page.locator(".step-panel"), page.locator(".designer-problems li")
    page.get_by_text("All steps as a list").first.click()
    steps = page.locator(".outline")

    steps.get_by_role("button", name="Start").click()
    panel.get_by_label("What is looked at").select_option(label="Name of the contact")
    panel.get_by_label("How it is compared").select_option(label="contains")
    panel.get_by_label("What it is compared with").fill("Novák")
    panel.get_by_role("button", name="and also").click()
    panel.get_by_label("What is looked at").nth(1).select_option(label="Amount of the deal")
    panel.get_by_label("How it is compared").nth(1).select_option(label="is more than")
    panel.get_by_label("What it is compared with").nth(1).fill("1 000,5")

    steps.get_by_role("button", name="Move it").click()
    beside = panel.locator(".argument[data-name=stage_id]")
    expect(beside).to_contain_text("needs: Stage")
    expect(panel.get_by_label("Which deal")).to_have_value("deal.id")
    panel.get_by_label("Stage *").select_option(label="Quote")
    expect(problems).to_have_count(0)
    expect(beside.locator(".problem-said")).to_be_hidden()

    steps.get_by_role("button", name="Plan it").click()
    name = panel.get_by_label("What is to be done")
    expect(name).to_have_value("Look at {Name of the deal}")
    name.fill("Measure {Nothing of the sort}")
    expect(panel.locator(".argument[data-name=name]")).to_contain_text("is not known here")
    name.fill("Width ")
    panel.locator(".argument[data-name=name] select").select_option(label="Call the client: width")
    expect(name).to_have_value("Width {Call the client: width}")
    panel.get_by_label("Who does it").select_option(label="Whoever did: Call the client")
    expect(panel.get_by_label("Days later")).to_have_value("3")
    panel.get_by_label("Due on").select_option(label="Call the client: day")
    shoot(page, "arguments")
    steps.get_by_role("button", name="Half it").click()
    amount = panel.get_by_label("Amount", exact=True)
    expect(amount).to_have_value("deal.amount > 1.0 ? 2.0 : 3.0")
    panel.locator(".argument[data-name=amount]").get_by_label("Write it as an expression").click()
    amount.fill("{Amount of the deal} * 0,5")
    amount.blur()
    page.keyboard.press("Control+s")
    expect(page.locator("[data-designer-target=state]")).to_have_text("Saved")

    begun = read(stored(shop).draft).start.own("on")
    assert begun is not None
    assert begun.get("if") == (
        'has(contact.name) && contact.name.contains("Novák") && deal.amount != null && deal.amount > 1000.5'
    )
    assert args_of(shop, "move") == {"id": "deal.id", "stage_id": f'"{stages["Quote"]}"'}
    there = "has(steps.call) && has(steps.call.width)"
    assert args_of(shop, "task") == {
        "name": f'"Width " + ({there} ? number(steps.call.width) : "")',
        "due_on": "has(steps.call) && has(steps.call.day) ? days_after(steps.call.day, 3) : null",
        "assignee_id": "has(steps.call) && has(steps.call.by) ? steps.call.by : null",
    }
    assert args_of(shop, "odd") == {"id": "deal.id", "amount": "deal.amount * 0.5"}
    page.reload()
    page.wait_for_selector(DRAWN)
    page.get_by_text("All steps as a list").first.click()
    steps.get_by_role("button", name="Start").click()
    expect(panel.get_by_label("What it is compared with")).to_have_count(2)
    expect(panel.get_by_label("What it is compared with").nth(1)).to_have_value("1000.5")
    steps.get_by_role("button", name="Plan it").click()
    expect(name).to_have_value("Width {Call the client: width}")
    expect(panel.get_by_label("Due on")).to_have_value("steps.call.day")
    steps.get_by_role("button", name="Half it").click()
    expect(amount).to_have_value("{Amount of the deal} * 0.5")


def test_a_decision_is_filled_in_as_in_a_spreadsheet_tried_and_published(
    shop: Shop, visitors: Visitors, shoot: Callable[[Page, str], None]
) -> None:
    drawn = drawing.process(drawing.start("deal.created"), drawing.end(), "start -> end")
    with shop.acting() as actor:
        process = actions.create(actor, actions.create.parse({"xml": drawn}))
    page = visitors.member(shop)
    opened(page, shop, process.id)
    page.get_by_text("All steps as a list").first.click()
    page.locator(".outline").get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Decide by a table").click()
    expect(page.locator(".designer-problems")).to_contain_text("Decide by a table has no table yet")
    page.get_by_role("button", name="Open the table").click()
    page.wait_for_selector(".decision[data-ready=true]")

    cells = page.locator("input.cell")
    page.get_by_label("Amount of the deal, row 1").fill("more")
    expect(page.locator("td[data-at='0.when.0']")).to_contain_text("Write a number, such as")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("It looks at").select_option(label="Currency of the deal")
    page.get_by_role("button", name="Done").click()
    page.get_by_label("Amount of the deal, row 1").fill("> 100 000")
    page.get_by_label("Currency of the deal, row 1").fill("CZK, EUR")
    page.get_by_label("Outcome, row 1").fill("big")
    page.get_by_label("Outcome, row 2").fill("small")
    page.get_by_label("Outcome, row 2").press("Enter")
    expect(page.locator(".decision-table tbody tr")).to_have_count(3)
    expect(page.get_by_label("Outcome, row 3")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_label("Outcome, row 2")).to_be_focused()
    page.get_by_role("row", name="2").get_by_role("button", name="Delete this row").click()
    expect(page.locator(".decision-table tbody tr")).to_have_count(2)
    expect(cells).to_have_count(8)
    pasted(page, "Amount of the deal, row 2", "10 - 20\tCZK\tpaid\n> 5\tEUR\tmore\n")
    expect(cells).to_have_count(12)
    expect(page.get_by_label("Outcome, row 3")).to_have_value("more")
    page.get_by_role("button", name="Undo").click()
    expect(cells).to_have_count(8)
    expect(page.get_by_label("Outcome, row 2")).to_have_value("small")
    tries = page.locator(".decision-try")
    tries.get_by_label("Amount of the deal").fill("250 000")
    tries.get_by_label("Currency of the deal").fill("EUR")
    expect(tries).to_contain_text("Row 1 fits · Outcome: big")
    expect(page.locator("tr.hit th")).to_have_text("1")
    shoot(page, "table")
    found = looks(page, "table")
    assert not found, "\n".join(found)
    page.set_viewport_size({"width": 390, "height": 844})
    shoot(page, "table-phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Control+s")
    expect(page.locator("[data-decision-target=state]")).to_have_text("Saved")

    page.locator("main").get_by_role("link", name="Windows").click()
    page.wait_for_selector(DRAWN)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".designer-head")).to_contain_text("Version 1 published")
    table = next(one for one in read(stored(shop).draft).elements.values() if one.tag == "businessRuleTask")
    given = {"deal": {"amount": 250_000.0, "currency": "EUR"}}
    assert decide(read_table(table.own("decisionTable")), given) == {"outcome": "big"}  # type: ignore[arg-type]


def pasted(page: Page, into: str, text: str) -> None:
    """Cells out of a spreadsheet."""
    script = """(field, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }"""
    page.get_by_label(into).evaluate(script, text)


def test_on_a_small_screen_the_diagram_is_only_looked_at(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        process = actions.create(actor, actions.create.parse({"xml": WHOLE}))
    page = visitors.member(shop, size=(390, 844))
    opened(page, shop, process.id)
    expect(page.get_by_text("Drawing needs a wider screen")).to_be_visible()
    expect(page.locator(".diagram .djs-shape").first).to_be_visible()
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_hidden()
    page.keyboard.press("Control+s")
    page.locator(".diagram [data-element-id=call]").first.click()
    expect(page.locator(".djs-context-pad")).to_have_count(0)
    assert stored(shop).version == 1
