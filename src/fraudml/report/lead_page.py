"""The printable sheet: every lead on one page of A4, with room for the finding."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from fraudml.report.cells import INK, QUIET, RULE, SOFT, Cells, lines_of, shortened
from fraudml.report.pixels import SCALE, png
from fraudml.report.words import certainty, period, recovery_range, say
from fraudml.wording import number, written_day

WIDTHS = (11, 18, 9, 15, 16, 11, 11)
LETTERS = 94
"""Latin letters of 10 points that fit across the page; a Chinese one counts two."""

PAGE_HEIGHT = 755.0
"""Points of an A4 page between the margins, with a reserve for the printer's own fonts."""

LINE = 15.5
FINDING_HEIGHT = 112.0
"""Points that the room for the finding takes."""

EVIDENCE_HEIGHT = 90.0
"""Points that are kept for the heaviest claims, where there are so many."""

PICTURES = ((0, 2, 0.0, 236.0), (3, 6, 34.0, 250.0))
"""Where two pictures stand side by side: columns of their captions, and of the picture offset and greatest width in points."""

PICTURE_HEIGHT = (84.0, 140.0)
"""Least and greatest height of pictures in points: as much as the words below them leave."""

BESIDE = {"patient": ("map", "timeline"), "claim": ("map", "timeline")}
BESIDE_OTHERS = ("ring", "map", "months")
"""What stands beside the peers' picture: the first of these that the lead has."""

MOST = {"reasons": 5, "checks": 6, "clauses": 3}


def write_lead_pages(cells: Cells, dossiers: Sequence[Mapping[str, Any]], lang: str) -> dict[str, int]:
    """Writes all pages below each other, with a page break after each; returns the first row of every lead."""
    sheet = cells.sheet
    sheet.hide_gridlines(2)
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    row, breaks, anchors = 0, [], {}
    for each in dossiers:
        anchors[each["id"]] = row
        row = _Page(cells, row, lang).write(each)
        breaks.append(row)
    sheet.set_portrait()
    sheet.set_paper(9)
    sheet.set_margins(left=0.55, right=0.4, top=0.5, bottom=0.5)
    # fonts differ from office to office, and column widths with them: one page wide whatever they are, the breaks stay
    sheet.fit_to_pages(1, 0)
    sheet.center_horizontally()
    sheet.set_h_pagebreaks(breaks[:-1])
    sheet.print_area(0, 0, max(row - 1, 0), len(WIDTHS) - 1)
    sheet.set_footer("&R&8&P / &N", {"margin": 0.2})
    return anchors


def open_since(lead: Mapping[str, Any], lang: str) -> str:
    """Since when a carried lead is open; nothing for a new one."""
    since = lead.get("since")
    return f"{say('first_listed', lang)} {written_day(dt.date.fromisoformat(since), lang)}" if since else ""


