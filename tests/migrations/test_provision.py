"""Workspaces are made by many at once, and the thousandth costs what the first did."""

import threading

import psycopg

from crm.models import METADATA
from migrations.runner import Urls, upgrade

# Rights in common stand in single rows of the catalogue, which have no room for one entry a workspace.
SHARED_RIGHTS = """
select coalesce(sum(coalesce(cardinality(acl), 0)), 0) from (
    select relacl as acl from pg_class where relnamespace in ('bus'::regnamespace, 'control'::regnamespace)
    union all select nspacl from pg_namespace where nspname in ('bus', 'control', 'ext', 'public')
    union all select attacl from pg_attribute where attrelid = 'bus.outbox'::regclass
    union all select proacl from pg_proc where pronamespace = 'control'::regnamespace
) rights
"""


def test_rights_in_common_do_not_grow_with_the_workspaces(urls: Urls, owner: psycopg.Connection) -> None:
    upgrade(urls, METADATA, pool=1, say=lambda _line: None)
    before = owner.execute(SHARED_RIGHTS).fetchone()
    owner.execute("select control.provision() from generate_series(1, 5)")
    assert owner.execute(SHARED_RIGHTS).fetchone() == before
    assert before is not None
    assert before[0] > 0


def test_sign_ups_that_find_the_pool_empty_make_workspaces_at_once(urls: Urls, owner: psycopg.Connection) -> None:
    upgrade(urls, METADATA, pool=0, say=lambda _line: None)
    made: list[int] = []

    def make() -> None:
        with psycopg.connect(urls.control, autocommit=True) as control:
            for _ in range(4):
                row = control.execute("select control.provision()").fetchone()
                assert row is not None
                made.append(row[0])

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 24
    schemas = "select count(*) from control.workspace join pg_namespace on nspname = schema_name where id = any(%s)"
    assert owner.execute(schemas, (made,)).fetchone() == (24,)
