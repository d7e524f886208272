"""Values that are set under a telling name: `api_token = "..."`, `"password": "..."`, `--token ...`."""

from __future__ import annotations

import re
from typing import Final

from dataplane.inspection.recognizers import secrets_names, secrets_value

_TYPED: Final = r"(?:(?:&?(?:'static )?str(?:ing)?|secretstr|final(?:\[str\])?)\s?=\s{0,4})?"
_CONVERTED: Final = (
    r"(?:[\w.:\[\]]{0,24}?(?:fromhex|from|from_str|byte|b64decode|unhexlify|encode|secret(?:str(?:ing)?)?|some"
    r"|hextobytes)\((?=[\"'`]))?(?:[brfuln@]{1,2}(?=[\"'`]))?"
)
"""A type, and what a written value is turned into bytes by."""
_ASSIGNED: Final = re.compile(
    r"(?P<tail>[\w.\[\]-]{0,40}?(?: (?!encoding=)[\w]{1,12}){0,2})[\\\"'`\]\)]{0,3}"
    rf"(?P<op>\s{{0,8}}(?:=>|[:?|!+]{{0,2}}={{1,3}}|[:：])\s{{0,24}}{_TYPED}{_CONVERTED}"
    r"|,?\s{1,40}[\"']?value[\"']?\s{0,4}[:=]\s{0,4}|(?<=[\"'`])\s?,\s{0,24}"
    r"|\s?\{[^{}]{0,160}?\bdefault\s{0,8}=\s{0,4}"
    r"|\s-string\s{1,4}|\sencoding=[\"'][\w-]{1,16}[\"']\s?>\s{0,8}"
    r"|</(?:key|name)>\s{0,40}<(?:string|value)>\s{0,8}|>\s{0,8}(?:\{(?:[\w-]{1,24} ){0,2})?"
    r"|\s?\|\s{0,8}|\s(?:is|are|to)[\s:]{1,8}|\s-\s(?=[\"'])|\((?=[\"'])|[ \t]{1,4}|-(?=[A-Za-z0-9]{8}))"
    r"(?P<escaped>\\?)(?:'(?=\")|\"(?='))?(?P<quote>[\"'`]?)(?: ?(?<=[\"'`] ))?"
    r"(?:Bearer |Basic |Token |OAuth )?"
    r"(?P<value>[A-Za-z0-9+/=_.~@!#$%^&*|?:;,()\[\]{}<>-]{4,600}|(?<=[\"'])[!#-&(-~][!-~]{3,600})",
    re.IGNORECASE,
)
"""How a value is set: also in the next member, element or line that is called `value`, as a variable's
default, in Jenkins' braces, and as an argument of what is called after it."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_HEX: Final = re.compile(r"(?:0x)?(?:[0-9a-f]{30,}|[0-9A-F]{30,})\Z")
_EXPRESSION: Final = re.compile(
    r"[()\[\]{}<>;]|::|\w\.\w+\.[a-z]|->|^[a-z_]+\.[a-z_]+$|^[a-z]{2,12}:/|^/|^\.{0,2}/"
    r"|^[a-z][\w-]*(?:\.[a-z][\w-]*)+/[a-z]|^[\w-]+\.\w{2,4}$"
    r"|\w\.[A-Z][a-z]{3,}\w*\.[A-Z]|#semver:|^[*&]\w+\.[A-Z]|^[a-z]\w*\.[A-Z][a-z]+\Z"
    r"|^[a-z]+(?:\.[a-z]+)+\.[A-Z][a-z]|[a-z0-9]P(?:ublic|rivate)Key\Z"
)
_ENDS: Final = re.compile(r"[\"'`,;)\]}<>]|\\n|\\\"")

SURE: Final = 85
LIKELY: Final = 65
UNCLEAR: Final = 35
"""Scores: named and varied; named or varied enough; words could as well be meant."""


def find(text: str, start: int) -> tuple[int, int, int, str] | None:
    """The value at a hit of the needle, as score (0: no secret), range and kind of secret; None where nothing
    is set."""
    found = _ASSIGNED.match(text, start)
    if found is None:
        return None
    first = start
    while (
        first and start - first < _LONGEST_NAME and (text[first - 1].isalnum() or text[first - 1] in "_.:-")
    ):
        first -= 1
    name = secrets_names.before(text, first) + text[first:start] + found["tail"]
    value, at, quote, op = found["value"], found.start("value"), found["quote"], found["op"]
    if quote:
        close = text.find(quote, at, at + 600)
        if close > at:
            value = text[at:close].rstrip(" ")
            if found["escaped"]:
                value = value.removesuffix("\\")
    if not quote or len(value) == 600:
        cut = _ENDS.search(value)
        value = value if cut is None else value[: cut.start()]
        if not quote:
            value = value.rstrip(".:?" if _sets(op) else ".:?!")
        if first and text[first - 1] in "?&":  # in a URL's query
            value = value.partition("&")[0]
    if (" " in value or "\n" in value) and not (quote and _is_generated(value)):
        return None
    op = "is" if not op.strip() and name.lower().endswith(" is") else op.strip()
    password = secrets_names.PASSWORD.search(name) is not None
    before = text[max(0, first - _PAIR) : first] if password else ""
    told = password and (
        _USER.search(before) is not None or (op.lower() == "is" and _OWN.search(before) is not None)
    )
    connects = password and _connects(text, start, at + len(value))
    if len(value) < (_LEAST_TOLD if told else _LEAST) and not connects:
        return None
    if text.startswith("...", at + len(value)):
        return None
    alone = password and not quote and _is_alone(text, first, at + len(value))
    score = _score(name, op, value, quoted=bool(quote), told=told, alone=alone)
    if not score and connects and "=" in op:
        score = 0 if secrets_value.stands_for_another(value) or _EXPRESSION.search(value) else LIKELY
    return score, at, at + len(value), "password" if password else "generic"


_LINE: Final = 48
"""Code points before a name in which its line begins; what is indented further is seldom a setting."""
_BEGINS: Final = re.compile(r"(?:^|[\n<\"'])[\s#/-]{0,16}(?:(?:export|set|ENV|ARG|SET) )?[\"']?\Z")
_STOPS: Final = re.compile(r"[<\"']|[ \t]{0,8}(?:#.{0,80}|//.{0,80})?(?:\r?\n|\Z)")


def _is_alone(text: str, first: int, end: int) -> bool:
    """Whether a name and what is set to it have a line of their own, as in files of settings."""
    return (
        _BEGINS.search(text, max(0, first - _LINE), first) is not None and _STOPS.match(text, end) is not None
    )


def _is_generated(value: str) -> bool:
    """Whether a value with blanks is made of all kinds of characters, as WordPress's keys."""
    return (
        _KEY <= len(value) <= _KEY_LONGEST
        and "\n" not in value
        and secrets_value.kinds_of_characters(value) == len("aA0!")
        and secrets_value.entropy(value) >= _GENERATED_VARIED
        and not secrets_value.reads(value)
    )


