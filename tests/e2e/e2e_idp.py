"""A real identity provider (oidc-provider, by npm) as a process of its own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

SOURCE = Path(__file__).parent / "idp"
NPM = shutil.which("npm")
NODE = shutil.which("node")


class NoIdp(Exception):
    """Its packages cannot be had here; says why."""


class Idp:
    """What tests ask of it: tokens by client credentials, another signing key, how often it was asked."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def token(self, client: str, scope: str | None = "llm:access") -> str:
        """An access token of a service account."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        login = base64.b64encode(f"{client}:{client}-secret".encode()).decode()
        request = urllib.request.Request(
            f"{self.issuer}/token",
            data=urllib.parse.urlencode(form).encode(),
            headers={"authorization": f"Basic {login}"},
        )
        return str(self._ask(request)["access_token"])

    def rotate(self) -> str:
        """Sign with a new key from now on; the old one is published still."""
        return str(self._ask(urllib.request.Request(f"{self.issuer}/control/rotate"))["kid"])

    def asked(self) -> dict[str, int]:
        """How often each path was asked."""
        return cast(dict[str, int], self._ask(urllib.request.Request(f"{self.issuer}/control/asked")))

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return cast(dict[str, Any], json.loads(answer.read()))


@contextmanager
def identity_provider(place: Path) -> Iterator[Idp]:
    """One that runs until the block ends. Raises `NoIdp` where npm gives no packages."""
    if NPM is None or NODE is None:
        raise NoIdp("node and npm are not on PATH")
    shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("node_modules"))
    words = [NPM, "ci", "--prefer-offline", "--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"]
    installed = subprocess.run(words, cwd=place, capture_output=True, text=True)
    if installed.returncode != 0:
        raise NoIdp(f"npm gives no packages: {installed.stderr[-500:]}")
    process = subprocess.Popen(
        [NODE, "idp.mjs"], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdin is not None
    # A start that hangs ends with the process, and the line read is empty then.
    timer = threading.Timer(30, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
        timer.cancel()
        yield Idp(str(json.loads(line)["issuer"]))
    finally:
        timer.cancel()
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        process.stdout.close()
