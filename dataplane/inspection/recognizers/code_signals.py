"""The signs of source code.

Needles are mostly punctuation that prose does not have, so that prose costs nothing.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.evidence import Signal

SIGNALS: Final = (
    Signal(
        "fence",
        "```",
        r"```[ \t]*(?:python|py|js|javascript|typescript|tsx?|jsx|java|kotlin|swift|c|cpp|c\+\+|csharp|c#"
        r"|cs|go|golang|rust|rs|ruby|rb|php"
        r"|perl|scala|bash|sh|shell|zsh|powershell|sql|html|css|r|lua|dart|haskell|elixir|clojure|matlab"
        r"|asm|dockerfile|makefile|terraform|hcl|rego)\s*\n",
        70,
    ),
    Signal(
        "definition",
        "):|) {|){|def |fn |func |function |)->|) ->|class ",
        r"(?m:^|[;{}])[ \t]*(?:(?:export|public|private|protected|static|async|default|final|abstract"
        r"|virtual|override|inline|const|pub)\s+)*"
        r"(?:def \w+\s*\([^)\n]*\)\s*(?:->[^:\n]+)?:|function\s*\*?\s*\w*\s*\([^)\n]*\)\s*\{"
        r"|func\s+(?:\([^)\n]*\)\s*)?\w+\s*\([^)\n]*\)|fn\s+\w+\s*(?:<[^>\n]*>)?\([^)\n]*\)"
        r"|class\s+\w+\s*(?:\([^)\n]*\)\s*:|:|\{|extends|implements)|(?:void|int|bool|boolean|char|float"
        r"|double|string|auto|long|size_t|[A-Z]\w*(?:<[^>\n]*>)?)[ \t*&]+\w+(?:::\w+)*\s*\([^)\n]*\)\s*"
        r"(?:const\s*)?\{)",
        60,
    ),
    Signal(
        "import",
        "import |#include|require(|using system|using std|;\nusing|package main|package com|package org"
        "|\nuse |use std|use crate|::",
        r"(?m:^)[ \t]*(?:from [\w.]+ import [\w*, (]+"
        r"|import [\w.]+(?: as \w+)?(?:, [\w.]+)*[ \t]*;?[ \t]*(?m:$)|import (?:\{[^}\n]*\}|\* as \w+"
        r"|\w+) from ['\"]|#[ \t]*include[ \t]*[<\"][\w./+-]+[>\"]"
        r"|(?:const|var|let) [\w{} ,]+ = require\(|using [\w.]+;|package [\w.]+;|use [\w:]+(?:::\{[^}\n]*\}"
        r"|::\w+)*;)",
        55,
    ),
    Signal(
        "statement",
        ";\n|; \n|;\r|; //|;//|;}|; }",
        r"(?m:^)[ \t]*(?:[\w.\[\]>*&$:-]+[ \t]*(?:=|\+=|-=|\|\|=)[ \t]*[^=\n][^\n]*|(?:[\w$]+(?:\.|->"
        r"|::))*[\w$]+\([^\n]*\)|return\b[^\n]*|(?:const|let|var|int|char|auto|double|float|bool|long"
        r"|unsigned|final|string)\s[^\n]*|break|continue|throw [^\n]*|\}\)?);[ \t\r]*(?://[^\n]*)?(?m:$)",
        38,
        family="statement",
    ),
    Signal(
        "statements",
        ";\n|; \n|;\r|{\n|{\r|}\n|}\r",
        r"(?:[^\n]*(?:[=(][^\n]*;|\{|\};?)[ \t\r]*\n\s*){2}[^\n]*[;{}(),]",
        52,
        family="statement",
    ),
    Signal(
        "control",
        "if (|if(|for (|for(|while (|while(|switch (|catch (|} else|elif |except|):|:\n",
        r"(?m:^|[;{}])[ \t]*(?:\}?[ \t]*else )?(?:if|for|while|switch|foreach"
        r"|catch)[ \t]*\([^\n]*\)[ \t]*(?:\{|(?m:$))|(?m:^)[ \t]*(?:\}[ \t]*else[ \t]*\{|elif [^\n]+:"
        r"|except(?: \w+(?: as \w+)?)?:|for \w+(?:, \w+)* in [^\n]+:[ \t]*(?m:$)|while [^\n]+:[ \t]*(?m:$)"
        r"|if [^\n]*(?:==|!=| in | not |\(|\[|<|>)[^\n]*:[ \t]*(?m:$)|try:[ \t]*(?m:$)"
        r"|with \w+\([^\n]*\) as \w+:)",
        52,
    ),
    Signal(
        "assignment",
        " = | := ",
        r"(?m:^)[ \t]*(?:(?:const|let|var|self\.\w+|\$\w+|auto|val|final)\b[^\n=]{0,40}[:]?=[^=\n]+"
        r"|\w+ := [^\n]+|\w+(?:\.\w+|\[[^\]\n]+\])* = (?:\w+(?:\.\w+)*\(|\[|\{|None\b|True\b|False\b|null\b"
        r"|new \w|await |lambda|[\"'][^\"'\n]*[\"'][ \t]*(?m:$)|\d+(?:\.\d+)?[ \t]*(?m:$)|not )[^\n]*)",
        30,
    ),
    Signal(
        "operator",
        "&&|===|!==|->|=>|::|++|+=|!= null|== null|<<|>>=",
        r"[\w)\]]\s*(?:&&|\|\||===|!==|!=|==)\s*[\w(!\"'-]|\w->\w|\w::\w|\)\s*=>|=>\s*[{(]|\w\+\+"
        r"|\w\s\+=\s\w|std::",
        22,
    ),
    Signal(
        "call",
        "self.|this.|console.|print(|printf(|system.out|echo |fmt.|std::|$this|document.|();",
        r"\bself\.\w+(?:\(|\s*=|\.)|\bthis(?:\.|->)\w+|\bconsole\.(?:log|error)\(|\bprintf?\("
        r"|\bSystem\.out\.|\bfmt\.Print|\bstd::\w|\$this->|\bdocument\.(?:get|query|create)|\w\(\);",
        32,
    ),
    Signal(
        "query",
        "select |insert into|update |create table|delete from|drop table|alter table",
        r"\bselect\b[^;]{1,200}?\bfrom\s+[\w.\"`\[]+(?:\s+(?:where|join|inner|left|group|order|limit|as"
        r"|having)\b|\s*;)|\binsert into\s+[\w.\"`]+\s*(?:\(|values)|\bupdate\s+[\w.\"`]+\s+set\s+\w+\s*="
        r"|\b(?:create|alter|drop) table\s+(?:if (?:not )?exists\s+)?[\w.\"`]+\s*[(;a]"
        r"|\bdelete from\s+[\w.\"`]+\s*(?:where|;)",
        58,
    ),
    Signal(
        "file_head",
        "#!/|<?php|<!doctype html|#define|#ifdef|#ifndef|@override|<script|</div>|</html>",
        r"#!/(?:usr/)?bin/|<\?php|<!doctype html|(?m:^)#(?:define|ifn?def|endif|pragma)\b"
        r"|(?m:^)[ \t]*@(?:Override|Test|Autowired|staticmethod|property|app\.route)\b|<script[\s>]"
        r"|</(?:div|html|body|span)>",
        52,
    ),
)
