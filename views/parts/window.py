"""The size of the browser's window, for charts: Streamlit does not tell it to a script."""

import streamlit as st

_NARROW = 1200
"""Pixels: in a window less wide than this, charts are drawn for a narrow window."""
_KEY = "window"
# Each message makes the script run again, so only values that differ from ``known`` are sent.
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
    """Whether to draw charts for a narrow window; False as long as the size is unknown."""
    return bool(st.session_state.get(_KEY, {}).get("narrow"))


def shorter_side() -> int:
    """The window's height in pixels, or its width if that is less; 0 as long as it is unknown."""
    return st.session_state.get(_KEY, {}).get("side") or 0


def watch(side: bool = False) -> None:
    """Report the window's size now and whenever it changes; nothing is drawn.

    Args:
        side: whether to report the shorter side, too, and not only whether the window is narrow.
    """
    known = {"narrow": is_narrow()} | ({"side": shorter_side()} if side else {})
    _look(
        key=_KEY,
        data={"narrow": _NARROW, "known": known},
        on_narrow_change=lambda: None,
        on_side_change=lambda: None,
    )
