"""Secrets: what is found, and what only stands for one.

Every value is made up and put together from pieces, so that scanners of code hosts do not take it for real.
"""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secrets_kit import ENGINE, RECOGNIZER, found, varied

from dataplane.findings import Origin
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizers import secrets

HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
UUID = "-".join(varied(n, HEX, str(n)) for n in (8, 4, 4, 4, 12))
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1","name":"nobody"}', varied(32).encode())
)
PEM = (
    "-----BEGIN "
    + "RSA PRIVATE KEY-----\n"
    + "\n".join(varied(64, seed=n) for n in "abc")
    + "\n-----END RSA "
    + "PRIVATE KEY-----"
)

FORMS = {
    "aws_access_key": "AK" + "IA" + varied(16, UPPER),
    "github_token": "gh" + "p_" + varied(36),
    "gitlab_token": "gl" + "pat-" + varied(20),
    "slack_token": "xo"
    + "xb-"
    + varied(12, "123456789")
    + "-"
    + varied(12, "123456789", "b")
    + "-"
    + varied(24),
    "stripe_key": "sk" + "_live_" + varied(24),
    "openai_key": "sk" + "-proj-" + varied(64),
    "anthropic_key": "sk" + "-ant-api03-" + varied(93) + "AA",
    "huggingface_token": "h" + "f_" + varied(34, string.ascii_letters),
    "gcp_api_key": "AI" + "za" + varied(35),
    "npm_token": "np" + "m_" + varied(36),
    "pypi_token": "py" + "pi-AgEIcHlwaS5vcmc" + varied(60),
    "sendgrid_key": "S" + "G." + varied(22) + "." + varied(43, seed="b"),
    "telegram_token": varied(9, "123456789") + ":A" + varied(34),
    "digitalocean_token": "do" + "p_v1_" + varied(64, HEX),
    "databricks_token": "da" + "pi" + varied(32, HEX),
    "vault_token": "hv" + "s." + varied(90),
    "shopify_token": "sh" + "pat_" + varied(32, HEX),
    "grafana_token": "gl" + "sa_" + varied(32) + "_" + varied(8, HEX),
    "onepassword_token": "op" + "s_eyJ" + varied(250),
    "jwt": JWT,
    "private_key": PEM,
}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("around", ["{}", "see {} there", 'x = "{}"', "key={}\n", "`{}`", "<a>{}</a>"])
def test_a_value_of_an_issuers_form_is_found_wherever_it_stands(kind, around):
    assert found(around.format(FORMS[kind])) == [(kind, FORMS[kind])]


