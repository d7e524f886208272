"""National numbers of persons, by their check digits and, where those alone say too little, by their names.

A number whose form and check digits leave one in a thousand others is found by itself; any other needs a word
that names it within `REACH` code points before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

REACH: Final = 90
"""Code points between a name and its number: `my tax id (Steuer-ID), as you asked last week, is `."""


@dataclass(frozen=True, slots=True)
class Id:
    """One kind of number. `words` (alternatives of a regex) name it; `form` is how it is written; `module` of
    python-stdnum checks it (empty: nothing to check). `alone`: found without its name. `letters`: its form
    begins with letters or ends in one, so that it is looked for by itself and not among digits. `loose`:
    right after its name it needs no check digits: not all that were issued have them."""

    kind: str
    words: str
    form: str
    module: str = ""
    alone: bool = False
    letters: bool = False
    loose: bool = False


IDS: Final[tuple[Id, ...]] = (
    Id("us_ssn", r"\bssn\b|social[ -]security|\bss#", r"\d{3}[ -]?\d{2}[ -]?\d{4}", "us.ssn"),
    Id("us_itin", r"\bitin\b|taxpayer identification", r"9\d{2}[ -]?\d{2}[ -]?\d{4}", "us.itin"),
    Id(
        "de_tax_id",
        r"steuer-?id|\bidnr\b|steuerliche identifikation|german tax",
        r"\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}",
        "de.idnr",
    ),
    Id(
        "fr_nir",
        r"\bnir\b|s[eé]curit[eé] sociale|\binsee\b|num[eé]ro de s[eé]cu",
        r"[12][ ]?\d{2}[ ]?[0-9]{2}[ ]?\d[\dAB][ ]?\d{3}[ ]?\d{3}[ ]?\d{2}",
        "fr.nir",
        alone=True,
    ),
    Id(
        "es_dni",
        r"\bdni\b|\bnif\b|documento nacional",
        r"(?:\d{8}|\d{2}\.\d{3}\.\d{3})[ -]?[A-HJ-NP-TV-Z]",
        "es.dni",
        alone=True,
        letters=True,
    ),
    Id("es_nie", r"\bnie\b", r"[XYZ][ -]?\d{7}[ -]?[A-HJ-NP-TV-Z]", "es.nie", alone=True, letters=True),
    Id(
        "it_codice_fiscale",
        r"codice fiscale",
        r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]",
        "it.codicefiscale",
        alone=True,
        letters=True,
    ),
    Id(
        "nl_bsn",
        r"\bbsn\b|burgerservicenummer|sofinummer",
        r"\d{4}[ .]?\d{2}[ .]?\d{3}|\d{3}[ .]\d{3}[ .]\d{3}",
        "nl.bsn",
    ),
    Id("pl_pesel", r"pesel", r"\d{11}", "pl.pesel"),
    Id(
        "be_national_number",
        r"rijksregister|num[eé]ro national|registre national|\binsz\b|\bniss\b|belgian national|\brrn\b",
        r"\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}",
        "be.nn",
    ),
    Id(
        "se_personnummer",
        r"personnummer|samordningsnummer|swedish personal",
        r"(?:19|20)?\d{6}[-+]?\d{4}",
        "se.personnummer",
    ),
    Id(
        "fi_hetu",
        r"henkil[oö]tunnus|\bhetu\b",
        r"[0-3]\d[01]\d{3}[-+ABCDEFUVWXY]\d{3}[0-9A-Y]",
        "fi.hetu",
        alone=True,
        letters=True,
    ),
    Id("dk_cpr", r"\bcpr\b|personnummer", r"[0-3]\d[01]\d{3}[ -]?\d{4}", "dk.cpr"),
    Id(
        "no_fodselsnummer",
        r"f[oø]dselsnummer|personnummer|norwegian national",
        r"[0-7]\d{5}[ ]?\d{5}",
        "no.fodselsnummer",
    ),
    Id("br_cpf", r"\bcpf\b", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "br.cpf"),
    Id("in_aadhaar", r"aadha+r|uidai", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", loose=True),
    Id(
        "in_pan",
        r"permanent account|pan card|\bpan\b",
        r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        "in_.pan",
        letters=True,
    ),
    Id("gb_nhs", r"\bnhs\b", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs"),
    Id(
        "gb_nino",
        r"national insurance|\bnino\b|\bni (?:number|no)\b",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]",
        alone=True,
        letters=True,
    ),
    Id("ca_sin", r"\bsin\b|social insurance", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin"),
    Id("au_tfn", r"\btfn\b|tax file", r"\d{3}[ -]?\d{3}[ -]?\d{2,3}", "au.tfn"),
    Id("nz_ird", r"\bird\b|inland revenue", r"\d{2,3}[ -]?\d{3}[ -]?\d{3}", "nz.ird"),
    Id(
        "ch_ahv",
        r"\bahv\b|\bavs\b|sozialversicherungsnummer",
        r"756\.?\d{4}\.?\d{4}\.?\d{2}",
        "ch.ssn",
        alone=True,
    ),
    Id("at_svnr", r"\bsvnr\b|sozialversicherungsnummer", r"\d{4}[ ]?\d{6}", "at.vnr"),
    Id("pt_nif", r"\bnif\b|contribuinte", r"[1-35689]\d{2}[ ]?\d{3}[ ]?\d{3}", "pt.nif"),
    Id("ie_pps", r"\bppsn?\b|personal public service", r"\d{7}[A-W][A-IW]?", "ie.pps", letters=True),
    Id(
        "za_id",
        r"south african id|\bsa id\b|\brsa id\b|identity number",
        r"\d{6}[ ]?\d{4}[ ]?\d{3}",
        "za.idnr",
    ),
    Id("tr_tckn", r"\bt\.?c\.? ?kimlik|kimlik no|\btckn\b", r"[1-9]\d{10}", "tr.tckimlik"),
    Id("il_id", r"teudat zehut|israeli id|תעודת זהות", r"\d{9}", "il.idnr"),
    Id(
        "kr_rrn", r"resident registration|주민등록번호", r"\d{6}-[1-8]\d{6}", "kr.rrn", alone=True, loose=True
    ),
    Id(
        "cn_resident_id",
        r"身份证|resident id",
        r"[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dX]",
        "cn.ric",
        alone=True,
        letters=True,
        loose=True,
    ),
    Id("mx_curp", r"\bcurp\b", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", "mx.curp", alone=True, letters=True),
    Id("cl_rut", r"\brut\b", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]|\d{7,8}-[\dK]", "cl.rut", letters=True),
    Id("sg_nric", r"\bnric\b|\bfin\b", r"[STFGM]\d{7}[A-Z]", "", letters=True),
    Id("hr_oib", r"\boib\b", r"\d{11}", "hr.oib"),
    Id("ro_cnp", r"\bcnp\b|cod numeric personal", r"[1-9]\d{12}", "ro.cnp"),
    Id("bg_egn", r"\begn\b|егн", r"\d{10}", "bg.egn"),
    Id("cz_birth_number", r"rodn[eé] [cč][ií]slo", r"\d{6}/?\d{3,4}", "cz.rc"),
    Id("gr_amka", r"\bamka\b|αμκα", r"\d{11}", "gr.amka"),
    Id("ee_isikukood", r"isikukood|asmens kodas", r"[1-6]\d{10}", "ee.ik"),
    Id(
        "passport",
        r"passport|passeport|reisepass|pasaporte|passaporto|passaporte|paspoort|паспорт|护照|pass(?:nummer|no)\b",
        r"[A-Z]{1,2}[ ]?\d{6,8}|\d{8,9}|[A-Z]\d[A-Z0-9]{6,7}|\d{2}[A-Z]{2}\d{5}",
        "",
        letters=True,
    ),
    Id(
        "driver_license",
        r"driv(?:er|ing)'?s?'?[ -]?licen[cs]e|driver'?s? lic\b|f[uü]hrerschein|permis de conduire"
        r"|\bdl (?:no|number|#)",
        r"[A-Z]{1,2}[ -]?\d{3,4}[ -]?\d{3,5}[ -]?\d{3,5}|[A-Z]{1,2}\d{5,14}|\d{4}-\d{2}-\d{4}|\d{7,12}"
        r"|[A-Z]\d{2}[ -]\d{2}[ -]\d{4}|[A-Z9]{5}\d{6}[A-Z9]{2}\w{3}",
        "",
        letters=True,
    ),
)
"""Kinds in the order in which they are tried. Forms and check digits as python-stdnum documents them;
passports and driving licences have no check digit that is printed in all countries."""


def checker(module: str) -> Callable[[str], bool]:
    """What says whether a number checks; imports python-stdnum's module. All pass where there is none."""
    if not module:
        return _anything
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    if module == "fi.hetu":
        return lambda value: is_valid(value[:6] + value[6].translate(_CENTURIES) + value[7:])
    return lambda value: is_valid(value.translate(_WRITTEN))


_CENTURIES: Final = str.maketrans("BCDEFUVWXY", "AAAAA-----")
"""The signs that Finland added in 2023 (Population Information Act), as those that python-stdnum knows."""


_WRITTEN: Final = {ord(" "): None, ord("."): None}
"""What groups digits and is no part of any number."""


def _anything(value: str) -> bool:
    return any(map(str.isdigit, value))


def compiled(form: str) -> re.Pattern[str]:
    """A form that stands by itself: no letter, digit or joined digits around it."""
    return re.compile(rf"(?<![\w])(?<![\d][.\-/])(?:{form})(?![\w]|[.\-/]\d|-[A-Za-z0-9])")
