"""Subtitles and transcripts (WebVTT, SubRip): what is said, in sentences, a paragraph a minute with the time before it.

Knows nothing of films.
"""

import re

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line

_TIMES = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]\d{3}\s+-->\s")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,100})>")
_TAG = re.compile(r"<[^<>\n]{0,200}>")
_PARAGRAPH_S = 60


def parse_subtitles(text: str, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `no_text`, `parse_limit`."""
    out = TextBuilder()
    said: list[str] = []
    began, voice = 0, ""
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip().split("\n")
        place, times = next(
            ((at, found) for at, line in enumerate(lines[:2]) if (found := _TIMES.match(line))), (0, None)
        )
        if times is None:
            continue
        hours, minutes, seconds = (int(part or 0) for part in times.groups())
        now = 3600 * hours + 60 * minutes + seconds
        words = "\n".join(lines[place + 1 :])
        speaker = _VOICE.search(words)
        if said and (now - began >= _PARAGRAPH_S or (speaker and speaker.group(1) != voice)):
            _flush(out, began, said)
        if not said:
            began = now
        if speaker and speaker.group(1) != voice:
            voice = speaker.group(1)
            said.append(f"{voice}:")
        # Live captions repeat their last line.
        line = one_line(_TAG.sub("", words))
        if line and (not said or said[-1] != line):
            said.append(line)
    _flush(out, began, said)
    return out.build(media_type)


def _flush(out: TextBuilder, began: int, said: list[str]) -> None:
    if said:
        out.paragraph(f"[{began // 3600:02}:{began // 60 % 60:02}:{began % 60:02}] {' '.join(said)}")
    said.clear()
