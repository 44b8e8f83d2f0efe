"""What of the browser's window the charts go by: Streamlit tells a script nothing of its size."""

import streamlit as st

_NARROW = 1200
"""Pixels: in a window less wide than that, charts are, too, even beside something else."""
_KEY = "window"
# It tells only what is not known yet: each time that it tells something, the script runs again.
_LOOK = """export default ({ data, setStateValue }) => {
  const tell = () => {
    const found = {
      narrow: innerWidth < data.narrow,
      side: Math.min(innerWidth, innerHeight),
    };
    for (const [name, known] of Object.entries(data.known))
      if (found[name] !== known) setStateValue(name, found[name]);
  };
  let waiting;
  const wait = () => { clearTimeout(waiting); waiting = setTimeout(tell, 200); };
  tell();
  addEventListener("resize", wait);
  return () => { clearTimeout(waiting); removeEventListener("resize", wait); };
}"""
_look = st.components.v2.component("window", js=_LOOK)


def is_narrow() -> bool:
    """Whether charts are to be drawn for a narrow window; not, as long as nothing is known."""
    return bool(st.session_state.get(_KEY, {}).get("narrow"))


def shorter_side() -> int:
    """Pixels of the window's height, or width if that is less; 0 as long as it is not known."""
    return st.session_state.get(_KEY, {}).get("side") or 0


def watch(side: bool = False) -> None:
    """Look at the window, now and whenever its size changes; it takes no room on the page.

    Args:
        side: whether its shorter side matters, too, and not only whether it is narrow.
    """
    known = {"narrow": is_narrow()} | ({"side": shorter_side()} if side else {})
    _look(
        key=_KEY,
        data={"narrow": _NARROW, "known": known},
        on_narrow_change=lambda: None,
        on_side_change=lambda: None,
    )
