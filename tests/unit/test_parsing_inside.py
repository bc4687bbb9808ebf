"""Documents inside documents: mails with attachments and threads, archives as folders; calendars and notes."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.parsing import ParsedDocument, parse, parts
from ingest.parsing.outlook_rtf import unpacked_rtf
from retrieval.errors import DocumentError
from tests.unit import small_files as make

Write = Callable[[str, bytes], ParsedDocument]


@pytest.fixture
def parsed(tmp_path: Path) -> Write:
    """Writes a file of a name and a content, and parses it."""

    def write(name: str, content: bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content)
        return parse(path, name)

    return write


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(("member", "name"), [("mimetype", "a.odt"), ("word/document.xml", "a.docx")])
def test_a_container_whose_compressed_bytes_are_damaged_is_corrupt(
    parsed: Write, method: int, member: str, name: str
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(member, "The gate closes at 18:30. " * 20)
    content = bytearray(packed.getvalue())
    start = 30 + len(member) + (9 if method == zipfile.ZIP_LZMA else 0)  # behind the headers
    content[start : start + 12] = b"\xff" * 12
    with pytest.raises(DocumentError) as caught:
        parsed(name, bytes(content))
    assert caught.value.code == "corrupt"


def test_a_member_of_an_archive_without_a_name_costs_it_no_other(parsed: Write) -> None:
    content = zipped({"x.txt": b"The north gate.", "b.md": b"The south gate."}).replace(b"x.txt", b"\x00.txt")
    assert "The south gate." in parsed("a.zip", content).text


def mail(body: str, *, html: str = "", sender: str = "Ana Diaz <ana@x.example>") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Move", sender, "all@x.example"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def section(document: ParsedDocument, title: str) -> str:
    """The text below the heading `title`, up to the next."""
    starts = [heading.start for heading in document.headings] + [len(document.text)]
    index = [heading.title for heading in document.headings].index(title)
    return document.text[document.headings[index].end : starts[index + 1]].strip()


# --- mail


def test_attachments_are_read_by_the_parser_of_their_type_below_a_heading_with_their_name(
    parsed: Write, tmp_path: Path
) -> None:
    message = mail("See the files.")
    word = make.docx(tmp_path / "plan.docx", make.paragraph("Desk plan.") + make.table([["Desk", "Who"], ["1", "Bo"]]))
    message.add_attachment(word.read_bytes(), maintype="application", subtype="octet-stream", filename="plan.docx")
    message.add_attachment("name,days\nAda,25\n", subtype="csv", filename="leave.csv")
    document = parsed("a.eml", message.as_bytes())
    assert [heading.title for heading in document.headings] == ["Attachment: plan.docx", "Attachment: leave.csv"]
    assert section(document, "Attachment: plan.docx") == "Desk plan.\n\nDesk | Who\nDesk: 1 | Who: Bo"
    assert section(document, "Attachment: leave.csv").endswith("name: Ada | days: 25")
    assert document.left_out == ()


def test_an_attachment_that_cannot_be_read_is_named_in_the_text_and_its_reason_is_kept(parsed: Write) -> None:
    message = mail("See the file.")
    message.add_attachment(b"%PDF-1.7 broken", maintype="application", subtype="pdf", filename="map.pdf")
    document = parsed("a.eml", message.as_bytes())
    assert document.text.endswith("Attachments: map.pdf")
    assert document.left_out == (("map.pdf", "The PDF is damaged and cannot be opened."),)


def test_a_message_in_a_message_keeps_its_own_headers_and_attachments(parsed: Write) -> None:
    inner = mail("The inner words.", sender="Bo <bo@x.example>")
    inner.add_attachment("Desk 1", filename="desks.txt")
    outer = mail("I forward this.")
    outer.add_attachment(inner)
    document = parsed("a.eml", outer.as_bytes())
    assert section(document, "Attached message: Move").startswith("Subject: Move\nFrom: Bo <bo@x.example>")
    assert section(document, "Attachment: desks.txt") == "Desk 1"


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 5 Jan 2026 at 10:00, Bo Lind <bo@x.example> wrote:\n> Do we move?\n> Tell me soon.\n",
        "On Mon, 5 Jan 2026 at 10:00, Bo Lind\n<bo@x.example> wrote:\n\n> Do we move?\n> Tell me soon.\n",
        "-----Original Message-----\nFrom: Bo Lind\nSent: Mon, 5 Jan 2026\nTo: Ana\nSubject: Move\n\nDo we move?\n",
        "Von: Bo Lind\nGesendet: Montag, 5. Januar 2026 10:00\nAn: Ana\nBetreff: Umzug\n\nDo we move?\n",
    ],
)
def test_what_a_reply_quotes_stands_under_a_heading_that_says_whose_words_they_are(parsed: Write, history: str) -> None:
    document = parsed("a.eml", mail(f"Yes, we move in May.\n\n{history}").as_bytes())
    (quoted,) = document.headings
    assert quoted.title.startswith("Quoted: ")
    assert "Bo Lind" in quoted.title
    assert "Yes, we move" in document.text[: quoted.start]
    assert "Do we move?" in document.text[quoted.end :]
    assert "> Do" not in document.text


def test_answers_between_quoted_lines_are_the_senders_again(parsed: Write) -> None:
    document = parsed("a.eml", mail("> When?\n\nIn May.\n\n> Where to?\n\nTo Porto.\n").as_bytes())
    assert [heading.title for heading in document.headings] == [
        "Quoted from an earlier message",
        "Reply by Ana Diaz",
        "Quoted from an earlier message",
        "Reply by Ana Diaz",
    ]


def multipart(subtype: str, *inside: str) -> str:
    """A multipart of parts that are written out."""
    boundary = f"b{sum(map(len, inside))}"
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in inside)
    return f"Content-Type: multipart/{subtype}; boundary={boundary}\r\n\r\n{body}--{boundary}--\r\n"


def text_part(words: str, kind: str = "plain") -> str:
    return f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{words}"


def sent(part: str) -> bytes:
    return f"Subject: Move\r\nFrom: Ana <ana@x.example>\r\nMIME-Version: 1.0\r\n{part}".encode()


NOTE = 'Content-Type: text/plain; name="desks.txt"\r\n\r\nDesk 1'
HEADERS = "Subject: Move\nFrom: Ana <ana@x.example>\n\n"
MOVE = "In May we leave for Porto, with all of our boxes."
LONG = "<p>We move in May.</p>" + "<!-- style -->" * 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (multipart("mixed", text_part("Above."), NOTE, text_part("Below.")), "Above.\n\nBelow."),
        (multipart("mixed", text_part("\n"), text_part("Below.")), "Below."),
        (
            multipart("mixed", text_part("<p>Above.</p>", "html"), NOTE, text_part("<p>Below.</p>", "html")),
            "Above.\n\nBelow.",
        ),
        (multipart("mixed", text_part("<p>Above.</p>", "html"), text_part("Below.")), "Above.\n\nBelow."),
        (multipart("mixed", text_part("<!-- -->", "html"), text_part("Below.")), "Below."),
        (multipart("alternative", text_part("In May."), text_part("<p>In May!</p>", "html")), "In May."),
        (
            multipart(
                "alternative",
                text_part("No HTML?"),
                multipart("mixed", text_part(LONG, "html"), NOTE, text_part("Below.")),
            ),
            "We move in May.\n\nBelow.",
        ),
        (
            multipart(
                "mixed", multipart("alternative", text_part("Above."), text_part("Above.", "html")), text_part("Below.")
            ),
            "Above.\n\nBelow.",
        ),
        # A program that does not say that its two forms are two forms.
        (multipart("mixed", text_part(f"1. {MOVE}"), text_part(f"<ol><li>{MOVE}", "html")), f"1. {MOVE}"),
    ],
)
def test_all_parts_of_a_body_are_read_in_order_and_one_of_two_forms(parsed: Write, body: str, expected: str) -> None:
    document = parsed("a.eml", sent(body))
    attached = "\n\nAttachment: desks.txt\n\nDesk 1" if NOTE in body else ""
    assert document.text == f"{HEADERS}{expected}{attached}"
    assert document.left_out == ()


@pytest.mark.parametrize(
    ("quote", "answer"),
    [
        (text_part("Yes.\n\n> Do we move?"), text_part("Bring boxes.")),
        (text_part("Yes.<blockquote>Do we move?</blockquote>", "html"), text_part("<p>Bring boxes.</p>", "html")),
        (text_part("Yes.<blockquote>Do we move?</blockquote>", "html"), text_part("Bring boxes.")),
        (text_part("Yes.\n\n> Do we move?"), text_part("<p>Bring boxes.</p>", "html")),
    ],
)
def test_what_follows_a_quote_in_another_part_is_the_senders(parsed: Write, quote: str, answer: str) -> None:
    document = parsed("a.eml", sent(multipart("mixed", quote, answer)))
    assert section(document, "Quoted from an earlier message") == "Do we move?"
    assert section(document, "Reply by Ana") == "Bring boxes."


@pytest.mark.parametrize("disposition", ["", 'Content-Disposition: attachment; filename="a.html"\r\n'])
def test_a_page_in_a_mail_may_declare_the_encoding_that_it_had(parsed: Write, disposition: str) -> None:
    page = "<html><head><meta charset=iso-8859-1></head><body>Größe</body></html>"
    head = f"Subject: Move\r\n{disposition}Content-Type: text/html; charset=iso-8859-1\r\n\r\n"
    assert parsed("a.eml", (head + page).encode("latin-1")).text.endswith("Größe")


def test_html_replies_are_told_from_what_they_quote(parsed: Write) -> None:
    gmail = (
        "<p>In May.</p><div class='gmail_quote'><div class='gmail_attr'>On Monday Bo wrote:</div>"
        "<blockquote>Do we move?</blockquote></div><p>Bring boxes.</p>"
    )
    message = EmailMessage()
    message["Subject"], message["From"] = "Move", "Ana <ana@x.example>"
    message.set_content(gmail, subtype="html")
    document = parsed("a.eml", message.as_bytes())
    assert [heading.title for heading in document.headings] == ["Quoted: On Monday Bo wrote", "Reply by Ana"]
    assert section(document, "Reply by Ana") == "Bring boxes."


def test_an_invitation_says_what_when_where_and_who(parsed: Write) -> None:
    event = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Steering\\, Q3\r\nDTSTART;TZID=Europe/Lisbon:20260915T140000\r\n"
        "DTEND:20260915T150000Z\r\nLOCATION:Room 4\r\nORGANIZER;CN=Ana Diaz:mailto:ana@x.example\r\n"
        "ATTENDEE;CN=Bo:mailto:bo@x.example\r\nDESCRIPTION:Bring the \r\n figures.\\nThen lunch.\r\n"
        "BEGIN:VALARM\r\nDESCRIPTION:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    expected = (
        "Starts: 2026-09-15 14:00 (Europe/Lisbon)\nEnds: 2026-09-15 15:00 UTC\nWhere: Room 4\n"
        "Organiser: Ana Diaz <ana@x.example>\nInvited: Bo <bo@x.example>\n\nBring the figures.\n\nThen lunch."
    )
    document = parsed("a.ics", event.encode())
    assert document.text == f"Steering, Q3\n\n{expected}"
    invitation = mail("Please come.")
    invitation.add_attachment(event.encode(), maintype="text", subtype="calendar")
    assert section(parsed("a.eml", invitation.as_bytes()), "Steering, Q3") == expected


def test_rich_text_that_outlook_has_packed_is_unpacked() -> None:
    # The example of MS-OXRTFCP, section 4.1.1.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked_rtf(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpacked_rtf(b"short") == b""


# --- archives


def test_an_archive_is_a_folder_each_file_a_section_under_its_path(parsed: Write, tmp_path: Path) -> None:
    word = make.docx(tmp_path / "b.docx", make.paragraph("Ask early."))
    members = {"hr/leave.md": b"# Leave\n\n25 days.", "hr/ask.docx": word.read_bytes(), "__MACOSX/x.txt": b"junk"}
    document = parsed("a.zip", zipped({**members, "run.exe": b"MZ\x00" + bytes(200)}))
    assert [(heading.level, heading.title) for heading in document.headings] == [
        (1, "hr/ask.docx"),
        (1, "hr/leave.md"),
        (2, "Leave"),
    ]
    assert section(document, "hr/ask.docx") == "Ask early."
    assert document.title is None
    assert [part for part, _ in document.left_out] == ["run.exe"]
    for heading in document.headings:
        assert heading.title in document.text[heading.start : heading.end]


def test_tar_archives_and_single_compressed_files_are_read(parsed: Write) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("notes/a.txt")
        member.size = 8
        archive.addfile(member, io.BytesIO(b"25 days."))
    assert parsed("a.tar.gz", packed.getvalue()).text == "notes/a.txt\n\n25 days."
    table = parsed("leave.csv.gz", gzip.compress(b"name,days\nAda,25\n"))
    assert (table.text, table.media_type) == ("name | days\nname: Ada | days: 25", "text/csv")


def test_names_in_an_archive_lead_nowhere_and_links_are_not_followed(parsed: Write, tmp_path: Path) -> None:
    document = parsed("a.zip", zipped({"../../up.txt": b"One.", "/etc/root.txt": b"Two."}))
    assert [heading.title for heading in document.headings] == ["up.txt", "etc/root.txt"]
    secret = tmp_path / "secret.txt"
    secret.write_text("sesame")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    with pytest.raises(DocumentError, match="link or a device") as caught:
        parsed("a.tar", packed.getvalue())
    assert caught.value.code == "no_text"


def test_archives_in_archives_end_at_a_depth_and_at_a_count(parsed: Write) -> None:
    content = zipped({"deep.txt": b"Deep."})
    for _ in range(3):
        content = zipped({"inside.zip": content, "here.txt": b"Here."})
    assert parsed("a.zip", content).text.count("Here.") == 3
    assert "Deep." in parsed("a.zip", content).text
    for _ in range(3):
        content = zipped({"inside.zip": content})
    ((_, reason),) = parsed("a.zip", content).left_out
    assert reason.endswith("levels deep.")
    with pytest.raises(DocumentError) as caught:
        parsed("a.zip", zipped({f"{number}.txt": b"x" for number in range(parts.MAX_PARTS + 1)}))
    assert caught.value.code == "parse_limit"


# --- transcripts and notes


def test_a_transcript_gives_sentences_with_speakers_and_times(parsed: Write) -> None:
    text = (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:04.000\n<v Ana>We start\nwith leave.\n\n"
        "00:00:04.000 --> 00:00:06.000\n<v Ana>It is 25 days.\n\n00:01:10.500 --> 00:01:12.000\n<v Bo>Thanks.\n"
    )
    assert parsed("a.vtt", text.encode()).text == (
        "[00:00:01] Ana: We start with leave. It is 25 days.\n\n[00:01:10] Bo: Thanks."
    )
    assert parsed("a.srt", b"1\n00:00:01,000 --> 00:00:04,000\nHello.\n").text == "[00:00:01] Hello."


def test_a_box_note_gives_headings_lists_and_tables(parsed: Write) -> None:
    def node(kind: str, *inside: object, **attrs: object) -> dict[str, object]:
        return {"type": kind, "content": list(inside), "attrs": attrs}

    def said(words: str) -> dict[str, object]:
        return node("paragraph", {"type": "text", "text": words})

    rows = [
        node("table_row", *(node("table_cell", said(word)) for word in row)) for row in (("Grade", "Days"), ("A", "25"))
    ]
    doc = node(
        "doc",
        node("heading", {"type": "text", "text": "Leave"}, level=2),
        said("Ask early."),
        node("ordered_list", node("list_item", said("Write.")), node("list_item", said("Wait."))),
        node("table", *rows),
    )
    document = parsed("a.boxnote", json.dumps({"doc": doc}).encode())
    assert document.text == "Leave\n\nAsk early.\n\n1. Write.\n2. Wait.\n\nGrade | Days\nGrade: A | Days: 25"
    assert [(heading.level, heading.title) for heading in document.headings] == [(2, "Leave")]
