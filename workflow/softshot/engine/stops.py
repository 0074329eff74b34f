"""When an output ends: at an end token, or at what separates the examples of a row."""

from dataclasses import dataclass
from functools import cached_property

from softshot.engine.base import Base


def ending(separator: str) -> str:
    """What of a separator ends an output: its words, without blanks around them; of line feeds the first."""
    return separator.strip() or "\n"


@dataclass(frozen=True)
class Stops:
    """The ends of a task's outputs."""

    base: Base
    text: str  # that ends an output: a line feed, or the words of another separator

    @classmethod
    def of(cls, base: Base, separator: str) -> "Stops":
        """Where outputs end that `separator` ends in the rows."""
        return cls(base, ending(separator))

    @cached_property
    def ids(self) -> list[int]:
        """Tokens that end an output by themselves: the end tokens, and all that contain the stop text."""
        model, tokenizer, tokenization = self.base.model, self.base.tokenizer, self.base.tokenization
        ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
        # Instruct models have the end of a turn in their generation_config; some models have several ends.
        for config in (model.config, model.config.get_text_config(), model.generation_config):
            eos = getattr(config, "eos_token_id", None)
            ends |= {*eos} if isinstance(eos, list) else {eos}
        texts = {self.text}
        if self.text == "\n":  # byte-level BPE writes it as "Ċ", SentencePiece's byte fallback as "<0x0A>"
            written = tokenization.encode("\n")
            texts |= {tokenizer.convert_ids_to_tokens(id) for id in written if tokenization.decode([id]) == "\n"}
        ends |= {
            id
            for token, id in tokenizer.get_vocab().items()
            if any(text in token for text in texts) and (id not in tokenization.control or token in self.text)
        }
        size = model.get_output_embeddings().weight.shape[0]
        return sorted(id for id in ends if isinstance(id, int) and id < size)

    @cached_property
    def _ids(self) -> frozenset[int]:
        return frozenset(self.ids)

    @cached_property
    def _token(self) -> bool:
        """Whether the stop text is a control token's name, which in a text is text."""
        return self.text in self.base.tokenization.control.values()

    def end(self, ids: list[int]) -> bool:
        """Whether the output `ids` ends with its last token."""
        if ids[-1] in self._ids:
            return True
        if self.text == "\n" or self._token:  # a token contains it or does not
            return False
        # Words may be spread over tokens, of which each has a byte at least.
        return self.text in self._decode(ids[-len(self.text.encode()) :])

    def cut(self, ids: list[int]) -> str:
        """The text of an output, without what ended it: a stop token may carry text before and after the stop."""
        text = self._decode(ids).lstrip(" ")
        return (text if self._token else text.split(self.text)[0]).strip()

    @cached_property
    def _silent(self) -> frozenset[int]:
        """Control tokens, which are no text, but for those among the words of the stop text."""
        control = self.base.tokenization.control.items()
        return frozenset(id for id, name in control if self._token or name not in self.text)

    def _decode(self, ids: list[int]) -> str:
        return self.base.tokenization.decode([id for id in ids if id not in self._silent])
