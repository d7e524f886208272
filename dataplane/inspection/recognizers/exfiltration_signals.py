"""The signs of exfiltration: of the system prompt, of secrets, of data in bulk, by links and images."""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal
from dataplane.inspection.recognizers.injection_words import gap

REVEAL: Final = (
    r"(?:reveal(?:ing)?|show(?:ing)?|print(?:ing)?|display(?:ing)?|repeat(?:ing)?|output(?:ting)?|tell|give"
    r"|share|write (?:down|out|back)?|expose|leak(?:ing)?|disclos(?:e|ing)|dump|list|recite|summari[sz]e"
    r"|translat(?:e|ing)|provide|send|quot(?:e|ing)|paste|copy|state"
    r"|describe|encod(?:e|ing)|export|spell|return|echo|divulge|reproduce|paraphrase|restate|rewrite|type"
    r"|retrieve|extract|what(?:[’' ]?i?s| are| were| was| do| does| did)|convert|relay|see)"
)
HIDDEN: Final = (
    r"(?:system|initial|original|hidden|secret|internal|starting|first|developer|underlying|base|previous"
    r"|prior|above|full|entire|exact|initialization|pre-?prompt|custom|core|complete|confidential|private"
    r"|pre-?set|actual|earlier|start(?:up)?)"
)
PROMPT: Final = (
    r"(?:prompts?|instructions?|directives?|guidelines|configuration|programming|pre-?prompt"
    r"|system messages?|rules|initialization(?: string)?|context window)"
)

SLOT: Final = r"(?:\{{1,2}|%7b|\$\{?|<|\[)"
CARGO: Final = (
    r"(?:[a-z]+[_ -])?(?:user|chat|data|secret|history|conversation|messages?|context|summary|info|password"
    r"|tokens?|api_?key|credentials?|e-?mail|system|session|cookies?)"
)
"""Where an address has a value filled in, and names of what should not go there."""
BULK: Final = r"(?:[A-Za-z0-9+/_%=-]{32,}|[^)\s&]*(?:%20|\+)[^)\s&]*(?:%20|\+)[^)\s]*)"
"""A value of an address that carries sentences or encoded data."""

