"""When an output ends: at an end token, or at what separates the examples of a row."""

from dataclasses import dataclass
from functools import cached_property

from softshot.engine.base import Base


@dataclass(frozen=True)
class Stops:
    """The ends of a task's outputs."""

    base: Base
    text: str  # that ends an output: a line feed, or the words of another separator

    @classmethod
    def of(cls, base: Base, separator: str) -> "Stops":
        """Where outputs end that `separator` ends in the rows; of one with words, blanks around them do not count."""
        return cls(base, separator.strip() or "\n")

    @cached_property
    def ids(self) -> list[int]:
        """Tokens that end an output by themselves: the end tokens, and all that contain the stop text."""
        eos = self.base.model.config.eos_token_id  # some models have several
        tokenizer = self.base.tokenizer
        ends = {tokenizer.eos_token_id, tokenizer.pad_token_id, *(eos if isinstance(eos, list) else [eos])}
        # Byte-level BPE writes a line feed as "Ċ", SentencePiece's byte fallback as "<0x0A>".
        texts = ("\n", "Ċ", "<0x0A>") if self.text == "\n" else (self.text,)
        ends |= {i for token, i in tokenizer.get_vocab().items() if any(text in token for text in texts)}
        size = self.base.model.get_output_embeddings().weight.shape[0]
        return sorted(i for i in ends if isinstance(i, int) and i < size)

    @cached_property
    def _ids(self) -> frozenset[int]:
        return frozenset(self.ids)

    def end(self, ids: list[int]) -> bool:
        """Whether the output `ids` ends with its last token."""
        if ids[-1] in self._ids:
            return True
        if self.text == "\n":  # a token contains it or does not
            return False
        # Words may be spread over tokens, of which each has a byte at least.
        return self.text in self.base.tokenizer.decode(ids[-len(self.text.encode()) :])

    def cut(self, ids: list[int]) -> str:
        """The text of an output, without what ended it: a stop token may carry text before and after the stop."""
        text = self.base.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.lstrip(" ").split(self.text)[0].strip()
