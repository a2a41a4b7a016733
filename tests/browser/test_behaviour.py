"""Pages under people's hands: keys, drafts, two people at once, a lost connection, a phone, no script at all."""

import pytest
from playwright.sync_api import Locator, Page, expect

from core.ids import new_id
from core.pages import today_of
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.contacts.models import Contact
from crm.deals import actions as deals
from crm.tasks import actions as tasks
from tests.browser.conftest import PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser

PASSWORD = "three okna in a row"
DRAFTS = "() => Object.keys(localStorage).filter((key) => key.startsWith('okno.draft/')).length"


def add_contact(shop: Shop, first: str, last: str, **values: object) -> Contact:
    with shop.acting() as actor:
        return contacts.create(actor, contacts.create.parse({"first_name": first, "last_name": last, **values}))


def card(shop: Shop, contact: Contact) -> str:
    return shop.path(f"/contacts/{contact.id}")


def open_live(page: Page, address: str) -> None:
    """The page, which hears of changes from now on."""
    with page.expect_response("**/live/**"):
        page.goto(address)
    expect(page.locator(".off-air")).to_be_hidden()


def kept(page: Page) -> None:
    """Wait until what is typed is kept in the browser."""
    page.wait_for_function(f"() => ({DRAFTS})() > 0")


# ---- keys ----


def test_find_by_slash_without_accents(shop: Shop, visitors: Visitors) -> None:
    add_contact(shop, "Jan", "Novák")
    wanted = add_contact(shop, "Jana", "Nováková", phones=[{"number": "602 114 873"}])
    page = visitors.member(shop)
    page.goto(shop.path("/today"))
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Find a record or do something")
    expect(box).to_be_focused()
    page.keyboard.type("novak")
    options = page.get_by_role("listbox").get_by_role("group", name="Contacts").get_by_role("option")
    expect(options).to_have_count(2)
    pointed = page.locator("#hits [aria-selected=true]")
    expect(pointed).to_contain_text("Nov")
    first = pointed.inner_text()
    page.keyboard.press("ArrowDown")
    expect(pointed).not_to_have_text(first)
    expect(box).to_have_attribute("aria-activedescendant", pointed.get_attribute("id") or "")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    page.keyboard.press("Control+k")
    box.fill("602114")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("Jana Nováková")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{card(shop, wanted)}")
    expect(page.get_by_role("heading", name="Jana Nováková")).to_be_visible()


def test_one_letter_keys(shop: Shop, visitors: Visitors) -> None:
    for last in ("Adam", "Bureš"):
        add_contact(shop, "Jan", last)
    page = visitors.member(shop)
    page.goto(shop.path("/today"))
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/contacts/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link", name="Jan Bureš")).to_be_focused()
    page.keyboard.press("x")
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_role("toolbar")).to_contain_text("1 selected")
    page.keyboard.press("k")
    expect(rows.nth(0).get_by_role("link", name="Jan Adam")).to_be_focused()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("c")
    new = page.locator("#new-menu")
    expect(new.get_by_role("link", name="Contact")).to_be_focused()
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="New contact")
    expect(form.get_by_label("First name")).to_be_focused()
    page.keyboard.type("gc?x")
    expect(form.get_by_label("First name")).to_have_value("gc?x")


def test_undo_by_z(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop)
    page.goto(card(shop, contact))
    page.get_by_text("More actions").locator("..").click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/contacts/")
    expect(page.get_by_role("status").filter(has_text="Jan Novák deleted")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("heading", name="Jan Novák")).to_be_visible()
    assert shop.rows("select 1 from contact where deleted_at is null")


# ---- forms ----


