"""A bucket in a real S3 server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto.server import ThreadedMotoServer

from config.settings import Bucket
from core.ids import new_id


@contextmanager
def a_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    place = Bucket(f"okno-{new_id().hex}", "production/", f"http://{host}:{port}")
    made = boto3.client("s3", endpoint_url=place.endpoint)
    made.create_bucket(Bucket=place.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    try:
        yield place
    finally:
        server.stop()
