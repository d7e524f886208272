"""Approvals: detached signatures by listed people over what a channel pins.

`BUNDLES/approvals/<channel>/<seq>-<keyid>.json` holds one. The signature is a JSON Web Signature (ES256,
RFC 7515 with the detached payload of RFC 7797) over the canonical statement of channel, sequence and
digest, so it stays good through a squash merge and needs no server to be checked. What counts:

1. The file is strict JSON with exactly the fields below, and they say channel, sequence and digest of
   the pin.
2. Its key is one of the channel's approvers, and the signature over the statement is by that key.
3. The person is not the author of the pin (same name or same address).
4. Each person counts once, however many keys or files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from dataplane.bundle.digests import NotStrictJSON, strict_json
from dataplane.bundle.errors import ApprovalRefused
from dataplane.bundle.keys import SigningKey, public_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import Approver, Channel, Pin, person, same_person
from dataplane.bundle.sign import ALGORITHM

TYPE: Final = "regogate-approval"
"""The `typ` of the signature, which the statement repeats: no other signature of the key is one."""

MAX_APPROVAL_BYTES: Final = 16_384
MAX_APPROVALS: Final = 10_000
"""Files of one channel that are looked at, those of earlier sequences included."""

_TOLD: Final = 3
"""Approvals of other sequences that a refusal names."""

_FIELDS: Final = frozenset({"approver", "channel", "seq", "digest", "token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A file that counts, or why it does not (`refused`)."""

    path: Path
    approver: str
    refused: str | None = None


def statement(pin: Pin) -> bytes:
    """What is signed: JSON with sorted keys and no spaces, in ASCII."""
    fields = {"type": TYPE, "channel": pin.channel, "seq": pin.seq, "digest": pin.digest}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")


def approval_path(bundles: Path, pin: Pin, keyid: str) -> Path:
    """Where the approval of a pin by a key lies."""
    return bundles / "approvals" / pin.channel / f"{pin.seq}-{keyid}.json"


def approve(bundles: Path, channel: Channel, key: SigningKey) -> tuple[Path, bytes]:
    """The file that approves what a channel pins, signed with an approver's key; it is not written.

    Raises `ApprovalRefused` where there is nothing to approve, the key is not listed, or its person is
    the author or has approved already.
    """
    pin = channel.pin
    if pin is None:
        raise ApprovalRefused(f"{channel.name} pins nothing yet, so there is nothing to approve")
    pem = key.public_pem()
    approver = next((one for one in channel.approvers if _same_key(one.pem, pem)), None)
    if approver is None:
        raise ApprovalRefused(
            f"this key is not listed under 'approvers' in {channel.path}: approve with a listed key, or "
            "have the public one listed there by a reviewed change of its own"
        )
    if same_person(pin.author, approver):
        raise ApprovalRefused(
            f"{approver.name} is the author of {pin.revision} and cannot approve it: ask another of "
            f"{_names(channel, pin)}"
        )
    for given in approvals(bundles, channel):
        if given.refused is None and _person_of(channel, given.approver) == person(approver):
            raise ApprovalRefused(
                f"{approver.name} has approved {pin.revision} already ({given.path}); each person counts once"
            )
    token = jwt.PyJWS().encode(
        statement(pin),
        key.key,
        algorithm=ALGORITHM,
        headers={"kid": approver.keyid, "typ": TYPE},
        is_payload_detached=True,
    )
    fields = {
        "approver": approver.name,
        "channel": pin.channel,
        "seq": pin.seq,
        "digest": pin.digest,
        "token": token,
    }
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    return approval_path(bundles, pin, approver.keyid), text.encode()


def approvals(bundles: Path, channel: Channel) -> list[Approval]:
    """The approvals in a channel's folder, those of earlier sequences among them, each judged.

    Of one person the first (by file name) counts.
    """
    pin = channel.pin
    if pin is None:
        return []
    found: list[Approval] = []
    counted: set[str] = set()
    for path in _files(bundles / "approvals" / channel.name):
        try:
            approver = _judge(path, channel, pin)
        except _No as no:
            found.append(Approval(path=path, approver=no.approver, refused=str(no)))
            continue
        if person(approver) in counted:
            refused = f"{approver.name} has approved already, and each person counts once"
            found.append(Approval(path=path, approver=approver.name, refused=refused))
            continue
        counted.add(person(approver))
        found.append(Approval(path=path, approver=approver.name))
    return found


