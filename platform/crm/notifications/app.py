"""What makes Okno installable as an app: its manifest, its icons, and the service worker that shows what is pushed.

The service worker keeps no page: somebody else's data must not show after a log-out.
"""

from flask import Blueprint, Response, current_app, send_file

from core.api import answer
from core.pages import Assets

app_files = Blueprint("app", __name__)


@app_files.get("/manifest.webmanifest")
def manifest() -> Response:
    assets: Assets = current_app.extensions["okno.assets"]
    icons = [
        {"src": assets.url(f"icons/app-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]
    response = answer(
        {
            "id": "/",
            "name": "Okno",
            "short_name": "Okno",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f3f2ee",
            "theme_color": "#f3f2ee",
            "icons": icons,
        }
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@app_files.get("/service-worker.js")
def service_worker() -> Response:
    """At the root, so that it may speak for every workspace."""
    assets: Assets = current_app.extensions["okno.assets"]
    name = assets.url("service-worker.ts").rpartition("/")[2]
    response = send_file(assets.build / name, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response
