"""A provider key is never shown, in whatever form a provider repeats it."""

from __future__ import annotations

import base64
import json
import pickle
import time
from urllib.parse import quote

import pytest
from mock_provider import KEY

from dataplane.errors import ConfigError
from dataplane.upstream.mask import KeyMask
from dataplane.upstream.secret import Secret
from dataplane.upstream.transport import UpstreamSpec


def test_a_secret_shows_nothing_of_itself():
    for secret in (Secret(KEY), Secret(lambda: KEY)):
        spec = UpstreamSpec(name="x", base_url="https://a.example/v1", key=secret)
        for text in (repr(secret), str(secret), f"{secret}", repr([secret]), repr(spec)):
            assert KEY not in text
        with pytest.raises(TypeError):
            pickle.dumps(secret)


def test_a_secret_gives_the_value_of_now():
    values = iter(["one", "two"])
    secret = Secret(lambda: next(values), max_age_s=0)
    assert (secret.reveal(), secret.reveal()) == ("one", "two")


def test_a_secret_is_not_read_anew_for_every_call_and_a_failure_is_not_kept():
    values = iter([ConfigError("gone"), "one", "two"])

    def source() -> str:
        value = next(values)
        if isinstance(value, ConfigError):
            raise value
        return value

    secret = Secret(source, max_age_s=60)
    with pytest.raises(ConfigError):
        secret.reveal()
    assert (secret.reveal(), secret.reveal()) == ("one", "one")


FORMS = {
    "raw": KEY,
    "raw in capitals": KEY.upper(),
    "json": json.dumps(KEY)[1:-1],
    "json with slashes escaped": KEY.replace("/", "\\/"),
    "json in json in json": json.dumps(json.dumps(KEY.replace("/", "\\/"))).strip('\\"'),
    "json all escaped": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "json escaped twice": "".join(f"\\\\u{ord(c):04X}" for c in KEY),
    "url quoted": quote(KEY, safe=""),
    "url quoted whole": "".join(f"%{ord(c):02x}" for c in KEY),
    "url quoted twice": quote(quote(KEY, safe=""), safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 url": base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
    "basic": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "basic short": base64.b64encode(f":{KEY}".encode()).decode(),
    "bearer": base64.b64encode(f"Bearer {KEY}.".encode()).decode(),
    "with a quote": 'k"\\' + KEY,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_key_is_masked(form: str):
    text = f'{{"error":{{"message":"Incorrect key: {FORMS[form]}, sorry"}}}}'
    masked = KeyMask(KEY).strike(text.encode()).decode()
    assert FORMS[form] not in masked
    assert "[masked]" in masked
    assert masked.startswith('{"error":{"message":"Incorrect key: ')
    assert masked.endswith(', sorry"}}')
    kept = masked.split("key: ")[1].split("[masked]")[0] + masked.split("[masked]")[1].split(", sorry")[0]
    assert len(kept) < 16


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16"])
def test_wide_text_is_masked_too(codec: str):
    masked = KeyMask(KEY).strike(f"key {KEY}!".encode(codec))
    assert KEY.encode("utf-16-le") not in masked
    assert KEY.encode("utf-16-be") not in masked


@pytest.mark.parametrize("key", ["k", "abc", 'a"b\\c/d', "%41%42%43%44", "...***+++"])
def test_odd_keys_are_masked_and_only_they(key: str):
    mask = KeyMask(key)
    assert mask.strike(f"[{key}]".encode()) == b"[[masked]]"
    assert mask.strike(json.dumps([key]).encode()) == b'["[masked]"]'
    assert mask.strike(b"Zz 0 nothing here" if key != "k" else b"nothing here") in (
        b"Zz 0 nothing here",
        b"nothing here",
    )


def test_text_without_the_key_stays_as_it_is():
    text = b'{"error":{"message":"You exceeded sk-test/ your quota %20 \\u0073k","code":"c29tZXRoaW5n"}}'
    assert KeyMask(KEY).strike(text) == text


@pytest.mark.parametrize("noise", ["\\", "%", "%25", "\\u00", "sk-test/Aa+9_", "A", "\\\\u0073"])
def test_hostile_text_takes_linear_time(noise: str):
    text = (noise * (1_000_000 // len(noise))).encode()
    begun = time.process_time()
    KeyMask(KEY).strike(text)
    assert time.process_time() - begun < 2.0
