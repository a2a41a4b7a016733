"""How gunicorn serves the pages and the API: `gunicorn --config python:config.gunicorn crm.wsgi:app`."""

import gc
import os

from config.settings import Settings

settings = Settings.from_env(os.environ)

bind = f"127.0.0.1:{settings.port}"
worker_class = "gthread"
workers = settings.web_workers
threads = settings.web_threads

# A worker's memory grows with the workspaces it has seen. A fresh one takes a second to be ready.
max_requests = 50_000
max_requests_jitter = 5_000
timeout = 60
graceful_timeout = 30
keepalive = 5
preload_app = False

# Only these proxies are believed about the scheme, and no header may become SCRIPT_NAME, our workspace.
forwarded_allow_ips = ",".join(settings.proxies)
forwarder_headers = ""

loglevel = "warning"
control_socket_disable = True


def post_worker_init(_worker: object) -> None:
    """What is loaded by now stays for good, so the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a heartbeat, no data
