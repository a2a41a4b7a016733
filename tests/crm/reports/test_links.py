"""Every number of a report leads to the list of just its records."""

import re
from html import unescape

from flask.testing import FlaskClient

from crm import demo
from tests.shop import Shop

NUMBER = re.compile(r'<a class="under [^"]*" href="([^"]+)">([\d,]+)</a>')


def test_each_number_is_the_length_of_the_list_it_leads_to(shop: Shop) -> None:
    demo.fill(shop.base, shop.workspace, contacts=40, deals=120)
    browser = shop.browser()
    followed = 0
    for page in ("/reports/?period=last_12_months", "/reports/people?period=this_year"):
        answer = browser.get(shop.path(page))
        assert answer.status_code == 200
        for href, count in set(NUMBER.findall(answer.text)):
            assert listed(browser, unescape(href)) == int(count.replace(",", "")), href
            followed += 1
    assert followed > 30


def listed(browser: FlaskClient, href: str) -> int:
    """How many records the list at this address says it has."""
    answer = browser.get(href)
    assert answer.status_code == 200, href
    head = answer.text.split("<h1>", 1)[1]
    pattern = r'class="count">([\d,]+)<' if "/deals/" not in href else r"deals-total\">([\d,]+) "
    found = re.search(pattern, head)
    assert found, href
    return int(found[1].replace(",", ""))
