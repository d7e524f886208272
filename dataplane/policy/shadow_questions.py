"""Many inputs in one question to a shadow's OPA, because most of a decision's cost is the asking.

A rule of our own beside the candidate's root asks it about each input of a list, at the stage that the input
names. `with input as` evaluates the whole policy anew, and strict built-ins hold for the list as for one
input: the answers are those that a call would get. A list in which one input fails has no answer and is
halved, down to the one that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dataplane.policy.client import OpaClient
from dataplane.policy.current_tables import provenance_revision
from dataplane.policy.result import Malformed, split_answer, split_list

BATCH: Final = 64
"""Inputs in a question; more gave no more decisions a second (measured for the backtest)."""
BATCH_MAX_BYTES: Final = 1 << 19
"""Of the inputs of one question but its last (64 KiB at most). A shadow's OPA takes twice as much."""

_RULE: Final = b"""\
package regogate_shadow

answers := [found |
	some asked in input
	found := [decision | decision := decided(asked, asked.stage)]
]

decided(asked, "request") := decision if decision := data.regogate.request.decision with input as asked

decided(asked, "tool_call") := decision if decision := data.regogate.tool_call.decision with input as asked

decided(asked, "response") := decision if decision := data.regogate.response.decision with input as asked
"""
_RULE_TARGET: Final = "/v1/policies/regogate_shadow"
_TARGET: Final = "/v1/data/regogate_shadow/answers?provenance=true&strict-builtin-errors=true"


class ListAsker:
    """Asks the OPA behind `client` for the decisions of one `revision` of its bundle, and no other."""

    def __init__(self, client: OpaClient, *, bundle: str, revision: str) -> None:
        self._client = client
        self._bundle = bundle
        self._revision = revision

    async def ask(self, inputs: Sequence[bytes]) -> list[Any]:
        """The parsed answer to each input, in order; None where the candidate has none (it is undefined, or
        fails, and a gateway would block).

        Raises `OpaUnreachable` or `Malformed` where OPA cannot say, or runs another bundle.
        """
        body = b'{"input":[%b]}' % b",".join(inputs)
        status, answer = await self._client.post(_TARGET, body)
        if status == 200:
            result = self._result(answer)
            if result is None:  # the rule is not there: a new process
                await self._client.put(_RULE_TARGET, _RULE)
                status, answer = await self._client.post(_TARGET, body)
                result = self._result(answer) if status == 200 else None
            if result is not None:
                return [one[0] if one else None for one in split_list(result, len(inputs))]
            if status == 200:
                raise Malformed("OPA does not know the rule it was given")
        if status != 500:  # 500 is a policy that fails on an input
            raise Malformed(f"OPA answered with status {status}")
        if len(inputs) == 1:
            return [None]
        middle = len(inputs) // 2
        return [*await self.ask(inputs[:middle]), *await self.ask(inputs[middle:])]

    def _result(self, answer: bytes) -> bytes | None:
        """Of an answer under our revision, None where it has none."""
        about, result = split_answer(answer)
        if provenance_revision(about, self._bundle) != self._revision:
            raise Malformed("OPA does not run the candidate")
        return result