def test_a_double_click_makes_one_record(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/"))
    form = new_contact(page)
    form.get_by_label("First name").fill("Jan")
    form.get_by_label("Last name").fill("Novák")
    form.get_by_role("button", name="Add contact").dblclick()
    expect(page.get_by_role("heading", name="Jan Novák")).to_be_visible()
    assert len(shop.rows("select 1 from contact")) == 1


def test_a_refused_form_stays_in_its_sheet(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/"))
    form = new_contact(page)
    form.get_by_label("First name").fill("Jan")
    form.locator("[name=emails-0-address]").fill("jan@nowhere")
    form.get_by_role("button", name="Add contact").click()
    expect(form.get_by_role("alert")).to_contain_text("One thing to correct")
    expect(form.get_by_label("First name")).to_have_value("Jan")
    expect(page.get_by_role("heading", name="Contacts")).to_be_attached()
    form.locator("[name=emails-0-address]").fill("jan@example.com")
    form.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("heading", name="Jan", exact=True)).to_be_visible()


def test_what_is_typed_survives_a_reload_and_not_a_sign_out(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop)
    page.goto(card(shop, contact))
    note = page.get_by_label("Note about Jan Novák")
    note.fill("He wants oak")
    kept(page)
    page.reload()
    expect(note).to_have_value("He wants oak")
    expect(page.get_by_text("Typed before and not saved yet.").first).to_be_visible()
    sign_out(page)
    assert page.evaluate(DRAFTS) == 0


def test_a_stored_note_leaves_no_draft(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop)
    page.goto(card(shop, contact))
    note = page.get_by_label("Note about Jan Novák")
    note.fill("He wants oak")
    kept(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".feed").get_by_text("He wants oak")).to_be_visible()
    expect(note).to_have_value("")
    assert page.evaluate(DRAFTS) == 0


