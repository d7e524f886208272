"""Which calls belong to one loop of an agent, so that its whole story can be told.

1. The caller says so: the header `x-correlation-id`.
2. The body names a conversation, or the response that it goes on from.
3. The body quotes calls of tools: the first of them is in every later call of the loop, and was in the answer
   that proposed it. Ids of providers are unique, but some count from one, so the client is part of it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from dataplane.domain import CallState
from dataplane.errors import Refused

HEADER: Final = b"x-correlation-id"
_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
"""What a caller may choose: it goes to policy and into records."""
_NAMED: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""What a body may name as it is: nobody chose it to stand in records, so nothing that may be an address."""
_DERIVED_HEX: Final = 24
"""96 bits: no two loops of a client meet by chance."""


def correlation_of(state: CallState) -> str | None:
    """The id that ties a call, whose facts are known, to others; None for one that stands alone so far.

    Raises `Refused` (`gateway.bad_header`) for a header that says two things, or something else than an id.
    """
    given = {value for name, value in state.head.headers if name == HEADER}
    if given:
        said = given.pop().decode("latin-1")
        if given or not _ID.fullmatch(said):
            raise Refused(
                "gateway.bad_header",
                f"{HEADER.decode()}: must be one id of at most 128 letters, digits and ._:/+=@-",
            )
        return said
    facts = state.facts
    if facts is None:
        return None
    if facts.conversation_id is not None:
        named = facts.conversation_id
        return named if _NAMED.fullmatch(named) else _derived(state, "conversation", named)
    return None if facts.first_tool_call_id is None else of_tool_call(state, facts.first_tool_call_id)


def of_tool_call(state: CallState, tool_call_id: str) -> str:
    """The id of the loop that begins with this call of a tool."""
    return _derived(state, "tool", tool_call_id)


def _derived(state: CallState, what: str, text: str) -> str:
    client = "" if state.identity is None else state.identity.client_id
    digest = hashlib.sha256(f"{client}\0{what}\0{text}".encode("utf-8", "surrogatepass"))
    return f"{what}-{digest.hexdigest()[:_DERIVED_HEX]}"
