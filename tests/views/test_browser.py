"""The walk in a real browser: every page at every width, Try it, and links.

The pages of results have a walk of their own in test_browser_results.py.
"""

import csv
import re

import pandas as pd
import pytest

from tests import synthetic, walk
from tests.browsing import QUICK, SLOW, address, browser, expect, picture, set_width, visit
from views import answers

__all__ = ["address", "browser", "picture", "visit"]  # fixtures

PAGES = ["compare", "confusion", "errors", "calibration", "try", "about"]
HEADLINES = ["bank merger", "coach wins the cup", "robot & chip <b>browser</b>"]
EXAMPLES = [
    text
    for text in pd.read_csv(walk.ROOT / "pipeline" / "data" / "headlines.csv")["text"]
    if not any(word in text.lower() for word in synthetic.WORDS["Business"])
]


def ask(page, texts):
    page.get_by_label("Headlines to classify").fill("\n".join(texts))
    page.get_by_role("button", name="Classify").click()


# --- every page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_every_width_in_both_themes(visit, address, picture, name, color_scheme):
    for size in ("projector", "phone"):
        page = visit(f"{address}/{name}", size, color_scheme)
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        widths = ["projector", "screen"] if size == "projector" else ["phone"]
        for width in widths:
            set_width(page, width)
            picture(page, f"{name}-{width}-{color_scheme}", whole=width != "screen")
            assert page.evaluate(walk.OUTSIDE) == [], width
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert page.faults == []


def test_pages_are_reached_from_the_sidebar(visit, address):
    page = visit(address)
    expect(page).to_have_url(f"{address}/compare")
    for name, path in (("Confusion", "confusion"), ("Try it", "try"), ("About the run", "about")):
        page.get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(f"{address}/{path}"))
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        walk.settle(page)


def send(page, name, data):
    file = {"name": name, "mimeType": "text/plain", "buffer": data}
    page.locator("input[type=file]").set_input_files(file)


# --- try it -------------------------------------------------------------------------------------


def test_two_hundred_headlines_are_pasted_and_the_answers_downloaded(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK))
    texts = ["bank merger", *EXAMPLES[:198], "=coach"]
    ask(page, texts)
    expect(
        page.get_by_role("heading", name="200 headlines; the models differ on 1")
    ).to_be_visible()
    picture(page, "try-200-headlines")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the answers as CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["headline"] for row in rows] == [*texts[:-1], "'=coach"]
    assert (rows[0]["minilm"], rows[0]["tiny-int8"]) == ("Business", "World")
    assert float(rows[-1]["tiny-int8 Sports"]) > 0.5
    assert [row["models_differ"] for row in rows] == ["True"] + ["False"] * 199
    assert "text=" not in page.url


def test_a_csv_is_uploaded_and_its_column_chosen(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK, source="Upload"))
    data = b"\xef\xbb\xbfid,text,heading\n1,oil,coach\n2,bank,striker\n"
    name = "<img src=x onerror=alert(1)> **news**.csv"
    send(page, name, data)
    expect(page.get_by_role("heading", name="2 headlines; the models differ on 2")).to_be_visible()
    expect(page.get_by_text(f"2 headlines from {name}")).to_be_visible()
    page.get_by_role("combobox", name="Column with the headlines").click()
    page.get_by_role("option", name="heading").click()
    expect(page.get_by_role("heading", name="2 headlines; the models differ on 0")).to_be_visible()
    picture(page, "try-upload")
    send(page, "notes.csv", b"PK\x03\x04 renamed")
    expect(page.get_by_text("The file is a zip archive")).to_be_visible()
    picture(page, "try-upload-of-a-zip")


def test_a_long_job_is_stopped_kept_and_gone_on_with(visit, address, picture):
    page = visit(walk.link(address, "try", ask=[QUICK[1], SLOW], source="Upload"))
    send(page, "long.txt", b"coach wins\n" * 5000)
    answered = page.get_by_text(re.compile(r"Asking .*: (?!0)[\d,]+ of 5,000"))
    expect(answered).to_be_visible()
    picture(page, "try-at-work", settled=False)
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile(r"Stopped\. Answered by every model: [\d,]+ of 5,000"))
    expect(stopped).to_be_visible()
    picture(page, "try-stopped")
    told = re.search(r"model: ([\d,]+) of", stopped.inner_text())[1]
    done = int(told.replace(",", ""))
    assert 32 <= done < 5000
    expect(
        page.get_by_role("heading", name=f"{told} headlines; the models differ on 0")
    ).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the answers as CSV").click()
    # The chunk under way as Stop was clicked is kept too, and may end after the page is drawn.
    assert len(pd.read_csv(download.value.path())) in (done, done + answers.CHUNK)
    page.get_by_role("button", name="Go on").click()
    expect(answered).to_be_visible()
    assert int(re.search(r": ([\d,]+) of", answered.inner_text())[1].replace(",", "")) >= done
    page.get_by_text("Paste", exact=True).click()
    ask(page, HEADLINES)  # anything else that is asked for takes its place at once
    expect(page.get_by_text("All answered")).to_be_visible()


