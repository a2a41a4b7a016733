"""Ready-made workspaces: what a business of one trade finds on its first day. Read from config/industries/*.yaml.

key: windows
name: {en: Windows and doors, cs: Okna a dveře}
pipelines:
  - name: {en: Windows and doors, cs: Okna a dveře}
    stages:
      - {name: {en: New request, cs: Nová poptávka}, probability: 10}
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

import config
from core.db import Workspace
from crm.deals.models import Pipeline, Stage

FOLDER = Path(config.__file__).parent / "industries"
DEFAULT = "general"


@dataclass(frozen=True)
class Industry:
    key: str
    names: dict[str, str]
    pipelines: list[dict[str, Any]]

    def name(self, language: str) -> str:
        return self.names.get(language, self.names["en"])


@cache
def industries() -> dict[str, Industry]:
    """By key, the general one last. Raises KeyError or ValueError for a file that is not as shown above."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml"), key=lambda path: (path.stem == DEFAULT, path.stem)):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        found[path.stem] = Industry(data["key"], data["name"], data["pipelines"])
    return found


def furnish(session: Session, workspace: Workspace, industry: str) -> None:
    """Put the industry's pipelines into a new workspace, in the workspace's language."""
    language = workspace.language
    for position, described in enumerate(industries()[industry].pipelines):
        pipeline = Pipeline(name=described["name"].get(language, described["name"]["en"]), position=position)
        session.add(pipeline)
        session.flush()
        session.add_all(
            Stage(
                pipeline_id=pipeline.id,
                name=stage["name"].get(language, stage["name"]["en"]),
                position=number,
                probability=stage["probability"],
            )
            for number, stage in enumerate(described["stages"])
        )
    session.flush()
