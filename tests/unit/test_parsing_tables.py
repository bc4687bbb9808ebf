"""Rows that make sense alone: with their headings, however cells are merged, and however long the row is. And what is
hidden: left out, and counted."""

from pathlib import Path

from openpyxl import Workbook

from ingest.chunking import chunk
from ingest.parsing import parse
from ingest.parsing.document import TextBuilder
from ingest.parsing.rows import add_table, looks_like_header
from tests.unit import small_files as make


def test_a_row_too_long_for_a_chunk_goes_on_in_lines_that_say_which_row_it_is() -> None:
    out = TextBuilder()
    add_table(out, [["Product", "Text", "Price"], ["B-17", "word " * 130, "■199"], ["B-18", "short", "■299"]])
    parsed = out.build("text/csv")
    lines = parsed.text.split("\n")
    assert lines[-2:] == ["Product: B-17 | Price: ■199", "Product: B-18 | Text: short | Price: ■299"]
    chunks = chunk(parsed, max_tokens=150, count_tokens=lambda text: len(text.split()))
    assert all("Product: B-17" in one.text for one in chunks if "word" in one.text or "■199" in one.text)


def test_a_form_and_a_numbered_list_have_no_header() -> None:
    assert not looks_like_header([["Name:", "Ada"], ["Team:", "R&D"]])
    assert not looks_like_header([["1", "Rated voltage", "kV", "130"], ["2", "Frequency", "Hz", "50"]])
    assert looks_like_header([["Year", "2025", "2026"], ["Sales", "17", "19"]])


def test_a_cell_merged_over_rows_of_a_sheet_stands_in_each(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["Region", "City", "Sales"], ["North", "Ash", 1], [None, "Birch", 2], ["South", "Cedar", 3]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    book.save(tmp_path / "a.xlsx")
    assert "Region: North | City: Birch | Sales: 2\n" in parse(tmp_path / "a.xlsx", "a.xlsx").text


def test_hidden_sheets_rows_and_columns_are_left_out_and_counted(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in ([], ["Name", "Days", "Secret"], ["Ada", 25, "x1"], ["Bob", 26, "x2"], ["Cy", 27, "x3"]):
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["C"].hidden = True
    other = book.create_sheet("Other")
    other.append(["ten digits"])
    other.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    document = parse(tmp_path / "a.xlsx", "a.xlsx")
    assert document.text == "Name | Days\nName: Ada | Days: 25\nName: Cy | Days: 27"
    assert document.hidden_chars == len("ten digits") + len("Bob 26 x2") + len("Secret") + len("x1") + len("x3")


def test_rows_that_a_filter_has_hidden_are_read(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["Name", "Days"], ["Ada", 25], ["Bob", 26]):
        sheet.append(row)
    sheet.auto_filter.ref = "A1:B3"
    sheet.auto_filter.add_filter_column(0, ["Ada"])
    sheet.row_dimensions[3].hidden = True
    book.save(tmp_path / "a.xlsx")
    assert "Bob" in parse(tmp_path / "a.xlsx", "a.xlsx").text


def test_hidden_words_are_counted_in_every_format_that_can_hide_them(tmp_path: Path) -> None:
    word = make.docx(tmp_path / "a.docx", make.paragraph("Seen.") + make.paragraph("Hidden", run="<w:vanish/>"))
    pdf = make.pdf(
        tmp_path / "a.pdf",
        [make.line(72, 700, "Black on white is seen.") + make.line(72, 600, "Hidden", colour="1 g")],
    )
    html = tmp_path / "a.html"
    html.write_text("<html><body><p>Seen.</p><p style='display:none'>Hidden</p></body></html>")
    slides = make.pptx(tmp_path / "a.pptx", [("Seen", ["Words"], ""), ("Hidden", [], "")])
    for path in (word, pdf, html):
        document = parse(path, path.name)
        assert document.hidden_chars == len("Hidden"), path.name
        assert "Hidden" not in document.text
    assert parse(slides, "a.pptx").hidden_chars == 0


def test_words_beside_the_slide_and_slides_left_out_of_the_show_are_hidden(tmp_path: Path) -> None:
    path = make.pptx(tmp_path / "a.pptx", [("Seen", ["Words"], ""), ("Hidden", [], "")])
    far = '<a:xfrm><a:off x="99000000" y="0"/><a:ext cx="10" cy="10"/></a:xfrm>'
    make.rewritten(path, "ppt/slides/slide1.xml", "<p:sld ", '<p:sld show="0" ')
    make.rewritten(path, "ppt/slides/slide0.xml", "<p:txBody>", f"<p:spPr>{far}</p:spPr><p:txBody>")
    make.rewritten(path, "ppt/presentation.xml", "</p:sldIdLst>", '</p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/>')
    document = parse(path, "a.pptx")
    assert document.text == "Seen"
    assert document.hidden_chars == len("Hidden") + len("Words")


def test_a_list_keeps_the_words_that_announce_it() -> None:
    out = TextBuilder()
    out.paragraph("Nine words of uninteresting text that certainly fill the chunk up here.")
    out.paragraph("You must bring the following things with you:")
    for item in ("your badge", "your laptop", "your blue key"):
        out.line(f"• {item}")
    chunks = chunk(out.build("text/plain"), max_tokens=22, count_tokens=lambda text: len(text.split()))
    assert not any(one.text.endswith(":") for one in chunks)
