"""Try it in a real browser: a line and Enter, many lines, uploads, long jobs, links."""

import csv
import re

import pandas as pd
import pytest

from tests import synthetic, walk
from tests.browsing import (
    QUICK,
    SHIFTS,
    SLOW,
    WIDTHS,
    address,
    browser,
    expect,
    moved,
    new_page,
    picture,
    resize,
    tabs,
    visit,
)
from views import job

__all__ = ["address", "browser", "new_page", "picture", "tabs", "visit"]  # fixtures

HEADLINES = ["bank merger", "coach wins the cup", "robot & chip <b>browser</b>"]
EXAMPLES = [
    text
    for text in pd.read_csv(walk.ROOT / "pipeline" / "data" / "headlines.csv")["text"]
    if not any(word in text.lower() for word in synthetic.WORDS["Business"])
]
MANY = {"source": "Many headlines"}


def paste(page, texts):
    page.get_by_label("Headlines, one a line").fill("\n".join(texts))
    page.get_by_role("button", name="Classify").click()


def send(page, name, data):
    file = {"name": name, "mimeType": "text/plain", "buffer": data}
    page.locator("input[type=file]").set_input_files(file)


def bar(page, model):
    return page.get_by_role("img", name=f"{model}: ")


# --- one headline -------------------------------------------------------------------------------


def test_a_line_and_enter_give_a_sentence_and_bars_above_the_fold(
    new_page, visit, address, picture
):
    page = new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(SHIFTS)
    page.goto(walk.link(address, "try", ask=QUICK))
    line = page.get_by_role("textbox", name="Headline")
    expect(bar(page, "MiniLM")).to_be_visible()
    walk.settle(page)
    line.fill("bank merger")
    line.press("Enter")
    said = "Tiny, 8-bit dynamic says World; MiniLM says Business"
    heading = page.get_by_role("heading", name=said)
    expect(heading).to_be_in_viewport()
    for model in ("Tiny, 8-bit dynamic", "MiniLM"):
        expect(bar(page, model)).to_be_in_viewport(ratio=1)
    expect(page.locator(".mattered")).to_be_in_viewport(ratio=1)
    expect(page).to_have_url(re.compile("text=bank"))
    picture(page, "try-one")
    assert moved(page) < 0.1
    assert not [url for url in asked if "plotly" in url.lower()]
    hosts = {re.match(r"\w+://([^/:]+)", url)[1] for url in asked if url.startswith("http")}
    assert hosts == {"localhost"}
    receiver = visit(page.url)
    expect(receiver.get_by_role("heading", name=said)).to_be_visible()
    expect(receiver.get_by_role("textbox", name="Headline")).to_have_value("bank merger")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_bars_words_and_notes_fit_every_width(visit, address, picture, color_scheme):
    text = "Bank profit falls as coach of robot football club sells oil shares to president"
    page = visit(walk.link(address, "try", text=text), color_scheme=color_scheme)
    expect(bar(page, "MiniLM").first).to_be_visible()
    for size in WIDTHS:
        resize(page, size)
        picture(page, f"try-{size}-{color_scheme}", whole=size == "phone")
        assert page.evaluate(walk.OUTSIDE) == []
        cut = page.locator(".answers .who, .mattered").evaluate_all(
            "es => es.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
        )
        assert cut == []


def test_an_example_is_chosen_by_keyboard_and_all_is_measured(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK))
    line = page.get_by_role("textbox", name="Headline")
    first = line.input_value()
    menu = page.get_by_role("button", name="Examples")
    menu.focus()
    page.keyboard.press("Enter")
    option = page.get_by_text("A hard one: the models disagree")
    expect(option).to_be_visible()
    picture(page, "try-menu")
    option.click()
    expect(line).not_to_have_value(first)
    page.get_by_role("button", name="Measure on this machine").click()
    expect(page.get_by_text("on this machine, the median of up to")).to_be_visible()
    picture(page, "try-measured")


def test_words_are_of_the_model_that_is_chosen(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK, text="coach meets bank"))
    words = page.locator(".mattered")
    expect(words.locator(".for", has_text="coach")).to_contain_text("+")
    before = words.inner_text()
    group = page.get_by_role("radiogroup", name="Words that mattered to")
    group.get_by_text("MiniLM", exact=True).click()
    expect(words).not_to_have_text(before)
    picture(page, "try-words", whole=True)


def test_markup_in_a_headline_stays_text(visit, address, picture):
    text = "<img src=x onerror=\"document.title='pwned'\"> **bold** [a](https://example.com) $x^2$"
    page = visit(walk.link(address, "try", ask=QUICK, text=text))
    main = page.get_by_test_id("stMain")
    expect(main.locator(".mattered")).to_contain_text("onerror=")
    picture(page, "try-markup", whole=True)
    for query in ({"text": text}, {"text": f"{text}\n:material/home: coach"}):
        page.goto(walk.link(address, "try", ask=QUICK, **query))
        expect(main.locator(".mattered")).to_contain_text("**bold**")
        walk.settle(page)
        expect(main.locator("img, a[href*=example], .katex")).to_have_count(0)
        expect(main.locator("strong", has_text="bold")).to_have_count(0)
        assert "pwned" not in page.title()


# --- many headlines -----------------------------------------------------------------------------