def test_nothing_moves_while_models_load_and_answer(visit, address):
    page = visit(walk.link(address, "try", ask=[QUICK[0], SLOW], text="coach\ncup\ngoal"))
    expect(page.get_by_text("All answered")).to_be_visible()
    walk.settle(page)
    page.evaluate(
        """() => {
          window.tops = {};
          window.worked = false;
          const look = () => {
            const bar = document.querySelector("[data-testid=stProgress]");
            window.worked ||= /Asking|Loading/.test(bar?.textContent);
            for (const title of document.querySelectorAll("[data-testid=stMain] h3")) {
              const name = title.textContent.replace(/;.*/, "");
              const top = Math.round(title.getBoundingClientRect().top);
              (window.tops[name] ??= new Set()).add(top);
            }
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    ask(page, HEADLINES)
    expect(page.locator("code").first).to_have_text(HEADLINES[0])
    expect(page.get_by_text("All answered")).to_be_visible()
    walk.settle(page)
    assert page.evaluate("() => window.worked")
    tops = page.evaluate("() => Object.entries(window.tops).map(([name, s]) => [name, [...s]])")
    assert {name: len(places) for name, places in tops} == {
        "3 headlines": 1,
        "The headline chosen above": 1,
        "Which words carried the decision?": 1,
        "What each model called them": 1,
    }


def test_nothing_moves_while_widgets_load(visit, address):
    page = visit("about:blank")
    page.add_init_script(
        """window.tops = new Set();
        const look = () => {
          const title = document.querySelector("[data-testid=stMain] h3");
          if (title) window.tops.add(Math.round(title.getBoundingClientRect().top));
          requestAnimationFrame(look);
        };
        look();"""
    )
    page.goto(walk.link(address, "try", ask=QUICK))
    expect(page.get_by_text("All answered")).to_be_visible()
    walk.settle(page)
    assert len(page.evaluate("() => [...window.tops]")) == 1


def test_the_box_of_models_shows_them_all(visit, address):
    page = visit(walk.link(address, "try"), "phone")
    page.set_viewport_size({"width": 280, "height": 800})  # they need more than one row
    walk.settle(page)
    box = page.get_by_test_id("stMultiSelect")
    for role in (*QUICK, SLOW):
        expect(box).to_contain_text(role)
    cut = box.evaluate(
        """e => {
          for (e = e.parentElement; e.dataset.testid !== "stMain"; e = e.parentElement)
            if (getComputedStyle(e).overflowY !== "visible" && e.scrollHeight > e.clientHeight + 1)
              return true;
          return false;
        }"""
    )
    assert not cut


def test_markup_in_a_headline_stays_text(visit, address, picture):
    text = "<img src=x onerror=\"document.title='pwned'\"> **bold** [a](https://example.com) $x^2$"
    page = visit(walk.link(address, "try", ask=QUICK, text=f"{text}\n:material/home: coach"))
    expect(page.get_by_text("All answered")).to_be_visible()
    picture(page, "try-markup", whole=True)
    main = page.get_by_test_id("stMain")
    expect(main.locator("code", has_text="onerror")).to_have_text(text)
    expect(main.locator("img, a[href*=example], .katex")).to_have_count(0)
    expect(main.locator("strong", has_text="bold")).to_have_count(0)
    assert "pwned" not in page.title()


# --- links --------------------------------------------------------------------------------------


def test_a_link_to_try_it_shows_what_its_sender_saw(visit, address, picture):
    sender = visit(walk.link(address, "try", ask=QUICK))
    expect(sender.get_by_text("All answered")).to_be_visible()
    ask(sender, HEADLINES)
    expect(sender.get_by_role("heading", name="3 headlines; the models differ")).to_be_visible()
    walk.settle(sender)
    # The table is a canvas: its second row, at the mark that chooses it.
    table = sender.get_by_test_id("stDataFrame").first
    table.click(position={"x": 16, "y": 35 * 2 + 17})
    expect(sender).to_have_url(re.compile("headline=2"))
    expect(sender.locator("code").first).to_have_text(HEADLINES[1])
    picture(sender, "try-sent")
    receiver = visit(sender.url)
    expect(receiver.get_by_label("Headlines to classify")).to_have_value("\n".join(HEADLINES))
    expect(receiver.get_by_text("All answered")).to_be_visible()
    expect(receiver.locator("code").first).to_have_text(HEADLINES[1])
    for role in QUICK:
        expect(receiver.get_by_test_id("stMultiSelect").get_by_text(role)).to_be_visible()
    expect(receiver.get_by_test_id("stMultiSelect").get_by_text(SLOW)).to_have_count(0)
    picture(receiver, "try-received")
