"""Sentences by which a model says that its sources do not answer: no claim, and alone a refusal.

Knows nothing of checks. A rule of the company is none of them, however it denies: "documents must not contain
passwords" tells what must not be, "the documents do not mention passwords" what was not found. English, German, French.
"""

import re

# What is said within one part of a sentence, in so many letters.
# "The documents do not have to be signed" says what one need not do.
_DO_NOT = r"(?:do|does|did)(?: not|n['’]t)\b(?! (?:have|need|want)\b)"
_UP_TO_20, _UP_TO_40, _UP_TO_60 = (rf"[^.;:!?]{{0,{most}}}?" for most in (20, 40, 60))

# What the prompt gives the model, as models call it.
_SOURCES = r"(?:sources?|documents?|documentation|passages?|contexts?|excerpts?|texts?|materials?|information)\b"
_THE = r"(?:the|these|those|this|any|none|my|your|provided|given|available|retrieved|supplied|cited|above)\b"
# Around what is said of them; "documents that do not contain a date" and "if the documents do not" are rules.
_PLAIN = r"(?!\b(?:that|which|who|whose|if|unless|when|where|must|may|should|shall|can)\b)[^.;:!?]"
_BEFORE, _OF_THEM = rf"^(?:(?:{_PLAIN}){{0,60}}?\b)?", rf"(?:{_PLAIN}){{0,80}}?\b"
_SAY = (
    r"(?:mention|contain|say|specif|provid|includ|state|answer|cover|indicat|address|detail|give|discuss|explain|"
    r"describ|list|defin|clarif|offer|have|tell|refer|seem|appear|make|reveal|disclos|show)"
)
_SAID = (
    r"(?:mentioned|specified|stated|provided|covered|addressed|given|found|included|available|described|defined|listed|"
    r"contained|answered|discussed|explained|detailed|indicated|clear)"
)
_NO = r"(?:no|not any|not enough|insufficient|little)"
_KNOWLEDGE = r"(?:information|evidence|details?|mention|answer|guidance|reference)\b"
# What follows it, where it is no part of a longer name: "information security officer".
_FURTHER = r"on|about|regarding|concerning|in|for|that|as|of|available|provided|given|here|to answer"
_MORE = rf"(?=\s*(?:$|[.,;!?]|(?:{_FURTHER})\b))"
_I_DO_NOT = (
    r"\bI(?:['’]m|(?: do not| don['’]t| did not| didn['’]t| cannot| can['’]t| could not| couldn['’]t)\b"
    r"| am (?:not able|unable)\b)"
)
_ENGLISH = (
    rf"{_BEFORE}{_THE}(?: \w+){{0,2}}? {_SOURCES}{_OF_THEM}{_DO_NOT}{_UP_TO_40}\b{_SAY}",
    rf"^{_SOURCES}{_OF_THEM}{_DO_NOT}{_UP_TO_40}\b{_SAY}",
    rf"\b{_THE}(?: \w+){{0,2}}? {_SOURCES}{_OF_THEM}(?:contain|provide|give|include|have|has|offer|make)s?"
    rf" {_NO}\b{_UP_TO_20}\b{_KNOWLEDGE}",
    rf"\b(?:is|are|was|were)(?: not|n['’]t)(?: \w+){{0,2}}? {_SAID}\b{_UP_TO_60}\b(?:in|by|from)"
    rf" (?:(?:any of )?{_THE}(?: \w+){{0,2}} )?{_SOURCES}(?! (?:we|you|that|which)\b)",
    rf"\b(?:this|that|the|such|the requested) (?:\w+ )?information (?:is|was)(?: not|n['’]t)(?: \w+)? {_SAID}",
    rf"\bthere (?:is|are|was) {_NO} (?:\w+ ){{0,2}}{_KNOWLEDGE}{_MORE}",
    rf"^{_NO} (?:\w+ ){{0,2}}{_KNOWLEDGE} (?:on|about|regarding|concerning|in the|(?:could|can) be found"
    rf"|(?:is|was) (?:found|available)|(?:is|are|was|were) {_SAID} (?:in|by|on|about|regarding|for))\b",
    rf"{_I_DO_NOT}{_UP_TO_40}\b(?:know|find|have|answer|determine|tell|say|provide|see|unable|not able|sure)\b",
    r"\bNO_ANSWER\b",
)

