"""One chat completion: what policy decides on, and what goes upstream when it has.

The object that was judged is the one that is sent. Where the caller streams and did not ask for usage,
the gateway asks for it, since usage is recorded; the exchange hides it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataplane.domain import Constraints, Decision, Forward, Head, Operation, Reply
from dataplane.errors import Refused
from dataplane.findings import Text
from dataplane.ports import Exchange
from dataplane.surfaces import chat_constrain, chat_request
from dataplane.surfaces.chat_exchange import ChatExchange
from dataplane.surfaces.chat_facts import chat_facts
from dataplane.surfaces.chat_texts import chat_texts
from dataplane.surfaces.chat_tokens import prompt_tokens
from dataplane.surfaces.encoded_text import put_encoded
from dataplane.surfaces.strict_json import dump, parse
from dataplane.surfaces.tool_names import offered
from dataplane.surfaces.upstream_headers import header_texts, upstream_headers


class ChatUnit:
    """Implements `ports.Unit`."""

    __slots__ = (
        "_head",
        "_hide_usage",
        "_operation",
        "_prompt_tokens",
        "_request",
        "_stream",
        "_texts",
        "_wire",
        "facts",
    )

    def __init__(self, head: Head, operation: Operation, body: bytes) -> None:
        """Raises `Refused` (`gateway.invalid_json`, `gateway.invalid_field`) for a body that is wrong."""
        parsed = parse(body)
        chat_request.check(parsed.value)
        self.facts = chat_facts(parsed.value, len(body), offered(parsed.value))
        self._prompt_tokens = self.facts.prompt_tokens_est or 0
        self._head = head
        self._operation = operation
        self._request: dict[str, Any] = parsed.value
        self._wire = parsed.wire
        self._texts: list[Text] | None = None
        self._stream = parsed.value.get("stream") is True
        self._hide_usage = self._stream and self._ask_for_usage()

    def texts(self) -> Sequence[Text]:
        """As `chat_texts`, and what the caller's headers say; read once, when first asked for."""
        if self._texts is None:
            self._texts = [*chat_texts(self._request), *header_texts(self._head)]
        return self._texts

    def rewrite(self, instead: Mapping[int, str]) -> None:
        """See `ports.Unit.rewrite`; before `constrain`, which may move what stands behind a stripped tool.
        Raises `Refused` too where the request then cannot be written exactly."""
        texts = self.texts()
        for index, text in instead.items():
            put_encoded(self._request, texts[index], text)
        if instead:
            self._wire = dump(self._request)

    def constrain(self, constraints: Constraints) -> None:
        """Change the request as demanded; raises `Refused` where it then cannot be written exactly."""
        if chat_constrain.constrain(self._request, constraints):
            self._wire = dump(self._request)

    def forward(self) -> Forward | None:
        """The call to make."""
        return Forward(
            method="POST",
            path=self._operation.upstream_path,
            headers=upstream_headers(self._head, stream=self._stream),
            body=self._wire,
            model=self._request["model"],
            stream=self._stream,
        )

    def answer(self, decision: Decision) -> Reply:
        """Raises `Refused` (`gateway.internal`): the provider answers."""
        raise Refused("gateway.internal")

    async def prompt_tokens(self) -> int:
        """The tokens of the request as it is now; the estimate where the tokenizer is not known."""
        self._prompt_tokens = await prompt_tokens(self._request, self.facts.prompt_tokens_est or 0)
        return self._prompt_tokens

    def exchange(self) -> Exchange:
        """A reader for one attempt."""
        return ChatExchange(
            hide_usage=self._hide_usage, model=self._request["model"], prompt_tokens=self._prompt_tokens
        )

    def _ask_for_usage(self) -> bool:
        """Ask for usage where the caller did not; whether it had to."""
        options = self._request.get("stream_options") or {}
        if options.get("include_usage") is True:
            return False
        self._request["stream_options"] = {**options, "include_usage": True}
        self._wire = dump(self._request)
        return True