SIGNALS: Final = (
    Signal(
        "reveal_prompt",
        "prompt|instruction|directive|initialization|initialisation|system message|developer message",
        rf"\b{REVEAL}{gap(4)}(?:your|ur|the|its|those|all)(?:{gap(1)})?(?:system|initial|hidden|secret"
        r"|starting|initialization|pre|internal|developer|confidential)[\s_-]?(?:prompts?|instructions?"
        r"|directives?|pre-?prompt|string)\b"
        rf"|\b{REVEAL}{gap(4)}(?:text|contents?|wording|words) of (?:the|your) (?:\w+ )?(?:prompt"
        r"|instructions)\b"
        rf"|\b{REVEAL}{gap(4)}(?:developer|system)[ _](?:message|prompt"
        rf"|instructions?)\b[^.\n]{{0,20}}?\b(?:above|at the (?:top|start|beginning)|of this (?:chat"
        r"|conversation))"
        r"|\b(?:output|print|dump|show|display) (?:the )?initiali[sz]ation (?:above|string|text|prompt"
        r"|message)\b",
        60,
        75,
        "prompt",
    ),
    Signal(
        "instructions_you_got",
        "you were|you have been|you received|you got|you are given|given to you|you've been|you run",
        r"\b(?:return|repeat|print|output|show|give|tell|summari[sz]e|list|quote|encode|provide|reveal"
        r"|translate|what (?:are|were|is)|write out|recite|display|share)\b[^.\n]{0,40}?\b(?:the|your|those"
        r"|any|all|every|exact)\b[^.\n]{0,16}?\b(?:instructions?|rules|prompt|text|directions|guidelines"
        r"|directives|words?|message)\b (?:that )?(?:you (?:were|have been|[’']ve been|received|got"
        r"|are given|run)|(?:were )?given to you)",
        55,
        None,
        "prompt",
    ),
    Signal(
        "reveal_your",
        "prompt|instruction|directive|guideline|configuration|programming|system message|rules",
        r"\b(?:reveal|print|display|repeat|output|expose|leak|disclose|dump|recite|show(?: me)?|give me"
        r"|tell me|quote|copy|paste|encode|format|summari[sz]e|translate|write|list|share"
        r"|spell out|echo|export|provide|rephrase|paraphrase|restate|reproduce|what(?:[’' ]?i?s| are| were"
        rf"| was)(?: the opposite of)?|send(?: me)?)\b{gap(3)}?\s*(?:all )?(?:of )?\byour\s+"
        rf"(?:{HIDDEN}[\s,-]+){{0,3}}{PROMPT}\b",
        52,
        65,
        "prompt",
    ),
    Signal(
        "your_hidden_prompt",
        "prompt|instruction|directive|system message|programming",
        r"(?:show|print|output|encode|translate|repeat|reveal)\b[^\n]{0,40}?\byour (?:system|initial"
        r"|original|hidden) (?:prompt|instructions)|\byour (?:(?:system|initial|original|hidden|secret"
        r"|internal|starting|developer|underlying|base|initialization|pre-?prompt|confidential|core"
        r"|full|exact|entire)[\s,-]+){1,3}(?:prompts?|instructions?|directives?|system messages?"
        r"|messages?)\b",
        42,
        50,
        "prompt",
    ),
    Signal(
        "repeat_above",
        "above|before this|preced|verbatim|word for word|word-for-word|so far|before that|before my"
        "|up to here"
        "|back to me|beginning|prior to this|at the start|at the top",
        r"\b(?:repeat|print|output|echo|copy(?: and paste)?|recite|reproduce|return|write out|type out"
        r"|display|show|dump|give me|tell me"
        r"|write down)(?: me)?(?: back)?(?: to me)?(?: exactly)?\s+(?:everything|all(?: of)?(?: the"
        r"| your)?(?: (?:text|words|content|messages|instructions|lines|sentences|conversation"
        r"|information))?|(?:the |every )?(?:exact |entire |full |whole |complete )(?:words?|text"
        r"|sentences?|lines?|content|conversation|prompt|messages?|paragraphs?|instructions?"
        r"|phrase))\s+(?:that (?:is|was|came|comes|are|were|precedes?) |which (?:is|was) |written "
        r"|stated |given )?(?:above|before (?:this|that|my|the|it|here)|preceding|prior to this|so far"
        r"|up to (?:here|this|now)|back to me|in the beginning|at the (?:start|beginning|top)|verbatim"
        r"|word[- ]for[- ]word)"
        r"|\b(?:repeat|recite|echo|reproduce|copy)(?: back)?(?: me)? (?:the |this )?(?:above )?(?:text"
        r"|words|exact text|above|message|prompt|instructions|content)(?: text)?,? (?:above|before"
        r"|preceding|verbatim|word[- ]for[- ]word|starting)|\brepeat (?:this|the|our) (?:entire|whole"
        r"|full) conversation\b|\b(?:repeat|print|output|echo|recite) (?:the )?(?:above"
        r"|preceding) (?:instructions|prompt|system)\b"
        r"|\b(?:repeat|output|print|write out|echo) the (?:above text|text above|above message"
        r"|above words|text before this)\b[^.\n]{0,20}?\b(?:in full|but|and replace|exactly|verbatim"
        r"|entirely|completely|word for word)\b",
        55,
        65,
        "prompt",
    ),
    Signal(
        "earlier_in_other_form",
        "python|pseudo|previous instr|above instr|prior instr|preceding instr|previous rules|above rules"
        "|above and below|below and above|so far|with your prompt|instructions to me|directives to me",
        r"\b(?:repeat|output|print|summari[sz]e|translate|convert|transform|format|rewrite|recite|restate"
        r"|describe|turn|list|express|explain|encode)\b[^.\n]{0,40}?\b(?:(?:previous|above|prior|preceding"
        r"|your|earlier) (?:instructions?|rules|directives?|prompts?|text|words)(?: (?:above|in(?:to)?|as"
        r"|to))?[^.\n]{0,30}?\b(?:python|pseudo-?code|code|json|yaml|(?:bullet(?:ed)? )?list|bullets"
        r"|poem|emojis?)\b"
        r"|(?:rules|instructions?|text|directives?|words|conditions|prompts?) (?:above and below"
        r"|below and above|so far)\b|(?:your |the |all )+(?:instructions?|directives?|rules) to me\b)"
        r"|\b(?:repeat|output|print|summari[sz]e|recite|restate|echo|reveal) (?:me )?(?:all |the "
        r"|of |every )*"
        r"(?:previous|prior|preceding) (?:instructions?|rules|directives|prompts?)\b"
        r"|\b(?:repeat|output|print|list|recite) (?:all |the |of )*(?:instructions|directives|conditions"
        r"|rules) so far\b|\b(?:reply|respond|answer)(?: back)? with your (?:\w+ )?(?:prompt"
        r"|instructions)\b",
        52,
        58,
        "prompt",
    ),
    Signal(
        "system_configuration",
        "configuration|settings",
        r"\b(?:display|show|output|print|reveal|dump|give me|list) (?:me )?(?:the |your "
        r"|all )*(?:\w+ )?(?:system|internal|initial|model|current) (?:configuration|settings"
        r"|parameters)\b",
        36,
        None,
        "prompt",
    ),
    Signal(
        "starting_with",
        "you are|starting with|begin with|beginning with|starting from",
        r"""\b(?:start(?:ing|s)?|begin(?:ning|s)?) (?:with|from|at)(?: the (?:phrase|words?|text|line"""
        r"""|sentence))?[\s:,]*["'“‘`*]?\s*(?:you are|your (?:task|name|role)|system|instructions"""
        r"""|as an ai|chatgpt)\b""",
        42,
        None,
        "prompt_start",
    ),
    Signal(
        "what_were_you_told",
        "told|instructed|given|programmed|supposed|allowed|forbidden|prohibited|instructions|rules|prompt",
        r"\b(?:what|which|repeat|tell me|list|summari[sz]e|describe|exactly"
        r"|how)\b[^.\n?]{0,50}?\b(?:were you|you(?:[’']ve| have| were| had)?(?: been)?|have you been"
        r"|are you)(?: \w+)?\s(?:(?:told|given) (?:to (?:keep|hide|not|never)|not to|before|at the (?:start"
        r"|beginning)|initially|as (?:a|your))|instructed|programmed to|not (?:supposed|allowed"
        r"|permitted) to (?:tell|say|reveal|talk|discuss|share|mention)|forbidden to|prohibited from"
        r"|trained to (?:not|hide|keep))"
        r"|\bwhat (?:exactly )?(?:were|are|was|is|do|did|does) (?:those|these|your) (?:original |previous "
        r"|initial |exact |full |first )?(?:instructions|rules|prompt|directions|guidelines)\b",
        52,
        None,
        "prompt",
    ),
    Signal(
        "complete_the_prompt",
        "system prompt|instructions are|instructed to|my instructions|my prompt|was told|my rules|my system",
        r"""\b(?:start|begin|complete|continue|finish|fill in|respond with|answer with"""
        r"""|say)\b[^\n]{0,60}?["'“‘:]\s*(?:my|the|i was|i am|i have been) (?:\w+ )?(?:instructions?"""
        r"""|system prompt|prompt|rules|instructed|told|programmed|initial prompt)""",
        55,
        None,
        "prompt",
    ),
    Signal(
        "reveal_secret",
        "password|secret|passphrase|api key|credential|access code|passcode|private key|hidden key"
        "|access key|code word|hidden word|flag",
        r"\b(?:reveal|tell|give|show|print|output|leak|disclose|share|spell|what(?:[’' ]?i?s| was)|display"
        r"|hint|provide|repeat|expose|return|encode|send|whisper"
        r"|translate)\b[^.\n?]{0,40}?\b(?:your (?:\w+ )?(?:password|secrets?|passphrase|api[_ ]keys?"
        r"|credentials|access codes?|passcode|private key|secret key|hidden \w+|flag)|the (?:secret|hidden"
        r"|magic|confidential)[ _](?:password|word|key|phrase|passphrase|passcode))\b"
        r"|\bwhat (?:is|was|are) (?:the|your) (?:secret|password|passphrase|passcode|access code)\s*\?"
        r"|\b(?:tell|give|show|reveal(?: to)?) (?:me )?(?:the|your) (?:password|passphrase|access code"
        r"|passcode)\b",
        52,
        None,
        "secret",
    ),
    Signal(
        "secret_spelled",
        "password|secret|passphrase|access code|passcode",
        r"\b(?:spell|revers(?:e|ing)|encod(?:e|ing)|translate|rhym(?:es?|ing)|acrostic|poem|riddle|hints?"
        r"|story|synonyms?|letters?|characters?|morse|rot13|cipher)\b[^.\n]{0,40}?\b(?:the|your|of|about"
        r"|with|for) (?:secret|password|passphrase|access code|passcode)(?: (?:word|password|key|code))?\b",
        45,
        None,
        "secret",
    ),
    Signal(
        "keep_secret_and_tell",
        "secret",
        r"\b(?:output|reveal|tell me|give me|say|print|share|show(?: me)?|just give|spell|write|encode"
        r"|guess|rhym\w+ with)\b[^.\n]{0,24}?\b(?:the|your) secret(?: (?:word|password|key|code"
        r"|phrase))?(?:\s*(?:$|[.!?,;\"')]|now\b|anyway|and\b|you(?:[’']re| were| are| have)\b|letter|in\b"
        r"|backwards|to me\b))",
        50,
        None,
        "secret",
    ),
    Signal(
        "training_data",
        "training data|memorized|memorised|forever|you remember|you were trained|trained on"
        "|source code of this|source code of your|your weights",
        r"\b(?:repeat|say|print|output|write) (?:the word |this word |the following word "
        r"|[\"'“])[^\n]{0,40}?\b(?:forever|infinitely|endlessly|(?:\d{3,}|a thousand|million) times"
        r"|again and again|over and over)|\b(?:recite|reveal|output|print|dump|leak|extract|reproduce"
        r"|give me|show|list|repeat|tell me)\b[^.\n]{0,60}?\b(?:your training (?:data|set|corpus|examples)"
        r"|you (?:have )?memori[sz]ed|you remember (?:from|seeing)|from (?:your )?training"
        r"|your (?:own )?(?:weights|source code|dataset))"
        r"|\bsource code of (?:this|your|the) (?:llm|ai|model|assistant|bot|system)",
        52,
    ),
    Signal(
        "bulk_data",
        "all users|every user|all customer|every customer|all email|all password|user password"
        "|all the password|database|all employee|all records|entire|credentials|all contacts|all documents"
        "|all files|api keys|ssn|social security|credit card|passwords|env|customers|customer's"
        "|private messages|personal data|inbox",
        r"\b(?:dump|export|list|send|show|extract|retrieve|leak|email|upload|forward|reveal|print|output"
        r"|steal|exfiltrate|download|give me|return|read|post|collect|harvest"
        r"|copy)\b(?:\s+(?:me|us|out|over|a|an|the|list|of|copy|contents?|names?|and|details|info\w*|data"
        r"|about|from|complete|\w+ly))*\s+(?:(?:all|every|each|entire|whole|complete|full|other|any"
        r"|user)(?: of)?(?: the| our| your| this| stored)? ?(?:\w+[’']?s? ){0,2}?(?:users?|customers?"
        r"|clients?|patients?|employees?|passwords?|credentials|records|database|tables?"
        r"|emails?(?: addresses)?|contacts|api keys?|ssns?|social security numbers?|credit cards?|accounts?"
        r"|messages|inbox|documents|files|environment variables|env(?:ironment)? vars|secrets|tokens"
        r"|conversations?|chat histor(?:y|ies)|personal (?:data|information))|the (?:users|customers"
        r"|employees|database|credentials|\.env)\b(?: (?:table|file|database))?)",
        24,
        30,
    ),
    Signal(
        "sink",
        "http|@|webhook|pastebin|ngrok|requestbin|markdown link|markdown image|image src|attacker"
        "|query string|external|to my server|into a url|in a url",
        r"\b(?:send|post|email|forward|upload|exfiltrate|transmit|append|encode|put|embed|share|copy|leak"
        r"|submit|deliver|include|redirect|attach|mail|fetch|get|load|request|call|ping|open|visit"
        r"|base64)\b[^\n]{0,80}?(?:https?://[^\s]*|[\w.+-]+@[\w-]+\.[\w.]+|webhook|pastebin|ngrok"
        r"|requestbin|markdown (?:link|image)|image src|query string|(?:in|into|to) an? (?:url|link|image)"
        r"|to my (?:server|email|address|inbox)|external (?:server|address|url|domain|email|site))",
        22,
        30,
    ),
    Signal(
        "sensitive_cargo",
        "sensitive|conversation|chat history|api key|credential|password|.env|environment variable|id_rsa"
        "|.ssh|.aws"
        "|/etc/passwd|/etc/shadow|/proc/self|system prompt|contents|secret|token|inbox|messages|private"
        "|contract|customer|personal|confidential|users|ssn",
        r"\b(?:this |the |our |entire |full |above |whole |chat |previous )+(?:conversation|chat|history"
        r"|context|dialogue)\b|\bchat[_ ]?history\b|\bapi[_ ]?keys?\b|\bcredentials\b|\bpasswords?\b|(?:^"
        r"|[\s/\"'`])\.env\b|environment variables?|\bid_rsa\b|\.ssh/|\.aws/|/etc/(?:passwd|shadow)"
        r"|/proc/self|system prompt|\b(?:the|its|file|their|all|last \d+)\s+(?:contents?|messages|secrets"
        r"|emails?)\b|\b(?:private|personal|confidential|sensitive|secret) (?:\w+ )?(?:data|information"
        r"|documents?|files?|keys?|messages?|emails?|details)\b|\b(?:customers?|users?|employees?"
        r"|clients?)[’']?s? (?:\w+ ){0,2}?(?:email|emails|data|table|list|records|addresses|information"
        r"|details|database)\b",
        14,
        20,
        "cargo",
    ),
    Signal(
        "cargo_to_sink",
        "http|@|webhook|pastebin|ngrok|requestbin|markdown|image src|attacker|query string|external"
        "|into a url|in a url",
        r"(?:conversation|chat[_ ]?history|history|api[_ ]?keys?|credentials|passwords?|\.env\b"
        r"|environment variables?|id_rsa|\.aws/|/etc/(?:passwd|shadow)|system prompt|inbox|private (?:data"
        r"|information|messages|key)|personal (?:data|information)|confidential (?:data|files?|documents?"
        r"|information)|customers?[’']?s? (?:\w+ )?(?:emails?|data|list|records|addresses|details)"
        r"|users? (?:table|data|list)|last \d+ messages|session|cookies?|user[’']s? (?:\w+ )?(?:data"
        r"|information|details|messages?|name|question|address|email))\b[^\n]{0,80}?\b(?:to|into|in an?"
        r"|in the|as|via|through|onto|append|and (?:send|post|mail|email|upload"
        r"|forward))\b[^.\n]{0,50}?(?:https?://|[\w.+-]+@[\w-]+\.[\w.]+|webhook|pastebin|ngrok|requestbin"
        r"|markdown (?:link|image)|image src|query string|\burl\b|external (?:server|address|url|domain"
        r"|email|site))"
        r"|(?:https?://|webhook|markdown (?:link|image)|query string)[^\n]{0,40}?\b(?:plus|with"
        r"|containing|followed by|including) (?:the |our |this |my |all )?(?:\w+ )?(?:conversation|chat"
        r"|history|messages|api keys?|credentials|system prompt)\b"
        r"|https?://[^\s]+[?&]\w+=\W{0,3}(?:[\s]+followed by|\s+(?:with|and) (?:the|your))",
        55,
        60,
        "cargo",
    ),
    Signal(
        "image_with_data",
        "![|<img",
        rf"""!\[[^\]\n]{{0,80}}\]\(\s*(?:https?:)?//[^)\s]{{1,160}}?[?&/=](?:\w+=)?{SLOT}{CARGO}"""
        rf"""|!\[[^\]\n]{{0,80}}\]\(\s*(?:https?:)?//[^)\s]{{1,160}}?[?&/=](?:\w+=)?{CARGO}[_ -]?here"""
        rf"""|<img[^>\n]{{0,80}}\bsrc\s*=\s*["']?(?:https?:)?//[^>\s]{{1,160}}?[?&/=]{SLOT}{CARGO}""",
        62,
        None,
        "image",
    ),
    Signal(
        "image_with_slot",
        "![|<img",
        r"""!\[[^\]\n]{0,80}\]\(\s*(?:https?:)?//[^)\s]{1,160}?[?&=](?:\w+=)?(?:\{|%7b|\$\{|<|\[|\$\w"""
        r"""|(?-i:[A-Z]{3,}_[A-Z_]+)\b)|<img[^>\n]{0,80}\bsrc\s*=\s*["']?(?:https?:)?//[^>\s]{1,160}?"""
        r"""[?&=](?:\{|\$\{|\[|<|\$\w)""",
        30,
        55,
        "image",
    ),
    Signal(
        "image_with_cargo",
        "![",
        rf"""!\[[^\]\n]{{0,80}}\]\(\s*(?:https?:)?//[^)\s]{{1,120}}?[?&](?:data|d|q|leak|exfil|chat"""
        rf"""|history|info|msg|message|secret|k|payload|log|conversation|ctx|context|token|email"""
        rf"""|password)={BULK}\s*\)""",
        62,
        None,
        "image",
    ),
    Signal(
        "image_with_text",
        "![",
        rf"""!\[[^\]\n]{{0,80}}\]\(\s*(?:https?:)?//[^)\s]{{1,120}}?[?&](?:content|prompt|c|key|text|s|p"""
        rf"""|x|user|summary)={BULK}\s*\)""",
        30,
        62,
        "image",
    ),
    Signal(
        "read_and_print_secrets",
        ".env|environment variable|id_rsa|.ssh|.aws|/etc/passwd|/etc/shadow|/proc/self|globals()|locals()"
        "|__builtins__|user password|hidden instruction|plain text|select * from users",
        r"\b(?:read|cat|print|show|reveal|output|dump|leak|send|return|display|post|list|bypass|open|access"
        r"|get|give me)\b[^\n]{0,50}?(?:\.env\b|\benvironment variables?|id_rsa|\.ssh/|\.aws/"
        r"|/etc/(?:passwd|shadow)|/proc/self|__builtins__|\bglobals\(\)|user passwords?|passwords in plain)"
        r"|\bleak the \w+",
        30,
        40,
    ),
    Signal(
        "debug_pretext",
        "developer|debug|audit|troubleshoot|quality assurance|administrator|testing|maintenance"
        "|verification|compliance|research",
        r"\b(?:i[’' ]?a?m (?:a |your |the )?(?:\w+ )?(?:developer|administrator|admin|creator|engineer)"
        r"|for (?:\w+ )?(?:debugging|troubleshooting|audit(?:ing)?|quality assurance|testing|verification"
        r"|compliance|research|security audit|transparency) ?(?:purposes)?|maintenance mode"
        r"|security audit)\b",
        14,
    ),
)
