"""What the readers of markers make of a stream's text, in whatever pieces it comes."""

from collections.abc import Sequence

from retrieval.citations import Draft, Marker, MarkerParser, SentenceReader

SOURCES = 4


def parsed(pieces: Sequence[str]) -> list[str | Marker]:
    """What the parser makes of it, runs of prose joined."""
    parser = MarkerParser(SOURCES)
    out: list[str | Marker] = []
    for piece in (*(part for delta in pieces for part in parser.feed(delta)), *parser.finish()):
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return out


def read(pieces: Sequence[str]) -> list[Draft]:
    """Its sentences."""
    reader = SentenceReader(SOURCES)
    return [draft for delta in pieces for draft in reader.feed(delta)] + reader.finish()
