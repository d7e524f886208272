"""A bundle as an object of S3-compatible storage, where OPA fetches it.

The object is replaced by one conditional PUT (`If-Match` of the version that was read, or
`If-None-Match: *`), so of two who publish at once one is told to try again. Beside it lies
`published/<revision>.tar.gz`, written first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx2

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import PublishRefused
from dataplane.bundle.model import Bundle
from dataplane.bundle.remote import Held, body_of, http_client
from dataplane.bundle.sigv4 import AwsCredentials, path_encoded, signed_headers

MEDIA_TYPE: Final = "application/gzip"
"""Never OPA's own media type: OPA would take it for long polling and ask again without a pause."""

MAX_ERROR_BYTES: Final = 16_384

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,80})</Code>")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """One object: `base` is the bucket's URL (https, or http on loopback), `key` its name within."""

    base: str
    key: str
    region: str
    credentials: AwsCredentials
    clock: Callable[[], datetime] = _now

    @property
    def name(self) -> str:
        """Its URL."""
        return self._url(self.key)

    def held(self) -> Held | None:
        """See `Remote.held`; the mark is the ETag."""
        with http_client(self.name) as client:
            request = self._request(client, "GET", self.key, {}, b"")
            response = client.send(request, stream=True)
            try:
                if response.status_code == 404:
                    missing = body_of(response, MAX_ERROR_BYTES)
                    if b"NoSuchBucket" in missing:
                        raise PublishRefused(f"{self.name}: there is no such bucket; make it first")
                    return None
                if response.status_code != 200:
                    raise self._refused("read", response)
                content = body_of(response, MAX_BUNDLE_BYTES + 1)
                mark = response.headers.get("etag", "")
            finally:
                response.close()
        if not mark:
            raise PublishRefused(f"{self.name}: the storage gives no ETag, so a version cannot be told")
        return Held(content=content, mark=mark)

    def put(self, bundle: Bundle, before: Held | None) -> None:
        """See `Remote.put`."""
        folder = self.key.rpartition("/")[0]
        kept = "/".join(filter(None, (folder, "published", f"{bundle.revision}.tar.gz")))
        condition = {"if-none-match": "*"} if before is None else {"if-match": before.mark}
        with http_client(self.name) as client:
            self._put(client, kept, bundle.content, {})
            self._put(client, self.key, bundle.content, condition)

    def _put(self, client: httpx2.Client, key: str, content: bytes, condition: dict[str, str]) -> None:
        request = self._request(client, "PUT", key, {"content-type": MEDIA_TYPE, **condition}, content)
        response = client.send(request, stream=True)
        try:
            if response.status_code in (409, 412):
                raise PublishRefused(f"{self._url(key)}: somebody else published meanwhile; run this again")
            if response.status_code not in (200, 201, 204):
                raise self._refused("write", response)
        finally:
            response.close()

    def _request(
        self, client: httpx2.Client, method: str, key: str, headers: dict[str, str], content: bytes
    ) -> httpx2.Request:
        url = self._url(key)
        signed = signed_headers(
            method,
            url,
            headers,
            content,
            credentials=self.credentials,
            region=self.region,
            now=self.clock(),
        )
        return client.build_request(method, url, headers=signed, content=content or None)

    def _url(self, key: str) -> str:
        return f"{self.base}/{path_encoded(key)}"

    def _refused(self, doing: str, response: httpx2.Response) -> PublishRefused:
        found = _CODE.search(body_of(response, MAX_ERROR_BYTES))
        code = f" {found[1].decode()}" if found else ""
        advice = ""
        if response.status_code in (401, 403):
            advice = (
                "; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and that the key may "
                "s3:GetObject, s3:PutObject and s3:ListBucket (without it a missing object is a 403, too)"
            )
        elif response.status_code in (301, 307):
            advice = "; the bucket is elsewhere: check AWS_REGION and the endpoint"
        elif response.status_code == 501:
            advice = "; this storage knows no conditional writes, without which two could publish at once"
        return PublishRefused(f"{self.name}: cannot {doing}: {response.status_code}{code}{advice}")