def test_a_session_that_ends_while_one_types_loses_nothing(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/"))
    form = new_contact(page)
    form.get_by_label("First name").fill("Jan")
    form.get_by_label("Last name").fill("Novák")
    kept(page)
    page.context.clear_cookies(name="okno")
    form.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    page.context.add_cookies([{"name": "okno", "value": shop.session(), "url": visitors.site.url}])
    page.goto(shop.path("/contacts/new"))
    expect(page.get_by_label("First name")).to_have_value("Jan")
    expect(page.get_by_label("Last name")).to_have_value("Novák")


def test_two_people_change_the_same_and_both_are_shown(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák", position="Foreman")
    one, other = visitors.member(shop), visitors.member(shop, shop.member("head"))
    for page in (one, other):
        page.goto(f"{card(shop, contact)}/edit")
    other.get_by_label("Position").fill("Head of buying")
    other.get_by_role("button", name="Save").last.click()
    other.wait_for_url(f"**{card(shop, contact)}")
    one.get_by_label("Position").fill("Director")
    one.get_by_role("button", name="Save").last.click()
    expect(one.get_by_text("Somebody else changed this meanwhile.")).to_be_visible()
    expect(one.get_by_label("Position")).to_have_value("Director")
    expect(one.locator("#position-hint")).to_contain_text("Head of buying")
    assert shop.rows("select position from contact")[0].position == "Head of buying"
    one.get_by_role("button", name="Save").last.click()
    one.wait_for_url(f"**{card(shop, contact)}")
    assert shop.rows("select position from contact")[0].position == "Director"


@pytest.mark.parametrize("kind", ["contact", "company", "deal", "task"])
def test_what_two_people_change_in_different_fields_is_all_kept(kind: str, shop: Shop, visitors: Visitors) -> None:
    """Each form says what it was opened with; only what both changed is asked about."""
    address, mine, theirs = edited(shop, kind)
    one, other = visitors.member(shop), visitors.member(shop, shop.member("head"))
    for page in (one, other):
        page.goto(shop.path(address))
    other.get_by_label(theirs, exact=True).fill("theirs")
    save(other)
    one.get_by_label(mine, exact=True).fill("mine")
    save(one)
    column = "position" if kind == "contact" else "name"
    row = shop.rows(f'select version, about, {column} as own from "{kind}"')[0]
    assert (row.about, row.own, row.version) == ("theirs", "mine", 3)
    for page in (one, other):
        page.goto(shop.path(address))
    for page, text in ((other, "theirs again"), (one, "mine again")):
        page.get_by_label(theirs, exact=True).fill(text)
        page.get_by_role("button", name="Save").last.click()
    expect(one.get_by_text("Both values stand below.")).to_be_visible()
    expect(one.get_by_text("Saved by somebody else meanwhile: theirs again")).to_be_visible()
    expect(one.get_by_label(theirs, exact=True)).to_have_value("mine again")
    save(one)
    assert shop.rows(f'select about from "{kind}"')[0].about == "mine again"


def edited(shop: Shop, kind: str) -> tuple[str, str, str]:
    """A record's form, and two of its fields by their labels: of one person and of the other."""
    with shop.acting() as actor:
        if kind == "contact":
            contact = contacts.create(actor, contacts.create.parse({"last_name": "Malý", "about": "a\nb"}))
            return f"/contacts/{contact.id}/edit", "Position", "About"
        if kind == "company":
            company = companies.create(actor, companies.create.parse({"name": "Krejčí", "about": "a\nb"}))
            return f"/companies/{company.id}/edit", "Name", "About"
        if kind == "deal":
            deal = deals.create(actor, deals.create.parse({"name": "Windows", "amount": "1480.50", "about": "a\nb"}))
            return f"/deals/{deal.id}/edit", "What it is about", "About"
        task = tasks.create(actor, tasks.create.parse({"name": "Call", "due_on": today_of(actor), "about": "a\nb"}))
        return f"/tasks/{task.id}", "What is to be done", "Details"


def save(page: Page) -> None:
    """The form is stored and its page left."""
    form = page.url
    page.get_by_role("button", name="Save").last.click()
    page.wait_for_url(lambda url: url != form)


def test_sign_up_guesses_the_time_zone(visitors: Visitors) -> None:
    page = visitors.stranger(timezone_id="Europe/Lisbon")
    page.goto("/signup")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    page.get_by_label("Business name").fill("Okna Šťastný & syn")
    expect(page.get_by_label("Address")).to_have_value("okna-stastny-syn")


# ---- tasks ----


def test_a_ticked_task_is_done_and_comes_back(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        tasks.create(actor, tasks.create.parse({"name": "Call Jan", "due_on": today_of(actor)}))
    page = visitors.member(shop)
    page.goto(shop.path("/today"))
    page.get_by_role("button", name="Mark done: Call Jan").click()
    expect(page.locator(".agenda .was")).to_contain_text("Call Jan")
    expect(page.get_by_role("status").filter(has_text="Done: Call Jan")).to_be_visible()
    assert shop.rows("select 1 from task where done_at is not null")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Mark done: Call Jan")).to_be_visible()
    expect(page.locator(".agenda .was")).to_have_count(0)
    assert not shop.rows("select 1 from task where done_at is not null")


# ---- files ----

DROP = """
(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], "customers.csv", { type: "text/csv" }));
  const zone = document.querySelector("[data-upload-target=zone]");
  for (const type of ["dragover", "drop"])
    zone.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}
"""


def test_a_file_dropped_on_the_page_is_brought_in(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop)
    page.goto(shop.path("/imports/new"))
    page.evaluate(DROP, "Jméno;Telefon\nJana Nováková;602 114 873\nPetr Malý;602 114 874\n")
    page.wait_for_url("**/columns")
    expect(page.get_by_text("customers.csv · UTF-8")).to_be_visible()
    expect(page.get_by_role("cell", name="Jana Nováková")).to_be_visible()
    page.get_by_role("button", name="Check duplicates").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="2 rows of the file")).to_be_visible()
    assert [row.name for row in shop.rows("select name from contact order by name")] == ["Jana Nováková", "Petr Malý"]


# ---- live ----


def test_a_colleagues_change_appears_and_disturbs_nothing(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop)
    open_live(page, card(shop, contact))
    page.get_by_role("tab", name="Call").click()
    said = page.get_by_label("What was said")
    said.fill("He wants")
    with shop.acting(shop.member("head")) as actor:
        contacts.change(actor, contacts.change.parse({"id": contact.id, "last_name": "Novotný"}))
    said.press_sequentially(" oak")
    expect(page.get_by_role("heading", name="Jan Novák")).to_be_visible()
    expect(said).to_have_value("He wants oak")
    said.blur()
    expect(page.get_by_role("heading", name="Jan Novotný")).to_be_visible()
    expect(said).to_have_value("He wants oak")
    expect(page.get_by_role("tab", name="Call")).to_have_attribute("aria-selected", "true")


def test_without_a_connection_it_says_so_and_catches_up(shop: Shop, visitors: Visitors) -> None:
    visitors.excuse("net::ERR_FAILED")
    page = visitors.member(shop)
    page.route("**/live/**", lambda route: route.abort())
    page.goto(shop.path("/contacts/"))
    expect(page.locator(".off-air")).to_be_visible()
    add_contact(shop, "Jana", "Adamová")
    page.unroute("**/live/**")
    expect(page.get_by_role("link", name="Jana Adamová")).to_be_visible()
    expect(page.locator(".off-air")).to_be_hidden()


# ---- going away and back ----


def test_back_after_logging_out_shows_nothing(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop)
    page.goto(shop.path("/contacts/"))
    page.get_by_role("link", name="Jan Novák").click()
    expect(page.get_by_role("heading", name="Jan Novák")).to_be_visible()
    sign_out(page)
    for _ in range(2):
        page.go_back()
        page.wait_for_load_state()
        expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
        assert contact.last_name not in page.content()


def test_a_chosen_theme_stays(shop: Shop, visitors: Visitors) -> None:
    page = visitors.member(shop, color_scheme="light")
    page.goto(shop.path("/today"))
    page.locator(".top .me").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


# ---- a phone ----


def test_on_a_phone_nothing_typed_is_lost_by_a_look_elsewhere(shop: Shop, visitors: Visitors) -> None:
    contact = add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop, size=PHONE)
    page.goto(card(shop, contact))
    bottom = page.get_by_role("navigation", name="Main, at the bottom")
    expect(bottom).to_be_visible()
    expect(page.get_by_role("navigation", name="Main", exact=True)).to_be_hidden()
    note = page.get_by_label("Note about Jan Novák")
    note.tap()
    note.fill("Balcony door, two panes")
    bottom.get_by_role("link", name="Contacts").tap()
    page.get_by_role("link", name="Jan Novák").tap()
    expect(page.get_by_label("Note about Jan Novák")).to_have_value("Balcony door, two panes")


