"""The page: one file, nothing from outside, nothing from the data becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from fraudml.report.page import embedded


def test_the_page_is_whole_and_asks_the_network_for_nothing(written):
    html = (written / "leads.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!#|data:,)', html.split('<script type="application/json"')[0])
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_hostile_text_stays_text(written):
    html = (written / "leads.html").read_text(encoding="utf-8")
    assert "<img src=x" not in html

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[str] = []

        def handle_starttag(self, tag, attrs):
            self.seen.append(tag)
            assert not any(name.startswith("on") and name != "onsubmit" for name, _ in attrs)

    parser = Tags()
    parser.feed(html)
    assert "img" not in parser.seen
    assert parser.seen.count("script") == 2


def test_data_come_back_as_they_were(written):
    html = (written / "leads.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S).group(1))
    assert any("onerror" in lead["entity"] for lead in data["leads"])


def test_no_angle_bracket_leaves_the_data():
    assert "<" not in embedded({"a": "<!--<script></script>]]>"})
    assert json.loads(embedded({"a": "</script>\u2028"})) == {"a": "</script>\u2028"}
