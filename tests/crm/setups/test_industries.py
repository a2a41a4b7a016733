"""The ready-made industries: each file is right, and all that is in it comes into a real workspace."""

import pytest
from flask import Flask

from crm.industries import furnish, industries, setup_of
from crm.processes.bpmn import read
from crm.processes.checks import problems
from tests.shop import open_shop


@pytest.mark.parametrize("language", ["en", "cs"])
@pytest.mark.parametrize("key", industries())
def test_an_industry_comes_whole_and_its_processes_are_published(app: Flask, key: str, language: str) -> None:
    with app.test_request_context("/"):
        shop = open_shop(app, key, language, whole=True)
    setup = setup_of(key, language)
    names = {row.name for row in shop.rows("select name from pipeline")}
    assert names == {pipeline.name for pipeline in setup.pipelines}
    own = {(row.record_kind, row.key): row.label for row in shop.rows("select record_kind, key, label from field")}
    assert own == {(field.on, field.key): field.label for field in setup.fields}
    assert 3 <= len(own) <= 6 or key == "general"
    with shop.acting() as actor:
        again = furnish(actor, key)
    assert [part for part in again if part.state != "there"] == []
    published = shop.rows("select xml from process join process_version on active_id = process_version.id and enabled")
    drafts = shop.rows("select draft from process where active_id is null")
    with shop.acting() as actor:
        assert [problems(actor, read(row.draft)) for row in drafts] == []
    assert len(published) == len(setup.processes)
    assert [row.xml for row in published if "«" in row.xml] == []
