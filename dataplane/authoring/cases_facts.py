"""From the few words of a case to the whole input that a gateway would send policy.

A person writes `{client: support-team, model: gpt-4o, network: corp, tools: [search]}`. That is a `Question`
like those of `regogate policy eval`, asked at a fixed time so that a case decides alike tomorrow; the words
that a question does not have become facts laid over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dataplane.authoring.question import CHAT, Question, facts_of, finding, laid_over

WHEN: Final = datetime(2026, 9, 23, 9, tzinfo=UTC)
"""A Wednesday at nine: an hour that no window of working hours leaves out."""

REVISION: Final = "1-g0000000-000000000000"

_ASKED: Final = frozenset(
    {"client", "model", "operation", "tools", "network", "ip", "max_tokens", "data_class", "tenant"}
    | {"roles", "scopes", "method"}
)
"""The words that a question has itself."""


def _same(value: Any) -> Any:
    return value


def _by_name(value: Any) -> dict[str, Any]:
    return {str(name): {} for name in value}


_PLACES: Final[dict[str, tuple[str, str, Callable[[Any], Any]]]] = {
    **{word: ("identity", word, _same) for word in ("subject", "groups", "claims")},
    **{word: ("source", word, _same) for word in ("tls", "client_cert")},
    **{
        word: ("request", word, _same)
        for word in (
            *("path", "stream", "n", "bytes", "messages", "modalities", "tool_results"),
            *("uninspected_bytes", "correlation_id"),
        )
    },
    "prompt_tokens": ("request", "prompt_tokens_est", _same),
    "candidates": ("request", "candidates", _by_name),
    **{word: ("time", word, _same) for word in ("hour", "weekday")},
    "tool": ("call", "name", _same),
    "arguments": ("call", "arguments", _same),
    "finish_reason": ("answer", "finish_reason", _same),
    "answer_tokens": ("answer", "tokens", _same),
}
"""Where every other word goes: the part of the input, the fact, and how the value becomes the fact."""

WORDS: Final = _ASKED | _PLACES.keys() | {"signals", "usage", "facts"}
"""Every word that a case may say."""


def facts(stage: str, words: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """The input of a stage for the `words` of a case (`cases.schema.json` has them all).

    `tables` are the policy's own, for `network: NAME` and the client's own network. `facts` among the words
    is laid over the rest. Raises `Unanswerable` for a network that is not there.
    """
    asked = {word: value for word, value in words.items() if word in _ASKED}
    if "network" in asked and "ip" in asked:
        # the later one counts: a case's own word over the defaults
        asked.pop(next(word for word in asked if word in ("network", "ip")))
    over: dict[str, Any] = {}
    for word, (part, name, shape) in _PLACES.items():
        if word in words:
            over.setdefault(part, {})[name] = shape(words[word])
    over |= {
        word: _findings(words[word]) if word == "signals" else words[word] for word in _WHOLE & words.keys()
    }
    question = Question(stage=stage, time=WHEN, **{"operation": CHAT, **asked})
    return laid_over(laid_over(facts_of(question, tables, REVISION), over), words.get("facts", {}))


_WHOLE: Final = frozenset({"signals", "usage"})


def _findings(signals: Mapping[str, Any]) -> dict[str, Any]:
    """`{injection: {tool_result: high}}`: a level alone or the whole finding."""
    return {
        kind: {origin: finding(said) if isinstance(said, str) else said for origin, said in origins.items()}
        for kind, origins in signals.items()
    }
