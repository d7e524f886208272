"""Secrets: what random values look like beside names and words, and the files and headers that hold some.

Every value is made up and put together from pieces, so that scanners of code hosts do not take it for real.
"""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secrets_kit import found, varied

from dataplane.inspection.recognizers import secrets_value

HEX = "0123456789abcdef"
TOKEN, LETTERS, SHORT = varied(24), varied(24, string.ascii_letters), "vZr" + "EclFwOqeA"
LOGIN = base64.b64encode(b"jane:open sesame").decode()
ANY = "MW1p" + "xMctoyA(>M%0Vl 2(#o0|2$cB+K|.G$hB~4`Juw@]:(5"
DEAD = "0dead" + "beef" * 7
UUID = "-".join(varied(n, HEX, str(n)) for n in (8, 4, 4, 4, 12))


@pytest.mark.parametrize("value", [LETTERS, SHORT, varied(20), varied(64, string.ascii_letters, "b")])
def test_random_letters_are_no_name_and_are_scrambled_or_do_not_read(value):
    assert not secrets_value.is_name(value)
    assert secrets_value.is_scrambled(value) or not secrets_value.reads(value)


@pytest.mark.parametrize(
    "value",
    ["login_2fa_token", "AUTH_AZURE_AD_B2C_CLIENT_SECRET", "CredentialRecordEntity"],
)
def test_what_code_is_called_is_a_name_and_not_scrambled(value):
    assert secrets_value.is_name(value)
    assert not secrets_value.is_scrambled(value)


@given(st.text(max_size=40))
def test_any_text_is_judged_and_may_be_set(value):
    for judge in (secrets_value.is_name, secrets_value.is_scrambled, secrets_value.encodes_login):
        assert judge(value) in (True, False)
    text = f"token = \"{value}\", password = '{value}', cookie: {value}=a"
    assert all(each in text for _, each in found(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"api_token={LETTERS}", LETTERS),
        (f"lemonhub token = '{SHORT}'", SHORT),
        (f"DEPLOY_KEY: {varied(36, string.ascii_letters, 'c')}", varied(36, string.ascii_letters, "c")),
        (f"my_pat = '{TOKEN}'", TOKEN),
        (f'"X-Lemonhub-Server-Token": "{UUID}"', UUID),
        (f'"secret_id": "{UUID}"', UUID),
        (f"shop.login={varied(40, HEX)}", varied(40, HEX)),
        (f'private_key = "0x{varied(64, HEX)}"', "0x" + varied(64, HEX)),
        (f"lemonhub SECRET key {varied(32, HEX)}", varied(32, HEX)),
        (f"metabase key {varied(32, HEX)}", varied(32, HEX)),
        (f'new Metabase("{TOKEN}")', TOKEN),
        (f"define('AUTH_KEY',         '{ANY}');", ANY),
        (f'config = "{{\\"api_key\\": \\"{TOKEN}\\"}}"', TOKEN),
        (f"field 'API_KEY' , '\"{TOKEN}\"'", TOKEN),
        (f"ConvertTo-SecureString -String '{TOKEN}'", TOKEN),
        (f'"auth": "{LOGIN}"', LOGIN),
        (f"Bearer {TOKEN}", TOKEN),
    ],
)
def test_a_random_value_is_found_by_its_shape(text, value):
    assert [each for _, each in found(text)] == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password=lemontree42\n", "lemontree42"),
        ("export DB_PASSWORD=lemontree42 # for tests", "lemontree42"),
        ("<pwd>lemontree42</pwd>", "lemontree42"),
        ("password = '`lemon-4zZ'", "`lemon-4zZ"),
        ('if user == "jane" and password == "lemon7":', "lemon7"),
        ("$dbuser = 'root';\n# the password\n$dbpasswd = 'lemon7';", "lemon7"),
        ("username = 'jane'\npassword = 'lemontree'", "lemontree"),
        ("The password is 'Lemon123'", "Lemon123"),
        ('{"name": "DB_PASSWORD", "value": "lemon@tree"}', "lemon@tree"),
        (f'<Pass encoding="base64">{varied(40)}</Pass>', varied(40)),
        (f"wget --password={SHORT} https://example.org", SHORT),
    ],
)
def test_a_password_is_found_in_a_line_of_its_own_or_beside_its_user(text, value):
    assert [each for _, each in found(text)] == [value]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (f"Authorization: Basic {LOGIN}", "authorization", LOGIN),
        (f'headers.set("Authorization", "Bearer {TOKEN}")', "authorization", TOKEN),
        (f"Cookie: theme=dark; sessionid={TOKEN}; lang=en", "generic", TOKEN),
        ("machine imap.example.org login jane password lemon7", "netrc", "lemon7"),
        ("mongodb://shop:lemontree@db.example.org/x", "url_credentials", "lemontree"),
        ("mongodb://shop:lemons@db.example.org/x", "url_credentials", "lemons"),
        ('new PSCredential ( "jane" , "lemon_TREE1")', "login_call", "lemon_TREE1"),
        ('DriverManager.getConnection(url, "jane", "lemon_TREE1")', "login_call", "lemon_TREE1"),
        ('new DirectoryEntry("LDAP://x",\n    "jane",\n    "Lemon1234");', "login_call", "Lemon1234"),
    ],
)
def test_a_value_is_found_in_headers_files_and_calls(text, kind, value):
    assert (kind, value) in [(each, text.strip("\"'")) for each, text in found(text)]


