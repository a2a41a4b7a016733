"""The application: all rooms wired into one Flask app, mounted so that /<workspace>/... enters that workspace."""

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, abort, current_app, g, has_request_context, redirect, request, url_for
from flask_babel import Babel
from flask_compress import Compress
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from config.settings import Settings, settings
from core import api as api_kit
from core import pages as page_kit
from core.api import RESOURCES
from core.db import database
from core.reference import reference
from crm import errors, features
from crm.doors import cookie_session, enter_api, enter_page, signed_in, tell_calls
from tenants import answers
from tenants.directory import workspaces_of

LANGUAGES = ("en", "cs")
FORM_SIZE = 2 * 1024 * 1024
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")
# First path segments that are pages of the service itself, not workspaces.
FRONT = frozenset(
    "signup login logout forgot reset confirm email account invite api dev static healthz "
    "robots.txt favicon.ico quote sso scim stripe pricing unsubscribe certificate telephone "
    "service-worker.js manifest.webmanifest f".split()
)


def create_app(config: Settings | None = None) -> Flask:
    """The WSGI application, from the given settings or the process's own."""
    config = config or settings()
    app = Flask("core", static_folder="static", template_folder="templates")
    secure = config.url.startswith("https:")
    app.config.update(
        SECRET_KEY=config.secret_key,
        SECRET_KEY_FALLBACKS=list(config.secret_key_fallbacks),
        SESSION_COOKIE_NAME="__Host-okno-form" if secure else "okno-form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=55 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=FORM_SIZE,
        TRUSTED_HOSTS=list(config.trusted_hosts) or None,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        BABEL_DEFAULT_LOCALE="en",
        BABEL_TRANSLATION_DIRECTORIES=features.TRANSLATIONS,
        # Not JSON: a compressed answer would carry another ETag than the one to send back in If-Match.
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "image/svg+xml"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        OKNO=config,
    )
    app.jinja_env.undefined = StrictUndefined
    app.extensions["okno.assets"] = page_kit.Assets()
    app.extensions["okno.stream_origin"] = lambda: stream_origin(config)
    app.extensions["okno.enter_page"] = enter_page
    app.extensions["okno.enter_api"] = enter_api
    app.extensions["okno.answers"] = answers
    app.view_functions["static"] = page_kit.static_file
    Compress(app)
    Babel(app, locale_selector=language, timezone_selector=time_zone)
    app.before_request(limit_form)
    csrf = CSRFProtect(app)
    add_globals(app, config)
    features.register(app)
    for resource in RESOURCES.values():
        blueprint = api_kit.routes(resource)
        app.register_blueprint(blueprint, url_prefix=f"/api/v1/{resource.path}")
        csrf.exempt(blueprint)
    app.register_blueprint(reference)
    app.before_request(check_place)
    app.after_request(page_kit.security_headers)
    app.after_request(tell_calls)
    errors.register(app)
    app.add_url_rule("/healthz", "healthz", lambda: "ok\n")
    app.wsgi_app = Mount(app.wsgi_app)  # type: ignore[method-assign]
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    return app


class Mount:
    """Moves the workspace's address from the path into SCRIPT_NAME, so that url_for stays inside the workspace."""

    def __init__(self, app: Callable[..., Iterable[bytes]]):
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = ""
        environ.pop("okno.slug", None)
        _, first, _ = f"{environ.get('PATH_INFO', '')}/".split("/", 2)
        if first not in FRONT and SLUG.fullmatch(first):
            environ["okno.slug"] = first
            environ["SCRIPT_NAME"] = f"/{first}"
            environ["PATH_INFO"] = environ["PATH_INFO"][len(first) + 1 :] or "/"
        return self.app(environ, start_response)


def limit_form() -> None:
    """Only files may be large: a form without one is read into memory as a whole, before anything else looks at it."""
    if request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = FORM_SIZE
    elif request.endpoint == features.BACKUP_UPLOAD and cookie_session() is not None:
        request.max_content_length = features.BACKUP_SIZE


def check_place() -> BaseResponse | None:
    """A workspace's pages exist only under its address, the service's own only outside of one."""
    g.request_id = request.headers.get("X-Turbo-Request-Id", "")[:64] or uuid.uuid4().hex
    g.began_at = time.time_ns() // 1_000_000
    if request.endpoint in (None, "static"):
        return None
    if request.path == "/" and "okno.slug" in request.environ:
        return redirect(url_for("today.index"), 303)
    if request.path.startswith(("/api/", "/scim/")) and request.endpoint != features.LARGE_UPLOAD:
        request.max_content_length = 1024 * 1024
    inside = isinstance(current_app.blueprints.get(request.blueprint or ""), page_kit.Pages)
    if inside != ("okno.slug" in request.environ):
        abort(404)
    return None


def language() -> str:
    """The member's language, else the person's, else what the browser asks for."""
    if g.get("actor"):
        return str(g.actor.member.language)
    if g.get("language"):
        return str(g.language)
    if not has_request_context():
        return "en"
    if not request.path.startswith("/api/") and g.get("cookie_session"):
        return str(g.cookie_session.language)
    return request.accept_languages.best_match(LANGUAGES) or "en"


def time_zone() -> str:
    return str(page_kit.zone_of(g.get("actor")))


def add_globals(app: Flask, config: Settings) -> None:
    assets: page_kit.Assets = app.extensions["okno.assets"]

    def workspaces() -> list[Any]:
        person = cookie_session()
        if person is None:
            return []
        with database().controlling() as control:
            found = workspaces_of(control, person.identity_id)
        return [one for one in found if person.workspace_id in (None, one.id)]

    app.jinja_env.globals.update(
        asset=assets.url,
        icon=page_kit.icon,
        language=language,
        csp_nonce=page_kit.csp_nonce,
        live_since=lambda: g.began_at,
        live_url=lambda: f"{stream_origin(config)}/live{request.script_root}",
        workspaces=workspaces,
        signed_in=signed_in,
        money=page_kit.money,
        number=page_kit.number,
        when=page_kit.when,
        day=page_kit.day,
        long_day=page_kit.long_day,
        clock=page_kit.clock,
        url_with=page_kit.url_with,
        locked=page_kit.locked,
        embedded=config.embedded,
        payments=config.payments is not None,
    )


def stream_origin(config: Settings) -> str:
    """Where the live stream answers. In the embedded run: this very host, on the stream's port."""
    try:
        here = request.host.rsplit(":", 1)[0]
    except SecurityError:  # a host that is not ours is being refused
        return config.stream_url
    return f"{request.scheme}://{here}:{config.stream_port}" if config.embedded else config.stream_url
