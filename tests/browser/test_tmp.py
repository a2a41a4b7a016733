def test_a(site, shop, visitors):
    page = visitors.stranger()
    r = page.goto("/healthz")
    assert r.status == 200
    page = visitors.member(shop)
    r = page.goto(shop.path("/today"))
    print(r.status, page.title(), shop.workspace.slug)
    print(site.process("stream"))
