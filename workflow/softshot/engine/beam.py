"""Beam search: the open and ended hypotheses of a row, and the choice among their continuations."""

from dataclasses import dataclass

import torch
from torch import Tensor

from softshot.engine.stops import Stops
from softshot.settings import GenerationSettings

NEVER = float("-inf")  # the score of a beam that does not exist


@dataclass(frozen=True)
class Ends:
    """The tokens that end an output."""

    ids: frozenset[int]
    all: Tensor  # the same, on the logits' device
    silent: Tensor  # those that say nothing: an end token, a line feed, and not `).` with a line feed behind it

    @classmethod
    def of(cls, stops: Stops, device: torch.device) -> "Ends":
        """Those of `stops`."""
        silent = [i for i in stops.ids if not stops.cut([i])]
        return cls(
            frozenset(stops.ids), *(torch.tensor(ids, dtype=torch.long, device=device) for ids in (stops.ids, silent))
        )


def fold(totals: Tensor, silent: Tensor) -> None:
    """Make ending without another word one candidate a beam: all such tokens' probability goes to the likeliest.

    `totals`: log-probabilities [B*K, V], changed in place. Without this one and the same text ends several times over.
    A token that says something and ends makes another text.
    """
    if not len(silent):
        return
    ends = totals[:, silent]
    likeliest = silent[ends.argmax(-1)]
    totals[:, silent] = NEVER
    totals[torch.arange(len(totals), device=totals.device), likeliest] = ends.logsumexp(-1)


class Beams:
    """The best of K beams by log-probability / length ** length_penalty, for one row."""

    def __init__(self, settings: GenerationSettings, stops: Stops, ends: Ends):
        self.width, self.penalty, self.limit = settings.beams, settings.length_penalty, settings.max_new_tokens
        self.stops, self.ends = stops, ends
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
        ends = searches[0].ends
        fold(totals, ends.silent)
        width, size = scores.shape[1], totals.shape[-1]
        # 2K candidates: even if K of them end here, K others go on.
        candidates = best_of(totals.view(len(searches), -1), min(2 * width, width * size))
        if any(
            sum(place % size not in ends.ids for score, place in row if score > NEVER) < width for row in candidates
        ):
            totals[:, ends.all] = NEVER  # more texts end here than that, and must not crowd out what goes on
            going = best_of(totals.view(len(searches), -1), width)
            candidates = [row + [o for o in more if o not in row] for row, more in zip(candidates, going, strict=True)]
        return [
            search.advance([(score, place // size, place % size) for score, place in row])
            for search, row in zip(searches, candidates, strict=True)
        ]


def best_of(totals: Tensor, count: int) -> list[list[tuple[float, int]]]:
    """The `count` highest of each row of `totals` and their places, best first."""
    best, places = totals.topk(count, dim=-1)
    return [list(zip(*row, strict=True)) for row in zip(best.tolist(), places.tolist(), strict=True)]
