"""The official Node SDK with only `baseURL` and key changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from e2e_gateway import Gateway

SOURCE = Path(__file__).parent / "node"
NPM = shutil.which("npm")
ERRORS = {
    "400": ("BadRequestError", "invalid_field"),
    "401": ("AuthenticationError", "invalid_api_key"),
    "403": ("PermissionDeniedError", "policy_blocked"),
    "404": ("NotFoundError", "model_not_found"),
    "413": ("APIError", "body_too_large"),
    "429": ("RateLimitError", "mock"),
    "503": ("InternalServerError", "mock"),
}


@pytest.mark.skipif(NPM is None or shutil.which("node") is None, reason="node and npm are not on PATH")
def test_the_node_sdk_chats_streams_calls_tools_and_raises_typed_errors(
    gateway: Gateway, tmp_path: Path
) -> None:
    assert NPM is not None
    place = tmp_path / "node"
    shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        [NPM, "ci", "--ignore-scripts", "--loglevel=error"], cwd=place, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    environment = {**os.environ, "BASE_URL": gateway.base_url, "API_KEY": gateway.key}
    done = subprocess.run(
        ["node", "calls.mjs"], cwd=place, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["content"], seen["decision"]) == ("Hello from the mock", "ALLOW")
    assert seen["streamed"] == "Hello from the mock"
    assert seen["tool"] == "get_weather"
    assert "gpt-4o-mini" in seen["models"]
    assert "gpt-4o" not in seen["models"]
    for status, (name, code) in ERRORS.items():
        failure = seen["failures"][status]
        assert (failure["name"], failure["status"], failure["code"]) == (name, int(status), code)
        # A body over the limit is refused before anybody asks who sent it.
        client = None if status in ("401", "413") else "demo"
        assert gateway.wait_record(request_id=failure["id"], status=int(status))["client_id"] == client
    assert seen["broken"]["name"] == "APIError"