@pytest.mark.parametrize("kind", sorted(FORMS.keys() - {"jwt", "private_key"}))
def test_a_placeholder_of_the_same_form_is_none(kind):
    value = FORMS[kind]
    masked = value[: len(value) // 4] + "x" * (len(value) - len(value) // 4)
    assert found(f'token = "{masked}"') == []


HEX64, MIXED, PASSWORD = varied(64, HEX), varied(32), "Tr0ub4dor" + "&3x"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (f'api_key = "{MIXED}"', "generic", MIXED),
        (f"client_secret: {MIXED}", "generic", MIXED),
        (f'{{"access_token": "{HEX64}"}}', "generic", HEX64),
        (f"SNYK_TOKEN ?= {UUID}", "generic", UUID),
        (f'const herokuKey = "{UUID}"', "generic", UUID),
        (f'set("api_token", "{MIXED}")', "generic", MIXED),
        (f"<authToken>\n  {MIXED}\n</authToken>", "generic", MIXED),
        (f"sourcegraph: {varied(40, HEX)}", "generic", varied(40, HEX)),
        (f'password = "{PASSWORD}"', "password", PASSWORD),
        (f'if name == "anna" and password == "{PASSWORD}":', "password", PASSWORD),
        ("Server=db1;User Id=anna;Password=lemontree;Database=shop;", "password", "lemontree"),
        (f"lemonhub TOKEN {varied(40, HEX)}", "generic", varied(40, HEX)),
        (f'ConvertTo-SecureString "{MIXED}" -AsPlainText', "generic", MIXED),
        (f"DB_PASSWORD={PASSWORD}", "password", PASSWORD),
        (f"my password is {PASSWORD}", "password", PASSWORD),
        (f"postgres://app:{PASSWORD}@db.example.org/x", "url_credentials", PASSWORD),
        (f"curl -u admin:{PASSWORD} https://example.org", "curl_user", f"admin:{PASSWORD}"),
        (f"Authorization: Bearer {MIXED}", "authorization", MIXED),
        (f"-H 'X-Api-Key: {MIXED}'", "authorization", MIXED),
        (f"machine example.org login me password {PASSWORD}", "netrc", PASSWORD),
        (f"kind: Secret\ndata:\n  key: {varied(24)}\n", "kubernetes", varied(24)),
        (f'<add key="ClearTextPassword" value="{MIXED}" />', "config_password", MIXED),
        (f"lemonhub ACCESS {varied(40, HEX)}", "generic", varied(40, HEX)),
        (f"lemonhubKEY-{UUID}", "generic", UUID),
        (
            f"lemonhub_key={string.ascii_lowercase}{varied(12)}",
            "generic",
            string.ascii_lowercase + varied(12),
        ),
        (f'<string name="lemon_key">{varied(32, HEX)}</string>', "generic", varied(32, HEX)),
        ("Server=db1;User Id=anna;Password=lem9n;Database=shop;", "password", "lem9n"),
        ("mongodb://anna:lem@n42!@db.example.org/x", "url_credentials", "lem@n42!"),
        (f'new NetworkCredential("anna", "{PASSWORD}")', "login_call", PASSWORD),
        (f"mysqldump -u root -p{PASSWORD} shop", "command_password", PASSWORD),
        ("run_id=call_" + FORMS["aws_access_key"], "aws_access_key", FORMS["aws_access_key"]),
    ],
)
def test_a_varied_value_under_a_telling_name_is_found(text, kind, value):
    assert (kind, value) in found(text) or value in [each for _, each in found(text)]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "YOUR_API_KEY"',
        "token: <your token here>",
        "password: ********",
        'secret = "${SECRET}"',
        "export API_KEY=$(vault read key)",
        "headers = {'Authorization': v4lemon_header}",
        'SECRET_KEY = "prefix_of_the_key(load_key_1(name), Settings_2)"',
        "password == other.password",
        'addPassword = "#add-password-2"',
        '"set-your-password": "/en/server@3.0/auth"',
        'key = os.environ["API_KEY"]',
        "apiKey: process.env.API_KEY,",
        'token = get_token(user_id="12345")',
        'primary_key = "user_id_2023_backup"',
        f"commit {varied(40, HEX)}",
        f"sha256:{HEX64}",
        f"request_id={UUID}",
        f'"credentialsId": "{UUID}"',
        f'"integrity": "sha512-{varied(86)}=="',
        f'public_key = "{MIXED}"',
        "max_tokens=4096, tokenizer: cl100k_base",
        'keyboard: "us-intl-2023", author: "Jane Doe 1984"',
        "12:30:45 INFO [auth] user=jane session ok in 123 ms",
        "curl -u user https://example.org",
        "https://example.org/path?key=value&page=2",
        "postgres://user:password@localhost/db",
        "postgres://$USER:$PASSWORD@host/db",
        "-----BEGIN PUBLIC KEY-----\n" + varied(64) + "\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "the secret of success is hard work, the key to it is patience",
        "embedded := s.findMatchedEmbeddedCheck(name)",
        "'/forgot-password' => \"shop/sites/passwords#update\"",
        "AUTH_SERVICE: kubernetes:///auth-service.shop-staging:50100",
        f'const keyStr = "{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+/="',
        f'const validKeyChars = "{string.digits}{string.ascii_lowercase}_-."',
        "secretary: 40517283946172839405s",
        '"2_keys.up.sql": _000001_add_api_keysUpSql,',
        "default-token-abc12 and token-management-service-2019",
        'login("anna", password)',
        'KeyPair = Ed25519.KeyPair; schemaKey = "DOC_Vector_5_32"',
        'validChars = "abcdefghijklmnopqrstuvwxyz0123456789"; keyChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"',
    ],
)
def test_ordinary_code_hashes_logs_and_placeholders_hold_none(text):
    assert found(text) == []


def test_a_private_key_that_is_cut_off_is_found_to_the_end():
    cut = PEM[: len(PEM) - 60]
    assert found(cut) == [("private_key", cut)]


def test_kinds_and_values_can_be_left_out():
    recognizer = secrets.make({"skip": ["secret.jwt"], "allow": [FORMS["npm_token"]]})
    engine = Engine(recognizer.patterns)
    text = f"{JWT} {FORMS['npm_token']} {FORMS['github_token']}"
    assert found(text, recognizer, engine) == [("github_token", FORMS["github_token"])]


def test_an_unknown_kind_to_skip_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        secrets.make({"skip": ["secret.nothing"]})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["key", "password", "=", ":", '"', " ", "ghp_", "://", "@", "a1B2c3D4", "\n", "é", "-u"]
        ),
        max_size=25,
    )
)
def test_any_text_gives_ranges_within_it_that_do_not_overlap(pieces):
    text, reach = "".join(pieces), 0
    for each in RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER):
        assert reach <= each.start < each.end <= len(text)
        reach = each.end
