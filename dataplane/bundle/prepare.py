"""What of a decision follows from the tables alone, worked out once instead of for every call.

The policy says what it is, in Rego: `data.regogate.request.prepared`. Its value stands in the bundle as
`data.regogate.prepared`, under the same signature and digest as the tables it follows from. A policy that
has no such rule is built without.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from dataplane.bundle.command import run
from dataplane.bundle.errors import ToolFailed
from dataplane.bundle.strictyaml import JSON

_QUERY: Final = "data.regogate.request.prepared"
_SITE: Final = "regogate/site"
_SITE_UNASKED: Final = ' with data.regogate.site as {"rules": {}}'
"""That a site has rules of its own follows from there being some. They are not evaluated: without an input
two values of one name may both hold, which no call could make them do, and OPA takes that for an error."""


async def prepare(stage: Path, opa: Path, capabilities: Path) -> JSON:
    """The value of the rule over a staged bundle; None where it has none. Raises `ToolFailed`."""
    query = _QUERY + (_SITE_UNASKED if any((stage / _SITE).rglob("*.rego")) else "")
    done = await run(
        opa, "eval", "--format", "json", "--capabilities", capabilities, "--bundle", ".", query, cwd=stage
    )
    try:
        found = json.loads(done.out) if done.code == 0 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ToolFailed(
            f"{opa} could not work out {_QUERY}: {(done.out.decode() + done.err)[-2000:].strip()}"
        )
    result = found.get("result") or [{"expressions": [{"value": None}]}]
    value: JSON = result[0]["expressions"][0]["value"]
    return value
