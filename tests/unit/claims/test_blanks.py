"""One look at a text file's bytes tells whether any of its values has a blank around it."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudml.claims.blanks import BLANKS, BlankSearch


def found(text: bytes, delimiter: str = ",", size: int = 1 << 18) -> bool:
    search = BlankSearch(delimiter)
    for start in range(0, len(text), size):
        search.look(text[start : start + size])
    search.finish()
    return search.found


def written(rows, **how) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, **how).writerows(rows)
    return stream.getvalue().encode()


CELLS = st.text(st.sampled_from(["a", "7", '"', ",", ";", "\n", "\r", "药", "，", "“", *BLANKS]), max_size=5)
WRITERS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",\t;|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
    }
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=4), WRITERS, st.integers(1, 9))
def test_a_blank_around_a_value_is_never_overlooked(rows, how, size):
    if any(cell.strip(BLANKS) != cell for row in rows for cell in row):
        assert found(written([["a", "b"], *rows], **how), how["delimiter"], size)


TIDY = {
    "plain": b"a,b\n1,2024-01-05 10:00:00\n2,x\n",
    "no line end at the end": b"a,b\n1,2",
    "carriage returns": b"a,b\r\n1,2024-01-05 10:00:00\r\n",
    "all quoted": b'"a","b"\n"1","2 3"\n"4","5"\n',
    "all quoted, carriage returns": b'"a","b"\r\n"1","2 3"\r\n',
    "some quoted": b'"a",b\n"1",2\n"3",4\n',
    "tabs between": b"a\tb\n1\t2 3\n",
    "Chinese": "a,b\n甲,一日三次，饭后、“温服”。\n".encode(),
    "byte order mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "a double blank inside": b"a\nx  y\n",
    "nothing": b"",
}


@pytest.mark.parametrize("text", TIDY.values(), ids=TIDY.keys())
@pytest.mark.parametrize("size", [4, 5, 1 << 18])
def test_a_tidy_file_needs_no_trimming(text, size):
    assert not found(text, "\t" if b"\t" in text else ",", size)