class _Page:
    """One lead's page, written from the top down; ``left`` is the height that remains."""

    def __init__(self, cells: Cells, row: int, lang: str) -> None:
        self.cells, self.row, self.lang = cells, row, lang
        self.left = PAGE_HEIGHT
        self.last = len(WIDTHS) - 1
        self.keep = FINDING_HEIGHT

    def write(self, lead: Mapping[str, Any]) -> int:
        claims = len(lead["claims"]) or len(lead["loose"])
        # what must find room whatever the words above take: finding, heaviest claims, at least the numbers of the clauses
        self.keep = FINDING_HEIGHT + min(EVIDENCE_HEIGHT, 40 + LINE * claims if claims else 0.0) + (LINE + 2 if lead["clauses"] else 0.0)
        self._line(f"{lead['rank']}  {lead['title']}", height=28, font_size=16, bold=True, valign="vcenter")
        who = " · ".join(
            each
            for each in (
                f"{say('type_' + lead['type'], self.lang)} {lead['entity']}",
                lead["region"],
                f"{say('certainty', self.lang)} {certainty(lead['risk'], self.lang)}{' ' if self.lang == 'en' else ''}({lead['basis']})",
                say("drawn_" + lead["drawn"], self.lang),
                open_since(lead, self.lang),
            )
            if each
        )
        self._line(shortened(who, LETTERS), height=18, font_size=11)
        self._facts(lead)
        joined = (";" if self.lang == "zh" else "; ").join
        checks = [f"□ {each}" for each in lead["checks"][: MOST["checks"]]]
        beside = {name: f"{say(name, self.lang)}  {joined(lead[name])}" for name in ("documents", "benign") if lead[name]}
        clauses = [each["text"] or each["id"] for each in lead["clauses"][: MOST["clauses"]]]
        below = _height(checks) + sum(_text_height(shortened(each, LETTERS * 3)) for each in beside.values()) + 6 + _height(clauses)
        reasons = [each["text"] for each in lead["reasons"][: MOST["reasons"]]]
        lines = [shortened(each, LETTERS * 3) for each in beside.values()]
        # the reasons leave room for pictures, the first checks, and one line each for what to ask for and what would explain it
        of_pictures = PICTURE_HEIGHT[0] + 54 if lead["pictures"] else 0.0
        of_checks, of_lines = _height(checks[:3]), sum(_text_height(each) for each in lines) + 6
        self.keep += of_pictures + of_checks + of_lines
        self._section("reasons", [*reasons, *filter(None, [lead["counterfact"]])])
        self.keep -= of_pictures + of_checks
        self._pictures(lead, below)
        self._section("checks", checks)
        for each in lines:
            self._line(each, height=_text_height(each), text_wrap=True)
        self._gap()
        self.keep -= of_lines
        self._clauses(clauses)
        self._evidence(lead)
        self._finding()
        return self.row

    def _line(self, content: str, *, height: float = LINE, **wanted: Any) -> None:
        self.cells.across(self.row, 0, self.last, content, **wanted)
        self._next(height)

    def _next(self, height: float) -> None:
        self.cells.sheet.set_row(self.row, height)
        self.row += 1
        self.left -= height

    def _facts(self, lead: Mapping[str, Any]) -> None:
        amount = number(lead["amount"]) + (f" ({say('estimated', self.lang)})" if lead["estimated"] else "")
        expected = f"{number(lead['expected'])} ({recovery_range(lead, self.lang)})"
        facts = (("amount", amount), ("expected", expected), ("period", period(lead, self.lang)), ("place", lead["place"]))
        content = "    ".join(f"{say(name, self.lang)} {value}" for name, value in facts if value)
        self._line(content, height=LINE * lines_of(content, LETTERS) + 6, text_wrap=True, bg_color=SOFT, valign="vcenter")
        self._gap()

    def _section(self, name: str, texts: Sequence[str]) -> None:
        """A titled list of texts; what would take the room of clauses, evidence and finding is left to the page."""
        kept = [shortened(content, LETTERS * 4) for content in texts]
        heights = [_text_height(content) for content in kept]
        if not kept or self.left - 23 - heights[0] < self.keep:
            return
        self._title(say(name, self.lang))
        for content, height in zip(kept, heights, strict=True):
            if self.left - height - 6 < self.keep:
                break
            self._line(content, height=height, text_wrap=True)
        self._gap()

    def _clauses(self, texts: Sequence[str]) -> None:
        """The clauses with their words where there is room for all of them, else their numbers in one line."""
        self.keep -= LINE + 2 if texts else 0.0
        if not texts or self.left - _height(texts) >= self.keep:
            self._section("clauses", texts)
            return
        numbers = ("、" if self.lang == "zh" else ", ").join(dict.fromkeys(text.split(":")[0] for text in texts))
        self._line(shortened(f"{say('clauses', self.lang)}  {numbers}", LETTERS), height=LINE + 2)

    def _pictures(self, lead: Mapping[str, Any], below: float) -> None:
        """Two pictures side by side, above each what it says in words: letters inside stay few and Latin.

        They take what ``below`` (points of the words that follow) leaves.
        """
        first = {each["kind"]: each["drawing"] for each in reversed(lead["pictures"])}
        beside = next((kind for kind in BESIDE.get(lead["type"], BESIDE_OTHERS) if kind in first), "")
        shown = [first[kind] for kind in ("peers", beside) if kind in first]
        if not shown:
            return
        for (left, right, _, _), drawing in zip(PICTURES, shown, strict=False):
            self.cells.across(self.row, left, right, drawing.title, bold=True, font_color=QUIET, bottom=1, bottom_color=RULE)
        self._next(17)
        captions = [drawing.description for drawing in shown]
        for (left, right, _, _), caption in zip(PICTURES, captions, strict=False):
            self.cells.across(self.row, left, right, caption, font_size=9, font_color=QUIET, text_wrap=True)
        self._next(13 * max(lines_of(caption, sum(WIDTHS[:3])) for caption in captions) + 3)
        legend = shortened("    ".join(each for drawing in shown for each in drawing.legend), LETTERS * 4)
        listed = 13 * lines_of(legend, LETTERS * 1.1) + 4 if legend else 0
        least, most = PICTURE_HEIGHT
        room = min(max(self.left - below - listed - self.keep, least), most)
        high = 0.0
        for (left, _, offset, wide), drawing in zip(PICTURES, shown, strict=False):
            printed = drawing.printed
            scale = min(wide / printed[0], room / printed[1])
            self.cells.picture(self.row, left, png(drawing), f"{drawing.title}: {drawing.description}", scale / SCALE, offset)
            high = max(high, printed[1] * scale)
        self._next(high + 4)
        if legend:
            self._line(legend, height=listed, text_wrap=True, font_size=9)

    def _title(self, content: str) -> None:
        self._line(content, height=17, bold=True, font_color=QUIET, bottom=1, bottom_color=RULE)

    def _gap(self) -> None:
        self._next(6)

    def _evidence(self, lead: Mapping[str, Any]) -> None:
        room = int((self.left - FINDING_HEIGHT - 40) // (LINE - 1))
        shown = lead["claims"][: max(room, 0)]
        if not shown:
            self._loose(lead["loose"][: max(room, 0)])
            return
        note = (
            say("evidence_look", self.lang)
            if lead["estimated"]
            else say("evidence_note", self.lang, shown=len(shown), total=lead["claims_total"])
        )
        self._title(f"{say('evidence', self.lang)}  {note}")
        names = ("day", "claim", "visit", "institution", "patient", "total", "in_question")
        for column, name in enumerate(names):
            self.cells.text(self.row, column, say(name, self.lang), font_color=QUIET, font_size=9, align="right" if column > 4 else "left")
        self._next(14)
        for claim in shown:
            values = (claim["day"], claim["claim"], say("visit_" + claim["kind"], self.lang), claim["institution"], claim["patient"])
            for column, value in enumerate(values):
                self.cells.text(self.row, column, shortened(str(value), int(WIDTHS[column] * 1.05)), font_size=9)
            self.cells.money(self.row, 5, claim["total"], font_size=9)
            self.cells.money(self.row, 6, None if lead["estimated"] else claim["amount"], font_size=9)
            self._next(LINE - 1)
        self._gap()

    def _loose(self, questions: Sequence[Mapping[str, Any]]) -> None:
        """Evidence that is no single settlement, of a lead that has no other."""
        if not questions:
            return
        self._title(f"{say('evidence', self.lang)}  {say('evidence_loose', self.lang)}")
        for each in questions:
            self.cells.text(self.row, 0, each["day"], font_size=9)
            self.cells.across(self.row, 1, self.last - 1, shortened(each["text"], LETTERS - 24), font_size=9)
            self.cells.money(self.row, self.last, each["amount"], font_size=9)
            self._next(LINE - 1)
        self._gap()

    def _finding(self) -> None:
        self._title(say("finding", self.lang))
        boxes = (("finding_state", "finding_outcome", "finding_amount"), ("finding_date", "finding_unit", "signature"))
        for names in boxes:
            for column, name in zip((0, 2, 5), names, strict=True):
                self.cells.text(self.row, column, say(name, self.lang), font_color=QUIET, valign="vcenter", font_size=9)
            for column in (1, 3, 4, 6):
                self.cells.text(self.row, column, "", bottom=1, bottom_color=INK)
            self._next(26)
        self.cells.text(self.row, 0, say("finding_remark", self.lang), font_color=QUIET, font_size=9)
        self.cells.across(self.row, 1, self.last, "", bottom=1, bottom_color=INK)
        self._next(34)


def _text_height(content: str) -> float:
    return LINE * lines_of(content, LETTERS) + 2


def _height(texts: Sequence[str]) -> float:
    """Points that a titled section takes."""
    return 23 + sum(_text_height(shortened(content, LETTERS * 4)) for content in texts) if texts else 0.0
