"""The inner fields of a chat completion request: proposed calls, parts, tools' definitions, forms of answers.

Source: OpenAI's API reference, "Create chat completion". What is not named here passes as it is.
"""

from __future__ import annotations

from typing import Any, Final

from dataplane.surfaces import fields
from dataplane.surfaces.fields import Check, wrong


def tool_calls(value: Any, path: str) -> None:
    """The calls that an earlier answer proposed."""
    if type(value) is not list:
        raise wrong(path, "a list of objects")
    for index, item in enumerate(value):
        _tool_call(item, f"{path}[{index}]")


def definitions(request: dict[str, Any]) -> None:
    """What is said of each offered tool beside its name and type, which `tool_names.offered` reads."""
    for index, tool in enumerate(_listed(request, "tools")):
        if type(tool) is dict:
            for kind, check in _DEFINED.items():
                if tool.get(kind) is not None:
                    check(tool[kind], f"tools[{index}].{kind}")
    for index, tool in enumerate(_listed(request, "functions")):
        if type(tool) is dict:
            _function(tool, f"functions[{index}]")


def _listed(request: dict[str, Any], key: str) -> list[Any]:
    value = request.get(key)
    return value if type(value) is list else []


def _image_or_address(value: Any, path: str) -> None:
    """An image's address: OpenAI wants an object; other providers take the address itself, too."""
    if type(value) is not str:
        if type(value) is not dict:
            raise wrong(path, "a string or an object")
        _image(value, path)


def numbers(value: Any, path: str) -> None:
    """An object whose members are all numbers."""
    fields.obj(value, path)
    for key, item in value.items():
        fields.number(item, fields.join(path, key))


function_call: Final[Check] = fields.members(name=fields.string, arguments=fields.string)
"""The call that an earlier answer proposed, in the form before `tool_calls`."""

response_format: Final[Check] = fields.members(
    type=fields.string,
    json_schema=fields.members(
        name=fields.string, description=fields.string, schema=fields.obj, strict=fields.boolean
    ),
)
"""How the answer is to be written."""

PARTS: Final[dict[str, Check]] = {
    "image_url": _image_or_address,
    "input_audio": fields.members(data=fields.string, format=fields.string),
    "file": fields.members(file_id=fields.string, filename=fields.string, file_data=fields.string),
}
"""By its type, what a part of a message holds under the same name."""

_image: Final[Check] = fields.members(url=fields.string, detail=fields.string)
_tool_call: Final[Check] = fields.members(
    id=fields.string,
    type=fields.string,
    function=function_call,
    custom=fields.members(name=fields.string, input=fields.string),
)
_function: Final[Check] = fields.members(
    description=fields.string, parameters=fields.obj, strict=fields.boolean
)
_DEFINED: Final[dict[str, Check]] = {
    "function": _function,
    "custom": fields.members(description=fields.string, format=fields.obj),
}
