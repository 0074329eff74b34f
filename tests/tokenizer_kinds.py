"""Tokenizers of the kinds that published models have, trained on a few sentences, and bases that have only these."""

import functools
import json
from types import SimpleNamespace

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = [
    "What is the capital of France => Paris. Set an alarm for seven => [IN:CREATE_ALARM [SL:DATE_TIME for seven ] ]",
    "The quick brown fox jumps over the lazy dog, 0123456789 times. Q: Play some music; A: remind me then. END end ###",
]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
NAMES = ("unk_token", "bos_token", "eos_token")


def train(tokenizer: Tokenizer, trainer: type, special: list[str], size: int = 330, **options) -> Tokenizer:
    """Train on TEXT; the same every time."""
    options |= {"vocab_size": size, "special_tokens": special, "show_progress": False}
    tokenizer.train_from_iterator(TEXT, trainer(**options))
    return tokenizer


def around(tokenizer: Tokenizer, before: list[str], after: list[str] | None = None) -> Tokenizer:
    """Let the tokenizer put these tokens before and after every text."""
    special = [*before, *(after or [])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join([*before, "$A", *(after or [])]),
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in special],
    )
    return tokenizer


def byte_level(special: list[str], prefix: bool = False) -> Tokenizer:
    """Byte-level BPE, as GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, trainers.BpeTrainer, special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def byte_fallback(model, trainer: type, normalizer=None, pre_tokenizer=None, strip: int = 1) -> Tokenizer:
    """As SentencePiece's models: "▁" for a blank, and bytes for what the vocabulary does not know."""
    special = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    unknown = {"unk_token": "<unk>"} if trainer is trainers.UnigramTrainer else {}
    train(tokenizer, trainer, special + BYTES, 500, **unknown)
    state = json.loads(tokenizer.to_str())  # the trainer knows no vocabulary besides special tokens: bytes are none
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in special]
    state["model"]["byte_fallback"] = True
    tokenizer = Tokenizer.from_str(json.dumps(state))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", strip, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def bpe() -> models.BPE:
    return models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True)


def collapsing(model, trainer: type) -> Tokenizer:
    """White space is one blank, and what the vocabulary does not know is unknown, as XGLM's and BioGPT's."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    unknown = {"unk_token": "<unk>"} if trainer is trainers.UnigramTrainer else {}
    return around(train(tokenizer, trainer, ["<unk>", "<s>", "</s>"], 520, **unknown), ["</s>"])


def word_pieces() -> Tokenizer:
    """BERT's: words in small letters, no white space."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    train(tokenizer, trainers.WordPieceTrainer, ["<unk>", "[CLS]", "[SEP]"])
    return around(tokenizer, ["[CLS]"], ["[SEP]"])


def words() -> Tokenizer:
    """A vocabulary of whole words."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return train(tokenizer, trainers.WordLevelTrainer, ["<unk>", "<s>", "</s>"])


LEGACY = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
ORDINARY = ["<s>", "</s>", "<pad>"]
# By a model that has it: the tokenizer, and what stands before any text.
KINDS = {
    "gpt2": (lambda: byte_level(ORDINARY), []),
    "opt": (lambda: around(byte_level(ORDINARY), ["</s>"]), ["</s>"]),
    "roberta": (lambda: around(byte_level(ORDINARY, prefix=True), ["<s>"], ["</s>"]), ["<s>"]),
    "glm": (lambda: around(byte_level(["[gMASK]", "</s>", "<sop>"]), ["[gMASK]", "<sop>"]), ["[gMASK]", "<sop>"]),
    "llama2": (lambda: around(byte_fallback(bpe(), trainers.BpeTrainer, LEGACY), ["<s>"]), ["<s>"]),
    "mistral": (
        lambda: around(
            byte_fallback(bpe(), trainers.BpeTrainer, None, pre_tokenizers.Metaspace(prepend_scheme="first")), ["<s>"]
        ),
        ["<s>"],
    ),
    "t5": (
        lambda: around(
            byte_fallback(models.Unigram(), trainers.UnigramTrainer, None, pre_tokenizers.Metaspace()), [], ["</s>"]
        ),
        [],
    ),
    "gemma": (
        lambda: around(byte_fallback(bpe(), trainers.BpeTrainer, normalizers.Replace(" ", "▁"), strip=0), ["<s>"]),
        ["<s>"],
    ),
    "metaspace-never": (
        lambda: byte_fallback(
            bpe(), trainers.BpeTrainer, None, pre_tokenizers.Metaspace(prepend_scheme="never"), strip=0
        ),
        [],
    ),
    "xglm": (lambda: collapsing(models.Unigram(), trainers.UnigramTrainer), ["</s>"]),
    "biogpt": (lambda: collapsing(models.BPE(unk_token="<unk>"), trainers.BpeTrainer), ["</s>"]),
    "bert": (word_pieces, ["[CLS]"]),
    "words": (words, []),
}
LOSSLESS = ("gpt2", "opt", "roberta", "glm", "llama2", "mistral", "t5", "gemma", "metaspace-never")


def fast(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers has it."""
    vocabulary = tokenizer.get_vocab()
    names = dict(zip(NAMES, ("<unk>", "<s>", "</s>"), strict=True))
    given = {name: token for name, token in names.items() if token in vocabulary}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **given)


@functools.cache
def base_of(kind: str):
    """A base with a tokenizer of this kind and no model."""
    from softshot.engine.base import Base

    tokenizer = fast(KINDS[kind][0]())
    config = SimpleNamespace(eos_token_id=tokenizer.eos_token_id)
    config.get_text_config = lambda: config
    head = SimpleNamespace(weight=SimpleNamespace(shape=(len(tokenizer), 1)))
    model = SimpleNamespace(config=config, generation_config=config, get_output_embeddings=lambda: head)
    return Base(model, tokenizer)