_GENERATED_VARIED: Final = 4.5
_KEY_LONGEST: Final = 128
"""Bits for each character, and characters, of generated keys that hold blanks: sentences have four bits."""


def _sets(op: str) -> bool:
    """Whether what stands between a name and a value is a sign that sets it."""
    return any(each in op for each in "=:：>")


_PAIR: Final = 160
"""Code points before a password in which the user stands whose it is."""
_USER: Final = re.compile(
    r"(?:user(?: ?name|[ _]?id)?|log ?in|account|e-?mail|\bid|uid|usr|benutzer(?:name)?|usuario|utilisateur"
    r"|логин|用户名|账号|アカウント|아이디|계정)[\"']?\s{0,8}[:=]{1,3}>?\s{0,8}[\"']?[^\s\"',;/]{2,40}[\"']?"
    r"[\s,;/|&(-]{1,24}(?:(?:#|//)[^\n]{0,60}\s{1,24}){0,2}(?:and )?(?:[\w ]{0,12}[ _-])?[$\"'(-]{0,3}\Z",
    re.IGNORECASE,
)
_OWN: Final = re.compile(r"\b(?:my|our) (?:\w+ ){0,3}\Z", re.IGNORECASE)
_LONGEST_NAME: Final = 48
"""Characters of a name before what tells; with colons, for `arn:aws:secretsmanager:`."""


