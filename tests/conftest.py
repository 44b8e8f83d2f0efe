import functools
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pipeline.data import data_sets
from tests import brief, pipelines, synthetic

DASHBOARD = Path(__file__).resolve().parent.parent / "dashboard.py"
WORKERS = 2
TRAINED = {"toy_cache", "bert_cache"}
"""Fixtures that train a whole family, once per session."""
SLOW = TRAINED | {"browser", "open_page"}
"""Fixtures whose tests are slow: a page takes half a second, and there are hundreds of them."""


def pytest_xdist_auto_num_workers(config):
    """The number of workers: ``WORKERS`` for folders and the whole suite, none for single files.

    A worker takes some seconds to start.
    """
    if any(name.partition("::")[0].endswith(".py") for name in config.args):
        return 0
    # Workers and their child processes inherit it. Threads of two trainings would compete for the
    # cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return WORKERS


@pytest.hookimpl(tryfirst=True)  # before -m selects tests
def pytest_collection_modifyitems(config, items):
    """Mark tests that use ``SLOW`` fixtures, and give all tests of a file to one worker.

    So what a file's tests share is made once. Tests of one ``TRAINED`` fixture share a worker, too.
    Groups with slow tests come first, so that no worker is left with one at the end. Tests that
    need external clients run only if -m names them, because clients may have to be downloaded.
    """
    if "clients" not in config.option.markexpr:
        apart = [item for item in items if item.get_closest_marker("clients")]
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in set(apart)]
    groups = {}
    for item in items:
        trained = TRAINED.intersection(item.fixturenames)
        if SLOW.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)
        group = min(trained) if trained else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
        groups.setdefault(group, []).append(item)

    def is_fast(group):
        return not any(item.get_closest_marker("slow") for item in group)

    items[:] = [item for group in sorted(groups.values(), key=is_fast) for item in group]


def pytest_addoption(parser):
    parser.addoption(
        "--screenshots", type=Path, metavar="DIR", help="where the walk leaves its pictures"
    )


@pytest.fixture(scope="session", autouse=True)
def components_found_once():
    """AppTest looks through every installed package whenever it opens a page: half of its time."""
    scan = functools.cache(manifest_scanner.scan_component_manifests)
    with mock.patch.object(manifest_scanner, "scan_component_manifests", scan):
        yield


@pytest.fixture(scope="session")
def whole_cache(tmp_path_factory):
    """A cache with one small whole run, "synthetic"; not to be changed."""
    cache = tmp_path_factory.mktemp("synthetic") / "cache"
    synthetic.write_run(cache)
    return cache


@pytest.fixture
def cache_folder(tmp_path, whole_cache):
    """A copy of ``whole_cache`` that a test may damage. Copying takes a fiftieth of the time."""
    return shutil.copytree(whole_cache, tmp_path / "cache")


@pytest.fixture
def open_page(cache_folder, monkeypatch, tmp_path):
    """Opens a page of the dashboard on the test's cache, by its address, without a browser.

    The page does not see the Hub's cache. ``data_folder`` is the value of ``--data``.
    """
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hub"))
    st.cache_data.clear()
    st.cache_resource.clear()

    def open_page(address, data_folder=None, **query):
        arguments = ["--cache", str(cache_folder)]
        arguments += ["--data", str(data_folder)] if data_folder else []
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *arguments])
        app = AppTest.from_file(str(DASHBOARD), default_timeout=60)
        app._page_hash = calc_hash(address)  # AppTest.switch_page opens only pages that are files
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
    """A cache with the whole toy family, made by the command that a newcomer types.

    Its networks are those of ``tests.brief``, which learn in less time.
    """
    cache = tmp_path_factory.mktemp("toy") / "cache"
    with brief.in_this_process():
        process = pipelines.call("run", "--family", "toy", "--cache", cache)
    assert process.returncode == 0, process.stderr
    return cache


@pytest.fixture
def brief_families():
    """Lets this process run as ``tests.brief`` does."""
    with brief.in_this_process():
        yield


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Tiny random checkpoints of every architecture, under the published ones' names."""
    from pipeline.models import toy_checkpoints  # imports torch, which is slow and rarely needed

    folder = tmp_path_factory.mktemp("checkpoints")
    texts = data_sets.load(toy=True).train.texts
    for seed, (name, (architecture, layers)) in enumerate(pipelines.CHECKPOINTS.items()):
        toy_checkpoints.make_checkpoint(folder / name, architecture, layers, 32, texts, seed)
    return folder


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    """A data folder of 80 training and 40 test rows."""
    return pipelines.write_data(tmp_path_factory.mktemp("data") / "news", 80, 40)
