"""axe-core, run in a page: what a person with a screen reader, a keyboard or weak sight would stumble over."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[2] / "assets" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async (only) => {
  await document.fonts.ready;
  const options = { resultTypes: ["violations"], ...(only ? { runOnly: { type: "rule", values: [only] } } : {}) };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, help, nodes }) => ({
    id, help,
    nodes: nodes.map(({ html, target, failureSummary }) => ({ html, target: target.join(" "), failureSummary })),
  }));
}
"""


@cache
def script() -> str:
    return SCRIPT.read_text()


def violations(page: Page, only: str | None = None) -> list[str]:
    """One line for each rule broken, by all rules or one. The page stays under its content policy."""
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