def test_on_a_phone_all_that_can_be_done_with_the_ticked_is_in_sight(shop: Shop, visitors: Visitors) -> None:
    add_contact(shop, "Jan", "Novák")
    page = visitors.member(shop, size=PHONE, locale="cs-CZ")
    page.goto(shop.path("/contacts/"))
    page.locator(".face").first.tap()
    bar = page.get_by_role("toolbar")
    expect(bar).to_be_visible()
    assert bar.evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0


# ---- no script ----


def test_without_a_script_one_finds_and_adds_people(shop: Shop, visitors: Visitors) -> None:
    add_contact(shop, "Jan", "Novák")
    add_contact(shop, "Petr", "Malý")
    page = visitors.member(shop, java_script_enabled=False)
    page.goto(shop.path("/contacts/"))
    page.get_by_placeholder("Find in this list").fill("novak")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(shop.path("/contacts/new"))
    page.get_by_label("First name").fill("Jana")
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("heading", name="Jana")).to_be_visible()
    page.get_by_label("Note about Jana").fill("Works without a script")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".feed").get_by_text("Works without a script")).to_be_visible()


def test_without_a_script_a_deal_goes_on(shop: Shop, visitors: Visitors) -> None:
    with shop.acting() as actor:
        deal = deals.create(actor, deals.create.parse({"name": "Eleven windows"}))
    page = visitors.member(shop, java_script_enabled=False)
    page.goto(shop.path("/deals/"))
    page.get_by_role("link", name="Eleven windows").click()
    page.get_by_role("button", name="Measurement").click()
    expect(page.locator(".stages [aria-current=step]")).to_contain_text("Measurement")
    page.get_by_role("button", name="Won", exact=True).click()
    expect(page.locator(".head .pill.good")).to_have_text("Won")
    assert shop.rows("select status from deal where id = :id", id=deal.id)[0].status == "won"


def test_without_a_script_one_signs_up_and_in(visitors: Visitors) -> None:
    page = visitors.stranger(java_script_enabled=False)
    page.goto("/signup")
    email = f"{new_id().hex[-12:]}@example.com"
    typed = {"Your name": "Petr Malý", "Work e-mail": email, "Password": PASSWORD, "Business name": "Okna Malý"}
    for label, text in typed.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_text("Windows and doors", exact=True).click()
    page.get_by_role("button", name="Open the workspace").click()
    page.wait_for_url("**/today")
    sign_out(page)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/today")


def new_contact(page: Page) -> Locator:
    """The sheet over the present page, open."""
    page.locator("#new-menu summary").click()
    page.locator("#new-menu").get_by_role("link", name="Contact").click()
    form = page.get_by_role("dialog", name="New contact")
    expect(form.get_by_label("First name")).to_be_focused()
    return form


def sign_out(page: Page) -> None:
    page.locator(".top .me").click()
    page.locator(".top").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
