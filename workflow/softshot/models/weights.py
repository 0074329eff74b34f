"""Whether a folder's weights are those of its architecture, tensor by tensor, without reading one."""

from pathlib import Path

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from softshot.errors import UserError
from softshot.files import read_json
from softshot.models import architectures

SHOWN = 3  # tensors named in a message
SAFE = {"local_files_only": True, "trust_remote_code": False}
UNUSED = ("pooler.",)  # BERT's, of a sentence encoder: vectors are made of all tokens


def check(model: str, folder: Path, source: str) -> None:
    """Refuse weights that the model of `config.json` would not find, and a model or tokenizer that does not load.

    The library itself says what it would find: it loads the model onto the device "meta", which holds no numbers.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # the library's own report of missing tensors
    logging.disable_progress_bar()
    try:
        sentences = architectures.is_sentence_encoder(path.name for path in folder.iterdir())
        config = _config(model, folder, source, sentences)
        loaded, report = (AutoModel if sentences else AutoModelForCausalLM).from_pretrained(
            folder,
            config=config,
            device_map="meta",
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **SAFE,
        )
    except (OSError, ValueError, ImportError, StrictDataclassError) as error:
        raise UserError(f"model {model}: {source} cannot be loaded: {_reason(error)}") from None
    finally:
        logging.set_verbosity(verbosity)
    missing = sorted(name for name in report["missing_keys"] if not (sentences and name.startswith(UNUSED)))
    if missing:
        raise UserError(f"model {model}: {source} {_missing(loaded, missing, sorted(report['unexpected_keys']))}")
    if report["mismatched_keys"]:
        name, there, expected = min(report["mismatched_keys"])
        raise UserError(
            f"model {model}: {source}: {name} is {_shape(there)}, and by config.json it is {_shape(expected)}: weights"
            " and config.json are of two models. Save the model again, both together."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise UserError(
            f"model {model}: the tokenizer of {source} cannot be loaded: {_reason(error)}\nA"
            " tokenizer.json needs nothing else: where the tokenizer does load, `tokenizer.save_pretrained(<folder>)`"
            " writes one."
        ) from None
    rows = loaded.get_input_embeddings().weight.shape[0]
    # Signals beyond the embeddings, such as Gemma 3's of an image, are in no text.
    special = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = {token: id for token, id in tokenizer.get_vocab().items() if id >= rows and id not in special}
    if beyond:
        raise UserError(
            f"model {model}: the tokenizer of {source} has {len(beyond)} tokens beyond the {rows} that the model has"
            f" ({_first(sorted(beyond, key=beyond.get))}): they are of two models, or the model was not resized to its"
            " tokenizer. Save both together."
        )


def _config(model: str, folder: Path, source: str, sentences: bool) -> PreTrainedConfig:
    """The model's configuration, of an architecture that the library has."""
    try:
        config = AutoConfig.from_pretrained(folder, **SAFE)
        known = sentences or type(config) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    except ValueError:  # of a model type that the library does not know
        known = False
    if known:
        return config
    values = read_json(folder / "config.json")
    own = " The code that comes with it is never run." if "auto_map" in values else ""
    raise UserError(
        f"model {model}: {source}: transformers {transformers.__version__} has no causal language model of type"
        f" {values.get('model_type')!r} (config.json).{own} Name another model."
    )


def _missing(loaded: PreTrainedModel, missing: list[str], unexpected: list[str]) -> str:
    """Which tensors are missing, and why perhaps."""
    words = (
        f"lacks {len(missing)} of the {len(loaded.state_dict())} tensors of {type(loaded).__name__}"
        f" ({_first(missing)}): they would be random numbers."
    )
    others = f" It has others in their place ({_first(unexpected)})." if unexpected else ""
    return f"{words}{others} Save the whole model with `save_pretrained(<folder>)`."


def _first(names: list[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["..."] if len(names) > SHOWN else [])])


def _reason(error: Exception) -> str:
    """What a library says, on a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _shape(size: torch.Size) -> str:
    return " x ".join(map(str, size))