_QUELLEN = (
    r"(?:Quellen?|Dokument(?:e|en|s)?|Unterlagen|Kontext|Ausz[uü]g(?:e|en|s)?|Text(?:e|en|s)?|Textstellen?|Passagen?"
    r"|Informationen)\b"
)
_DEN = r"\b(?:die|den|der|diese[nr]?|vorliegende[nr]?|angegebene[nr]?|bereitgestellte[nr]?)(?: \w+){0,2}?"
_OHNE_GEBOT = r"(?:(?!\b(?:dürfen|darf|müssen|muss|sollen|soll)\b)[^.;:!?]){0,60}?"
_NICHT = r"\b(?:nicht|nichts|keine?[nrms]?)\b"
_GESAGT = (
    r"\b(?:erwähn\w*|enthalt\w*|enthäl\w*|angegeben|genannt|hervor|entnehmen|beschrieben|beantwort\w*|finde\w*|gefunden|"
    r"Angaben?|Informationen|Auskunft|Antwort|Hinweise?)"
)
_ES_GIBT = r"\b(?:es gibt|gibt es|liegen(?: mir)?|habe ich|finde ich|fand ich|ich habe|ich finde|ich fand)\b"
_GERMAN = (
    rf"{_DEN} {_QUELLEN}{_OHNE_GEBOT}{_NICHT}{_UP_TO_40}{_GESAGT}",
    rf"^(?:In )?{_QUELLEN}{_UP_TO_40}\b(?:enthält|enthalten|nennen|nennt|erwähn\w+)\b{_UP_TO_20}{_NICHT}",
    rf"{_ES_GIBT}{_UP_TO_40}\b(?:keine?|nichts)\b{_UP_TO_20}"
    r"\b(?:Angaben?|Informationen|Hinweise?|Antwort|gefunden|finden)\b(?! an\b)",
    rf"\bich weiß\b{_UP_TO_60}{_NICHT}",
    rf"\bich kann\b{_UP_TO_60}{_NICHT}{_UP_TO_40}\b(?:sagen|beantworten|finden|angeben|ermitteln|nennen|entnehmen)\b",
)

_LES = r"\b(?:les|ces|aucune?s? des|l['’]|le|ce|mes|vos)(?: ?\w+){0,2}? ?"
_SOURCES_FR = r"(?:sources?|documents?|passages?|extraits?|textes?|contexte|informations?)\b"
_DISENT = r"(?:mention|conti|précis|indiqu|dis|don|fourni|répond|parl|évoqu|compor|permet|trait)"
_PAS = r"\b(?:pas|aucune?|rien)\b"
_FRENCH = (
    rf"{_LES}{_SOURCES_FR}{_UP_TO_60}\bn(?:e |['’]){_UP_TO_20}{_DISENT}{_UP_TO_20}{_PAS}(?! droit)",
    rf"\bje (?:ne |n['’]){_UP_TO_20}(?:sais|trouve|trouvé|peux|dispose|ai|vois)\b{_UP_TO_20}{_PAS}",
    rf"^aucune (?:information|donnée|mention|précision|indication)\b{_UP_TO_40}\b(?:n['’]est"
    r" (?:disponible|fournie|donnée|mentionnée|indiquée|précisée)|dans les (?:documents|sources|extraits|passages))\b",
    r"\bil n['’]y a (?:pas d['’]|aucune )information",
    rf"\bn['’]est pas (?:\w+ )?(?:mentionn|précis|indiqu|trait|défini)\w+ dans (?:les|ces|le|l['’]) ?{_SOURCES_FR}",
)
_ADMISSION = re.compile("|".join((*_ENGLISH, *_GERMAN, *_FRENCH)), re.IGNORECASE)
# "The documents do not say so, however all interns get a bonus": what follows is a claim like any other.
_CLAIMS_TOO = re.compile(
    r"(?:[,;–—]| -)\s*(?:but|however|so|although|though|yet|still|aber|jedoch|dennoch|mais|cependant|toutefois)\b"
    r"(?! (?:I|ich|je)\b)(?:\W+\w+){4}|^(?:While|Although|Though|Even though|Obwohl|Bien que)\b[^,]*,",
    re.IGNORECASE,
)


def admits_ignorance(sentence: str) -> bool:
    """Whether the sentence says that the sources do not answer, and claims nothing besides."""
    return _ADMISSION.search(sentence) is not None and _CLAIMS_TOO.search(sentence) is None