def check_approved(bundles: Path, channel: Channel, bundle: Bundle) -> list[str]:
    """The names of those who approved this bundle for its channel, sorted.

    Raises `ApprovalRefused` where the channel does not pin it, or too few people have approved it: the
    text names each approval that does not count, and why.
    """
    pin = channel.pin
    again = f"build what is pinned: regogate bundle rebuild {channel.name} -o FILE --key FILE"
    if pin is None:
        raise ApprovalRefused(
            f"{channel.name} pins nothing yet: run 'regogate bundle promote' or 'pin', then {again}"
        )
    if bundle.channel != channel.name:
        raise ApprovalRefused(f"this bundle is for the channel {bundle.channel}, not {channel.name}")
    if bundle.seq != pin.seq:
        age = "older than" if bundle.seq < pin.seq else "not"
        raise ApprovalRefused(f"sequence {bundle.seq} is {age} {pin.seq}, which {channel.path} pins: {again}")
    if bundle.digest != pin.digest:
        raise ApprovalRefused(f"its digest is {bundle.digest}, but {channel.path} pins {pin.digest}: {again}")
    if bundle.revision != pin.revision:
        raise ApprovalRefused(f"it is {bundle.revision}, but {channel.path} pins {pin.revision}: {again}")
    given = approvals(bundles, channel)
    names = sorted(one.approver for one in given if one.refused is None)
    if len(names) < channel.approvals:
        doubts = "".join(f"\n  {one.path}: {one.refused}" for one in _telling(given, pin))
        raise ApprovalRefused(
            f"{pin.revision} has {len(names)} of {channel.approvals} approvals that {channel.path} demands; "
            f"ask {_names(channel, pin)}: regogate bundle approve {channel.name} --key FILE{doubts}"
        )
    return names


def _telling(given: list[Approval], pin: Pin) -> list[Approval]:
    """Approvals that do not count and that somebody may wonder about: of this sequence, else the newest."""
    no = [one for one in given if one.refused is not None]
    return [one for one in no if one.path.name.startswith(f"{pin.seq}-")] or no[-_TOLD:]


class _No(Exception):
    """Why a file does not count; `approver` is whom it claims to be by."""

    def __init__(self, approver: str, reason: str) -> None:
        self.approver = approver
        super().__init__(reason)


def _judge(path: Path, channel: Channel, pin: Pin) -> Approver:
    """Steps 1 to 3."""
    fields = _read(path)
    name = fields["approver"]
    if fields["channel"] != pin.channel:
        raise _No(name, f"it is for the channel {fields['channel']}, not {pin.channel}")
    if fields["seq"] != pin.seq:
        raise _No(name, f"it is for sequence {fields['seq']}, not {pin.seq}: approve again")
    if fields["digest"] != pin.digest:
        raise _No(name, f"it is for the digest {fields['digest'][:12]}, not {pin.digest[:12]}: approve again")
    try:
        head = jwt.get_unverified_header(fields["token"])
    except jwt.InvalidTokenError:
        raise _No(name, "its signature cannot be read") from None
    approver = next((one for one in channel.approvers if one.keyid == head.get("kid")), None)
    if approver is None:
        raise _No(name, f"its key is not listed under 'approvers' in {channel.path}")
    if approver.name != name:
        raise _No(name, f"it says it is by {name}, but its key is {approver.name}'s")
    try:
        found = jwt.PyJWS().decode_complete(
            fields["token"], public_key(approver.pem), algorithms=[ALGORITHM], detached_payload=statement(pin)
        )
    except jwt.InvalidTokenError:
        raise _No(
            name, f"its signature is not {approver.name}'s over this channel, sequence and digest"
        ) from None
    if found["header"].get("typ") != TYPE:
        raise _No(name, f"its signature is of the type {found['header'].get('typ')!r}, not {TYPE}")
    if same_person(pin.author, approver):
        raise _No(name, f"{name} is the author of {pin.revision}, and an author's approval does not count")
    return approver


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_APPROVAL_BYTES + 1)
        found = strict_json(data) if len(data) <= MAX_APPROVAL_BYTES else None
    except OSError as error:
        raise _No("?", f"it cannot be read: {error.strerror}") from None
    except NotStrictJSON as error:
        raise _No("?", f"it is not strict JSON: {error}") from None
    texts = ("approver", "channel", "digest", "token")
    if not isinstance(found, dict) or found.keys() != _FIELDS:
        raise _No("?", f"it does not have exactly the fields {', '.join(sorted(_FIELDS))}")
    if not all(isinstance(found[name], str) for name in texts) or type(found["seq"]) is not int:
        raise _No("?", "a field has the wrong type")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for position, path in enumerate(sorted(folder.glob("*.json"))):
        if position == MAX_APPROVALS:
            raise ApprovalRefused(
                f"{folder} has more than {MAX_APPROVALS} files: remove those of old sequences"
            )
        yield path


def _same_key(one: str, other: str) -> bool:
    return public_key(one).public_numbers() == public_key(other).public_numbers()


def _person_of(channel: Channel, name: str) -> str | None:
    return next((person(one) for one in channel.approvers if one.name == name), None)


def _names(channel: Channel, pin: Pin) -> str:
    names = dict.fromkeys(one.name for one in channel.approvers if not same_person(pin.author, one))
    return ", ".join(names) or "nobody: list approvers in a reviewed change of its own"
