"""Words that stand on opposite sides: a text that has one where another has its opposite contradicts it.

Knows nothing of texts. Limits that are said by denying their opposite are in plain words here already
(`retrieval/negated_limits.py`): "only after" is what "not until" becomes.
"""

import re
from collections.abc import Mapping

from retrieval.languages import ENGLISH

Sides = tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]

_NEEDS = r"(?:must|needs?|requires?|required)(?: [a-z]{1,12}){0,3}? "

SIDES: Mapping[str, Sides] = {
    language: tuple(
        (re.compile(rf"\b(?:{one})\b", re.IGNORECASE), re.compile(rf"\b(?:{other})\b", re.IGNORECASE))
        for one, other in pairs
    )
    for language, pairs in {
        ENGLISH: (
            (
                "at least|a minimum of|minimum|or more|or older|or above",
                "at most|a maximum of|maximum|up to|or less|or fewer|or younger|or under",
            ),
            (
                "more than|over|above|exceed(?:s|ing)?|(?:great|long|larg|bigg|high|old)er than|at least",
                "less than|under|below|fewer than|within|(?:short|small|low|young)er than|at most",
            ),
            ("more than", "up to"),
            ("before|prior to", "after|following"),
            ("without", "only with"),
            ("unless", "only if"),
            ("until", "only after"),
            (
                "(?<!only )(?:allowed|permitted)(?! only)",
                r"(?:forbidden|prohibited|banned)(?![^.!?\n]{0,80}\b(?:except|unless)\b)",
            ),
            (
                "enabled|(?:turn|switch)(?:ed|es|s|ing)? on|on(?= by default)",
                "disabled|(?:turn|switch)(?:ed|es|s|ing)? off|off(?= by default)",
            ),
            ("activated?", "inactive|deactivated"),
            (
                "increas(?:e|es|ed|ing)|ris(?:e|es|ing|en)|rose|gr(?:ow|ows|ew|own|owing)|climb(?:s|ed|ing)?",
                "decreas(?:e|es|ed|ing)|reduc(?:e|es|ed|ing)|f(?:all|alls|ell|allen|alling)|drop(?:s|ped|ping)?|"
                "declin(?:e|es|ed|ing)|shr(?:ink|inks|ank|unk|inking)",
            ),
            ("all|every|each|any", "some|most|many|several|no|none|few|half|part"),
            # "Only managers may": what begins with it leaves all others out.
            ("all|every|everybody|everyone", r"(?<![^.!?:;,\n] )only(?= [^\W\d_]{3,30}s\b)"),
            ("always", "sometimes|usually|often|typically|generally|normally|rarely|never|frequently|commonly"),
            ("most|many|several|numerous", "few|no|none|hardly any"),
            ("often|usually|typically|generally|frequently|commonly", "rarely|never|seldom"),
            ("both", "neither"),
            # "Pay by card or cash" allows both, "needs a badge or a key" does not need both.
            (
                rf"{_NEEDS}both(?=[^.!?:;\n]{{1,60}} and )",
                rf"{_NEEDS}either(?=[^.!?:;\n]{{1,60}} or )",
            ),
            ("optional|voluntary", "mandatory|compulsory|required|must"),
            ("first|earliest", "last|latest"),
        ),
        "german": (
            (r"mindestens|mehr als|über(?= \d)|länger als|überschreit\w+|überstei?g\w+", "höchstens|maximal|bis zu"),
            (r"weniger als|unter(?= \d)|unterschreit\w+", "mindestens"),
            ("bevor|vor", "erst nach"),
            ("ohne", "nur mit"),
            ("erlaubt|gestattet|zulässig", "verboten|untersagt|unzulässig"),
            ("alle|jede[rsmn]?|sämtliche", r"(?<![^.!?:;,\n] )nur"),
            ("aktiviert|eingeschaltet", "deaktiviert|ausgeschaltet|abgeschaltet"),
            (
                r"gestiegen|steig\w*|stieg(?:en)?|erhöh\w*|zugenommen",
                r"gesunken|sink\w*|sank(?:en)?|gesenkt|abgenommen",
            ),
            (r"freiwillig\w*", r"verpflichtend\w*|obligatorisch\w*"),
        ),
        "french": (
            (r"au moins|plus de(?= \d)|dépass\w+|excèd\w+|excéd\w+", "au plus|au maximum|jusqu'à"),
            (r"moins de(?= \d)", "au moins"),
            ("avant", "seulement après"),
            ("sans", "seulement avec"),
            (r"autorisée?s?|permise?s?", "interdite?s?"),
            ("activée?s?", "désactivée?s?"),
            (r"augment\w*|hausse", r"diminu\w*|baiss\w*"),
            ("obligatoires?", "facultati(?:fs?|ves?)"),
        ),
    }.items()
}
