"""What transformers and transformers.js want beside ``tokenizer.json``."""

from typing import Any

CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"


def special_tokens(tokenizer: dict[str, Any]) -> dict[str, str]:
    """The content of ``special_tokens_map.json``, of a ``tokenizer.json``'s.

    Only tokens that it uses are named: to fill up, for what is unknown, before and after a text,
    and for what is masked.
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
    """The tokens that are put before and after a text."""
    if "cls" in processor and "sep" in processor:  # BERT's and RoBERTa's
        return processor["cls"][0], processor["sep"][0]
    added = [part["SpecialToken"]["id"] for part in _template(processor) if "SpecialToken" in part]
    return (added[0], added[-1]) if added else (None, None)


def _template(processor: dict[str, Any]) -> list[dict[str, Any]]:
    """A template's parts, also where it stands in a sequence of processors."""
    for each in (processor, *(processor.get("processors") or [])):
        if each.get("single"):
            return each["single"]
    return []


def tokenizer_config(special: dict[str, str], max_length: int) -> dict[str, Any]:
    """The content of ``tokenizer_config.json``.

    The class is the general one, which takes all from ``tokenizer.json`` as it is. A class by the
    architecture's name would build the tokenizer anew, and BERT's would give DistilBERT and MPNet
    inputs that their graphs do not have.

    Args:
        special: of ``special_tokens``.
        max_length: tokens of a text that the model reads, special ones included.
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
