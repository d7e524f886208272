"""OpenAI's API as one `Surface`: what is matched is read by its operation, the rest as unknown."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from dataplane.domain import CallState, Head, Operation, Reply
from dataplane.errors import Refused
from dataplane.ports import Call
from dataplane.surfaces import catalogue, openai_errors
from dataplane.surfaces.call import SingleCall
from dataplane.surfaces.chat_unit import ChatUnit
from dataplane.surfaces.json_body import read_json_body, read_nothing
from dataplane.surfaces.models_unit import ModelList, ModelRetrieve


class OpenAISurface:
    """Implements `ports.Surface`; holds no state."""

    __slots__ = ()

    def match(self, method: str, path: str) -> Operation | None:
        """As `catalogue.match`."""
        return catalogue.match(method, path)

    async def read(self, head: Head, operation: Operation, body: AsyncIterator[bytes]) -> Call:
        """The call. Raises `Refused` (400) and what `body` raises."""
        match operation.id:
            case catalogue.CHAT_CREATE:
                data = await read_json_body(head, body)
                unit = ChatUnit(head, operation, data)
                return SingleCall(unit, body_sha256=hashlib.sha256(data).digest())
            case catalogue.MODELS_LIST:
                await read_nothing(head, body)
                return SingleCall(ModelList())
            case catalogue.MODELS_RETRIEVE:
                await read_nothing(head, body)
                return SingleCall(ModelRetrieve(operation))
            case _:
                raise Refused("gateway.unknown_operation")

    def refuse(self, refused: Refused, state: CallState) -> Reply:
        """As `openai_errors.refuse`; works for every call, also one that matched nothing."""
        return openai_errors.refuse(refused, state)
