"""Every number of a report leads to the list of just its records."""

import re
from html import unescape

from flask.testing import FlaskClient
from sqlalchemy import text

from crm import demo
from tests.shop import Shop

NUMBER = re.compile(r'<a class="under [^"]*" href="([^"]+)">([\d,]+)</a>')


def test_each_number_is_the_length_of_the_list_it_leads_to(shop: Shop) -> None:
    mate = shop.member("sales", "Petr Malý")
    demo.fill(shop.base, shop.workspace, contacts=40, deals=120)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update deal set currency = 'EUR' where rank::int % 3 = 0"))
        session.execute(text("update deal set owner_id = null where rank::int % 7 = 0"))
        session.execute(text("update deal set expected_close = null where rank::int % 5 = 0"))
        member = session.execute(text("select id from member where name = 'Petr Malý'")).scalar_one()
    follow(shop.browser(), shop, "/reports/?period=last_12_months", at_least=30)
    asked_for(shop)
    follow(shop.browser(), shop, "/reports/people?period=this_year", at_least=8)
    follow(shop.browser(), shop, "/reports/requests?period=this_year", at_least=6)
    follow(shop.browser(), shop, f"/reports/?period=this_year&who={member}", at_least=8)
    follow(shop.browser(mate), shop, "/reports/?from=2026-01-15&to=2026-11-02", at_least=8)


def asked_for(shop: Shop) -> None:
    """Requests by every way, answered in time, late and not at all."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("""
            insert into request (
                id, name, source, created_at, contact_by, first_contact_at, assignee_id, state, deal_id
            )
            select gen_random_uuid(), 'Somebody', (array['form', 'mail', 'call', 'hand'])[n % 4 + 1],
                now() - interval '1 hour', case when n % 5 > 0 then now() - interval '45 min' end,
                case when n % 3 > 0 then now() - n * interval '3 min' end,
                case when n % 2 > 0 then (select id from member order by id limit 1) end,
                (array['new', 'taken', 'converted', 'spam'])[n % 4 + 1],
                case when n % 7 = 0 then (select id from deal order by id limit 1) end
            from generate_series(0, 19) n""")
        )


def follow(browser: FlaskClient, shop: Shop, page: str, at_least: int) -> None:
    followed = 0
    answer = browser.get(shop.path(page))
    assert answer.status_code == 200
    for href, count in set(NUMBER.findall(answer.text)):
        assert listed(browser, unescape(href)) == int(count.replace(",", "")), href
        followed += 1
    assert followed >= at_least


def listed(browser: FlaskClient, href: str) -> int:
    """How many records the list at this address says it has."""
    answer = browser.get(href)
    assert answer.status_code == 200, href
    head = answer.text.split("<h1>", 1)[1]
    pattern = r'class="count">([\d,]+)<' if "/deals/" not in href else r"deals-total\">([\d,]+) "
    found = re.search(pattern, head)
    assert found, href
    return int(found[1].replace(",", ""))
