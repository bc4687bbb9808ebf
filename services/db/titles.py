"""A conversation's title, made of its first question without a model. Knows nothing of conversations."""

import re

TITLE_LENGTH = 80
UNTITLED = "New conversation"
# "Hi, quick question, can you please tell me" are three; whoever writes more of them keeps the rest.
MAX_PIECES = 4

# What people say around a question, in the languages that we know best; each alternative ends before the question.
_OPENING = re.compile(
    r"""\A(?:
    (?:hi|hello|hey|good\s(?:morning|afternoon|evening)|hallo|guten\s(?:morgen|tag|abend)|bonjour|bonsoir|hola|
       buen[oa]s\s(?:d[ií]as|tardes|noches))(?:\s(?:there|all|everyone|team|footnote|zusammen|à\stous|a\stodos))?
    |(?:just\s)?(?:a\s|one\s)?quick\squestion|i\shave\sa\s(?:quick\s)?question|question(?=\s?[:,–-])
    |please|bitte|por\sfavor|s'il\s(?:vous|te)\spla[iî]t
    |(?:so\s)?(?:can|could|would|will)\s(?:you|someone|somebody|anyone)\s(?:please\s)?
       (?:tell\s(?:me|us)|explain(?:\sto\s(?:me|us))?|let\s(?:me|us)\sknow|help\s(?:me|us)\s(?:understand|find\sout))
    |please\s(?:tell\sme|explain|let\sme\sknow)
    |(?:i\swould|i'd|i)\s(?:like|want|need)\sto\sknow
    |(?:do\syou|does\s(?:any|some)(?:one|body))\sknow
    |(?:kannst\sdu|können\ssie)\s(?:mir|uns)\s(?:bitte\s)?(?:sagen|erklären)
    |(?:pouvez-vous|peux-tu)\s(?:me|nous)\s(?:dire|expliquer)
    |(?:puedes?|podr[ií]as?)\s(?:decirme|explicarme)
    )(?=[\s,.!:;?–-])[\s,.!:;?–-]*""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSING = re.compile(
    r"""(?:\s(?:please|bitte|s'il\s(?:vous|te)\spla[iî]t|por\sfavor)
    |[,.!:;?–-]\s?(?:please|thanks|thank\syou|many\sthanks|cheers|thx|danke|vielen\sdank|bitte|merci|gracias)
       (?:\s(?:a\slot|so\smuch|very\smuch|in\sadvance|im\svoraus|d'avance))?
    )[\s,.!:;?–-]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_END = " \t?!.,:;…–-？！。、"


def title_of(question: str) -> str:
    """Return at most TITLE_LENGTH characters: the question without greetings and thanks, cut behind a word.

    UNTITLED for a question of white space.
    """
    whole = " ".join(question.split())
    words = _without(_OPENING, _without(_CLOSING, whole)).rstrip(_END)
    if not words:
        return _cut(whole) or UNTITLED
    return _cut(words[0].upper() + words[1:] if words[0] != whole[0] else words)


def _without(clutter: re.Pattern[str], text: str) -> str:
    """Take away one piece of clutter after the other: each may hide the next."""
    for _ in range(MAX_PIECES):
        found = clutter.search(text)
        if found is None:
            break
        text = text[: found.start()] + text[found.end() :]
    return text


def _cut(text: str) -> str:
    if len(text) <= TITLE_LENGTH:
        return text
    start = text[: TITLE_LENGTH - 1]
    # Where there are no blanks between words, or a word is longer than half a title, the cut is where it must be.
    blank = start.rfind(" ") if text[TITLE_LENGTH - 1] != " " else -1
    return f"{(start[:blank] if blank > TITLE_LENGTH // 2 else start).rstrip(_END)}…"
