"""Options with several values, in every form and order in which people write them."""

import pytest

from pipeline.__main__ import parser


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("serve --model a b", {"model": ["a", "b"]}),
        ("serve --model a --model b", {"model": ["a", "b"]}),
        ("serve --model a b --port 1 --model c", {"model": ["a", "b", "c"], "port": 1}),
        ("serve", {"model": None}),
        ("run --family toy --only a b --only c", {"only": ["a", "b", "c"]}),
        ("bench r --rows 2 3 --rows 4", {"run": "r", "rows": [2, 3, 4]}),
        ("bench r --model a b --model c", {"run": "r", "model": ["a", "b", "c"]}),
        ("bench r --rows", {"run": "r", "rows": []}),
        ("bench --rows 2 3 r", {"run": "r", "rows": [2, 3]}),
        ("bench --row 2 3 r", {"run": "r", "rows": [2, 3]}),
        ("classify i o --model m --column a b", {"source": "i", "target": "o", "column": "ab"}),
        ("classify --column a b i o --model m", {"source": "i", "target": "o", "column": "ab"}),
        ("classify --column a i o --model m", {"source": "i", "target": "o", "column": "a"}),
        ("classify i --column a o --model m", {"source": "i", "target": "o", "column": "a"}),
        ("classify --column a i --model m o", {"source": "i", "target": "o", "column": "a"}),
        ("classify --column a --model m i o", {"source": "i", "target": "o", "column": "a"}),
        ("classify --column a --model m -- i o", {"source": "i", "target": "o", "column": "a"}),
        ("classify --column a --column b i o --model m", {"source": "i", "column": "ab"}),
        ("classify i o --column=a --model=m", {"source": "i", "target": "o", "column": "a"}),
    ],
)
def test_several_values_in_every_form(words, expected):
    options = vars(parser().parse_args(words.split()))
    found = {name: options[name] for name in expected}
    found |= {name: str(found[name]) for name in ("source", "target") if name in found}
    assert found == {n: list(v) if n == "column" else v for n, v in expected.items()}


@pytest.mark.parametrize("words", ["classify --column a i --model m", "bench --rows 2"])
def test_words_that_are_missing_are_still_missed(words, capsys):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(words.split())
    assert stop.value.code == 2
    assert "the following arguments are required" in capsys.readouterr().err
