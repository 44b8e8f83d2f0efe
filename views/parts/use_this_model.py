"""How to use a model elsewhere: its export as a zip, Python code, commands, and CPU needs."""

import shlex

import streamlit as st

from pipeline.deployment import deployed_model
from pipeline.results.storage import Run
from views import run_command
from views.parts.common import View

_FOLDER = {
    False: "A folder that transformers.js and its own script load as it is, with a model card.",
    True: "A folder whose script asks the members in turn, with a model card. Each member is in a "
    "folder of its own, which loads by itself.",
}
"""Whether the model is a cascade → what its zip holds."""
_TEXT_FILE, _ANSWERS = "TEXTS.csv", "ANSWERS.parquet"


def show(view: View, role: str) -> None:
    """Show how to run the model elsewhere, or how to make it if it is not installed."""
    run, model = view.run, view.run.by_role[role]
    with st.expander("Use this model"):
        if run.artifact(role) is None:
            st.write("Its files are not in this clone. This makes them:")
            st.code(run_command.make_command(run.record, role), language=None, wrap_lines=True)
            return
        st.write(f"{_FOLDER[bool(model.cascade)]} The zip is built when you ask for it.")
        st.download_button(
            f"Download {role} as a zip ({model.size_bytes / 1e6:.1f} MB)",
            lambda: zipped(run, role),
            f"{run.name}-{role}.zip",
            "application/zip",
            key=f"zip of {role}",
            on_click="ignore",
            icon=":material/download:",
        )
        members = deployed_model.members(run, role)
        needed = " ".join(deployed_model.packages(*members))
        st.write(f"In Python, beside the unpacked folder, after `pip install {needed}`:")
        lines = deployed_model.six_lines(role, deployed_model.example(run.labels))
        st.code(lines, language=None)  # the colours of code are too faint on a light background
        st.write("Here, for a file, over HTTP, and as a folder:")
        st.code("\n".join(commands(run.name, role)), language=None, wrap_lines=True)
        st.text(f"CPU: {deployed_model.cpu_needs(*members)}")


def zipped(run: Run, role: str) -> bytes:
    """Return a model's export as the bytes of a zip."""
    from pipeline.deployment import export  # slow to import, and needed only for a download

    return export.archive(run, role)


def commands(run: str, role: str) -> list[str]:
    """The commands that classify a file, serve the model, and export it."""
    python = ["python", "-m", "pipeline"]
    chosen = ["--run", run, "--model", role]
    return [
        shlex.join([*python, "classify", _TEXT_FILE, _ANSWERS, *chosen]),
        shlex.join([*python, "serve", *chosen]),
        shlex.join([*python, "export", run, role, role]),
    ]