def _connects(text: str, start: int, end: int) -> bool:
    """Whether a password stands in a connection string, between a user and a server."""
    return _CONNECTION.search(text[max(0, start - _CONNECTION_PART) : end + _CONNECTION_PART]) is not None


_CONNECTION: Final = re.compile(
    r"(?:^|[;\"'\s])(?:user ?id|uid|user|username|server|data source|host|initial catalog|database"
    r"|provider|driver)"
    r"\s?=[^;\n]{1,80};[^\n]*(?:passw|pwd)|(?:passw\w*|pwd)\s?=[^;\n]{1,80};\s?(?:initial catalog"
    r"|database|server"
    r"|data source|user ?id|uid|host|port)\s?=",
    re.IGNORECASE,
)
_CONNECTION_PART: Final = 160
"""Code points of a connection string on either side of a password."""
_HEX_VARIED: Final = 2.2
"""Bits for each digit: no number of many zeros has as much."""

_LEAST: Final = 8
_LEAST_TOLD: Final = 6
"""Characters; shorter ones are a matter of words. The second for passwords beside their
users, or called somebody's own."""


def _score(name: str, op: str, value: str, *, quoted: bool, told: bool, alone: bool) -> int:
    provider = secrets_names.names_provider(name)
    hexadecimal = _HEX.match(value) is not None
    secretive = secrets_names.SECRETIVE.search(name) is not None or (
        hexadecimal and name[-_LOGIN:].lower() == "login"
    )
    assigned = _sets(op)
    certain = (
        hexadecimal
        or _UUID.match(value) is not None
        or (len(value) >= _KEY and value.isalnum() and not secrets_value.reads(value))
    )
    if secrets_names.harmless(name, provider=provider, certain=certain):
        return 0
    if not (secretive or provider) or value.startswith("arn:") or secrets_value.stands_for_another(value):
        return 0
    if quoted and secrets_value.is_alphabet(value):
        return 0
    if _UUID.match(value):
        set_to = assigned or quoted or secrets_names.ALONE.search(name) is not None
        return LIKELY if (secretive or (provider and assigned)) and set_to else 0
    varied = secrets_value.entropy(value)
    digits = any(map(str.isdigit, value))
    if hexadecimal:
        if varied < _HEX_VARIED or not (
            assigned
            or quoted
            or op.lower() == "is"
            or secrets_names.ALONE.search(name)
            or (provider and secretive)
        ):
            return 0
        return SURE if assigned or quoted else LIKELY
    if secrets_names.PASSWORD.search(name) and (assigned or op in ("is", "", "(", "-")):
        return _password(
            value, varied, quoted=quoted, assigned=assigned or (quoted and op == "is"), told=told, alone=alone
        )
    if quoted and assigned and secretive and secrets_value.encodes_login(value):
        return LIKELY
    if secrets_value.is_name(value):
        return 0
    kinds = secrets_value.kinds_of_characters(value)
    length = len(value)
    if (
        quoted
        and assigned
        and secretive
        and kinds >= 3
        and digits
        and length >= _KEY
        and varied >= _KEY_VARIED
    ):
        return 0 if _CALL.search(value) else LIKELY
    if assigned and secretive and digits and varied >= _TOKEN_VARIED and _TOKEN.match(value):
        return LIKELY
    if quoted and secretive and " " in value:
        return LIKELY
    if _EXPRESSION.search(value):
        return 0
    if (
        secretive
        and (assigned or quoted)
        and (secrets_value.is_scrambled(value) or (length >= _SPELT and not secrets_value.reads(value)))
        and kinds >= 2
        and varied >= _SCRAMBLED_VARIED
    ):
        return LIKELY
    if not digits or secrets_value.is_wordy(value):
        return 0
    if not assigned and not quoted:
        return LIKELY if kinds >= 2 and length >= _LONG and varied >= 3.3 else 0
    if length >= _LONG and varied >= 3.4 and kinds >= 2:
        return SURE if secretive else LIKELY
    if (
        (secretive or length >= _CODED)
        and kinds >= (3 if length < 12 else 2)
        and varied >= (3.0 if kinds >= 3 else 3.2)
    ):
        return LIKELY
    return 0


