"""BERTScore (Zhang et al. 2020): how near each token of a text is to its nearest one of another, in an encoder.

As the authors' own package computes it without inverse document frequencies and without rescaling, which is how DART's
evaluation calls it (with roberta-large). That package has had no release since 2023, so the formula stands here.
https://arxiv.org/abs/1904.09675
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from softshot.errors import UserError
from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

LAYERS = {  # the layer that the authors found best for a kind of model with so many layers; of others the last
    ("bert", 12): 9,
    ("bert", 24): 18,
    ("distilbert", 6): 5,
    ("roberta", 6): 5,
    ("roberta", 12): 10,
    ("roberta", 24): 17,
}


class BertScore:
    """Mean F1, precision and recall of token similarities, each the best over a record's references.

    Every token counts alike but for those that the tokenizer puts around a text. An empty text scores 0. A text longer
    than the model's window is cut at its end.
    """

    name = "bert_score"

    def __init__(self, encoder: Path | None):
        """`encoder` is the folder of a model that transformers can read."""
        if encoder is None:
            raise UserError("bert_score needs an encoder: name its folder in scoring.encoder, or give --encoder.")
        if not (encoder / "config.json").is_file():
            raise UserError(f"scoring.encoder: {encoder} is no folder of a model: it has no config.json.")
        import torch  # slow to import, like transformers, and no other metric needs them
        from transformers import AutoModel, AutoTokenizer

        options = {"local_files_only": True, "trust_remote_code": False}
        self._torch = torch
        try:
            # A first word is a word like others also for tokenizers that tell words by the blank before them.
            self._tokenizer = AutoTokenizer.from_pretrained(encoder, add_prefix_space=True, **options)
            model = AutoModel.from_pretrained(encoder, use_safetensors=True, dtype=torch.float32, **options)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"scoring.encoder: {encoder} cannot be read as an encoder: {error}") from None
        self._model, config = model.eval(), model.config
        self._layer = LAYERS.get((config.model_type, config.num_hidden_layers), config.num_hidden_layers)
        self._window = min(self._tokenizer.model_max_length, config.max_position_embeddings)
        self.signature = (
            f"encoder:{encoder.name},{config.model_type}|layer:{self._layer}|idf:no|rescaled:no|nrefs:best"
            f"|transformers:{version('transformers')}"
        )

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[precision, recall, F1, 1], each the best over the references"""
        (predicted, inner), *references = self._embed([prediction, *record["references"]])
        best = [0.0, 0.0, 0.0]
        for reference, inner_there in references:
            if not (inner.any() and inner_there.any()):
                continue
            similarities = predicted @ reference.T  # [tokens of the prediction, of the reference]
            precision = similarities.amax(dim=1)[inner].mean().item()
            recall = similarities.amax(dim=0)[inner_there].mean().item()
            f1 = 2 * precision * recall / (precision + recall)
            best = [max(pair) for pair in zip(best, (precision, recall, f1), strict=True)]
        return [*best, 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """F1, precision and recall, 0 to 100."""
        precision, recall, f1, count = columns
        names = (cls.name, "bert_score_precision", "bert_score_recall")
        return {name: percentage(value, count) for name, value in zip(names, (f1, precision, recall), strict=True)}

    def _embed(self, texts: list[str]) -> list[tuple[Any, Any]]:
        """Per text its tokens' vectors of length 1 [L, H], and which of them are the text's own [L]."""
        rows = self._tokenizer(
            [text.strip() for text in texts],
            padding=True,
            truncation=True,
            max_length=self._window,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        special = rows.pop("special_tokens_mask").bool()
        mask = rows["attention_mask"].bool()
        with self._torch.inference_mode():
            states = self._model(**rows, output_hidden_states=True).hidden_states[self._layer]
        states = self._torch.nn.functional.normalize(states, dim=-1)
        return [(states[place, kept], ~special[place, kept]) for place, kept in enumerate(mask)]
