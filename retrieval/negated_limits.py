"""Limits and conditions that are said by denying their opposite, put into plain words: "must not exceed" is "at most".

Knows nothing of what is compared. English, German and French; a text in another language stays as it is. Without this
"at most 30 days" would affirm what "not more than 30 days" denies. "Everybody but" becomes "everybody except".
"""

import re
from collections.abc import Mapping

from retrieval.languages import ENGLISH

# A few words of the same clause: as few as will do.
_WORD = r"[^\W\d_]+(?:['’][^\W\d_]+)?[ -]"
_FEW, _SOME = rf"((?:{_WORD}){{0,6}}?)", rf"((?:{_WORD}){{1,6}}?)"
# "Nicht vor dem 1. März", but "schützt nicht vor Schäden".
_MOMENT = r"(?:dem |der |des )?(?:\d|Ablauf|Ende|Beginn|Abschluss|Freigabe|Genehmigung)"
_NOT = r"(?:not|never|n['’]t)"

_RULES: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    language: tuple((re.compile(pattern, re.IGNORECASE), plain) for pattern, plain in rules)
    for language, rules in {
        ENGLISH: (
            (r"\bcan(?:not|['’]t)\b", "can not"),
            (r"(?<=\w)n['’]t\b", " not"),
            (r"\bnot (?:to )?(?:exceed(?:ing)?|surpass|go (?:beyond|above|over))\b", "at most"),
            (rf"\b(?:no|{_NOT}) (?:(?:to )?(?:be|last|take|cost|amount to) )?"
             r"(?:more|greater|longer|later|higher|larger|older) than\b", "at most"),
            (rf"\b{_NOT} {_FEW}(?:for )?(?:more|longer|later) than\b", r"\1at most"),
            (r"\bnot (?:to )?(?:be |last )?(?:over|above)(?= \d)", "at most"),
            (rf"\b(?:no|{_NOT}) (?:(?:to )?(?:be|last|take|cost|amount to) )?"
             r"(?:less|fewer|shorter|earlier|lower|smaller|younger) than\b", "at least"),
            (r"\bnot (?:to )?(?:be |fall |go )?(?:below|under)(?= \d)", "at least"),
            (rf"\b{_NOT} {_FEW}without\b", r"\1only with"),
            (rf"\bno {_SOME}without\b", r"\1only with"),
            (r"\b(every(?:one|body)|any(?:one|body)|(?:all|every) [\w-]+|all) but\b", r"\1 except"),
            (rf"\b{_NOT} {_FEW}unless\b", r"\1only if"),
            (rf"\b{_NOT} {_FEW}(?:until|before)\b", r"\1only after"),
            (r"^(?:before|until) ([^,.]{3,60}), ([^,.]{0,80}?)\bnot ", r"only after \1, \2"),
        ),
        "german": (
            (r"\bnicht (?:mehr|länger|höher|später|größer|älter) als\b|\bnicht über(?= \d)", "höchstens"),
            (r"\bnicht (?:weniger|kürzer|niedriger|früher|kleiner|jünger) als\b|\bnicht unter(?= \d)", "mindestens"),
            (r"\bnicht (?:überschreit\w+|überstei?g\w+)", "höchstens"),
            (r"\bnicht (?:unterschreit\w+)", "mindestens"),
            (rf"\b(?:nicht|kein(?:e[nmrs]?)?) {_FEW}ohne\b", r"\1nur mit"),
            (rf"\bohne {_SOME}(?:nicht|kein(?:e[nmrs]?)?)\b", r"nur mit \1"),
            (rf"\bnicht {_FEW}(?:bevor\b|vor(?= {_MOMENT}))", r"\1erst nach"),
        ),
        "french": (
            # "n'existe plus" denies, "ne dure plus de" and "plus de" do not.
            (r"\b(n(?:e |['’])(?:[^\W\d_]+ )?[^\W\d_]+) plus\b(?! d[e'’])", r"\1 pas"),
            (r"\bpas (?:plus de|supérieure?s? à)", "au plus"),
            (r"\bpas (?:moins de|inférieure?s? à)", "au moins"),
            (r"\bpas (?:dépasser|excéder)\b", "au plus"),
            (rf"\b(?:pas|aucune?) {_FEW}sans\b", r"\1seulement avec"),
            (rf"\bsans {_SOME}(?:pas|aucune?)\b", r"seulement avec \1"),
            (rf"\bpas {_FEW}avant\b", r"\1seulement après"),
            # "30 euros par personne" denies nothing; "personne ne sait" and "il n'y a personne" do.
            (r"(?<!\bn['’]y a )(?<!\bn['’]est )\bpersonnes?\b(?! n(?:e\b|['’]))", "individu"),
            # "n'existe" is "existe" for whoever compares words.
            (r"\b([djlmnstc]|qu)['’](?=\w)", ""),
        ),
    }.items()
}  # fmt: skip


def plainly(text: str, language: str) -> str:
    """`text`, in `language`, with its denied limits in plain words."""
    for pattern, plain in _RULES.get(language, ()):
        text = pattern.sub(plain, text)
    return text
