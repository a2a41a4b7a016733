"""How a page is for whoever reads it by ear, by key, with weak sight or on any screen: axe-core and its width."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

from tests.browser.conftest import DESK, PHONE, picture

Shoot = Callable[[Page, str], None]
SCRIPT = Path(__file__).parents[2] / "assets" / "node_modules" / "axe-core" / "axe.min.js"
Way = tuple[tuple[int, int], Literal["light", "dark"], str | None]  # the window, the theme, and one rule or all
# The structure is judged at both widths, the colours in both themes: they do not depend on the width.
LOOKS: tuple[Way, ...] = ((DESK, "light", None), (PHONE, "dark", None))
WIDTHS = (320, 390, 768, 1024, 1280, 1440, 1920)
RUN = """
async (only) => {
  const until = performance.now() + 5000;
  while ((document.documentElement?.hasAttribute("aria-busy") ?? true) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await document.fonts.ready;
  const options = { resultTypes: ["violations"], ...(only ? { runOnly: { type: "rule", values: [only] } } : {}) };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, help, nodes }) => ({
    id, help,
    nodes: nodes.map(({ html, target, failureSummary }) => ({ html, target: target.join(" "), failureSummary })),
  }));
}
"""


def looks(page: Page, name: str, ways: Sequence[Way] = LOOKS) -> list[str]:
    """What is wrong with how it looks."""
    found = []
    for size, theme, rule in ways:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [f"{name}, {theme}, {size[0]} px: {one}" for one in violations(page, rule)]
        if rule is None:
            picture(page, f"pages/{name}-{theme}-{size[0]}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{name}: {over} px too wide at {width} px"] if over > 0 else []
    return found


def well(page: Page, shoot: Shoot, name: str) -> None:
    """Nothing wrong in either theme, nothing wider than the window, and a picture of each."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert violations(page) == [], f"{name}, {theme}"
        shoot(page, f"{name}-{theme}")
    over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{name}: {over} px too wide"


@cache
def script() -> str:
    return SCRIPT.read_text()


def violations(page: Page, only: str | None = None) -> list[str]:
    """One line for each rule broken, by all rules or one, once the page is there and Turbo's visit over (it marks the
    root as busy, which axe does not allow there). The page stays under its content policy."""
    page.wait_for_load_state()
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script())
    found: list[dict[str, Any]] = page.evaluate(RUN, only)
    return [
        f"{rule['id']}: {rule['help']}\n" + "\n".join(
            f"    {node['target']}  {node['html'][:160]}\n      {node['failureSummary'].splitlines()[-1].strip()}"
            for node in rule["nodes"][:4]
        )
        for rule in found
    ]  # fmt: skip
