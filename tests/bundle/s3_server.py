"""An S3-compatible server (moto) that checks signatures, and what only an owner may do on it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from dataplane.bundle.sigv4 import AwsCredentials, signed_headers

START_S = 40.0
REGION = "eu-central-1"
_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """`url` of the endpoint, and the one key that may do anything there."""

    url: str
    credentials: AwsCredentials

    def raw(self, method: str, path: str, body: bytes = b"") -> httpx2.Response:
        headers = signed_headers(
            method,
            f"{self.url}{path}",
            {},
            body,
            credentials=self.credentials,
            region=REGION,
            now=datetime.now(UTC),
        )
        return httpx2.request(method, f"{self.url}{path}", headers=headers, content=body, trust_env=False)


def moto_server() -> Path:
    """The program, or a skip that says how to get it."""
    found = Path(sys.executable).parent / "moto_server"
    if not found.exists():
        pytest.skip("no S3-compatible server: moto of the group 'dev' is not installed (run make)")
    return found


@contextmanager
def s3_server(program: Path, place: Path) -> Iterator[S3Server]:
    """Start it on a free port; from the fourth request on it wants valid signatures of a known user."""
    log = place / "moto.log"
    env = {"INITIAL_NO_AUTH_ACTION_COUNT": "3", "PATH": "/usr/bin:/bin", "HOME": str(place)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", "0"], stdout=out, stderr=out, env=env, cwd=place
        )
    try:
        url = _address(process, log)
        yield S3Server(url=url, credentials=_user(url))
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_S
    while True:
        found = re.search(r"Running on (http://127\.0\.0\.1:[0-9]+)", log.read_text())
        if found:
            return found[1]
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def _user(url: str) -> AwsCredentials:
    """A user with a key and the right to use S3: three requests that need no valid signature."""

    def iam(action: str, **fields: str) -> str:
        headers = {"authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request"}
        data = {"Action": action, "Version": "2010-05-08", "UserName": "publisher", **fields}
        answer = httpx2.post(url, data=data, headers=headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.text

    iam("CreateUser")
    made = iam("CreateAccessKey")
    iam("PutUserPolicy", PolicyName="s3", PolicyDocument=_POLICY)
    fields = dict(re.findall(r"<(AccessKeyId|SecretAccessKey)>([^<]+)<", made))
    return AwsCredentials(access_key=fields["AccessKeyId"], secret_key=fields["SecretAccessKey"])
