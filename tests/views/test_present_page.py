"""The slides, without a browser."""

import pandas as pd
import pytest

from tests import synthetic
from views.pages.present import SLIDES
from views.parts import slides


def button(app, label):
    (found,) = [b for b in app.button if b.label == label]
    return found


def step(app) -> str:
    found = app.query_params["step"]
    return found if isinstance(found, str) else found[0]


def test_slides_are_turned_forth_and_back(open_page):
    app = open_page("present", shown_mb="100", run="synthetic")
    titles = [app.title[0].value]
    for slide in SLIDES[1:]:
        button(app, "Next").click().run()
        assert not app.exception
        assert step(app) == slide
        titles.append(app.title[0].value)
    assert titles[0].startswith("4\\.8 times smaller\\, 5\\.1 times faster\\, at most 1")
    assert titles[1].startswith("A 91 MB model costs at most 1")
    assert titles[2].startswith("MiniLM most often takes ")
    assert "models say" in titles[3] or "says" in titles[3]
    assert titles[4] == "What to remember"
    assert button(app, "Next").disabled
    assert any("5 / 5" in text.value for text in app.text)
    button(app, "Previous").click().run()
    assert step(app) == "Try it"


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([6, 3, 1], "most often takes a for b: 60 % of errors"),
        ([4, 4, 2], "Tiny most often takes a for b and b for c: 40 % of errors each"),
        (
            [2, 2, 2],
            "takes a for b and 2 other pairs as often: 33 % of errors each",
        ),
        ([], "Tiny makes no error on the test texts"),
    ],
)
def test_errors_that_are_as_frequent_are_said_together(counts, said):
    pairs = {"true": list("abc"), "predicted": list("bca")}
    worst = {name: column[: len(counts)] for name, column in pairs.items()} | {"count": counts}
    assert slides.where_it_errs("Tiny", pd.DataFrame(worst)).endswith(said)


@pytest.mark.parametrize(
    ("former", "said"),
    [
        ("Trade-off", "times smaller"),
        ("Deploy", "A 91 MB model"),
        ("Confusion", "most often takes"),
    ],
)
def test_older_links_lead_to_the_slides_of_today(open_page, former, said):
    assert said in open_page("present", step=former, shown_mb="100").title[0].value


def test_the_limit_on_the_slide_is_live(open_page):
    app = open_page("present", step="Recommendation", shown_mb="100")
    app.select_slider(key="shown_mb").set_value("25").run()
    assert app.title[0].value.startswith("An 18 MB model costs ")
    button(app, "Next").click().run()  # a slide without a slider keeps the limit
    assert app.title[0].value.startswith("Tiny\\, 8\\-bit dynamic most often takes ")


def test_the_last_slide_has_the_link_to_what_was_presented(open_page):
    app = open_page("present", step="Remember", shown_mb="100")
    assert app.code[0].value.endswith("/compare?run=synthetic&mb=100")
    assert any("most often takes" in header.value for header in app.header)


def test_the_audience_types_a_headline(open_page):
    app = open_page("present", step="Try it", typed="coach wins the cup")
    assert app.title[0].value == "Both models say Sports"
    app.text_input(key="typed").set_value("bank merger").run()
    assert app.title[0].value.count("says") == 2  # one of the two knows no word of Business
    app.text_input(key="typed").set_value(" ").run()
    assert not app.exception
    assert "What will the models say" in app.title[0].value


def test_without_a_model_there_is_nothing_to_type_for(open_page, cache_folder):
    synthetic.write_run(cache_folder, at_hand=())
    assert "No model is installed" in open_page("present", step="Try it").title[0].value


@pytest.mark.parametrize("slide", [*SLIDES, "<b>"])
def test_every_slide_of_a_toy_run_says_that_it_is_one(open_page, cache_folder, slide):
    synthetic.write_run(cache_folder, "a-toy", family="toy")
    assert "Toy run" in open_page("present", step=slide, run="a-toy (toy)").warning[0].value


def test_a_run_of_many_classes_is_presented(open_page, cache_folder):
    labels = [f"class {number}" for number in range(30)]
    synthetic.write_run(cache_folder, "many", labels=labels, rows=900)
    for slide in SLIDES:
        assert open_page("present", step=slide, run="many").title
