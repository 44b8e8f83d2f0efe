import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pipeline.data import data_sets
from pipeline.models import toy_checkpoints
from tests import pipelines, synthetic

DASHBOARD = Path(__file__).resolve().parent.parent / "dashboard.py"


def pytest_addoption(parser):
    parser.addoption(
        "--screenshots", type=Path, metavar="DIR", help="where the walk leaves its pictures"
    )


@pytest.fixture
def cache_folder(tmp_path):
    """A cache with one small whole run, "synthetic"; a test may damage it."""
    synthetic.write_run(tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def open_page(cache_folder, monkeypatch, tmp_path):
    """Opens a page of the dashboard on the test's cache, by its address, without a browser.

    The Hub's cache is out of its sight; ``data_folder`` is what ``--data`` names.
    """
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hub"))
    st.cache_data.clear()
    st.cache_resource.clear()

    def open_page(address, data_folder=None, **query):
        arguments = ["--cache", str(cache_folder)]
        arguments += ["--data", str(data_folder)] if data_folder else []
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *arguments])
        app = AppTest.from_file(str(DASHBOARD), default_timeout=60)
        app._page_hash = calc_hash(address)  # AppTest.switch_page knows pages of files only
        app.query_params.update(query)
        app.run()
        assert not app.exception
        return app

    return open_page


@pytest.fixture(scope="session")
def artifact(tmp_path_factory):
    """An artifact that knows ``synthetic.WORDS``; not to be changed."""
    return synthetic.write_artifact(tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="session")
def toy_cache(tmp_path_factory):
    """A cache with the whole toy family, made by the command that a newcomer types."""
    cache = tmp_path_factory.mktemp("toy") / "cache"
    process = pipelines.run("run", "--family", "toy", "--cache", cache, timeout=1800)
    assert process.returncode == 0, process.stderr
    return cache


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Tiny random checkpoints of every architecture, under the published ones' names."""
    folder = tmp_path_factory.mktemp("checkpoints")
    texts = data_sets.load(toy=True).train.texts
    for seed, (name, (architecture, layers)) in enumerate(pipelines.CHECKPOINTS.items()):
        toy_checkpoints.make_checkpoint(folder / name, architecture, layers, 32, texts, seed)
    return folder


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    """A data folder of 80 training and 40 test rows."""
    return pipelines.write_data(tmp_path_factory.mktemp("data") / "news", 80, 40)
