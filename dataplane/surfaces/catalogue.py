"""Which operation a method and raw path mean. What is not listed here is `unknown` to policy.

Paths are compared byte for byte: a trailing slash, another case or a HEAD are other paths, so that
nothing reaches a model by a spelling that policy did not name.
"""

from __future__ import annotations

from typing import Final

from dataplane.domain import Operation

CHAT_CREATE: Final = "chat.completions.create"
MODELS_LIST: Final = "models.list"
MODELS_RETRIEVE: Final = "models.retrieve"

_MODEL_PREFIX: Final = "/v1/models/"

_FIXED: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/chat/completions"): Operation(id=CHAT_CREATE, upstream_path="/chat/completions"),
    ("GET", "/v1/models"): Operation(id=MODELS_LIST, upstream_path="/models"),
}


def match(method: str, path: str) -> Operation | None:
    """The operation, or None. A model id is all that follows `/v1/models/`, inner slashes included."""
    operation = _FIXED.get((method, path))
    if operation is not None or method != "GET" or not path.startswith(_MODEL_PREFIX):
        return operation
    model = path[len(_MODEL_PREFIX) :]
    if not model or model.endswith("/"):
        return None
    return Operation(id=MODELS_RETRIEVE, upstream_path=f"/models/{model}", params={"model": model})
