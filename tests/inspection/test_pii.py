"""Personal data: what is found, and what only looks like it. All numbers are made up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.findings import Origin
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizers import pii
from dataplane.inspection.recognizers.pii_card import luhn

RECOGNIZER = pii.make({"names": True})
ENGINE = Engine(RECOGNIZER.patterns)


def found(text: str, recognizer=RECOGNIZER, engine=ENGINE) -> list[tuple[str, str]]:
    candidates = recognizer.recognize(text, engine.scan(text), Origin.USER)
    return [(each.kind.removeprefix("pii."), text[each.start : each.end]) for each in candidates]


def with_check_digit(digits: str) -> str:
    return next(digits + check for check in "0123456789" if luhn(digits + check))


CARD = with_check_digit("453211890043217")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (f"my card is {CARD}.", "card", CARD),
        ("pay by 4532-1189-0043-2176", "card", None),
        ("amex 3782 822463 10005", "card", "3782 822463 10005"),
        (f'{{"card": "{CARD}"}}', "card", CARD),
        ("send it to DE89 3704 0044 0532 0130 00 by Friday", "iban", "DE89 3704 0044 0532 0130 00"),
        ("iban gb82west12345698765432", "iban", "gb82west12345698765432"),
        ("SSN: 460-89-1847", "us_ssn", "460-89-1847"),
        ("social security number 460891847", "us_ssn", "460891847"),
        ("my ssn is 460 89 1847", "us_ssn", "460 89 1847"),
        ("+49 170 1234567", "phone", "+49 170 1234567"),
        ("0049 170 1234567", "phone", "0049 170 1234567"),
        ("(212) 555-0147 x12", "phone", "(212) 555-0147 x12"),
        ("call me on 450 0840", "phone", "450 0840"),
        ("(123) 456-7890", "phone", "(123) 456-7890"),
        ("01.84.17.61.18", "phone", "01.84.17.61.18"),
        ('{"phone": "5551234567"}', "phone", "5551234567"),
        ("416 60 039 office", "phone", "416 60 039"),
        ("<jane.o'neil+x@mail.example.co.uk>", "email", "jane.o'neil+x@mail.example.co.uk"),
        ("mailto:jane@example.org?subject=x", "email", "jane@example.org"),
        ("client 93.184.216.34:8080", "ip", "93.184.216.34"),
        ("from 2a00:1450:4001:81b::200e.", "ip", "2a00:1450:4001:81b::200e"),
        ("Passport number: A12345678", "passport", "A12345678"),
        ("my driver's license is F1628235", "driver_license", "F1628235"),
        ("my DNI is 12345678Z", "es_dni", "12345678Z"),
        ("12345678Z", "es_dni", "12345678Z"),
        ("NIE X1234567L", "es_nie", "X1234567L"),
        ("RSSMRA85T10A562S", "it_codice_fiscale", "RSSMRA85T10A562S"),
        ("BSN 111222333", "nl_bsn", "111222333"),
        ("PESEL 44051401359", "pl_pesel", "44051401359"),
        ("rijksregisternummer 85.07.30-033.28", "be_national_number", "85.07.30-033.28"),
        ("personnummer 811228-9874", "se_personnummer", "811228-9874"),
        ("131052-308T", "fi_hetu", "131052-308T"),
        ("529.982.247-25", "br_cpf", "529.982.247-25"),
        ("Aadhaar 2341 2341 2346", "in_aadhaar", "2341 2341 2346"),
        ("NHS number 943 476 5919", "gb_nhs", "943 476 5919"),
        ("AB 12 34 56 C", "gb_nino", "AB 12 34 56 C"),
        ("tax file number 123 456 782", "au_tfn", "123 456 782"),
        ("Steuer-ID 86095742719", "de_tax_id", "86095742719"),
        ("255081416802538", "fr_nir", "255081416802538"),
        ("756.9217.0769.85", "ch_ahv", "756.9217.0769.85"),
        ("11010519491231002X", "cn_resident_id", "11010519491231002X"),
        ("curp HEGG560427MVZRRL04", "mx_curp", "HEGG560427MVZRRL04"),
        ("My name is Jane Doe, hello", "name", "Jane Doe"),
        ("131052Y308T", "fi_hetu", "131052Y308T"),
        ("Aadhaar: 2341 2341 2349", "in_aadhaar", "2341 2341 2349"),
        ("주민등록번호: 020928-1762613", "kr_rrn", "020928-1762613"),
        ("460.89.1847", "us_ssn", "460.89.1847"),
        ("my number is 3381 552 019", "phone", "3381 552 019"),
        ("3381 552 019 is my mobile", "phone", "3381 552 019"),
        ("00420 705 764 286", "phone", "00420 705 764 286"),
        ("0 (532) 1234567", "phone", "0 (532) 1234567"),
    ],
)
def test_a_value_is_found_and_nothing_around_it(text, kind, value):
    if value is None:
        value = f"{CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:]}"
        text = f"pay by {value}"
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        f"Order {CARD} shipped",
        f"transaction {CARD} settled",
        f"card {CARD[:-1]}{(int(CARD[-1]) + 1) % 10}",
        "timestamp 1700000000123, build 51271834",
        "upgrade from 2.14.17.9 to 3.5.2.11",
        "Chrome/119.0.6045.105 Safari/537.36",
        "sha256:9ea79cf9c189dbf15c5ca266e42f7e5d47564bd5b54d99350febce3054fd32d1",
        "request e5e66a51-4234-1b39-6b0b-1b792f3a6499",
        "part number 521-128-8513 and SKU 521-12-8513",
        "ISBN 978-0-072-89303-7",
        "35.550758, -112.019924",
        "at 2023-11-05 12:30:45.123456",
        "tracking number 9400 1000 2000 3000 4000 55",
        "called 5334048 times",
        "host 192.168.1.10, 127.0.0.1, 10.0.0.0/8, resolver 8.8.8.8, fe80::1, ::1, std::vector",
        "git@github.com:owner/name.git, icon@2x.png, lodash@4.17.21",
        "https://user:word@host.example.org/path",
        "GB82 WEST 1234 5698 7654 33",
        "000-12-3456 and 666-12-3456",
        "the MAC is 00:1b:44:11:3a:b7, time 12:30:45",
        "Invoice 12345678Z",
        "call flags = 00000004, progress",
        "the caller was closed\n01-02 10:11:12.130  1702  2639 I PhoneLemon: phone_state",
    ],
)
def test_what_only_looks_like_it_is_not_found(text):
    assert found(text) == []


def test_kinds_that_are_not_wanted_are_skipped():
    recognizer = pii.make({"skip": ["pii.email", "pii.passport"]})
    engine = Engine(recognizer.patterns)
    text = "a@example.org, passport A12345678, My name is Jane Doe, +49 170 1234567"
    assert found(text, recognizer, engine) == [("phone", "+49 170 1234567")]


def test_an_unknown_kind_to_skip_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        pii.make({"skip": ["pii.nothing"]})


def test_at_least_nine_national_numbers_have_check_digits():
    from dataplane.inspection.recognizers.pii_ids import IDS

    assert len([each for each in IDS if each.module]) >= 9


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789 .-+()/@:abZ\né"), max_size=60))
def test_any_text_gives_ranges_within_it_that_do_not_overlap(text):
    reach = 0
    for each in RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER):
        assert reach <= each.start < each.end <= len(text)
        assert 0 < each.score <= 100
        reach = each.end


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        (f"The value is {CARD}.", False),
        (f"the plate {CARD} of Tuesday", False),
        (f"{CARD}", True),
        (f"Please charge {CARD} again", True),
        (f"{CARD}, exp 11/29", True),
        ("try 4111111111111111 there", True),
        (f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]} of Tuesday", True),
    ],
)
def test_sixteen_bare_digits_are_a_card_only_where_something_says_so(text: str, sure: bool) -> None:
    candidates = list(RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER))
    assert [each.kind for each in candidates] == ["pii.card"]
    assert (candidates[0].score >= 50) is sure


def test_the_field_of_an_identifier_holds_no_card() -> None:
    assert found(f'{{"uid": "{CARD}"}}') == []
