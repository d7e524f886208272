"""Every text of a chat request with its origin: what inspection looks at, and where another can be written.

What the messages say comes first, in their order, so that texts a model reads in one go lie side by side and
an attack cut into parts or messages is scanned as one; what stands around them follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from dataplane.findings import Origin, Place, Text
from dataplane.surfaces.encoded_text import add_encoded_texts
from dataplane.surfaces.json_texts import API_WORDS, add_names, add_texts, digits_of

MODALITIES: Final[dict[str, str]] = {
    "text": "text",
    "refusal": "text",
    "image_url": "image",
    "image": "image",
    "input_image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "file": "file",
    "input_file": "file",
}
"""Of parts by their type; any other is `other`."""

_ROLES: Final = {
    "system": Origin.SYSTEM,
    "developer": Origin.DEVELOPER,
    "user": Origin.USER,
    "assistant": Origin.ASSISTANT,
    "tool": Origin.TOOL_RESULT,
    "function": Origin.TOOL_RESULT,
}
PLAIN_MEMBERS: Final = {
    "tool_calls": Origin.TOOL_ARGUMENTS,
    "function_call": Origin.TOOL_ARGUMENTS,
    "refusal": Origin.REFUSAL,
    "tool_call_id": Origin.METADATA,
    "name": None,
    "role": Origin.OTHER,
}
"""Members of a message in which nothing is encoded, and their origins; None is the message's own."""

_FIELDS: Final = {
    "response_format": Origin.SCHEMA,
    "metadata": Origin.METADATA,
    "user": Origin.METADATA,
    "safety_identifier": Origin.METADATA,
    "prompt_cache_key": Origin.METADATA,
}
_OFFERS: Final = ("tools", "functions")
_CHOICES: Final = ("tool_choice", "function_call")
_SCHEMAS: Final = ("parameters", "input_schema", "output_schema", "schema", "format")
_NAMES: Final = ("name", "type")


def chat_texts(request: dict[str, Any]) -> list[Text]:
    """The texts of a checked request. The texts of messages and parts that follow one another in one role
    have `follows`.

    Names that policy decided by (model, tools offered or chosen) are yielded and cannot be rewritten: what
    was judged is what is sent. Nor can attached text, names of members, and numbers of fields that are
    checked to be numbers.
    """
    texts: list[Text] = []
    rest: list[Text] = []
    last = None
    for index, message in enumerate(request["messages"]):
        role = message["role"]
        origin = _ROLES.get(role, Origin.OTHER)
        content = message.get("content")
        if type(content) is str:
            if content:
                follows = role == last and bool(texts) and texts[-1].origin is origin
                texts.append(
                    Text(text=content, origin=origin, place=("messages", index, "content"), follows=follows)
                )
        elif content is not None:
            follows = role == last and bool(texts) and texts[-1].origin is origin
            _add_parts(content, origin, ("messages", index, "content"), follows, texts, rest)
        if len(message) > 2 or origin is Origin.OTHER or content is None:
            _add_members(message, origin, ("messages", index), rest)
        last = role
    texts += rest
    for key, value in request.items():
        if key != "messages":
            _add_field(key, value, texts)
    add_names(request, Origin.OTHER, texts)
    return texts


def _add_parts(
    parts: list[Any], origin: Origin, place: Place, follows: bool, texts: list[Text], rest: list[Text]
) -> None:
    for index, part in enumerate(parts):
        here = (*place, index)
        kind = part["type"]
        text = part.get("text")
        if type(text) is str and text:
            texts.append(Text(text=text, origin=origin, place=(*here, "text"), follows=follows))
            follows = True
            if kind == "text" and len(part) == 2:
                continue
            part = {key: value for key, value in part.items() if key != "text"}
        modality = MODALITIES.get(kind, "other")
        if kind == "refusal":
            add_texts(part, Origin.REFUSAL, here, rest)
        elif modality == "text":
            add_texts(part, Origin.OTHER, here, rest)
        else:
            add_encoded_texts(part, origin, here, rest)


def _add_members(message: dict[str, Any], origin: Origin, place: Place, texts: list[Text]) -> None:
    """What a message holds beside its content."""
    add_names(message, Origin.OTHER, texts)
    for key, value in message.items():
        if key == "content" or value is None:
            continue
        here = (*place, key)
        if key in PLAIN_MEMBERS:
            add_texts(value, PLAIN_MEMBERS[key] or origin, here, texts)
        else:
            add_encoded_texts(value, origin if key == "audio" else member_origin(key), here, texts)


def member_origin(key: str) -> Origin:
    """Of a message's member that the API does not know, or that not all providers do."""
    return Origin.REASONING if key.startswith(("reasoning", "thinking")) else Origin.OTHER


def _add_field(key: str, value: Any, texts: list[Text]) -> None:
    """One field of the request that is not its messages."""
    kind = type(value)
    if value is None or kind is bool:
        return
    if kind is not str and kind is not dict and kind is not list:
        if (digits := digits_of(value)) is not None:
            texts.append(Text(text=digits, origin=Origin.OTHER, place=None if key in API_WORDS else (key,)))
    elif key == "model":
        texts.append(Text(text=value, origin=Origin.OTHER))
    elif key in _OFFERS:
        for index, tool in enumerate(value):
            _add_tool(tool, (key, index), texts)
    elif key in _CHOICES:
        _add_fixed(value, (key,), texts)
    elif key == "prediction" and type(value.get("content")) is list:
        _add_prediction(value, texts)
    else:
        add_texts(value, _FIELDS.get(key, Origin.OTHER), (key,), texts)


def _add_tool(tool: dict[str, Any], place: Place, texts: list[Text]) -> None:
    """A definition, or the object of its type within it, which holds its name."""
    add_names(tool, Origin.TOOL_DEFINITION, texts)
    for key, value in tool.items():
        here = (*place, key)
        if key in _NAMES and type(value) is str:
            if value not in API_WORDS:
                texts.append(Text(text=value, origin=Origin.TOOL_DEFINITION))
        elif key in _SCHEMAS:
            add_texts(value, Origin.SCHEMA, here, texts)
        elif type(value) is dict and key == tool.get("type"):
            _add_tool(value, here, texts)
        else:
            add_texts(value, Origin.TOOL_DEFINITION, here, texts)


def _add_fixed(value: Any, place: Place, texts: list[Text]) -> None:
    """What was checked and judged to the last word."""
    found: list[Text] = []
    add_texts(value, Origin.TOOL_DEFINITION, place, found)
    texts += [Text(text=text.text, origin=text.origin) for text in found]


def _add_prediction(prediction: dict[str, Any], texts: list[Text]) -> None:
    """Predicted content in parts, whose types nothing has checked."""
    follows = False
    for index, part in enumerate(prediction["content"]):
        found: list[Text] = []
        add_texts(part, Origin.OTHER, ("prediction", "content", index), found)
        if follows and found:
            found[0] = replace(found[0], follows=True)
        follows = follows or bool(found)
        texts += found
    rest = {key: value for key, value in prediction.items() if key != "content"}
    add_texts(rest, Origin.OTHER, ("prediction",), texts)
