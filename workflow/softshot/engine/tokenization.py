"""How a tokenizer writes a piece of text that stands within a row.

Rows are laid out piece by piece (layout.py), so that tuning and decoding agree. What is meant must then come out of
the pieces put together: a piece is nothing but its text, whatever the tokenizer does at the start of a text.
"""

from functools import cached_property

from transformers import PreTrainedTokenizerBase

# What a piece is written after where it would begin with a blank otherwise. The first that the tokenizer keeps apart
# from the piece is taken: a line feed or a full stop, as stand before most pieces, else something rarer.
BEFORE = ("\n", ".", "=", "0", "|", "a")


class Tokenization:
    """Text to token ids and back, in pieces."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer = tokenizer

    @cached_property
    def start(self) -> list[int]:
        """What the tokenizer puts before any text by itself: `</s>` for OPT, two tokens for GLM, nothing for GPT-2.

        What it appends, as BERT's and T5's do, is none of it.
        """
        text, whole = self._encode("a", False), self.tokenizer("a")["input_ids"]
        places = [place for place in range(len(whole)) if text and whole[place : place + len(text)] == text]
        return whole[: places[0]] if places else []

    @cached_property
    def control(self) -> dict[int, str]:
        """The tokens that are no text but signals, such as `</s>`: id to name."""
        added = {id for id, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        return {id: self.tokenizer.convert_ids_to_tokens(id) for id in added.union(self.tokenizer.all_special_ids)}

    @cached_property
    def prefixes(self) -> bool:
        """Whether the tokenizer begins every text with a blank, as Llama 2's does."""
        return self.decode(self._encode("a", False) + self._encode("b", False)) != "ab"

    def encode(self, text: str, first: bool = False, control: bool = False) -> list[int]:
        """Token ids of `text` within a row, or as the `first` text of it.

        `</s>` in a text is four characters; with `control` it is the token, as whoever writes a template means it.
        """
        ids = self._encode(text, control) if first or not self.prefixes else self._within(text, control)
        return ids if control else self._as_text(text, ids, first)

    def decode(self, ids: list[int]) -> str:
        """The text of token ids, with the names of control tokens."""
        return self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    @cached_property
    def _before(self) -> list[tuple[str, list[int]]]:
        """What a piece can be written after: the text, and its token ids."""
        encoded = ((text, self._encode(text, False)) for text in BEFORE)
        return [(text, ids) for text, ids in encoded if self.decode(ids).strip(" ") == text]

    def _within(self, text: str, control: bool) -> list[int]:
        """Token ids of `text` where another text stands before it."""
        for before, ids in self._before:
            both = self._encode(before + text, control)
            if both[: len(ids)] == ids:
                return both[len(ids) :]
        return self._encode(text, control)

    def _as_text(self, text: str, ids: list[int], first: bool) -> list[int]:
        """The same without control tokens: Unigram vocabularies know their names as they know words."""
        for name in sorted({self.control[id] for id in ids if id in self.control}):
            place = text.find(name) + 1
            if place > 0 and len(name) > 1:  # within the name, which neither part has then
                return self.encode(text[:place], first) + self.encode(text[place:])
        return ids

    def _encode(self, text: str, control: bool) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=not control)
