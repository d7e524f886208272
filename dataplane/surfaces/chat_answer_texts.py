"""Every text of a whole chat answer with its origin, in every choice and wherever else one can stand."""

from __future__ import annotations

from typing import Any, Final

from dataplane.findings import Origin, Place, Text
from dataplane.surfaces.chat_texts import member_origin
from dataplane.surfaces.encoded_text import add_encoded_texts
from dataplane.surfaces.json_texts import API_WORDS, add_names, add_texts
from dataplane.surfaces.logprob_texts import add_logprob_texts

_PLAIN: Final = {
    "tool_calls": Origin.TOOL_ARGUMENTS,
    "function_call": Origin.TOOL_ARGUMENTS,
    "refusal": Origin.REFUSAL,
    "annotations": Origin.OUTPUT,
}
_OUTPUT: Final = ("content", "audio", "images")
_COUNTS: Final = ("created", "expires_at", "index")
"""What providers date and number by."""

LARGEST_COUNT: Final = 10**10
"""A date in seconds, an index or a count of tokens below this is no text; 2286 is the year."""


def answer_texts(answer: dict[str, Any], texts: list[Text]) -> int:
    """Append the texts of any answer that is an object, those of the choices first.

    Nothing of the form is taken for granted: what is not as the API has it is walked all the same. Encoded
    content that is no text (audio, images, encrypted reasoning) is left out; returns how many bytes of it.
    """
    unread = 0
    choices = answer.get("choices")
    if type(choices) is list:
        for index, choice in enumerate(choices):
            if type(choice) is dict:
                unread += add_choice(choice, ("choices", index), texts)
            else:
                add_texts(choice, Origin.OTHER, ("choices", index), texts)
    for key, value in answer.items():
        if key != "choices" or type(value) is not list:
            add_member(key, value, (key,), texts)
    add_names(answer, Origin.OTHER, texts)
    return unread


def add_choice(choice: dict[str, Any], place: Place, texts: list[Text]) -> int:
    """Append the texts of one choice that stands at `place`; as `answer_texts`."""
    message = choice.get("message")
    unread = 0
    if type(message) is dict:
        unread = _add_message(message, (*place, "message"), texts)
    for key, value in choice.items():
        here = (*place, key)
        if key == "logprobs" and value is not None:
            add_logprob_texts(value, message if type(message) is dict else {}, here, texts)
        elif key != "message" or type(value) is not dict:
            add_member(key, value, here, texts)
    add_names(choice, Origin.OTHER, texts)
    return unread


def _add_message(message: dict[str, Any], place: Place, texts: list[Text]) -> int:
    unread = 0
    for key, value in message.items():
        if value is None or (key == "role" and type(value) is str and value in API_WORDS):
            continue
        here = (*place, key)
        if key == "content" and type(value) is str:
            if value:
                texts.append(Text(text=value, origin=Origin.OUTPUT, place=here))
        elif key == "content" and type(value) is list:
            unread += _add_parts(value, here, texts)
        elif key in _PLAIN:
            add_texts(value, _PLAIN[key], here, texts)
        else:
            if key == "audio" and type(value) is dict:
                value = {
                    name: one for name, one in value.items() if name not in _COUNTS or not _is_count(one)
                }
            origin = Origin.OUTPUT if key in _OUTPUT else member_origin(key)
            unread += add_encoded_texts(value, origin, here, texts)
    add_names(message, Origin.OTHER, texts)
    return unread


def _add_parts(parts: list[Any], place: Place, texts: list[Text]) -> int:
    """Parts of a content; the texts among them are one, whatever stands between."""
    rest: list[Text] = []
    follows = False
    unread = 0
    for index, part in enumerate(parts):
        here = (*place, index)
        if type(part) is dict and type(text := part.get("text")) is str and text:
            texts.append(Text(text=text, origin=Origin.OUTPUT, place=(*here, "text"), follows=follows))
            follows = True
            part = {key: value for key, value in part.items() if key != "text"}
        unread += add_encoded_texts(part, Origin.OUTPUT, here, rest)
    texts += rest
    return unread


def add_member(key: str, value: Any, place: Place, texts: list[Text]) -> None:
    """Append the texts of a member of an answer, or of a choice, that may be a date or a count."""
    if key in _COUNTS and _is_count(value):
        return
    if key == "usage" and type(value) is dict:
        value = {name: 0 if _is_count(member) else member for name, member in value.items()}
    add_texts(value, Origin.OTHER, place, texts)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST_COUNT
