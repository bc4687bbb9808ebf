"""Text recognition in pictures: Tesseract, called as a program, one picture at a time.

It runs inside the limits of the process that parses, with time limits of its own for a page and for a whole file. Its
absence is an ordinary refusal that says what to install. Knows nothing of file formats: Tesseract opens the picture.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

from ingest.parsing.archive import Element, parse_xml
from retrieval.errors import DocumentError

# The parsers' process has no PATH.
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
PICTURE_S = 90.0
FILE_S = 480.0

_MAX_LANGUAGES = 4
_FIRST_LANGUAGES = ("eng", "deu")
# Tesseract reads letters into every texture, and says itself that it is not sure of them (0 to 100).
_SURE_WORD, _SURE_LINE = 30.0, 50.0
_TITLE = re.compile(r"(bbox|x_size|x_wconf|baseline)((?:\s+-?[\d.]+)+)")
_LINES = frozenset({"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word between `left` and `right`, in pixels."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """Words in one line; pixels from the top left corner. `size` is the height of the type."""

    words: tuple[Word, ...]
    baseline: float
    size: float


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    height: float
    lines: tuple[RecognisedLine, ...]


class Recogniser:
    """Tesseract and the time that is left to it for one file."""

    def __init__(self, *, on_first_use: Callable[[], object] | None = None) -> None:
        self._on_first_use = on_first_use
        self._program = shutil.which("tesseract", path=SEARCH_PATH)
        self._options: list[str] | None = None
        self._spent_s = 0.0

    @property
    def available(self) -> bool:
        return self._program is not None

    def pages(self, picture: bytes) -> list[RecognisedPage]:
        """What is written in a picture, which may have several pages (TIFF).

        Raises DocumentError: `needs_ocr` where Tesseract is not installed, `corrupt` where it cannot open the picture,
        `parse_limit` where it takes too long.
        """
        if self._program is None:
            raise DocumentError(f"Text in pictures could not be read. {missing()}", code="needs_ocr")
        if self._options is None:
            if self._on_first_use is not None:
                self._on_first_use()
            self._options = self._found_options()
        if self._spent_s > FILE_S:
            raise DocumentError(
                f"Recognising the text of the file's pictures took longer than {FILE_S:g} s. Divide the file, or save "
                "it with a text layer.",
                code="parse_limit",
            )
        started = time.monotonic()
        try:
            found = self._run([self._program, "stdin", "stdout", *self._options], picture)
        finally:
            self._spent_s += time.monotonic() - started
        return [_page(element) for element in parse_xml(found).iter("{*}div") if element.get("class") == "ocr_page"]

    def _found_options(self) -> list[str]:
        """English and German first, then what else is installed; the page is turned upright where that is installed."""
        listed = self._run([self._program or "", "--list-langs"], b"").decode("utf-8", "replace").splitlines()[1:]
        installed = [name.strip() for name in listed if re.fullmatch(r"[A-Za-z_]{3,20}", name.strip())]
        upright = ["--psm", "1"] if "osd" in installed else []
        languages = sorted(set(installed) - {"osd", "equ"}, key=lambda name: (name not in _FIRST_LANGUAGES, name))
        if not languages:
            raise DocumentError(f"Text in pictures could not be read. {missing()}", code="needs_ocr")
        return ["-l", "+".join(languages[:_MAX_LANGUAGES]), *upright, "-c", "tessedit_create_hocr=1"]

    def _run(self, command: list[str], given: bytes) -> bytes:
        try:
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                timeout=PICTURE_S,
                check=False,
                env={"OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired as error:
            raise DocumentError(
                f"Recognising the text of a picture took longer than {PICTURE_S:g} s.", code="parse_limit"
            ) from error
        except OSError as error:
            raise DocumentError("Text recognition could not be started.", code="parse_limit") from error
        if done.returncode != 0:
            raise DocumentError("The picture is damaged or too large to be read.", code="corrupt")
        return done.stdout


def missing() -> str:
    """What to say where there is no text recognition, and how to get it."""
    return (
        "Text recognition (Tesseract) is not installed on the server (`apt-get install tesseract-ocr "
        "tesseract-ocr-deu`). Or upload a version with selectable text."
    )


def _page(element: Element) -> RecognisedPage:
    lines = [line for span in element.iter("{*}span") if span.get("class") in _LINES for line in _line(span)]
    return RecognisedPage(_measures(element)["bbox"][3], tuple(lines))


def _line(element: Element) -> Iterator[RecognisedLine]:
    """The line, unless Tesseract itself is not sure of it."""
    measures = _measures(element)
    left, _, _, bottom = measures["bbox"]
    slope, offset = measures.get("baseline", [0.0, 0.0])[:2]
    words, sure = [], []
    for span in element.iter("{*}span"):
        text = "".join(span.itertext()).strip()
        found = _measures(span)
        if span.get("class") == "ocrx_word" and text and found["x_wconf"][0] >= _SURE_WORD:
            words.append(Word(text, found["bbox"][0], found["bbox"][2]))
            sure.append(found["x_wconf"][0])
    if words and fmean(sure) >= _SURE_LINE and any(character.isalnum() for word in words for character in word.text):
        baseline = bottom + offset + slope * (words[0].left - left)
        yield RecognisedLine(tuple(words), baseline, measures.get("x_size", [10.0])[0])


def _measures(element: Element) -> dict[str, list[float]]:
    return {
        name: [float(number) for number in numbers.split()]
        for name, numbers in _TITLE.findall(element.get("title") or "")
    }
