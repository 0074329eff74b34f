"""What a model's config.json and the names of its files say: its size, how far it sees, whether it can be used at all.

Read while the Snakefile is parsed: nothing heavy is imported. What only the running model can tell (engine/probe.py)
is not known here.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from softshot.errors import UserError

Config = dict[str, Any]

# As the architectures call them.
POSITION_KEYS = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
DIMENSION_KEYS = (
    ("layers", "num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    ("width", "hidden_size", "n_embd", "d_model"),
    ("vocabulary", "vocab_size"),
)
# What published configurations leave to their class, by model type.
DEFAULTS = {
    "gemma3_text": {"max_position_embeddings": 131072, "vocab_size": 262208},
    "gpt_neo": {"window_size": 256, "attention_types": [[["global", "local"], 12]]},
    "mpt": {"max_seq_len": 2048},
}
# They read a text in both directions and write none, unless `is_decoder` makes a causal model of one.
ENCODERS = """
albert bert big_bird camembert convbert data2vec-text deberta deberta-v2 distilbert electra ernie esm esmc eurobert
flaubert fnet funnel gte ibert jina_embeddings_v3 layoutlm longformer luke megatron-bert mobilebert modernbert
modernvbert mpnet mra neomme nomic_bert nystromformer perceiver reformer rembert roberta roberta-prelayernorm
roc_bert roformer squeezebert tapas ultrabert ultravbert xlm xlm-roberta xlm-roberta-xl xmod yoso
"""
# Their layers, or some, keep something else of a text than keys and values: the state of a recurrence, an index.
# Newer configurations say so in `layer_types`.
RECURRENT = """
axk2 bailing_hybrid bamba deepseek_v32 deepseek_v4 dots3_note dots3_note_text falcon_h1 falcon_mamba glm_moe_dsa
granitemoehybrid hy_v4 inkling2_text inkling_text jamba kimi_linear lfm2 lfm2_moe lfm3 mamba mamba2 minimax
nemotron_h olmo_hybrid qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_next qwen4_exp qwen4_exp_text
recurrent_gemma rwkv xlstm zamba zamba2 zaya
"""
ATTENTION = frozenset({"attention", "full_attention", "sliding_attention", "chunked_attention"})
QUANTISED = ("quantize_config.json", "quant_config.json", "hqq_config.json")  # beside config.json, by their libraries
SENTENCES = ("config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling/config.json")

ADAPTER = (
    "holds an adapter (adapter_config.json). Name its model here and the adapter in an arm, `{method: lora, adapter:"
    " <folder>}`; or merge it into its model first:"
    " `PeftModel.from_pretrained(model, <folder>).merge_and_unload().save_pretrained(<new folder>)`."
)


class Room(NamedTuple):
    """The most positions of a row, soft prompt included, and what they are."""

    positions: int
    what: str


def read(file: Path) -> Config:
    """A config.json. Raises UserError where it is none."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file}: not valid JSON: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{file}: is no model's configuration; name the folder of a saved model")
    return config


def text(config: Config) -> Config:
    """The part of a configuration that is the language model's: the whole, or what a multimodal one has inside."""
    nested = [config[key] for key in ("text_config", "decoder", "generator") if isinstance(config.get(key), dict)]
    inner = nested[0] if nested else config
    return DEFAULTS.get(inner.get("model_type"), {}) | inner


def positions(config: Config) -> int | None:
    """The most positions that the model has; None where its configuration names no limit."""
    return _first(text(config), POSITION_KEYS)


def dimensions(config: Config) -> tuple[int, int, int] | None:
    """Layers, width of the hidden states and size of the vocabulary; None where one is not said."""
    sizes = [_first(text(config), keys) for keys in DIMENSION_KEYS]
    return None if None in sizes else tuple(sizes)


def window(config: Config) -> int | None:
    """How many positions the attention of some layers looks back over; None where all look back over all."""
    values = text(config)
    types = values.get("layer_types") or ["sliding_attention"]  # not said: perhaps
    sliding = values.get("use_sliding_window", True) and "sliding_attention" in types
    if values.get("use_sliding_window") and "layer_types" not in values:  # Qwen's: the first layers are without
        sliding = values.get("max_window_layers", 0) < (_first(values, DIMENSION_KEYS[0]) or 0)
    half = (values.get("local_attention") or 0) // 2  # ModernBERT's decoder: the other half would lie ahead
    return (values.get("sliding_window") if sliding else None) or half or None


