"""A bundle as an image of an OCI registry, where OPA fetches it (service `type: oci`).

The manifest has an empty configuration and one layer, the bundle, in the media type that OPA looks for
(v1/download/oci_download.go, bundleLayer). Blobs go first, then the manifest under its revision as a tag,
last the channel's tag: a reader sees the old image or the new one whole. The distribution specification
has no conditional PUT of a tag, so let one job at a time publish to a channel.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.digests import NotStrictJSON, strict_json
from dataplane.bundle.errors import PublishRefused
from dataplane.bundle.model import Bundle
from dataplane.bundle.oci_auth import RegistryLogin, authorized
from dataplane.bundle.remote import Held, body_of, http_client

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

MAX_MANIFEST_BYTES: Final = 64 * 1024
"""Ours have about 1 kB."""

_CONFIG: Final = b"{}"
_OK: Final = (200, 201, 202, 204)


@dataclass(frozen=True, slots=True, kw_only=True)
class OciTag:
    """One tag of a repository: `registry` is the base URL (https, or http on loopback)."""

    registry: str
    repository: str
    tag: str
    login: RegistryLogin | None = field(default=None)

    @property
    def name(self) -> str:
        """The reference, as OPA's `resource` has it."""
        return f"{urlsplit(self.registry).netloc}/{self.repository}:{self.tag}"

    def held(self) -> Held | None:
        """See `Remote.held`; the mark is the digest of the manifest."""
        with http_client(self.name) as client:
            manifest = self._read(client, f"manifests/{self.tag}", MAX_MANIFEST_BYTES)
            if manifest is None:
                return None
            layer = _layer(manifest)
            if layer is None:
                raise PublishRefused(f"{self.name} holds an image that is no bundle; publish to another tag")
            content = self._read(client, f"blobs/{layer}", MAX_BUNDLE_BYTES + 1)
        if content is None or _digest(content) != layer:
            raise PublishRefused(f"{self.name}: its layer {layer} is missing or damaged; remove the tag")
        return Held(content=content, mark=_digest(manifest))

    def put(self, bundle: Bundle, before: Held | None) -> None:
        """See `Remote.put`. What was there is looked at once more before the tag is moved."""
        manifest = _manifest(bundle)
        with http_client(self.name) as client:
            for blob in (_CONFIG, bundle.content):
                self._push_blob(client, blob)
            self._push_manifest(client, bundle.revision, manifest)
            now = self._read(client, f"manifests/{self.tag}", MAX_MANIFEST_BYTES)
            if (None if now is None else _digest(now)) != (None if before is None else before.mark):
                raise PublishRefused(f"{self.name}: somebody else published meanwhile; run this again")
            self._push_manifest(client, self.tag, manifest)

    def _read(self, client: httpx2.Client, path: str, limit: int) -> bytes | None:
        url = self._url(path)
        response = self._send(client, "GET", url, {"accept": f"{MANIFEST_TYPE}, */*"}, b"")
        try:
            if response.status_code == 404:
                return None
            if response.status_code in (301, 302, 303, 307, 308):
                # registries hand blobs out from other storage: without our credentials
                elsewhere = urljoin(url, response.headers.get("location", ""))
                response.close()
                response = client.send(client.build_request("GET", _safe(elsewhere)), stream=True)
            if response.status_code != 200:
                raise self._refused(f"read {path}", response)
            return body_of(response, limit)
        finally:
            response.close()

    def _push_blob(self, client: httpx2.Client, blob: bytes) -> None:
        digest = _digest(blob)
        if self._simple(client, "HEAD", self._url(f"blobs/{digest}"), {}, b"").status_code == 200:
            return
        begun = self._simple(client, "POST", self._url("blobs/uploads/"), {}, b"")
        if begun.status_code != 202 or "location" not in begun.headers:
            raise self._refused("start an upload", begun)
        place = urljoin(self._url("blobs/uploads/"), begun.headers["location"])
        if urlsplit(place).netloc != urlsplit(self.registry).netloc:
            raise PublishRefused(f"{self.name}: the registry wants the upload at another host; refused")
        place += ("&" if urlsplit(place).query else "?") + f"digest={digest}"
        done = self._simple(client, "PUT", place, {"content-type": "application/octet-stream"}, blob)
        if done.status_code != 201:
            raise self._refused("upload", done)

    def _push_manifest(self, client: httpx2.Client, tag: str, manifest: bytes) -> None:
        done = self._simple(
            client, "PUT", self._url(f"manifests/{tag}"), {"content-type": MANIFEST_TYPE}, manifest
        )
        if done.status_code != 201:
            raise self._refused(f"set the tag {tag}", done)

    def _simple(
        self, client: httpx2.Client, method: str, url: str, headers: dict[str, str], content: bytes
    ) -> httpx2.Response:
        """An answer whose body nobody reads."""
        response = self._send(client, method, url, headers, content)
        response.close()
        return response

    def _send(
        self, client: httpx2.Client, method: str, url: str, headers: dict[str, str], content: bytes
    ) -> httpx2.Response:
        request = client.build_request(method, url, headers=headers, content=content or None)
        response = client.send(request, stream=True)
        if response.status_code != 401 or self.login is None:
            return response
        response.close()
        challenge = response.headers.get("www-authenticate", "")
        request = client.build_request(method, url, headers=headers, content=content or None)
        request.headers["authorization"] = authorized(client, self.login, challenge, self.registry)
        return client.send(request, stream=True)

    def _url(self, path: str) -> str:
        return f"{self.registry}/v2/{self.repository}/{path}"

    def _refused(self, doing: str, response: httpx2.Response) -> PublishRefused:
        advice = ""
        if response.status_code in (401, 403):
            advice = "; check REGOGATE_OCI_USERNAME and REGOGATE_OCI_PASSWORD and what they may do"
        return PublishRefused(f"{self.name}: cannot {doing}: {response.status_code}{advice}")


def _manifest(bundle: Bundle) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": _digest(_CONFIG), "size": len(_CONFIG)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": _digest(bundle.content), "size": len(bundle.content)}],
        "annotations": {
            "org.opencontainers.image.revision": bundle.commit,
            "org.opencontainers.image.version": bundle.revision,
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _layer(manifest: bytes) -> str | None:
    """The digest of the one layer that is a bundle."""
    try:
        document: Any = strict_json(manifest)
    except NotStrictJSON:
        return None
    match document:
        case {"layers": [{"mediaType": str(kind), "digest": str(digest)}]} if kind == LAYER_TYPE:
            return digest
        case _:
            return None


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _safe(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise PublishRefused("the registry redirects to something that is no web address; refused")
    return url
