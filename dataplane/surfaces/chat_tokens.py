"""The tokens of a chat request's prompt, and of what is streamed back.

Texts are counted by the model's tokenizer. What stands around them is OpenAI's own account of it (OpenAI
cookbook, "How to count tokens": 3 a message, 1 for a name, 3 for the beginning of the answer); tools and
formats are counted as the JSON they are sent as, which is more than what the model is shown of them.
Content that is not text is taken at its most.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dataplane.errors import Refused
from dataplane.surfaces import tokens
from dataplane.surfaces.answer_json import SPOKEN
from dataplane.surfaces.strict_json import dump

TOKENS_PER_MESSAGE: Final = 3
TOKENS_PER_NAME: Final = 1
TOKENS_TO_ANSWER: Final = 3

IMAGE_TOKENS: Final = 1445
LOW_IMAGE_TOKENS: Final = 85
"""OpenAI, "Images and vision": 85, and 170 for each of at most 8 tiles in high detail. Small models that
count an image many times over are told right when the call is settled."""

AUDIO_TOKENS_PER_S: Final = 10
"""OpenAI, "Audio": an input token is 100 ms."""

AUDIO_BYTES_PER_S: Final = 4_000
"""32 kbit/s, the lowest that speech is commonly sent at: the longest that a recording can be."""

_SCHEMA_FIELDS: Final = ("tools", "functions", "response_format", "prediction")


async def prompt_tokens(request: dict[str, Any], estimated: int) -> int:
    """The tokens of a checked request; `estimated` where the model's tokenizer is not known here."""
    texts: list[str] = []
    around = TOKENS_TO_ANSWER
    other = 0
    for message in request["messages"]:
        around += TOKENS_PER_MESSAGE + (TOKENS_PER_NAME if "name" in message else 0)
        for key, value in message.items():
            if key == "content" and type(value) is list:
                for part in value:
                    other += _part(part, texts)
            else:
                texts += strings(value)
    for key in _SCHEMA_FIELDS:
        if request.get(key):
            texts.append(_written(request[key]))
    counted = await tokens.count(request["model"], texts)
    return (estimated if counted is None else counted + around) + other


def image_count(request: dict[str, Any]) -> int:
    """Images in a checked request."""
    return sum("image" in part["type"] for part in _parts(request))


def audio_ms(request: dict[str, Any]) -> int:
    """The longest that the recordings in a checked request can be, in milliseconds."""
    return sum(_audio_ms(part) for part in _parts(request) if "audio" in part["type"])


def strings(value: Any) -> Iterator[str]:
    """Every string value in a JSON value."""
    if type(value) is str:
        yield value
    elif type(value) is dict:
        for one in value.values():
            yield from strings(one)
    elif type(value) is list:
        for one in value:
            yield from strings(one)


def spoken(choices: Any) -> Iterator[str]:
    """Every text that a model made in an answer's or a chunk's choices."""
    if type(choices) is not list:
        return
    for choice in choices:
        if type(choice) is not dict:
            continue
        said = choice.get("delta") or choice.get("message")
        if type(said) is not dict:
            continue
        for key in SPOKEN:
            if type(text := said.get(key)) is str and text:
                yield text
        for key in ("tool_calls", "function_call"):
            if said.get(key):
                yield from strings(said[key])


def _parts(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in request["messages"]:
        content = message.get("content")
        if type(content) is list:
            yield from content


def _part(part: dict[str, Any], texts: list[str]) -> int:
    """Add a part's texts; the tokens of what is not text."""
    kind = part["type"]
    if "image" in kind:
        image = part.get("image_url")
        low = type(image) is dict and image.get("detail") == "low"
        return LOW_IMAGE_TOKENS if low else IMAGE_TOKENS
    if "audio" in kind:
        return -(-_audio_ms(part) * AUDIO_TOKENS_PER_S // 1000)
    if "file" in kind:
        return tokens.estimate(sum(map(tokens.size, strings(part))))
    texts += [text for key, value in part.items() if key != "type" for text in strings(value)]
    return 0


def _audio_ms(part: dict[str, Any]) -> int:
    encoded = sum(len(text) for key, value in part.items() if key != "type" for text in strings(value))
    return -(-encoded * 3 * 1000 // (4 * AUDIO_BYTES_PER_S))


def _written(value: Any) -> str:
    try:
        return dump(value).decode()
    except Refused:
        return "".join(strings(value))