_LOGIN: Final = len("login")
_SPELT: Final = 20
"""Characters from which on letters that do not follow each other as in words are random ones."""
_SCRAMBLED_VARIED: Final = 2.5
"""Bits for each character of those, of which short ones, and digits of a few kinds, have little more."""
_KEY: Final = 32
_KEY_VARIED: Final = 4.0
"""Characters and bits for each of generated keys, which may hold what code is made of, as those of Django."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+=-]{60,}\Z")
_TOKEN_VARIED: Final = 4.7
"""Tokens in parts, `Rh83q...Y8.LdWO...`, look like members of objects, which vary less."""
_CALL: Final = re.compile(r"://|\w\([\w.,\s'\"]*\)|->|::|^[/.]|\w\.\w+\.\w+[(\[]")
_CODED: Final = 14
"""Characters from which on what is set to a provider's name alone may be a code of its own."""

_LONG: Final = 16
"""Characters from which on random values tell themselves from names: 3.4 bits each, where words have 3."""


def _password(value: str, varied: float, *, quoted: bool, assigned: bool, told: bool, alone: bool) -> int:
    """Passwords are short, and words of code stand where they could. `told`: beside its user, or called
    somebody's own; `alone`: in a line of its own."""
    if (
        told
        and (quoted or alone)
        and assigned
        and value.isalpha()
        and len(value) >= _LEAST
        and not _SAYS.search(value)
    ):
        return LIKELY
    kinds = secrets_value.kinds_of_characters(value)
    digits = any(map(str.isdigit, value))
    if _EXPRESSION.search(value) and (not quoted or value[-1:] in ")]}"):
        return 0
    if kinds < 2 or varied < 2.5 or (value[0] in "/#." and secrets_value.is_wordy(value[1:])):
        return 0
    if digits and not _ALGORITHM.match(value) and (told or (alone and assigned and _PLAIN.match(value))):
        return LIKELY
    if secrets_value.is_scrambled(value):
        return LIKELY
    coined = digits and secrets_value.is_coined(value)
    if (
        secrets_value.is_wordy(value)
        and not coined
        and not (quoted and assigned and (digits or _MARKED.search(value)))
    ):
        return 0
    if quoted and assigned:
        return LIKELY
    return LIKELY if kinds >= 3 and digits else UNCLEAR


_MARKED: Final = re.compile(r"\w[!@^&*]\w|\w!\Z")
_SAYS: Final = re.compile(
    r"pass|pwd|word|secret|user|name|login|admin|test|string|text|str|field|input|hidden|required|optional"
    r"|invalid|missing|empty|unknown|change|enter|forgot|reset|sign|show|label|default|token|key|kenn|value"
    r"|credential|account|mail|auth|prompt|config|param",
    re.IGNORECASE,
)
"""What says that letters beside a user are no password but a kind of field, or another variable."""
_PLAIN: Final = re.compile(
    r"(?!pass|pwd|secret|user|test|str|string|arg|param|value|field|input|text|var|hash|node|file)"
    r"[a-z]{4,}\d{1,6}[!.]?\Z",
    re.IGNORECASE,
)
"""A word and digits, as people make passwords of."""
_ALGORITHM: Final = re.compile(
    r"(?:sha|md|aes|rsa|base|utf|x|argon|pbkdf|bcrypt|scrypt|ntlm|hs|rs|es|crc|p|v)[-_]?v?\d+\w{0,8}\Z",
    re.IGNORECASE,
)
"""What passwords are said to be: `my password is sha256`."""
