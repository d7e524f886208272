"""The signs of a financial decision about someone: credit, loans, insurance, investment.

The kinds of decision are those that rules name: creditworthiness and insurance pricing (EU AI Act, annex III,
5b and 5c), credit (US ECOA, Regulation B), investment advice (MiFID II, article 4(1)(4)).
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

CREDIT: Final = (
    r"(?:loans?|mortgages?|credit (?:application|line|limit|card application|request|increase)s?"
    r"|lines? of credit|overdrafts?|financing|refinanc(?:e|ing)|lease application|borrow(?:er|ing)s?"
    r"|lending|bnpl)"
)
ASSET: Final = (
    r"(?:stocks?|shares?|bonds?|etfs?|(?:index|mutual|hedge|pension|money market) funds?|funds?"
    r"|crypto(?:currenc(?:y|ies))?|bitcoin|btc|ethereum|eth|gold|options?|futures|forex|treasur(?:y|ies)"
    r"|securities|equities|reits?|annuit(?:y|ies)|portfolio|401\(?k\)?|ira|isa|nasdaq|s&p 500)"
)

SIGNALS: Final = (
    Signal(
        "credit_decision",
        "loan|mortgage|credit|overdraft|financing|refinanc|borrow|lending|lease application|bnpl",
        r"\b(?:approv(?:e|ed|al|ing)|den(?:y|ied|ial|ying)|declin(?:e|ed|ing)|reject(?:ed|ion|ing)?"
        r"|grant(?:ed|ing)?|underwrit(?:e|ten|ing)|eligib(?:le|ility)|qualif(?:y|ies|ied)|pre-?approved?"
        rf"|assess(?:ing|ment)?|decid(?:e|ing)|decision)\b[^.\n]{{0,60}}?\b{CREDIT}\b"
        rf"|\b{CREDIT}\b[^.\n]{{0,50}}?\b(?:approv(?:e|ed|al)|den(?:y|ied|ial)|declined?|reject(?:ed|ion)?"
        r"|granted|underwrit\w+|eligib\w+|decision|be (?:given|offered))\b",
        55,
    ),
    Signal(
        "creditworthiness",
        "credit|debt|default|underwrit|fico|income ratio|affordab|loan-to-value|ltv",
        r"\bcredit[- ]?worth\w+|\bcredit (?:scor(?:e|es|ing)|risk|rating|history|report|bureau|check"
        r"|decision)s?\b|\bdebt[- ]to[- ]income|\bdti\b|\b(?:probability|risk|likelihood) of default\b"
        r"|\bdefault (?:risk|rate|probability)\b|\bfico\b|\bunderwriting\b|\bloan[- ]to[- ]value"
        r"|\baffordability (?:check|assessment)",
        35,
    ),
    Signal(
        "applicant",
        "applicant|borrower|annual income|monthly income|employment|collateral|salary|repay",
        r"\b(?:loan |credit |mortgage )?applicants?\b|\bborrowers?\b|\b(?:annual|monthly|gross|net"
        r"|household) income\b|\bcollateral\b|\brepay(?:ment|ing)?s?\b",
        18,
    ),
    Signal(
        "invest_advice",
        "stock|share|bond|etf|fund|crypto|bitcoin|btc|ethereum|gold|option|futures|forex|treasur|securities"
        "|equit|reit|annuit|portfolio|401|invest|isa|nasdaq|s&p",
        r"\b(?:should (?:i|we|he|she|they|my \w+|the (?:client|customer|investor))|is it (?:wise|smart"
        r"|worth|a good (?:time|idea)|better)(?: for \w+)? to|(?:i|we|do you) (?:would )?(?:recommend"
        r"|advise|suggest)|recommend(?:ed|ing|ation)?s?(?: to| that (?:you|they|the client))?|advis(?:e"
        r"|ing)(?: (?:you|the client|them|me))? (?:to|on|whether)|worth|best|which|what|you should"
        rf"|time to)\b[^.\n?]{{0,40}}?\b(?:buy(?:ing)?|sell(?:ing)?|invest(?:ing)?|short(?:ing)?"
        r"|hold(?:ing)?|purchas(?:e|ing)|put(?:ting)? (?:my|your|our|\w+ ?%|money|savings|\$?\d+)|trad(?:e"
        rf"|ing)|allocat(?:e|ing))\b[^.\n?]{{0,60}}?\b{ASSET}\b"
        r"|\b(?:buy|sell|hold|strong buy|overweight|underweight|outperform) (?:rating|recommendation"
        rf"|signal)|\brecommend (?:me )?(?:some |a few |the best )?{ASSET}\b"
        rf"|\bwhich {ASSET}[^.\n?]{{0,20}}(?:to buy|should i|to invest)",
        55,
    ),
    Signal(
        "invest_own_money",
        "invest|portfolio|retirement|savings|allocation|rebalanc|pension|401|nest egg|inheritance",
        r"\binvest(?:ing|ed)? (?:my|your|our|their|his|her|the client[’']s|\$?\d[\d,.]*k?|all (?:my"
        r"|your))\b|\b(?:asset|portfolio) allocation\b|\brebalanc(?:e|ing) (?:my|your|the|our"
        r"|their) (?:portfolio|holdings|401|fund)|\b(?:retirement|investment|pension) (?:portfolio|plan"
        r"|advice|strategy|savings)\b[^.\n]{0,40}\b(?:should|recommend|advice|advise|allocat|which|best)"
        r"|\brisk tolerance\b|\binvestment (?:advice|recommendation)s?\b|\bfinancial advis(?:or"
        r"|er)s?\b[^.\n]{0,30}\b(?:recommend|advise)",
        50,
    ),
    Signal(
        "insurance_decision",
        "insur|claim|premium|policyholder",
        r"\b(?:approv(?:e|ed|al)|den(?:y|ied|ial)|declin(?:e|ed)|reject(?:ed)?|assess(?:ment)?|pay ?out"
        r"|adjudicat\w+|settle)\b[^.\n]{0,40}?\b(?:insurance|claims?"
        r"|policy ?holder)\b[^.\n]{0,40}?(?:insurance|insured|policy|policyholder|claim|premium|damage)"
        r"|\b(?:set|calculate|determine|raise|quote"
        r"|price)\b[^.\n]{0,30}?\b(?:insurance )?premiums?\b[^.\n]{0,40}?\b(?:applicant|customer|policy"
        r"|driver|patient|insured|client|holder)",
        52,
    ),
    Signal(
        "terms",
        "interest rate|apr|principal|loan term|down payment|credit limit|amortiz",
        r"\b(?:interest rates?|\bAPR\b|down payment|credit limit|amorti[sz]ation|loan terms?|loan amount"
        r"|monthly payments?)\b",
        16,
    ),
    Signal(
        "money",
        "$|€|£|usd|eur|dollars|euros",
        r"(?:[$€£]\s?\d[\d,.]*\s?(?:k|m|million)?\b|\b\d[\d,.]*\s?(?:usd|eur|gbp|dollars|euros|pounds)\b)",
        8,
    ),
)
