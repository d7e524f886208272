"""Letters that look like ASCII letters and that Unicode does not decompose into them.

Chosen by shape, after Unicode's list of confusables (UTS #39, confusables.txt), for the scripts that attacks
draw on: Cyrillic, Greek, Armenian, Cherokee, small capitals, extended Latin, turned letters.
"""

from __future__ import annotations

from typing import Final


def _pairs(rows: str) -> dict[str, str]:
    """`a:аα` lines: what is read, then what is written for it."""
    found: dict[str, str] = {}
    for row in rows.split():
        letter, _, marks = row.partition(":")
        found.update(dict.fromkeys(marks, letter))
    return found


LETTERS: Final = _pairs("""
a:аαɑᴀꭺ⍺ⱥ b:ЬьƅᏏʙɓƀ c:сϲᴄⅽҫƈȼ¢ d:ԁᏧɗđꓒ₫ðᴅ e:еёєҽҿᴇɛεϵℯǝ€ɘ f:ғꜰſƒϝ g:ɡցɢԍɠǥ h:һհʜɦħн i:іїιıɩɪӏ¡ɨ
j:јϳյᴊɉ k:кκᴋƙқҝĸ l:ⅼʟłɭƚ| m:мᴍɱ n:пռɴηɳŋи o:оοσօᴏөøºფ๐ p:рρᴘþƿƥ q:ԛգզɋ r:гᴦʀɍɼя s:ѕꜱʂȿʃ
t:тτᴛƭŧ u:цυսᴜʉµ v:ѵνᴠⱱ w:ԝωɯᴡѡшщ x:хχ×ҳ y:уγүʏỿɏўყ z:ᴢʐƶʒ
A:АΑᎪꓮДΛ B:ВΒᏴꓐß C:СϹᏟꓚҪ D:ᎠꓓĐ E:ЕΕᎬꓰΞЄЁΣ F:Ϝꓝ G:ᏀԌꓖ H:НΗᎻꓧ I:ІΙӀᏆꓲΪЇ J:ЈᎫꓙͿ K:КΚᏦꓗҚ
L:ᏞꓡŁ M:МΜᎷꓟϺ N:ΝꓠИП O:ОΟՕꓳØΘӨ P:РΡᏢꓑ Q:Ԛ R:ᎡꓣᏒЯГ S:ЅՏᏚꓢ T:ТΤᎢꓔ U:ՍꓴЦ V:ѴᏙꓦ W:ԜᎳꓪШΩ
X:ХΧꓫ Y:УΥҮꓬ¥Ү Z:ΖᏃꓜ
ae:æ AE:Æ oe:œ OE:Œ
0:ዐ 3:ЗзҘ 4:Ч 6:б
':‘’‚‛′ʼʹ` ":“”„‟″ -:–—‐‑‒―−⁃ ...:… .:·•․ /:⁄∕ !:ǃ ::ː꞉ ,:‚
""")
"""What is written, and what is read instead."""

TURNED: Final = dict(zip("ɐqɔpǝɟƃɓɥᴉıɾʞlʅɯuodbɹsʇnʌʍxʎz", "abcdefgghiijkllmnopqrstuvwxyz", strict=True))
"""Letters of text that stands on its head."""

UNALIKE: Final = frozenset("ªº²³¹¼½¾⁄")
"""Characters whose compatibility form is text of another meaning in ordinary prose (m², 5ª, 1½)."""