def unscaled(config: Config) -> int | None:
    """The positions after which a longer text is rotated by other angles; None where angles do not depend on it.

    LongRoPE has two sets of angles, and transformers takes one for a whole batch: beyond these positions a row would
    depend on the longest one beside it, and keys that were kept would not fit those that follow.
    """
    values = text(config)
    given = values.get("rope_parameters") or values.get("rope_scaling") or {}
    kinds = [given, *(kind for kind in given.values() if isinstance(kind, dict))]  # by kind of layer, in some
    original = values.get("original_max_position_embeddings")
    lengths = [kind.get("original_max_position_embeddings") or original for kind in kinds if "long_factor" in kind]
    return min(filter(None, lengths), default=None)


def room(config: Config) -> Room | None:
    """How long a row can be; None where nothing limits it."""
    limits = [
        Room(unscaled(config) or 0, "within which its rotation does not depend on the rows beside it"),
        Room(window(config) or 0, "that its attention looks back over"),
        Room(positions(config) or 0, "that it has"),
    ]
    return min((limit for limit in limits if limit.positions), default=None)


def is_sentence_encoder(files: Iterable[str]) -> bool:
    """Whether a folder with these files is a sentence-transformers model, which says how its vectors are made."""
    return "modules.json" in files


def fault(config: Config, files: Iterable[str]) -> str | None:
    """Why a model with this config.json and these files cannot be used, and what to do; None where nothing is known.

    A sentence encoder can be used for retrieval, any other model has to be a causal one.
    """
    return next(_faults(config, frozenset(files)), None)


def decoding_fault(config: Config) -> str | None:
    """Why a model that can encode texts for retrieval cannot be a base model; None where nothing is known.

    It stands in config.json; the engine finds it by trying (engine/probe.py), when the model is loaded.
    """
    values, other = text(config), "Name another model; as an encoder of retrieval it can be used."
    local = values.get("attention_layers") or [kind for kinds, _ in values.get("attention_types", ()) for kind in kinds]
    if "local" in local or values.get("attention_chunk_size"):
        size = values.get("window_size") or values.get("attention_chunk_size")
        return (
            f"its attention is local ({config.get('model_type')}, {size} positions), cut by where a token stands in the"
            f" batch and not in its row: a text would depend on the rows beside it. {other}"
        )
    if values.get("kv_lora_rank"):
        return (
            f"its attention is latent ({config.get('model_type')}): it keeps something compressed in place of the keys"
            f" and values that rows share and go on from. {other}"
        )
    return None


def _faults(config: Config, files: frozenset[str]) -> Iterator[str]:
    kind, values = config.get("model_type", "unknown"), text(config)
    if "adapter_config.json" in files:
        yield f"it {ADAPTER}"
    quantised = config.get("quantization_config") or values.get("quantization_config")
    if quantised or any(name in files for name in QUANTISED):
        method = (
            quantised.get("quant_method", "a method it does not name") if isinstance(quantised, dict) else "GPTQ or AWQ"
        )
        yield (
            f"its weights are quantised ({method}), and a model that is tuned needs plain ones. Name the model that it"
            " was made from, or save it with plain weights (`model.dequantize().save_pretrained(<folder>)`)."
        )
    if is_sentence_encoder(files):
        return
    if sentences := [name for name in SENTENCES if name in files]:
        yield (
            f"it is a sentence encoder ({sentences[0]}) without its modules.json, which says how its vectors are made."
            " Copy the whole folder of the model, modules.json and 1_Pooling/ among it."
        )
    if config.get("is_encoder_decoder"):
        yield (
            f"it is an encoder-decoder ({kind}): its input goes into another half than its output, so demonstrations,"
            " input and output make no one row. Name a causal language model."
        )
    if kind in ENCODERS.split() and not config.get("is_decoder"):
        yield (
            f"it is an encoder ({kind}), which writes no text. Name a causal language model. As an encoder of retrieval"
            " it needs the modules.json that sentence-transformers saves."
        )
    layers = sorted({*values.get("layer_types", ())} - ATTENTION)
    if layers or {kind, values.get("model_type")} & {*RECURRENT.split()}:
        yield (
            f"it is no model of attention alone ({kind}{': ' if layers else ''}{', '.join(layers)}): its layers keep"
            " something else of a text than keys and values, which rows of a batch share and go on from. Name another"
            " model."
        )


def _first(values: Config, keys: Iterable[str]) -> int | None:
    """The value of the first of these keys that says one."""
    return next((values[key] for key in keys if isinstance(values.get(key), int)), None)
