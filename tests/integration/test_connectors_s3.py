"""The connector of S3-compatible stores, against moto's server (Apache-2.0): a process that speaks S3's REST interface
and, asked to, checks signatures as Amazon does.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ingest.connectors.contract import ConnectorError
from ingest.connectors.s3_signature import S3Credentials, quoted_path, quoted_query, signed_headers
from tests.integration.connector_contract import ConnectorContract, SmallSync, Source, closing, policy_for
from tests.integration.web_server import Answer, web_server
from tests.private_servers import free_port

BUCKET = "handbook"


class S3Source(Source):
    """A bucket; the test writes into it over plain HTTP, which moto takes while it does not check signatures."""

    kind = "s3"

    def __init__(self, folder: Path, store: str) -> None:
        super().__init__(folder)
        self.store = store
        self.client = self.stack.enter_context(httpx.Client(base_url=store))
        self.client.post("/moto-api/reset").raise_for_status()
        self.client.put(f"/{BUCKET}").raise_for_status()
        self.endpoint = store

    def options(self) -> dict[str, object]:
        return {"endpoint": self.endpoint, "bucket": BUCKET}

    def put(self, name: str, text: str) -> None:
        headers = {"x-amz-acl": "public-read"}
        self.client.put(_path(name), content=text.encode(), headers=headers).raise_for_status()

    def delete(self, name: str) -> None:
        self.client.delete(_path(name)).raise_for_status()

    def move(self, name: str, to: str) -> None:
        headers = {"x-amz-copy-source": _path(name), "x-amz-acl": "public-read"}
        self.client.put(_path(to), headers=headers).raise_for_status()
        self.delete(name)

    def take_down(self) -> None:
        self.endpoint = f"http://127.0.0.1:{free_port()}"

    def id_of(self, name: str) -> str:
        return name


class TestS3(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path, object_store: str) -> Iterator[Source]:
        yield from closing(S3Source(tmp_path, object_store))

    def test_more_than_a_page_of_keys_is_listed_and_only_below_the_prefix(
        self, source: S3Source, sync: SmallSync
    ) -> None:
        for number in range(1005):
            source.put(f"docs/{number:04}.md", "")
        source.put("other/a.md", "Other.")
        source.put("docs/folder/", "")
        source.put("docs/z.exe", "Program.")
        connector = source.connector(prefix="docs/", exclude=["docs/0000.md"])
        batches = list(connector.changes(None))
        connector.close()
        assert [len(batch.items) for batch in batches] == [999, 5]
        assert batches[0].items[0].external_id == "docs/0001.md"
        assert batches[0].items[0].modified_at is not None
        assert connector.lists_everything

    def test_a_bucket_that_is_missing_is_an_error_with_the_store_s_own_word(
        self, source: S3Source, sync: SmallSync
    ) -> None:
        with pytest.raises(ConnectorError, match="NoSuchBucket"):
            sync.run(source.connector(bucket="missing"))

    def test_something_that_is_no_store_is_an_error(self, source: S3Source, sync: SmallSync) -> None:
        with web_server() as other:
            other.answers[f"/{BUCKET}?encoding-type=url&list-type=2&prefix="] = Answer(b"<html>Hello</html>")
            with pytest.raises(ConnectorError, match="endpoint"):
                sync.run(source.connector(endpoint=other.url))

    def test_a_private_address_is_refused(self, source: S3Source, sync: SmallSync) -> None:
        source.policy = lambda: policy_for(source.folder, allowed_networks=())  # type: ignore[method-assign]
        with pytest.raises(ConnectorError, match="private"):
            sync.run(source.connector())

    def test_an_object_with_an_odd_encoding_or_too_long_an_address_fails_alone(
        self, source: S3Source, sync: SmallSync
    ) -> None:
        long = "漢" * 300 + ".md"
        source.put("a.md", "The apple is red.")
        source.put(long, "Its key has 900 bytes, and 2,700 in an address.")
        headers = {"x-amz-acl": "public-read", "content-encoding": "br"}
        source.client.put(_path("b.md"), content=b"packed", headers=headers).raise_for_status()
        source.put("c.md", "The plum is blue.")
        sync.run(source.connector())
        assert set(sync.texts) == {"a.md", "c.md"}
        assert set(sync.faults) == {"b.md", long}

    def test_a_store_that_is_lost_in_the_middle_is_no_fault_of_an_object(
        self, source: S3Source, sync: SmallSync
    ) -> None:
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        source.take_down()
        sync.folder.mkdir()
        with pytest.raises(ConnectorError, match="cannot be reached"):
            source.connector().fetch(sync.items["a.md"], sync.folder, known_revision=None)

    def test_signatures_are_accepted_by_a_store_that_checks_them(self, source: S3Source, sync: SmallSync) -> None:
        names = ("a.md", "b c+d&e=f.md", "ünï/日本~(1)!'.md", "slashes//two.md")
        for name in (*names, "dots/../up.md"):
            source.put(name, f"Text of {name}.")
        secrets = _account(source.client)
        source.client.post("/moto-api/reset-auth", content="0").raise_for_status()
        try:
            source.secrets = lambda: secrets  # type: ignore[method-assign]
            sync.run(source.connector())
            assert set(sync.texts) == {*names}
            source.secrets = lambda: {**secrets, "secret_key": "wrong"}  # type: ignore[method-assign]
            with pytest.raises(ConnectorError, match="SignatureDoesNotMatch") as caught:
                sync.run(source.connector())
            assert "wrong" not in str(caught.value)
        finally:
            source.client.post("/moto-api/reset-auth", content="Infinity").raise_for_status()


def _path(key: str) -> str:
    return f"/{BUCKET}/{quote(key).replace('/../', '/%2E%2E/')}"


def _account(client: httpx.Client) -> dict[str, str]:
    """An IAM user of moto's who may do everything in S3, and its keys."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    calls = (
        {"Action": "CreateUser", "UserName": "reader"},
        {"Action": "PutUserPolicy", "UserName": "reader", "PolicyName": "all", "PolicyDocument": json.dumps(policy)},
        {"Action": "CreateAccessKey", "UserName": "reader"},
    )
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/iam/aws4_request"}
    for call in calls:
        answer = client.post("/", data={**call, "Version": "2010-05-08"}, headers=headers).raise_for_status()
    text = answer.text
    return {
        "access_key": text.partition("<AccessKeyId>")[2].partition("<")[0],
        "secret_key": text.partition("<SecretAccessKey>")[2].partition("<")[0],
    }


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    query=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10), st.text(max_size=10), max_size=3
    ),
    token=st.none() | st.text("abc123", min_size=1),
)
def test_our_signature_is_botocore_s(key: str, query: dict[str, str], token: str | None) -> None:
    path = quoted_path(f"/bucket/{key}")
    at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    ours = signed_headers(
        S3Credentials("AKID", "secret", token), host="s3.example:9000", path=path, query=query, region="eu-1", at=at
    )
    url = f"http://s3.example:9000{path}" + (f"?{quoted_query(query)}" if query else "")
    request = AWSRequest("GET", url, headers={"X-Amz-Content-SHA256": ours["x-amz-content-sha256"]})
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    if token is not None:
        request.headers["X-Amz-Security-Token"] = token
    theirs = S3SigV4Auth(Credentials("AKID", "secret"), "s3", "eu-1")
    text = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert ours["authorization"].rpartition("Signature=")[2] == theirs.signature(text, request)