PPK = "Private-Lines: 2\n" + f"{varied(64)}\n{varied(64, seed='b')}\n"
ENCODED = base64.b64encode(b"-----BEGIN RSA PRIVATE " + b"KEY-----\n" + varied(90).encode()).decode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"PuTTY-User-Key-File-2: ssh-rsa\n{PPK}Private-MAC: 67", PPK),
        (f"<RSAKeyValue><D>{varied(64)}=</D></RSAKeyValue>", f"<D>{varied(64)}=</D>"),
        (f"client-key-data: {ENCODED}", ENCODED),
        (f"der: MII{'Eow'}IBAAKCAQEA{varied(200)}", f"MII{'Eow'}IBAAKCAQEA{varied(200)}"),
    ],
)
def test_private_keys_are_found_in_other_forms_too(text, value):
    assert found(text) == [("private_key", value)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("stripe_key", "sk" + "_live_" + DEAD[:24]),
        ("digitalocean_token", "do" + "p_v1_" + varied(64, HEX) + "other"),
        ("aws_access_key", "AK" + "IA1984R439T439HTH4"),
        ("generic", "BB" + "DC-" + varied(44)),
        ("generic", "sp" + "u-" + varied(32, HEX)),
        ("generic", "pdl" + "_live_apikey_" + varied(26, HEX) + "_" + varied(22) + "_a1B"),
        ("generic", "sy" + "t_amFuZQ_" + varied(20, string.ascii_letters) + "_a1B2c3"),
        ("generic", "vk" + "1.a." + varied(80)),
        ("generic", varied(24, HEX) + ":" + varied(64, HEX, "b")),
        ("generic", "GO" + "OG" + varied(57, string.ascii_uppercase + string.digits)),
        ("generic", "signkey" + "-prod-" + varied(64, HEX)),
        ("generic", "lemon" + "_live_" + varied(32)),
        ("generic", "sk" + "-lemon-" + varied(32)),
    ],
)
def test_more_issuers_forms_and_what_many_of_them_agree_on_are_found(kind, value):
    of = value.removesuffix("other")
    assert found(f"see {value} there") == [(kind, of)]


@pytest.mark.parametrize(
    "text",
    [
        "mfaToken: `json:login_2fa_token`",
        "clientSecret: AUTH_AZURE_AD_B2C_CLIENT_SECRET",
        "access=winreg.KEY_READ | winreg.KEY_WOW64_32KEY",
        "if keyDetails == specs_1.PublicKeyDetails.PKCS1_RSA_PKCS1V5:",
        "func New(key *rsa.PrivateKey) *oauth2.RS256JWTStrategy",
        "npm install git+ssh://git@github.com:npm/cli#semver:^5.0",
        'key = "aws_kms_key"',
        "store=<KSKeyedPersistentStore:0x100315fa0> token: 0x100332a60",
        'keyMap: c.#keyMap, keyList: c.#keyList, apiKeys: ["xi-api-key"]',
        'username: "username", password: "required"',
        "self.user = user\n        self.password = passphrase",
        "password=hash1, salt=salt1)",
        'label: "Password", "password": "Enter your password"',
        '"пароль": "Введите_новый_пароль"',
        "engine = create_engine('mysql+mysqldb://scott:tiger@localhost/test')",
        "postgres://user:secret@localhost/db",
        "Cookie: theme=dark; page_size=20; session=1234567890123456",
        "Set-Cookie: session_state=logged_out_by_administrator",
        "Authorization: Bearer your_access_token_here",
        "headers.append('Authorization', 'Bearer ' + token)",
        '"server_status": "running_since_2023_01_02"',
        "storageKey = 'user-preferences-v2'",
        "func secret(data *pb.AccessToken) lemonoauth2access.Token {",
        "W Manager: bad activity token: android.os.BinderProxy@2bd79ce",
        'exports = ["LEMON768X25519PrivateKey", "LEMON768X25519PublicKey"]',
        'val usernameAndPassword = "$username:$password"',
        "rs, err := s.sendV2SamplesWithBackoff(ctx)",
        f"https://docs.example.org/viewform?formkey={TOKEN}",
        'raise KeyError("sdkinstallrootv2.0")',
        "compile(`redis://[\\S]{3,50}:([\\S]{3,50})@[-.a-z]+`)",
        "sha256 = deadbeef" + "0" * 56,
        'token = "' + "0" * 32 + '"',
        "see hf_requiredCharacteristicTypesForDisplayMetadata there",
        "see sk-loading-indicator-circle-container-animation there",
        "see test_live_reloadOfTheConfigurationIsDoneTwice there",
        "PKCS#1 begins with -----BEGIN RSA PRIVATE "
        + "KEY-----, then it is decoded by RsaKeyConvertersOfPkcs8",
        "<D>not a key, but a paragraph of a document</D>",
        "machine example.org login jane password secret",
        'new PSCredential($user, "$password")',
        "the test harness = 'integration-suite-2023-part-4'",
    ],
)
def test_what_reads_as_a_name_and_what_stands_for_a_value_are_none(text):
    assert found(text) == []
