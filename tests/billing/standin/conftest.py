from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from billing.standin.pages import register
from core import pages
from tests.billing.standin.till import Till


@pytest.fixture
def till(tmp_path: Path) -> Till:
    """A stand-in whose clock begins on 31 January 2026 at noon."""
    return Till(tmp_path)


@pytest.fixture
def site(till: Till) -> Flask:
    """An application of nothing but the stand-in's pages, in English."""
    app = Flask("core", static_folder="static", template_folder="templates")
    app.config.update(SECRET_KEY="a key for tests", SESSION_COOKIE_SECURE=False)
    app.jinja_env.undefined = StrictUndefined
    app.extensions["okno.assets"] = SimpleNamespace(url=lambda name: f"/static/build/{name}")
    Babel(app)
    CSRFProtect(app)
    app.jinja_env.globals.update(
        asset=app.extensions["okno.assets"].url,
        icon=pages.icon,
        language=lambda: "en",
        csp_nonce=pages.csp_nonce,
        locked=pages.locked,
    )
    register(app, till.standin)
    return app