def test_two_hundred_headlines_are_pasted_and_the_answers_downloaded(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK, **MANY))
    texts = [*EXAMPLES[:198], "bank merger", "=coach"]
    paste(page, texts)
    expect(page.get_by_role("heading", name="The models differ on 1 of 200")).to_be_visible()
    expect(page.get_by_role("img", name="Both agree: 199")).to_be_visible()
    expect(page.locator("code").first).to_have_text("bank merger")  # the disagreement is first
    picture(page, "try-200-headlines", whole=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the answers as CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["headline"] for row in rows] == [*texts[:-1], "'=coach"]
    assert (rows[198]["minilm"], rows[198]["tiny-int8"]) == ("Business", "World")
    assert float(rows[-1]["tiny-int8 Sports"]) > 0.5
    assert [row["models_differ"] for row in rows].index("True") == 198
    assert "text=" not in page.url


def test_a_csv_is_uploaded_and_its_column_chosen(visit, address, picture):
    page = visit(walk.link(address, "try", ask=QUICK, source="Upload"))
    data = b"\xef\xbb\xbfid,text,heading\n1,oil,coach\n2,bank,striker\n"
    name = "<img src=x onerror=alert(1)> **news**.csv"
    send(page, name, data)
    expect(page.get_by_role("heading", name="The models differ on 2 of 2")).to_be_visible()
    expect(page.get_by_text(f"2 headlines from {name}")).to_be_visible()
    columns = page.get_by_role("combobox", name="Columns with the headlines")
    columns.focus()
    page.keyboard.press("Backspace")  # removes the column that was chosen
    expect(page.get_by_text("Choose the column with the headlines.")).to_be_visible()
    columns.focus()
    page.keyboard.type("heading")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # an open list hides the heading from get_by_role
    expect(page.get_by_role("heading", name="The models differ on 0 of 2")).to_be_visible()
    picture(page, "try-upload")
    send(page, "notes.csv", b"PK\x03\x04 renamed")
    expect(page.get_by_text(re.compile("a zip archive"))).to_be_visible()
    picture(page, "try-upload-of-a-zip")


def test_a_long_job_has_one_stop_is_kept_and_gone_on_with(visit, address, picture):
    page = visit(walk.link(address, "try", ask=[QUICK[1], SLOW], source="Upload"))
    send(page, "long.txt", b"coach wins\n" * 5000)
    answered = page.get_by_text(re.compile(r"Asking .*: (?!0)[\d,]+ of 5,000"))
    expect(answered).to_be_visible()
    picture(page, "try-at-work", settled=False)
    stop = page.get_by_role("button", name="Stop").filter(visible=True)
    expect(stop).to_have_count(1)
    stop.click()
    stopped = page.get_by_text(re.compile(r"Stopped\. Answered by every model: [\d,]+ of 5,000"))
    expect(stopped).to_be_visible()
    picture(page, "try-stopped")
    told = re.search(r"model: ([\d,]+) of", stopped.inner_text())[1]
    done = int(told.replace(",", ""))
    assert 32 <= done < 5000
    expect(page.get_by_role("heading", name=f"The models differ on 0 of {told}")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the answers as CSV").click()
    # The chunk that was running when Stop was clicked is kept. It may end after the page is drawn.
    assert len(pd.read_csv(download.value.path())) in (done, done + job.CHUNK)
    page.get_by_role("button", name="Go on").click()
    expect(answered).to_be_visible()
    assert int(re.search(r": ([\d,]+) of", answered.inner_text())[1].replace(",", "")) >= done
    page.get_by_role("tab", name="Many headlines").click()
    paste(page, HEADLINES)  # another request replaces the job at once
    expect(page.get_by_text("All answered")).to_be_visible()


def test_a_link_to_many_headlines_shows_what_its_sender_saw(visit, address, picture):
    sender = visit(walk.link(address, "try", ask=QUICK, **MANY))
    expect(sender.get_by_text("All answered")).to_be_visible()
    paste(sender, HEADLINES)
    expect(sender.get_by_role("heading", name="The models differ on 1 of 3")).to_be_visible()
    walk.settle(sender)
    # Click the second row. The table is a canvas.
    table = sender.get_by_test_id("stDataFrame").first
    table.click(position={"x": 300, "y": 35 * 2 + 17})
    expect(sender).to_have_url(re.compile("headline=2"))
    expect(sender.locator("code").first).to_have_text(HEADLINES[1])
    picture(sender, "try-sent", whole=True)
    receiver = visit(sender.url)
    expect(receiver.get_by_label("Headlines, one a line")).to_have_value("\n".join(HEADLINES))
    expect(receiver.locator("code").first).to_have_text(HEADLINES[1])
    expect(bar(receiver, "MiniLM, 8-bit dynamic")).to_have_count(0)
    picture(receiver, "try-received", whole=True)


def test_nothing_jumps_while_models_answer_one_headline(new_page, address):
    page = new_page()
    page.add_init_script(SHIFTS)
    page.goto(walk.link(address, "try", ask=[QUICK[0], SLOW], text="coach"))
    expect(page.get_by_role("heading", name="Both models say Sports")).to_be_visible()
    walk.settle(page)
    line = page.get_by_role("textbox", name="Headline")
    line.fill("president")
    line.press("Enter")
    expect(page.get_by_role("heading", name="Both models say World")).to_be_visible()
    walk.settle(page)
    assert moved(page) < 0.1
