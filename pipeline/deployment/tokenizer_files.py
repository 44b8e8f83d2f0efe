"""The files that transformers and transformers.js need beside ``tokenizer.json``."""

from typing import Any

CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"


def special_tokens(tokenizer: dict[str, Any]) -> dict[str, str]:
    """The content of ``special_tokens_map.json``, derived from that of ``tokenizer.json``.

    It has only tokens that the tokenizer uses: for padding, for unknown words, before and after
    a text, and for masked words.
    """
    model, padding = tokenizer.get("model") or {}, tokenizer.get("padding") or {}
    first, last = _around(tokenizer.get("post_processor") or {})
    masks = [
        token["content"]
        for token in tokenizer.get("added_tokens") or []
        if "mask" in token["content"].lower()
    ]
    tokens = {
        "unk_token": model.get("unk_token"),
        "sep_token": last,
        "pad_token": padding.get("pad_token"),
        "cls_token": first,
        "mask_token": next(iter(masks), None),
    }
    return {name: token for name, token in tokens.items() if token}


def _around(processor: dict[str, Any]) -> tuple[str | None, str | None]:
    """The tokens that the tokenizer adds before and after a text; None if it adds none."""
    if "cls" in processor and "sep" in processor:  # BERT's and RoBERTa's
        return processor["cls"][0], processor["sep"][0]
    added = [part["SpecialToken"]["id"] for part in _template(processor) if "SpecialToken" in part]
    return (added[0], added[-1]) if added else (None, None)


def _template(processor: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a template processor, which may be inside a sequence of processors."""
    for each in (processor, *(processor.get("processors") or [])):
        if each.get("single"):
            return each["single"]
    return []


def tokenizer_config(special: dict[str, str], max_length: int) -> dict[str, Any]:
    """The content of ``tokenizer_config.json``.

    The class is the general one, which uses ``tokenizer.json`` unchanged. The class of an
    architecture would rebuild the tokenizer. BERT's would also produce inputs that the graphs of
    DistilBERT and MPNet do not have.

    Args:
        special: the result of ``special_tokens``.
        max_length: most tokens that the model reads of a text, including special tokens.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": max_length,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        **special,
    }
