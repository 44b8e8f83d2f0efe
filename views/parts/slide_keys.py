"""The keys of a presentation: arrows, PageDown and PageUp (which remotes send), Space, Esc."""

from collections.abc import Callable

import streamlit as st

# Each press sends the number of the next slide, not the direction: otherwise one of two quick
# presses could be lost. Text boxes and sliders keep the keys that they need.
_LISTEN = """export default ({ data, setTriggerValue }) => {
  let slide = data.slide;
  const turn = (by) => {
    const next = Math.min(Math.max(slide + by, 0), data.slides - 1);
    if (next !== slide) setTriggerValue("slide", (slide = next));
  };
  const keys = {
    PageDown: 1, PageUp: -1, ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, " ": 1,
  };
  const own = "input, textarea, [contenteditable=true], [role=slider], [role=combobox], " +
    "[role=listbox], [role=option], [data-testid=stPopoverBody]";
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = event.composedPath()[0];
    const within = (selector) => at instanceof Element && at.closest(selector);
    if (event.key === "Escape") {
      if (document.querySelector("[data-testid=stPopoverBody]")) return;
      if (within(own)) at.blur();
      else setTriggerValue("leave", true);
      return;
    }
    if (!(event.key in keys)) return;
    if (!event.key.startsWith("Page") && within(own)) return;
    if (event.key === " " && within("button, a, summary")) return;
    event.preventDefault();
    turn(event.key === " " && event.shiftKey ? -1 : keys[event.key]);
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}"""
_listen = st.components.v2.component("slide_keys", js=_LISTEN)
_KEY = "slide keys"


def listen(slide: int, slides: int, turn_to: Callable[[int], None]) -> bool:
    """Listen for the keys; nothing is drawn.

    Args:
        slide: number of the current slide, from 0.
        slides: how many slides there are.
        turn_to: is called with the slide to go to, before the page runs again.

    Returns:
        Whether Esc was pressed.
    """
    result = _listen(
        key=_KEY,
        data={"slide": slide, "slides": slides},
        on_slide_change=lambda: turn_to(int(st.session_state[_KEY]["slide"])),
        on_leave_change=lambda: None,
    )
    return bool(result.leave)
