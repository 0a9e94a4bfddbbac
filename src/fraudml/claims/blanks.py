"""Whether a text file has blanks around its values, told in one look at its bytes.

To look at a file once is much cheaper than to look at every value: nearly all exports are tidy, and their texts need no trimming.
"""

from __future__ import annotations

import codecs

import numpy as np

from fraudml.claims.mapping import BLANKS

_HARMLESS, _ODD, _SPACE, _LINE_END, _LEAD = range(5)
_QUOTE = ord('"')
_CONTEXT = 2  # bytes before and after a place that tell what it is


class BlankSearch:
    """Whether any value of a delimited text (UTF-8, quoted or not) may have a blank around it.

    Errs on one side only: blanks of unusual kinds count wherever they stand, and where quotes leave a doubt there may be one.

    Attributes
    ----------
    found : whether a blank may have been seen so far.
    """

    def __init__(self, delimiter: str) -> None:
        self.found = False
        self._kinds = np.full(256, _HARMLESS, dtype=np.uint8)
        self._kinds[[*range(32), 0x7F]] = _ODD
        self._kinds[ord(" ")] = _SPACE
        self._kinds[[ord("\n"), ord("\r")]] = _LINE_END
        odd = [each.encode() for each in BLANKS if ord(each) > 0x7F]
        self._kinds[[each[0] for each in odd]] = _LEAD
        self._odd_pairs, self._odd_triples = (
            np.array([int.from_bytes(each) for each in odd if len(each) == length], dtype=np.uint32) for length in (2, 3)
        )
        self._kinds[ord(delimiter)] = _HARMLESS
        self._edges = np.zeros(256, dtype=bool)  # what stands at either side of a value
        self._edges[[ord(delimiter), _QUOTE, ord("\n"), ord("\r")]] = True
        self._tail = b"\n" * _CONTEXT
        self._begun = False

    def look(self, chunk: bytes) -> None:
        """Looks at the next bytes of the text, three or more."""
        if self.found:
            return
        if not self._begun:
            chunk, self._begun = chunk.removeprefix(codecs.BOM_UTF8), True
        text = self._tail + chunk
        self._tail = text[-2 * _CONTEXT :]
        self._look(text)

    def finish(self) -> None:
        """Looks at what was left for want of bytes behind it."""
        if self.found:
            return
        rest = self._tail[_CONTEXT:].rstrip(b"\r\n")
        self._look(self._tail[:_CONTEXT] + rest + b"\n" * _CONTEXT)

    def _look(self, text: bytes) -> None:
        codes = np.frombuffer(text, dtype=np.uint8)
        quoted = _QUOTE in text
        places = _other_places(codes[_CONTEXT:-_CONTEXT], line_ends=quoted) + _CONTEXT
        kinds = self._kinds[codes[places]]
        self.found = (
            bool((kinds == _ODD).any())
            or self._beside_edge(codes, places[kinds == _SPACE])
            or (quoted and self._within_quotes(codes, places[kinds == _LINE_END]))
            or self._is_odd(codes, places[kinds == _LEAD])
        )

    def _beside_edge(self, codes: np.ndarray, spaces: np.ndarray) -> bool:
        return bool(self._edges[codes[spaces - 1]].any() or self._edges[codes[spaces + 1]].any())

    def _within_quotes(self, codes: np.ndarray, ends: np.ndarray) -> bool:
        """Whether a line end may be the first or last character of a quoted value: a quote beside it opens or closes that value."""
        opened = (codes[ends - 1] == _QUOTE) & self._edges[codes[ends - 2]]
        closed = (codes[ends + 1] == _QUOTE) & self._edges[codes[ends + 2]]
        return bool((opened | closed).any())

    def _is_odd(self, codes: np.ndarray, leads: np.ndarray) -> bool:
        pairs = codes[leads].astype(np.uint32) << 8 | codes[leads + 1]
        return bool(np.isin(pairs, self._odd_pairs).any() or np.isin(pairs << 8 | codes[leads + 2], self._odd_triples).any())


def _other_places(codes: np.ndarray, line_ends: bool) -> np.ndarray:
    """Where bytes stand that are no visible ASCII characters; line feeds only where asked."""
    other = codes - np.uint8(33) > 93  # in one comparison: bytes below 33 wrap around
    if not line_ends:
        other &= codes != ord("\n")
    return np.flatnonzero(other)
