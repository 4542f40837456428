"""The bucket policies let the product do its work and nothing else: asked of a real S3 server."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from object_servers import Server, make_bucket, s3_client

from calib.client import MappingClient
from calib.store import head, open_store, rollback
from calib.store.publish import Intent
from calib.testing.mappings import AT, a_mapping, put

POLICIES = Path(__file__).resolve().parents[2] / "infra" / "policies"
BUCKET, PREFIX = "guarded", "team/mappings"


def policy() -> dict[str, Any]:
    """As infra/README.md says to fill it in. SeaweedFS calls its users after this account."""
    text = (POLICIES / "s3" / "bucket-policy.json").read_text()
    names = {"ACCOUNT": "000000000000", "BUCKET": BUCKET, "PREFIX": PREFIX}
    names |= {"WRITER": "writer", "READER": "reader"}
    filled: dict[str, Any] = json.loads(re.sub("|".join(names), lambda found: names[found[0]], text))
    return filled


def as_user(server: Server, name: str) -> dict[str, str]:
    return server.environment | {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": f"{name}-secret"}


@pytest.fixture(scope="module")
def guarded(seaweedfs_server: Server) -> Server:
    """A bucket under the policy, without the one statement that this server cannot follow.

    It does not know the key `s3:if-none-match`, takes every request to be without that header, and would
    refuse each creation.
    """
    make_bucket(seaweedfs_server.environment, BUCKET)
    stated = policy()
    stated["Statement"] = [each for each in stated["Statement"] if each["Sid"] != "NothingIsOverwritten"]
    s3_client(seaweedfs_server.environment).put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(stated))
    writer = s3_client(as_user(seaweedfs_server, "writer"))
    deadline = time.monotonic() + 60
    while not allowed(writer.list_objects_v2, Bucket=BUCKET):
        assert time.monotonic() < deadline, "the policy did not come into force"
        time.sleep(0.2)
    return seaweedfs_server


def allowed(call: Any, **values: Any) -> bool:
    """Whether the server does it; any other refusal than for want of the right is an error."""
    import botocore.exceptions

    try:
        call(**values)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return False
        raise
    return True


@pytest.mark.slow
def test_the_product_works_under_the_policy(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish, roll back, keep a report, probe the store as `calib check` does; then serve as the reader."""
    for name, value in as_user(guarded, "writer").items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/{PREFIX}"
    store = open_store(url)
    put(store, a_mapping(1))
    second = put(store, a_mapping(2))
    back = Intent(publish_id="r", at=AT, by="ada", reason="a test", expires_at=None)
    rollback(store, stream="triage", channel="production", intent=replace(back, since=None))
    store.create("triage/reports/2026-10-r1.html", b"<!doctype html>")
    store.create("calibwatch-check.json", b"{}")
    at = head(store, stream="triage", channel="production")
    assert at is not None
    assert at.generation == second.generation + 1

    for name, value in as_user(guarded, "reader").items():
        monkeypatch.setenv(name, value)
    client = MappingClient(url, stream="triage", refresh=300)
    try:
        assert client.wait_ready(30)
        assert client.status().generation == at.generation
    finally:
        client.close()


@pytest.mark.slow
def test_nothing_else_is_allowed(guarded: Server) -> None:
    admin = s3_client(guarded.environment)
    mapping = f"{PREFIX}/s/mappings/{'a' * 64}.json"
    entry = f"{PREFIX}/s/channels/production/0001-000000000001.json"
    report = f"{PREFIX}/s/reports/2026-10-r1.html"
    for key in (mapping, entry, report):
        admin.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    writer, reader = (s3_client(as_user(guarded, name)) for name in ("writer", "reader"))
    for key in (mapping, entry, report):
        assert allowed(writer.get_object, Bucket=BUCKET, Key=key)
        for user in (writer, reader):
            assert not allowed(user.delete_object, Bucket=BUCKET, Key=key), key
        assert not allowed(reader.put_object, Bucket=BUCKET, Key=key, Body=b"x", IfNoneMatch="*")
    assert allowed(reader.get_object, Bucket=BUCKET, Key=mapping)
    assert not allowed(reader.get_object, Bucket=BUCKET, Key=report), "people read reports, services do not"
    for key in ("elsewhere.json", f"{PREFIX}/s/other.json", "s/mappings/x.json"):
        assert not allowed(writer.put_object, Bucket=BUCKET, Key=key, Body=b"x"), key


def test_what_is_created_once_can_only_be_created() -> None:
    """The statement that only Amazon's S3 follows: each place that is written, but for the hint."""
    (once,) = [each for each in policy()["Statement"] if each["Sid"] == "NothingIsOverwritten"]
    (writes,) = [each for each in policy()["Statement"] if each["Sid"] == "WriterWrites"]
    assert once["Effect"] == "Deny"
    assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}}

    def covers(statement: dict[str, Any], key: str) -> bool:
        resources = map(re.escape, statement["Resource"])
        patterns = [each.replace(r"\*", ".*").replace(r"\?", ".") for each in resources]
        return any(re.fullmatch(pattern, f"arn:aws:s3:::{BUCKET}/{PREFIX}/{key}") for pattern in patterns)

    for key in ("s/mappings/0f.json", "s/channels/c/0001-000000000042.json", "s/reports/2026-10-r1.html"):
        assert covers(once, key), key
        assert covers(writes, key), key
    assert covers(once, "calibwatch-check.json")
    assert covers(writes, "s/channels/c/latest.json")
    assert not covers(once, "s/channels/c/latest.json")


@pytest.mark.parametrize("name", ["gcs/writer-role.yaml", "gcs/hint-role.yaml", "azure/writer-role.json"])
def test_no_role_deletes_but_where_to_overwrite_is_to_delete(name: str) -> None:
    import yaml

    role = yaml.safe_load((POLICIES / name).read_text())
    granted = role.get("includedPermissions") or role["DataActions"]
    deletes = [each for each in granted if each.endswith(("delete", "delete/action"))]
    assert deletes == (["storage.objects.delete"] if "hint" in name else [])


def test_deleting_on_google_is_bound_to_the_hint() -> None:
    bindings = json.loads((POLICIES / "gcs" / "bindings.json").read_text())["bindings"]
    (hint,) = [each for each in bindings if each["role"].endswith("calibwatchHint")]
    assert "endsWith('/latest.json')" in hint["condition"]["expression"]
