"""The compression that Outlook puts rich text in (MS-OXRTFCP): an LZ77 with a dictionary that is full of RTF words."""

import struct

_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_RING = 4096
_MAX_BYTES = 64 * 2**20


def unpacked_rtf(packed: bytes) -> bytes:
    """The rich text; empty where `packed` is none."""
    if len(packed) < 16:
        return b""
    size, kind = struct.unpack_from("<I", packed, 4)[0], packed[8:12]
    if kind == _PLAIN:
        return packed[16 : 16 + size]
    if kind != _COMPRESSED or size > _MAX_BYTES:
        return b""
    return bytes(_Unpacking(packed).done(size))


class _Unpacking:
    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._ring = bytearray(_DICTIONARY.ljust(_RING, b" "))
        self._at = len(_DICTIONARY)
        self._out = bytearray()

    def done(self, size: int) -> bytearray:
        """Runs of eight tokens behind a byte of flags: a letter, or (12 bits, 4 bits) where to copy and how much."""
        position = 16
        while position < len(self._packed) and len(self._out) < size:
            flags = self._packed[position]
            position += 1
            for bit in range(8):
                token = self._packed[position : position + 1 + (flags >> bit & 1)]
                position += len(token)
                if not token or not self._token(token):
                    return self._out
        return self._out

    def _token(self, token: bytes) -> bool:
        """False at the end: a copy from where the next letter goes."""
        if len(token) == 1:
            self._put(token[0])
            return True
        start, length = token[0] << 4 | token[1] >> 4, (token[1] & 15) + 2
        if start == self._at:
            return False
        for step in range(length):
            self._put(self._ring[(start + step) % _RING])
        return True

    def _put(self, letter: int) -> None:
        self._ring[self._at] = letter
        self._at = (self._at + 1) % _RING
        self._out.append(letter)
