"""Beam search: the open and ended hypotheses of a row, and the choice among their continuations."""

import torch
from torch import Tensor

from softshot.engine.stops import Stops
from softshot.settings import GenerationSettings

NEVER = float("-inf")  # the score of a beam that does not exist


def fold(totals: Tensor, stops: Tensor) -> None:
    """Make ending one candidate a beam: all stop tokens' probability goes to the likeliest of them, in place.

    `totals`: log-probabilities [B*K, V]. Without this one and the same text ends several times over.
    """
    ends = totals[:, stops]
    likeliest = stops[ends.argmax(-1)]
    totals[:, stops] = NEVER
    totals[torch.arange(len(totals), device=totals.device), likeliest] = ends.logsumexp(-1)


class Beams:
    """The best of K beams by log-probability / length ** length_penalty, for one row."""

    def __init__(self, settings: GenerationSettings, stops: Stops):
        self.width, self.penalty, self.limit = settings.beams, settings.length_penalty, settings.max_new_tokens
        self.stops = stops
        self.ended: list[tuple[float, list[int]]] = []  # (normalised score, text), best first
        self.texts: list[list[int]] = [[]] * self.width
        # All K beams start the same: only the first may open the search.
        self.scores = [0.0] + [NEVER] * (self.width - 1)

    @property
    def best(self) -> list[int]:
        """The text that has the highest score."""
        return max(self.ended, key=lambda hypothesis: hypothesis[0])[1]

    def advance(self, candidates: list[tuple[float, int, int]]) -> list[int]:
        """Take (log-probability, beam, token) candidates, best first; return the source beam of each open one.

        Nothing is returned when the row has ended: K hypotheses have, and no open beam beats the worst
        of them at its present length; or the limit is reached, where open beams count as they are.
        """
        open_beams = []
        length = len(self.texts[0]) + 1
        for score, source, token in candidates:
            text = [*self.texts[source], token]
            if score == NEVER:
                continue
            if self.stops.end(text):
                self.ended.append((score / length**self.penalty, text))
            elif len(open_beams) < self.width:
                open_beams.append((score, source, text))
        self.ended = sorted(self.ended, key=lambda hypothesis: -hypothesis[0])[: self.width]
        if length == self.limit:
            self.ended += [(score / length**self.penalty, text) for score, _, text in open_beams]
            return []
        full = len(self.ended) == self.width
        if not open_beams or (full and open_beams[0][0] / length**self.penalty <= self.ended[-1][0]):
            return []
        open_beams += [(NEVER, *open_beams[0][1:])] * (self.width - len(open_beams))
        self.scores = [score for score, _, _ in open_beams]
        self.texts = [text for _, _, text in open_beams]
        return [source for _, source, _ in open_beams]

    @staticmethod
    def choose(searches: list["Beams"], logits: Tensor) -> list[list[int]]:
        """Advance every row by its beams' `logits` [B*K, V]; per row the source beams of the open ones."""
        scores = torch.tensor([search.scores for search in searches], device=logits.device)  # [B, K]
        totals = scores.flatten()[:, None] + logits.float().log_softmax(-1)  # [B*K, V]
        fold(totals, torch.tensor(searches[0].stops.ids, device=logits.device))
        width, size = scores.shape[1], totals.shape[-1]
        # 2K candidates: even if K of them end here, K others go on.
        best, places = totals.view(len(searches), -1).topk(min(2 * width, width * size), dim=-1)
        sources = []
        for search, found, at in zip(searches, best.tolist(), places.tolist(), strict=True):
            candidates = [(score, place // size, place % size) for score, place in zip(found, at, strict=True)]
            sources.append(search.advance(candidates))
        return sources
