"""Calendar files and invitations (RFC 5545): what, when, where and who, a section an event.

Knows nothing of time zones: a time is given as it is written, with the zone that is named.
"""

import re
from collections.abc import Iterator

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from retrieval.errors import DocumentError

_FOLDED = re.compile(r"\n[ \t]")
_PROPERTY = re.compile(r'([A-Za-z-]+)((?:;[^:;="]+=(?:"[^"]*"|[^;:"]*))*):(.*)')
_ESCAPED = re.compile(r"\\([nN,;\\])")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_LABELS = {
    "DTSTART": "Starts",
    "DTEND": "Ends",
    "DUE": "Due",
    "RRULE": "Repeats",
    "LOCATION": "Where",
    "ORGANIZER": "Organiser",
    "ATTENDEE": "Invited",
    "STATUS": "Status",
    "DESCRIPTION": "",
}
_SECTIONS = frozenset({"VEVENT", "VTODO", "VJOURNAL"})


def parse_calendar(text: str, media_type: str) -> ParsedDocument:
    """Raises DocumentError: `corrupt` where it is no calendar, `no_text`, `parse_limit`."""
    if "BEGIN:VCALENDAR" not in text[:1000].upper():
        raise DocumentError("The file is not a calendar: it does not begin as one.", code="corrupt")
    out = TextBuilder()
    for event in _events(text):
        _write(out, event)
    return out.build(media_type)


def _events(text: str) -> Iterator[list[tuple[str, str, str]]]:
    """The properties of each event as (name, parameters, value). Alarms and time zones are left out."""
    event: list[tuple[str, str, str]] = []
    open_parts: list[str] = []
    for line in _FOLDED.sub("", text).split("\n"):
        found = _PROPERTY.match(line)
        if found is None:
            continue
        name, parameters, value = found.group(1).upper(), found.group(2), found.group(3).strip()
        if name == "BEGIN":
            open_parts.append(value.upper())
        elif name == "END":
            if open_parts and open_parts.pop() in _SECTIONS:
                yield event
                event = []
        elif open_parts and open_parts[-1] in _SECTIONS:
            event.append((name, parameters, _ESCAPED.sub(lambda m: "\n" if m.group(1) in "nN" else m.group(1), value)))


def _write(out: TextBuilder, event: list[tuple[str, str, str]]) -> None:
    out.heading(1, next((value for name, _, value in event if name == "SUMMARY"), "") or "Event without a name")
    people: list[str] = []
    for name, parameters, value in event:
        if name == "ATTENDEE":
            people.append(_person(parameters, value))
        elif name in _LABELS and name != "DESCRIPTION":
            out.line(f"{_LABELS[name]}: {_shown(name, parameters, value)}")
    if people:
        out.line(f"{_LABELS['ATTENDEE']}: {', '.join(people)}")
    for name, _, value in event:
        if name == "DESCRIPTION":
            for paragraph in value.split("\n"):
                out.paragraph(paragraph)


def _shown(name: str, parameters: str, value: str) -> str:
    if name == "ORGANIZER":
        return _person(parameters, value)
    time = _TIME.fullmatch(value)
    if time is None:
        return one_line(value)
    year, month, day, hour, minute, utc = time.groups()
    date = f"{year}-{month}-{day}"
    zone = re.search(r'TZID="?([^";:]+)', parameters)
    return (
        date if hour is None else f"{date} {hour}:{minute}" + (" UTC" if utc else f" ({zone.group(1)})" if zone else "")
    )


def _person(parameters: str, value: str) -> str:
    name = re.search(r'CN="?([^";:]+)', parameters)
    address = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
    return one_line(f"{name.group(1)} <{address}>" if name and name.group(1) != address else address)
