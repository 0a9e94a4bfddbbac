"""The page in a real browser: opens from file://, clicks through, asks nothing of any network, works by keyboard and on a phone."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudml.report.ring_pictures import Visit, ring_picture

pytestmark = pytest.mark.browser


@pytest.fixture
def page(written: Path) -> Iterator[Any]:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        opened = chromium.new_page(viewport={"width": 1280, "height": 900})
        opened.complaints = []
        opened.on("console", lambda message: opened.complaints.append(message.text) if message.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.on("dialog", lambda dialog: opened.complaints.append(f"dialog {dialog.message}"))
        opened.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else opened.complaints.append(request.url))
        opened.goto((written / "leads.html").as_uri())
        yield opened
        assert opened.complaints == []
        chromium.close()


def test_list_filters_and_sorting(page, ranked):
    leads = ranked[1].leads
    rows = page.locator("#rows a")
    assert rows.count() == len(leads)
    page.select_option("#type", "ring")
    assert rows.count() == 1
    page.select_option("#type", "")
    page.select_option("#scheme", "overpriced_charge")
    assert rows.count() == 1
    page.select_option("#scheme", "")
    page.select_option("#region", "R2")
    assert 0 < rows.count() < len(leads)
    page.select_option("#region", "")
    page.select_option("#least", "1000")
    assert rows.count() == (leads["amount_at_risk"] >= 1000).sum()
    page.select_option("#least", "")
    page.fill("#search", "g1")
    assert rows.count() == 1
    page.fill("#search", "there is no such thing")
    assert rows.count() == 0
    assert page.locator("#nothing").is_visible()
    page.fill("#search", "")
    page.select_option("#sort", "amount")
    first = rows.first.get_attribute("data-id")
    assert first == leads.sort_values(["amount_at_risk", "rank"], ascending=[False, True])["lead_id"].iloc[0]
    page.select_option("#sort", "risk")
    assert rows.first.get_attribute("data-id") == leads.sort_values(["risk", "rank"], ascending=[False, True])["lead_id"].iloc[0]
    page.select_option("#sort", "rank")
    assert [row.get_attribute("data-id") for row in rows.all()] == leads["lead_id"].tolist()


def test_every_lead_opens_with_reasons_pictures_and_evidence(page, ranked):
    for lead in ranked[1].leads.itertuples():
        page.click(f'#rows a[data-id="{lead.lead_id}"]')
        page.wait_for_selector("#lead h2", state="visible")
        assert page.locator("#lead .reasons li").count() >= 1
        assert page.locator("#lead figure svg").count() >= 1
        assert page.locator("#lead svg[aria-label]").count() == page.locator("#lead svg").count()
        assert page.locator("#lead figure parsererror").count() == 0
        page.keyboard.press("Escape")
        page.wait_for_selector("#list", state="visible")


def test_a_lead_says_how_sure_it_is_and_its_evidence_adds_up(page, ranked):
    lead = ranked[1].leads.set_index("entity_id").loc["H1"]
    page.click(f'#rows a[data-id="{lead["lead_id"]}"]')
    page.wait_for_selector("#lead h2", state="visible")
    assert page.locator("#lead .facts small").count() == 2
    asked = [
        float(cell.replace(",", ""))
        for cell in page.locator("#lead .scroll > table > tbody > tr:not(.more) > td:last-child").all_inner_texts()
        if cell
    ]
    assert sum(asked) == lead["amount_at_risk"]
    assert float(page.locator("#lead tr.sum td.n").inner_text().replace(",", "")) == lead["amount_at_risk"]


def test_it_works_by_keyboard(page, ranked):
    ids = ranked[1].leads["lead_id"].tolist()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#lead h2")
    assert page.url.endswith(ids[1])
    page.keyboard.press("j")
    page.wait_for_function(f"location.hash === '#{ids[2]}'")
    page.keyboard.press("Escape")
    page.wait_for_selector("#rows a")
    assert page.evaluate("document.activeElement.dataset.id") == ids[2]


def test_hostile_text_is_shown_as_text(page):
    page.fill("#search", "onerror")
    page.locator("#rows a").first.click()
    assert "<img" in page.locator("#lead .who").inner_text()
    assert page.locator("img").count() == 0


def test_a_phone_shows_it_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.locator("#rows a").first.click()
    page.wait_for_selector("#lead h2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_on_a_phone_every_settlement_is_whole_beside_its_name(page):
    """Nine columns on a phone broke numbers into pieces and left the amounts outside."""
    page.set_viewport_size({"width": 375, "height": 800})
    page.locator("#rows a").first.click()
    page.wait_for_selector(".claims tbody td")
    cells = page.eval_on_selector_all(
        ".claims > tbody > tr:first-child > td",
        "all => all.map(td => [td.dataset.label, td.getBoundingClientRect().right, td.offsetHeight])",
    )
    assert len(cells) == 9
    assert all(label and right <= 375 and high < 32 for label, right, high in cells), cells
    assert page.locator(".claims thead").is_hidden()
    page.emulate_media(media="print")
    assert page.locator(".claims thead").is_visible()  # on paper, which is as narrow, it stays a table


def test_print_leaves_out_what_only_a_screen_needs(page):
    page.locator("#rows a").first.click()
    page.wait_for_selector("#lead h2")
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible()
    assert page.locator("#lead h2").is_visible()
    # else the lead's sum would stand at the foot of every printed page
    assert page.eval_on_selector(".claims tfoot", "foot => getComputedStyle(foot).display") == "table-row-group"


def test_text_has_enough_contrast(page):
    """WCAG AA: 4.5 to 1 for every text on its background."""
    page.locator("#rows a").first.click()
    page.wait_for_selector("#lead h2")
    weak = page.evaluate(
        """() => {
        const parse = (text) => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
        const behind = (node) => {
            for (; node; node = node.parentElement) {
                const c = parse(getComputedStyle(node).backgroundColor);
                if (c.length < 4 || c[3] > 0) return c;
            }
            return [255, 255, 255];
        };
        return [...document.querySelectorAll("body *")].filter((node) => node.offsetParent !== null || node.ownerSVGElement)
            .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
            .filter((node) => !["SCRIPT", "STYLE"].includes(node.tagName) && !node.closest("[aria-disabled]"))
            .map((node) => {
                const own = getComputedStyle(node);
                const front = light(parse(node.ownerSVGElement ? own.fill : own.color));
                const back = light(behind(node.parentElement.closest("figure") || node));
                return [(Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05), node.textContent.trim().slice(0, 20)]; })
            .filter(([ratio]) => ratio < 4.5); }"""
    )
    assert weak == []


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("people", "hubs"), [(3, 0), (13, 2), (45, 9)])
def test_the_words_of_a_ring_do_not_overlap(people, hubs, lang, page, tmp_path):
    kinds = ("institution", "doctor", "pharmacy")
    names = ("main_institution", "main_doctor", "dispenser")
    members = [{"entity_type": kinds[n % 3], "entity_id": f"H4301027385{n}", "role": names[n % 3]} for n in range(hubs)]
    roles = ("core", "regular", "occasional", "card_holder")
    members += [{"entity_type": "patient", "entity_id": f"{n:032x}", "role": roles[n % 4]} for n in range(people)]
    at = tuple(each["entity_id"] for each in members[:hubs]) or ("H1", "H2")
    visits = [
        Visit(each["entity_id"], at, dt.date(2023, 7, 3) + dt.timedelta(days=30 * n), 98_765.0)
        for each in members[hubs:]
        for n in range(12)
    ]
    sheet = tmp_path / "ring.html"
    sheet.write_text(f'<meta charset="utf-8"><body style="width:560px">{ring_picture(members, visits, lang).svg()}', encoding="utf-8")
    page.goto(sheet.as_uri())
    overlapping = page.evaluate("""() => {
        const boxes = [...document.querySelectorAll("text")].map((each) => [each.textContent, each.getBBox()]);
        const sheet = document.querySelector("svg").viewBox.baseVal;
        const out = boxes.filter(([, a]) => a.x < -0.5 || a.x + a.width > sheet.width + 0.5 || a.y + a.height > sheet.height + 0.5);
        const meet = (a, b) => Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 1
            && Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 4;
        const pairs = boxes.flatMap(([one, a], n) => boxes.slice(n + 1).filter(([, b]) => meet(a, b)).map(([other]) => [one, other]));
        return [...out.map(([one]) => one), ...pairs];
    }""")
    assert overlapping == []
