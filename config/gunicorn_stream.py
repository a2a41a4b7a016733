"""How gunicorn serves the live stream: one event loop that holds every open page's connection."""

from config.gunicorn import (  # noqa: F401 - gunicorn reads these names here
    control_socket_disable,
    forwarded_allow_ips,
    forwarder_headers,
    loglevel,
    preload_app,
    settings,
    worker_tmp_dir,
)

bind = f"127.0.0.1:{settings.stream_port}"
worker_class = "asgi"
workers = 1
worker_connections = 10_000
timeout = 60

# Pages reconnect by themselves, and a stream never ends by itself: waiting for it would delay every stop.
graceful_timeout = 2
