"""Secrets: the many ways in which configuration, code, commands and people set one.

Every value is made up and put together from pieces, so that scanners of code hosts do not take it for real.
"""

from __future__ import annotations

import string

import pytest
from secrets_kit import found, varied

TOKEN, COINED, MARKED = varied(24), "kulVr57Gg", "Tr0ub4dor" + "&3x"
HEX = "0123456789abcdef"
LOWER = string.ascii_lowercase + string.digits


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"- name: DB_PASSWORD\n  value: {MARKED}\n", MARKED),
        (f'{{"name": "API_TOKEN", "value": "{TOKEN}"}}', TOKEN),
        (f'<property name="password" value="{MARKED}"/>', MARKED),
        (f"<key>APIKey</key>\n<string>{TOKEN}</string>", TOKEN),
        (f"<name>lemon.auth.token</name>\n  <value>{TOKEN}</value>", TOKEN),
        (f"<secret>{{AQAAABAAA {TOKEN}}}</secret>", TOKEN),
        (f'variable "db_password" {{\n  type = string\n  default = "{MARKED}"\n}}', MARKED),
        (f'api_key: str = "{TOKEN}"', TOKEN),
        (f'hmac_key = b"{TOKEN}"', TOKEN),
        (f'key = bytes.fromhex("{varied(32, HEX)}")', varied(32, HEX)),
        (f'builder.password("{MARKED}")', MARKED),
        (f"lemonhub token - '{TOKEN}'", TOKEN),
        (f"lemonhub token = ' {TOKEN} '", TOKEN),
        (f"your lemonhub key is {varied(32, HEX)}.", varied(32, HEX)),
        (f'"host_secret": "{varied(14, LOWER)}"', varied(14, LOWER)),
        (f'metabase "{TOKEN}"', TOKEN),
        (f"<Server><Pass>{MARKED}</Pass></Server>", MARKED),
        (f"statuspage_api: OAuth {varied(64, HEX)}", varied(64, HEX)),
        (f"kind: Secret\nstringData:\n  token: {TOKEN}\n  provider: postgresql\n", TOKEN),
    ],
)
def test_a_value_is_found_however_code_and_configuration_set_it(text, value):
    assert [each for _, each in found(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Password: {}",
        "the password is {}",
        "password={}",
        "user: jane\npw: {}",
        "login: jane / pass: {}",
        "DB_PASS={}",
        "X3_PSWD={}",
        "wpa_passphrase={}",
        "Passwort: {}",
        "mot de passe : {}",
        "contraseña: {}",
        "пароль: {}",
        "密码：{}",
        "비밀번호: {}",
    ],
)
def test_a_coined_password_is_found_without_quotation_marks_and_in_other_languages(text):
    assert found(text.format(COINED)) == [("password", COINED)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my password is lemon42", "lemon42"),
        ("username: jane, password: lemon42", "lemon42"),
        ("account=jane;pwd=lemon42", "lemon42"),
    ],
)
def test_a_plain_password_is_found_where_it_is_told_whose_it_is(text, value):
    assert found(text) == [("password", value)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (f"CREATE USER 'jane'@'%' IDENTIFIED BY '{MARKED}';", "password", MARKED),
        (f"CREATE ROLE jane WITH LOGIN PASSWORD {COINED};", "password", COINED),
        (f"gpg --decrypt --passphrase {COINED}1 notes.gpg", "command_password", f"{COINED}1"),
        (f"shop --api-key {TOKEN}", "command_password", TOKEN),
        (f'openssl rsa -passin "pass:{MARKED}" -in key.pem', "command_password", MARKED),
        (f"docker login -u jane -p {MARKED} registry.example.org", "command_password", MARKED),
        (f"sshpass -p {MARKED} ssh jane@db1", "command_password", MARKED),
        (f'curl_easy_setopt(curl, CURLOPT_USERPWD, "jane:{MARKED}");', "login_call", MARKED),
        (f"jdbc:oracle:thin:jane/{MARKED}@db1:1521:shop", "url_credentials", MARKED),
        (f'requests.get(url, auth=("jane", "{MARKED}"))', "login_call", MARKED),
        (f"smtps://jane@example.org:{COINED}@smtp.example.org:465", "url_credentials", COINED),
        (f'{{"kty": "oct", "k": "{varied(43)}"}}', "private_key", varied(43)),
        (f'{{"kty": "EC", "crv": "P-256", "d": "{varied(43)}"}}', "private_key", varied(43)),
    ],
)
def test_a_value_is_found_in_statements_commands_calls_and_keys(text, kind, value):
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("docker_token", "SWM" + "TKN-1-" + varied(50, LOWER) + "-" + varied(25, LOWER)),
        ("cloudflare_key", "cf" + "at_" + varied(44)),
        ("generic", "tg" + "p_v1_" + varied(43)),
        ("generic", "ll" + "x-" + varied(48)),
        ("generic", "SU" + varied(56, string.ascii_uppercase + "234567")),
        ("generic", "root" + "ly_" + varied(64, HEX)),
        ("generic", "ml" + "sn." + varied(64, HEX)),
        ("generic", "oapi.dingtalk.com/robot/send?access_" + "token=" + varied(64, HEX)),
    ],
)
def test_more_issuers_forms_are_found(kind, value):
    assert found(f"see {value} there") == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "password: Sha256Hash",
        "passwordEncoder=Bcrypt12Encoder",
        "password = hunter",
        "my password is sha256 hashed",
        "12 tests pass: 10, fail: 2",
        "pass=42 fail=0",
        "getPassword('User1')",
        'String label = t("password", "Password1")',
        "shop --password-file /run/secrets/db1",
        "shop --token ${{ secrets.TOKEN }}",
        "shop --password <password>",
        "the rows are identified by the 3rd column",
        "These are not natively identified by Phileas.",
        "a node is identified by `node_id_2` or by Sha256Sum",
        'kind: Secret\nstringData:\n  type: "postgresql"\n  host: "demo-database"\n',
        "CREATE USER jane IDENTIFIED BY '${PASSWORD}';",
        "curl_easy_setopt(curl, CURLOPT_PASSWORD, password);",
        '{"name": "token", "value": "{{token}}"}',
        "- name: API_TOKEN\n  valueFrom:\n    secretKeyRef: {name: shop, key: token}",
        '- name: SECRET_NAME\n  value: "shop-secret-v2"',
        'variable "db_password" {\n  type = string\n}',
        '  key: "kubernetes.io/e2e-az-name"',
        f'{{"kty": "RSA", "n": "{varied(86)}", "e": "AQAB"}}',
        "http://jane@example.org:8080/@shop",
        "<name>token</name>\n<value>${token}</value>",
        "docker run -p 8080:80 shop",
        "username: jane, password: ********",
    ],
)
def test_what_only_looks_as_if_something_were_set_is_none(text):
    assert found(text) == []
