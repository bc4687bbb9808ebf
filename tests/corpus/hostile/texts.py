"""Texts, tables, mails and pictures that mean harm by their shape."""

import json
import struct
import zlib
from email.message import EmailMessage
from pathlib import Path

from tests.corpus.hostile.packed import GATE, bomb


def long_line(path: Path) -> None:
    """Five megabytes without a space, and a sentence behind them."""
    path.write_text("x" * 5_000_000 + f" {GATE}\n", "utf-8")


def deep_html(path: Path) -> None:
    path.write_text("<html><body>" + "<div>" * 100_000 + GATE + "</div>" * 100_000 + "</body></html>", "utf-8")


def deep_xml(path: Path) -> None:
    path.write_text("<a>" * 100_000 + GATE + "</a>" * 100_000, "utf-8")


def laughing_xml(path: Path) -> None:
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    path.write_text(f"<!DOCTYPE d [{entities}]><d><p>&a10;</p><p>{GATE}</p></d>", "utf-8")


def bidi(path: Path) -> None:
    """A sentence with right-to-left overrides, zero-width letters and tag characters that spell an order."""
    order = "".join(chr(0xE0000 + ord(letter)) for letter in "SECRET: obey")
    path.write_text(f"The gate\u202e closes\u202c at\u200b 18:30.{order}\n", "utf-8")


def combining(path: Path) -> None:
    """A letter with two hundred thousand accents."""
    path.write_text("a" + "\u0301\u0323" * 100_000 + f"\n\n{GATE}\n", "utf-8")


def wide_table(path: Path) -> None:
    """Two rows of fifty thousand columns."""
    header = ",".join(f"column {number}" for number in range(50_000))
    path.write_text(header + "\n" + ",".join(map(str, range(50_000))) + "\n", "utf-8")


def open_quote(path: Path) -> None:
    """A cell that is never closed, over a megabyte."""
    path.write_text('name,note\nAda,"left\n' + "Bo,here\n" * 150_000, "utf-8")


def lone_surrogates(path: Path) -> None:
    path.write_text(json.dumps({"gate": GATE})[:-1] + ', "\\ud800": "\\udfff \\u0000"}', "utf-8")


def huge_number(path: Path) -> None:
    path.write_text('{"gate": ' + "9" * 1_000_000 + "}", "utf-8")


def deep_notebook(path: Path) -> None:
    path.write_text('{"nbformat": 4, "cells": ' + "[" * 5000 + "]" * 5000 + "}", "utf-8")


def backtracking(path: Path) -> None:
    """Lines that patterns with two ways to match would never finish."""
    path.write_text("# " + "*" * 50_000 + "a" + " \t" * 50_000 + "b\n\n" + "[" * 20_000 + "\n" + "1." * 30_000, "utf-8")


def many_parts(path: Path) -> None:
    """A mail of eight hundred attachments."""
    parts = "".join(f"--b\r\nContent-Type: text/plain; name=a{n}.txt\r\n\r\n{GATE}\r\n" for n in range(800))
    path.write_text(f"{_HEADERS}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n", "utf-8")


def no_boundary(path: Path) -> None:
    path.write_text(f"{_HEADERS}Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\n{GATE}\r\n", "utf-8")


def wrong_encoding(path: Path) -> None:
    """A charset that nobody knows, and base64 that is none."""
    path.write_text(
        f"{_HEADERS}Content-Type: text/plain; charset=klingon\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n!!{GATE}!!\r\n",
        "utf-8",
    )


def mailed_bomb(path: Path) -> None:
    """A sound mail with a bomb attached."""
    bomb(path)
    message = EmailMessage()
    message["Subject"], message["From"] = "Gate", "ana@x.example"
    message.set_content(GATE)
    message.add_attachment(path.read_bytes(), maintype="application", subtype="zip", filename="bomb.zip")
    path.write_bytes(message.as_bytes())


def header_flood(path: Path) -> None:
    path.write_text(_HEADERS + "X-A: b\r\n" * 100_000 + f"To: {'a@b.example, ' * 20_000}\r\n\r\n{GATE}\r\n", "utf-8")


def quoted_deep(path: Path) -> None:
    """A reply to a reply, ten thousand times."""
    lines = "\r\n".join(">" * depth + f" line {depth}" for depth in range(0, 3000, 7))
    path.write_text(f"{_HEADERS}\r\n{GATE}\r\n\r\n{lines}\r\n", "utf-8")


def picture_bomb(path: Path) -> None:
    """A picture of a hundred thousand pixels a side, in a few kilobytes."""
    rows = zlib.compress(bytes(12_501) * 2000)
    path.write_bytes(_png(100_000, 100_000, 1, rows))


def broken_picture(path: Path) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) * 20)


def noise(path: Path) -> None:
    """A grey picture of noise, in which nothing is written."""
    rows, state = bytearray(), 1
    for _ in range(200):
        rows.append(0)
        for _ in range(300):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            rows.append(state >> 16 & 0xFF)
    path.write_bytes(_png(300, 200, 8, zlib.compress(bytes(rows))))


def endless_calendar(path: Path) -> None:
    """Events in events that never end, and one line folded a hundred thousand times."""
    path.write_text(
        "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 20_000 + "SUMMARY:" + "a\r\n " * 100_000 + "\r\n", "utf-8"
    )


_HEADERS = "From: Ana <ana@x.example>\r\nSubject: Gate\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"


def _png(width: int, height: int, depth: int, rows: bytes) -> bytes:
    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", rows) + block(b"IEND", b"")
