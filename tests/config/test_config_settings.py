"""Settings are read strictly; every mistake is told at once, with its path, and never with a secret."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplane.config import (
    SecretRef,
    accept_plaintext,
    build,
    is_loopback_url,
    load,
    override,
    split_address,
    unreadable,
)
from dataplane.errors import ConfigError

BASE = Path("/etc/regogate")
OPENAI = {"base_url": "https://api.example/v1"}


def problems(raw: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(raw, BASE)
    return caught.value.problems


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([], "(top level): must be a mapping"),
        ("text", "(top level): must be a mapping"),
        (None, "(top level): must be a mapping"),
        ({"sever": {}}, "sever: unknown key; did you mean server? (allowed here: server, admin,"),
        ({"zzz": 1}, "zzz: unknown key (allowed here:"),
        ({"server": {"bnd": "x"}}, "server.bnd: unknown key; did you mean bind?"),
        ({"server": {"tls": {"cert": "c", "kye": "k"}}}, "server.tls.key: field required"),
        ({"policy": {"opa": {"pat": "x"}}}, "policy.opa.pat: unknown key; did you mean path?"),
        (
            {"upstreams": {"a": OPENAI | {"modles": []}}},
            "upstreams.a.modles: unknown key; did you mean models?",
        ),
        ({"upstreams": {"key": OPENAI | {"modles": []}}}, "upstreams.key.modles: unknown key; did you mean"),
        ({"upstreams": {"a": OPENAI | {"key": {"fil": "x"}}}}, "upstreams.a.key.fil: unknown key; did you"),
        ({"server": None}, "server: must be a mapping"),
        ({"server": {"bind": "localhost"}}, "server.bind: must be HOST:PORT"),
        ({"server": {"bind": ":80"}}, "server.bind: must be HOST:PORT"),
        ({"server": {"bind": "h:65536"}}, "server.bind: must be HOST:PORT"),
        ({"server": {"bind": "h:\u0663"}}, "server.bind: must be HOST:PORT"),
        ({"server": {"max_body_bytes": "5"}}, "server.max_body_bytes: must be a whole number"),
        ({"server": {"trusted_proxies": "10.0.0.0/8"}}, "server.trusted_proxies: must be a list"),
        ({"server": 5}, "server: must be a mapping"),
        ({"upstreams": [1]}, "upstreams: must be a mapping"),
        ({"instance": 5}, "instance: must be text"),
        ({"server": {"max_body_bytes": True}}, "server.max_body_bytes: must be a whole number"),
        ({"server": {"max_body_bytes": 0}}, "server.max_body_bytes: input should be greater"),
        ({"server": {"body_timeout_s": 31}}, "server.body_timeout_s: input should be less"),
        ({"server": {"write_timeout_s": float("inf")}}, "server.write_timeout_s: input should be a finite"),
        ({"server": {"graceful_s": float("nan")}}, "server.graceful_s: input should be a finite number"),
        ({"server": {"trusted_proxies": ["10.0.0.1/8"]}}, "server.trusted_proxies.0: 10.0.0.1/8 has host"),
        ({"server": {"tls": {"cert": "c", "key": "k", "client_auth": "required"}}}, "server.tls: client_ca"),
        ({"server": {"tls": {"cert": "c", "key": "k", "min_version": "1.1"}}}, "server.tls.min_version"),
        ({"policy": {"opa": {"path": "a", "socket": "b"}}}, "policy.opa: give path (run OPA as a child)"),
        ({"policy": {"deadline_ms": 0}}, "policy.deadline_ms: input should be greater"),
        ({"policy": {"bundle": {"channel": "Prod_EU"}}}, "policy.bundle.channel: must be 1 to 64 of a-z"),
        ({"policy": {"bundle": {"keys": {"a b": "k"}}}}, "policy.bundle.keys.a b: string should match"),
        ({"upstreams": {"a": {}}}, "upstreams.a: base_url is required for kind openai"),
        ({"upstreams": {"a": {"kind": "demo"} | OPENAI}}, "upstreams.a: base_url is required for kind"),
        ({"upstreams": {"a": {"kind": "azure"}}}, "upstreams.a.kind: must be 'openai' or 'demo'"),
        ({"upstreams": {"a": {"base_url": "http://10.0.0.1/v1"}}}, "upstreams.a: plain http only to loop"),
        ({"upstreams": {"a": OPENAI | {"key": {}}}}, "upstreams.a.key: give exactly one of file, env"),
        ({"upstreams": {"a": OPENAI | {"key": {"file": "x", "env": "Y"}}}}, "upstreams.a.key: give exactly"),
        ({"limits": {"store": "redis"}}, "limits.store: must be memory, redis://HOST"),
        ({"limits": {"store": "redis://h:70000"}}, "limits.store: must be memory, redis://HOST"),
        ({"limits": {"store": "redis://u:hunter2@h"}}, "limits.store: the password has a place of its own"),
        ({"limits": {"store": "redis://:hunter2@h"}}, "limits.store: the password has a place of its own"),
        ({"limits": {"store": "http://h"}}, "limits.store: must be memory"),
        ({"limits": {"cluster": True}}, "limits: cluster belongs to a store that is shared"),
        ({"limits": {"store": "redis://h", "ca_file": "c"}}, "limits: ca_file belongs to a rediss:// store"),
        ({"limits": {"store": "redis://h/3", "cluster": True}}, "limits: a cluster is reached by"),
        ({"limits": {"share": 0}}, "limits.share: input should be greater"),
        ({"limits": {"share": 1.5}}, "limits.share: input should be less"),
        ({"telemetry": {"log_level": False}}, "telemetry.log_level: must be 'debug'"),
        ({"data_dir": 5}, "data_dir: input is not a valid path"),
        ({"instance": "a b"}, "instance: string should match"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_path(raw: Any, says: str) -> None:
    told = problems(raw)
    assert any(problem.startswith(says) for problem in told), told


def test_every_mistake_is_told_at_once() -> None:
    raw = {"servr": {}, "server": {"bind": "x"}, "upstreams": {"a": {"kind": "x"}}, "audit": {"queue": 0}}
    assert {problem.split(":")[0] for problem in problems(raw)} == {
        "servr",
        "server.bind",
        "upstreams.a.kind",
        "audit.queue",
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example",
        "ftp://h",
        "HTTPS://h",
        "https://",
        "https://u:p@h/",
        "https://h/v1?x=1",
        "https://h/v1#f",
        "https://h:99999/",
        "https://h:80evil/",
        "https://[::1",
        "https://[zz]/",
        "https://[::1]x/",
        "https://a b/",
        "https://h/\n",
        "https://h\n",
        "https://.h/",
        "https://-/",
    ],
)
def test_an_address_of_a_service_is_one_that_cannot_mean_another(url: str) -> None:
    told = problems({"policy": {"bundle": {"url": url}}})
    assert all(problem.startswith("policy.bundle.url: ") for problem in told)


@pytest.mark.parametrize(
    "url",
    ["https://h", "http://127.0.0.1:8080/v1/", "https://[::1]:8443/a/b.tar.gz", "https://a-b.c_d./x:y@z"],
)
def test_an_ordinary_address_of_a_service_is_taken(url: str) -> None:
    assert build({"upstreams": {"a": {"base_url": url}}}, BASE).upstreams["a"].base_url == url


@pytest.mark.parametrize("url", ["https://h", "https://h/", "https://h/bundles/"])
def test_a_bundle_s_address_names_the_bundle(url: str) -> None:
    (told,) = problems({"policy": {"bundle": {"url": url}}})
    assert told.startswith("policy.bundle: url must name the bundle, such as https://")
    (told,) = problems({"policy": {"bundle": {"token": {"env": "X"}}}})
    assert told.startswith("policy: bundle.token goes with bundle.url, or with opa.socket")


@pytest.mark.parametrize(
    ("bundle", "said"),
    [
        ({"kind": "s3"}, "kind belongs to url"),
        ({"kind": "ftp", "url": "https://h/x"}, "must be 'http', 's3' or 'oci'"),
        ({"kind": "s3", "url": "https://h/b/x.tar.gz", "token": {"env": "X"}}, "takes no token"),
        ({"kind": "oci", "url": "https://h/policies"}, "must name a tag"),
    ],
)
def test_a_kind_of_bundle_server_is_refused_without_what_it_needs(
    bundle: dict[str, object], said: str
) -> None:
    (told,) = problems({"policy": {"bundle": bundle}})
    assert said in told


def test_a_bundle_may_come_from_storage_or_a_registry() -> None:
    for bundle in (
        {"kind": "s3", "url": "https://s3.example/bucket/prod/bundle.tar.gz"},
        {"kind": "oci", "url": "https://registry.example:5000/team/policies:prod", "token": {"env": "X"}},
    ):
        assert build({"policy": {"bundle": bundle}}, BASE).policy.bundle.kind == bundle["kind"]


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://localhost/v1", True),
        ("http://localhost:8080", True),
        ("http://127.9.9.9:1/", True),
        ("http://[::1]:8080/v1", True),
        ("http://[::1]", True),
        ("http://localhost.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://example/localhost", False),
        ("http://10.0.0.1/127.0.0.1", False),
        ("http://[::2]/", False),
    ],
)
def test_loopback_is_what_cannot_leave_this_machine(url: str, is_loopback: bool) -> None:
    assert is_loopback_url(url) is is_loopback


def test_an_address_is_split_with_and_without_brackets() -> None:
    assert split_address("[::1]:0") == ("::1", 0)
    assert split_address("h:65535") == ("h", 65535)


def test_relative_paths_and_the_defaults_belong_to_the_folder_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "regogate.yaml"
    config.write_text("")
    loaded = load(config)
    assert loaded.data_dir == tmp_path / "regogate-data"
    assert loaded.audit.database == f"sqlite:///{tmp_path}/regogate.db"

    raw = {
        "server": {"tls": {"cert": "tls/c.pem", "key": "/abs/k.pem"}},
        "policy": {
            "bundle": {"keys": {"k1": "keys/k1.pem"}, "url": "https://h/b", "token": {"file": "token"}}
        },
        "upstreams": {"a": OPENAI | {"key": {"file": "key"}, "ca_file": "ca.pem"}},
        "audit": {"database": "sqlite+pysqlite:///records.db"},
        "data_dir": "state",
    }
    built = build(raw, BASE)
    assert built.server.tls is not None
    assert (built.server.tls.cert, built.server.tls.key) == (BASE / "tls/c.pem", Path("/abs/k.pem"))
    assert built.policy.bundle.keys == {"k1": BASE / "keys/k1.pem"}
    assert built.policy.bundle.token == SecretRef(file=BASE / "token")
    assert built.upstreams["a"].key == SecretRef(file=BASE / "key")
    assert built.upstreams["a"].ca_file == BASE / "ca.pem"
    assert built.audit.database == "sqlite:////etc/regogate/records.db"
    assert built.data_dir == BASE / "state"


@pytest.mark.parametrize(
    "url", ["sqlite:////var/x.db", "sqlite:///:memory:", "postgresql://h/d", "sqlite://"]
)
def test_a_database_that_is_not_a_relative_file_stays_as_it_is(url: str) -> None:
    assert build({"audit": {"database": url}}, BASE).audit.database == url


def test_assignments_make_what_is_missing_and_replace_what_is_there() -> None:
    raw: dict[str, Any] = {"server": {"bind": "h:1"}}
    override(raw, ["server.bind=127.0.0.1:0", "server.max_body_bytes=2048", 'upstreams.a={"kind": "demo"}'])
    override(raw, ["upstreams.a.models=[m, 'n*']", "telemetry.log_level=debug"])
    built = build(raw, BASE)
    assert (built.server.bind, built.server.max_body_bytes) == ("127.0.0.1:0", 2048)
    assert built.upstreams["a"].models == ("m", "n*")
    assert built.telemetry.log_level == "debug"


def test_every_bad_assignment_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        override({"data_dir": "x"}, ["novalue", "=5", "a.b=[", "data_dir.sub=1", "a.c=*x", "ok=1"])
    told = [problem.split(":")[0] for problem in caught.value.problems]
    assert told == ["--set novalue", "--set ", "--set a.b", "--set data_dir.sub", "--set a.c"]


def test_an_assigned_unknown_key_is_told_like_one_in_the_file(tmp_path: Path) -> None:
    config = tmp_path / "f.yaml"
    config.write_text("server: {}\n")
    with pytest.raises(ConfigError, match=r"server\.bnd: unknown key; did you mean bind\?"):
        load(config, ["server.bnd=x"])


SECRET = "sk-live-4242"


@pytest.mark.parametrize(
    "raw",
    [
        {"upstreams": {"a": OPENAI | {"key": SECRET}}},
        {"upstreams": {"a": OPENAI | {"key": [SECRET]}}},
        {"upstreams": {"a": OPENAI | {"key": {"file": [SECRET]}}}},
        {"upstreams": {"a": OPENAI | {"key": {"env": {SECRET: 1}}}}},
        {"upstreams": {"a": OPENAI | {"key": {"value": SECRET}}}},
        {"upstreams": {"a": {"base_url": f"https://user:{SECRET}@h/v1"}}},
        {"upstreams": {"a": {"base_url": f"https://h/v1?key={SECRET}"}}},
        {"policy": {"bundle": {"token": SECRET}}},
        {"audit": {"hash_key": SECRET}},
        {"audit": {"database": [SECRET]}},
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_without_showing_it(raw: Any) -> None:
    assert SECRET not in "\n".join(problems(raw))


def test_a_password_in_the_database_url_is_not_shown() -> None:
    built = build({"audit": {"database": f"postgresql://u:{SECRET}@h/d"}}, BASE)
    assert SECRET not in f"{built!r} {built} {built.audit!r}"


def test_a_secret_is_read_from_its_file_or_variable_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text(f"  {SECRET}\n")
    monkeypatch.setenv("RG_TEST_KEY", f"{SECRET}\n")
    for reference in (SecretRef(file=path), SecretRef(env="RG_TEST_KEY")):
        assert reference.read() == SECRET
        assert SECRET not in f"{reference!r} {reference}"


def test_references_that_cannot_be_read_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff" + SECRET.encode())
    (tmp_path / "large").write_text(SECRET * 10_000)
    os.mkfifo(tmp_path / "pipe")

    def upstream(reference: Mapping[str, str]) -> dict[str, Any]:
        return OPENAI | {"key": reference}

    config = tmp_path / "f.yaml"
    raw = {
        "server": {"tls": {"cert": "none.pem", "key": "."}},
        "policy": {"bundle": {"keys": {"k1": "pipe"}}, "opa": {"socket": "not-yet.sock"}},
        "upstreams": {
            "absent": upstream({"file": "none"}),
            "empty": upstream({"file": "empty"}),
            "binary": upstream({"file": "binary"}),
            "large": upstream({"file": "large"}),
            "pipe": upstream({"file": "pipe"}),
            "folder": upstream({"file": "."}),
            "variable": upstream({"env": "RG_TEST_NOT_SET"}),
            "odd": upstream({"env": "A=B"}),
        },
    }
    config.write_text(yaml.safe_dump(raw))
    with pytest.raises(ConfigError) as caught:
        load(config)
    told = dict(problem.split(": ", 1) for problem in caught.value.problems)
    assert told == {
        "server.tls.cert": f"{tmp_path}/none.pem: no such file",
        "server.tls.key": f"{tmp_path}: is not a file",
        "policy.bundle.keys.k1": f"{tmp_path}/pipe: is not a file",
        "upstreams.absent.key": f"{tmp_path}/none: No such file or directory",
        "upstreams.empty.key": f"{tmp_path}/empty: is empty",
        "upstreams.binary.key": f"{tmp_path}/binary: not text",
        "upstreams.large.key": f"{tmp_path}/large: too large for a secret",
        "upstreams.pipe.key": f"{tmp_path}/pipe: is not a file",
        "upstreams.folder.key": f"{tmp_path}: is not a file",
        "upstreams.variable.key": "environment variable RG_TEST_NOT_SET is not set or empty",
        "upstreams.odd.key": "environment variable A=B is not set or empty",
    }
    assert SECRET not in str(caught.value)


def test_a_reference_no_system_can_hold_is_unreadable_not_a_crash() -> None:
    for reference in ({"file": "a\0b"}, {"env": "a\ud800"}, {"env": "a\0b"}, {"file": "\ud800"}):
        built = build({"upstreams": {"a": OPENAI | {"key": reference}}}, BASE)
        (problem,) = unreadable(built)
        assert problem.startswith("upstreams.a.key: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"- a\n", "must be a mapping"),
        (b"a", "mapping"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    config = tmp_path / "f.yaml"
    if content is not None:
        config.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        load(config)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_dev_accepts_plain_http_where_an_entry_does_not_refuse_it() -> None:
    far = "http://models.example.org"
    issuer = {"issuer": far, "audience": "a", "jwks_url": f"{far}/jwks"}
    raw: dict[str, Any] = {"upstreams": {"a": OPENAI | {"base_url": far}}, "identity": {"jwt": [issuer]}}
    with pytest.raises(ConfigError, match="plain http only to loopback"):
        build(copy.deepcopy(raw), BASE)
    accept_plaintext(raw)
    assert build(copy.deepcopy(raw), BASE).identity.jwt[0].allow_plaintext is True
    for odd in ({"upstreams": 5, "identity": 5}, {"upstreams": {"a": 5}, "identity": {"jwt": 5}}, {}):
        accept_plaintext(odd)
    raw["upstreams"]["a"]["allow_plaintext"] = False
    accept_plaintext(raw)
    with pytest.raises(ConfigError, match=r"upstreams\.a: plain http"):
        build(raw, BASE)


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    built = build({}, BASE)
    with pytest.raises(ValueError, match="frozen"):
        built.instance = "other"
