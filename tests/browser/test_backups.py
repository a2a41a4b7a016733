"""The owner holds a backup and tries it: made, downloaded, restored beside, put in place."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from crm.contacts import actions as contacts
from tests.browser.axe import looks
from tests.browser.conftest import PHONE, Visitors
from tests.shop import Shop

pytestmark = pytest.mark.browser
SOON = 60_000  # milliseconds; the worker of the site has other work too


def contact(shop: Shop, name: str) -> None:
    with shop.acting() as actor:
        contacts.create(actor, contacts.create.parse({"first_name": "Jan", "last_name": name}))


def test_a_backup_is_made_downloaded_restored_beside_and_put_in_place(
    shop: Shop, visitors: Visitors, tmp_path: Path
) -> None:
    contact(shop, "Novák")
    page = visitors.member(shop)
    page.goto(shop.path("/settings/"))
    page.get_by_role("link", name="Backups").click()
    expect(page.get_by_text("No backup yet")).to_be_visible()
    assert not looks(page, "backups-none")
    page.get_by_role("button", name="Back up now").click()
    row = page.get_by_role("row").filter(has_text="Asked for")
    expect(row).to_be_visible(timeout=SOON)
    assert not looks(page, "backups")
    with page.expect_download() as downloaded:
        row.get_by_role("button", name="Download").click()
    file = tmp_path / "backup.zip"
    downloaded.value.save_as(file)
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as content:
        assert content.testzip() is None
        assert "Novák".encode() in content.read("tables/contact.copy")

    contact(shop, "Later")
    row.get_by_role("link", name="Restore").click()
    expect(page.get_by_text("Contacts: 1 new goes")).to_be_visible()
    assert not looks(page, "backups-restore")
    page.get_by_label("Name of the new workspace").fill("The copy")
    page.get_by_role("button", name="Restore beside").click()
    expect(page.get_by_text("The new workspace is ready.")).to_be_visible(timeout=SOON)
    assert not looks(page, "backups-beside")
    page.get_by_role("link", name="Open The copy").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Contacts").click()
    expect(page.get_by_role("link", name="Jan Novák")).to_be_visible()
    expect(page.get_by_role("link", name="Jan Later")).to_have_count(0)

    visitors.excuse("503 at GET")  # while the workspace is closed its page says so
    visitors.excuse("status of 503")
    page.goto(shop.path("/settings/backups"))
    page.get_by_role("row").filter(has_text="Asked for").get_by_role("link", name="Restore").click()
    confirm = page.get_by_label("To confirm, type the address")
    confirm.fill("something else")
    page.get_by_role("button", name="Go back to this backup").click()
    expect(page.get_by_text(f"Type {shop.workspace.slug} to confirm.").first).to_be_visible()
    confirm.fill(shop.workspace.slug)
    page.get_by_role("button", name="Go back to this backup").click()
    expect(page.get_by_text("The workspace is as it was.")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="All backups").click()
    expect(page.get_by_role("row").filter(has_text="Before a restore")).to_be_visible()
    page.goto(shop.path("/contacts/"))
    expect(page.get_by_role("link", name="Jan Novák")).to_be_visible()
    expect(page.get_by_role("link", name="Jan Later")).to_have_count(0)


def test_a_file_is_brought_from_elsewhere_by_phone(shop: Shop, visitors: Visitors, tmp_path: Path) -> None:
    from tests.backups import holding

    contact(shop, "Odjinud")
    file = tmp_path / "backup.zip"
    file.write_bytes(holding.zip_of(shop))
    page = visitors.member(shop, size=PHONE)
    page.goto(shop.path("/settings/backups/upload"))
    assert not looks(page, "backups-upload")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:-10])
    page.get_by_label("Backup file").set_input_files(cut)
    page.get_by_role("button", name="Check it").tap()
    expect(page.get_by_text("It was cut off or changed")).to_be_visible()
    page.get_by_label("Backup file").set_input_files(file)
    page.get_by_role("button", name="Check it").tap()
    expect(page.get_by_role("heading", name="Into a new workspace")).to_be_visible()
    expect(page.get_by_role("heading", name="In place of what is here")).to_have_count(0)
    page.get_by_role("button", name="Restore beside").tap()
    expect(page.get_by_text("The new workspace is ready.")).to_be_visible(timeout=SOON)
