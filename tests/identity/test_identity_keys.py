"""API keys as text."""

import base64

import pytest

from dataplane.identity.keys import (
    KEY_LENGTH,
    check_installation_key,
    digest,
    is_key_id,
    new_key,
    parse,
)

GOOD = "rgk_abcdefgh27_" + "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rgk_",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "\n",
        GOOD[:-1] + "\n",
        GOOD[:-1] + "=",
        GOOD[:-1] + "+",
        GOOD[:-1] + "é",
        GOOD[:-1] + "\0",
        " " + GOOD[:-1],
        "RGK_" + GOOD[4:],
        "rgk_ABCDEFGH27_" + "A" * 43,
        "rgk_abcdefgh10_" + "A" * 43,
        "rgk_abcdefgh2٣_" + "A" * 43,
        "rgk_abcdefgh27-" + "A" * 43,
        "x" * 10_000_000,
    ],
)
def test_anything_but_the_exact_form_is_no_key(text: str) -> None:
    assert parse(text) is None


def test_a_new_key_has_the_documented_form_and_parses_to_itself() -> None:
    key = new_key()
    assert len(key.text) == KEY_LENGTH == 58
    assert key.text.startswith(f"rgk_{key.id}_")
    assert is_key_id(key.id)
    assert key.prefix == f"rgk_{key.id}"
    assert len(base64.urlsafe_b64decode(key.text[-43:] + "=")) == 32
    assert parse(key.text) == key


def test_keys_do_not_repeat() -> None:
    keys = [new_key() for _ in range(200)]
    assert len({key.id for key in keys}) == len({key.text[-43:] for key in keys}) == 200


def test_a_key_shows_its_id_and_nothing_more() -> None:
    key = new_key()
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        assert key.id in shown
        assert key.text[-43:] not in shown


def test_the_digest_depends_on_the_installation_key_and_on_every_part_of_the_text() -> None:
    installation = bytes(range(32))
    one, other_id, other_secret = (
        parse(text) for text in (GOOD, GOOD.replace("abc", "abd"), GOOD[:-1] + "B")
    )
    assert one is not None
    assert other_id is not None
    assert other_secret is not None
    digests = {digest(installation, key) for key in (one, other_id, other_secret)} | {digest(bytes(32), one)}
    assert len(digests) == 4
    assert {len(value) for value in digests} == {32}
    assert digest(installation, one) == digest(installation, one)


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_shorter_installation_key_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        check_installation_key(bytes(length))


@pytest.mark.parametrize("length", [32, 33, 64])
def test_a_longer_installation_key_is_taken_whole(length: int) -> None:
    key = new_key()
    longer = check_installation_key(bytes(length - 1) + b"x")
    assert digest(longer, key) != digest(longer[:-1], key)
