"""What Rego may call: OPA's builtins without those that are not functions of their arguments."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from policy_kit import CAPABILITIES

FORBIDDEN = (
    "http.send",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rand.intn",
    "uuid.rfc4122",
    "time.now_ns",
    # these read the clock, the time zones of the machine, or randomness
    "io.jwt.decode_verify",
    "io.jwt.encode_sign",
    "io.jwt.encode_sign_raw",
    "crypto.x509.parse_and_verify_certificates",
    "crypto.x509.parse_and_verify_certificates_with_options",
    "time.clock",
    "time.date",
    "time.weekday",
    "time.format",
    "time.diff",
    "time.parse_ns",
    # these write to OPA's log, where facts of a call have no place
    "print",
    "trace",
)


def test_capabilities_are_opas_without_the_forbidden(opa_binary: Path) -> None:
    done = subprocess.run([str(opa_binary), "capabilities", "--current"], capture_output=True, check=True)
    current = {builtin["name"]: builtin for builtin in json.loads(done.stdout)["builtins"]}
    ours = json.loads(CAPABILITIES.read_text())
    assert ours["allow_net"] == []
    assert not any(feature.startswith("rego_v2") for feature in ours["features"])
    for builtin in ours["builtins"]:
        assert builtin == current[builtin["name"]]
        assert not builtin.get("nondeterministic")
    assert not {builtin["name"] for builtin in ours["builtins"]} & set(FORBIDDEN)


@pytest.mark.parametrize("call", ["http.send({})", "time.now_ns()", "rand.intn(`a`, 2)", "opa.runtime()"])
def test_rego_that_calls_a_forbidden_builtin_does_not_compile(
    opa_binary: Path, short_dir: Path, call: str
) -> None:
    file = short_dir / "t.rego"
    file.write_text(f"package t\n\nanswer := {call}\n")
    command = [str(opa_binary), "check", "--capabilities", str(CAPABILITIES), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "undefined function" in done.stderr
