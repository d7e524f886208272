"""Every text in a JSON value: strings, names of members, and numbers long enough to be a text in disguise.

What hides nothing because the API itself gives it its words (`type`, `object`, `user`) is left out, so
that a plain request costs what its messages cost.
"""

from __future__ import annotations

from typing import Any, Final

from jiter import LosslessFloat

from dataplane.errors import Refused
from dataplane.findings import Origin, Place, Text

SHORTEST_NUMBER: Final = 100_000
"""Numbers from here on, of six digits, are yielded by their digits. The shortest numbers that name a person
(a telephone number without its area code) have seven."""

LONGEST_FLOAT: Final = 1e22
"""A float that is a whole number below this is yielded as that; no card or account is longer."""

_WORDS: Final = """
additionalProperties allOf allowed_tools annotations anyOf approximate arguments array assistant audio auto
boolean bytes chat choices city completion completion_tokens completion_tokens_details const content
content_filter country created custom data default description detail detailed developer effort end_index
enum example examples exclusiveMaximum exclusiveMinimum file file_data file_id filename finish_reason format
frequency_penalty function function_call functions grammar high id image image_url include_obfuscation
include_usage index input input_audio input_schema integer items json_object json_schema length list
logit_bias logprob logprobs low maxItems maxLength max_completion_tokens max_tokens maximum medium message
messages metadata minItems minLength minimal minimum modalities mode model mp3 name none null number object
oneOf parallel_tool_calls parameters pattern prediction prefixItems presence_penalty prompt_cache_key
prompt_tokens prompt_tokens_details properties reasoning reasoning_content reasoning_effort refusal region
required response_format role safety_identifier schema search_context_size seed service_tier start_index
stop store stream stream_options strict string syntax system system_fingerprint temperature text timezone
title token tokens tool tool_call_id tool_calls tool_choice tools top_logprobs top_p total_tokens transcript
type uniqueItems url url_citation usage user user_location verbosity voice wav web_search web_search_options
web_search_preview
"""
API_WORDS: Final = frozenset(_WORDS.split())
"""Names of fields and values with a fixed meaning in OpenAI's API reference and JSON Schema."""


def add_texts(value: Any, origin: Origin, place: Place, texts: list[Text]) -> None:
    """Append every text in a value that stands at `place`.

    A number is the text of its digits: rewritten, it becomes a string. The names of an object's members are
    one text, a line each, which cannot be rewritten. Recursion is as deep as the value.
    """
    kind = type(value)
    if kind is str:
        if value and value not in API_WORDS:
            texts.append(Text(text=value, origin=origin, place=place))
    elif kind is dict:
        add_names(value, origin, texts)
        for key, item in value.items():
            add_texts(item, origin, (*place, key), texts)
    elif kind is list:
        for index, item in enumerate(value):
            add_texts(item, origin, (*place, index), texts)
    elif (digits := digits_of(value)) is not None:
        texts.append(Text(text=digits, origin=origin, place=place))


def add_names(members: dict[str, Any], origin: Origin, texts: list[Text]) -> None:
    """Append the names of members, those that the API gives left out, as one text."""
    if members.keys() <= API_WORDS:
        return
    if names := "\n".join([name for name in members if name not in API_WORDS and not _is_token_id(name)]):
        texts.append(Text(text=names, origin=origin))


def digits_of(value: Any) -> str | None:
    """The digits of a whole number that could be a text in disguise; None for any other value."""
    if type(value) is int:
        return str(value) if abs(value) >= SHORTEST_NUMBER else None
    if type(value) is LosslessFloat or type(value) is float:
        number = float(value)
        if SHORTEST_NUMBER <= abs(number) < LONGEST_FLOAT and number == int(number):
            return str(int(number))
    return None


def put(document: Any, text: Text, instead: str) -> None:
    """Write what is to stand instead of a text of this document.

    Raises `Refused`: `gateway.unredactable` where no other text can be written there, `gateway.internal`
    where the document has changed since it was walked, so that another text stands there.
    """
    holder, last, there = find(document, text)
    if there != text.text and digits_of(there) != text.text:
        raise Refused("gateway.internal")
    holder[last] = instead


def find(document: Any, text: Text) -> tuple[Any, str | int, Any]:
    """What holds a text of this document, by which key or index, and what stands there; raises as `put`."""
    if text.place is None:
        raise Refused("gateway.unredactable")
    *way, last = text.place
    try:
        for step in way:
            document = document[step]
        return document, last, document[last]
    except (LookupError, TypeError, ValueError):
        raise Refused("gateway.internal") from None


def _is_token_id(name: str) -> bool:
    """A key of `logit_bias`."""
    return len(name) <= 6 and name.isdecimal()
