"""What can be said of a model by trying it on a dozen tokens, when it is loaded; nothing goes by its name.

Its cache tells the shapes of keys and values, and how far attention looks back. A prefix and two ragged rows, together
and each row alone, tell whether a row is computed without regard to its neighbours, and whether packed rows and a
narrowed last layer give the same. It is tried with its real weights, so that a bias, a cap or a scale counts if it is
not zero. What cannot be right is refused.
"""

import inspect
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from softshot.engine.base import Base
from softshot.engine.cache import SlotCache
from softshot.engine.last_layer import Calls, Part, feed_forward_at
from softshot.engine.packed import NAME, Packing, hidden_states, pack
from softshot.engine.prefix import Prefix, forward, prefix_cache
from softshot.errors import UserError

Shape = tuple[int, int, int]  # of a layer's cache: heads, numbers of a key, numbers of a value
PREFIX, ROWS = 3, (5, 3)  # tokens of the trial's prefix and of its two rows
# The largest difference that is rounding, relative to the numbers themselves: of a faster way, and of the plain one.
# In half precision the choice of an expert may turn on a last digit; what is wrong is wrong by more.
EQUAL, RIGHT = 1e-3, 1e-2
EQUAL_IN_HALF, RIGHT_IN_HALF = 5e-2, 2.5e-1
# What an attention may be told besides its scale that changes nothing here. How far it looks back is checked.
HARMLESS = {"scaling", "dropout", "sliding_window", "position_ids", "use_cache", "is_causal", "output_attentions"}
OWN_CODE = "its attention is code of its own, which cannot be given packed rows"
OTHER = "Use another model."


@dataclass(frozen=True)
class Findings:
    """What the probe found."""

    cache_shapes: list[Shape]  # of each layer
    window: int | None  # positions that a token sees, its own among them, in the layer that sees the fewest
    unpacked: str | None  # why rows are padded and not packed; None where packing is exact
    feed_forward: Part | None  # that of the last layer, where it may run at target positions only

    def check_positions(self, positions: int) -> None:
        """Raise UserError where attention does not look back over all of `positions`.

        A layer with a window makes its mask for rows that stand side by side at the same position.
        """
        if self.window is not None and self.window < positions:
            raise UserError(
                f"this model's attention looks back over {self.window} positions, and prefix, row and output may take"
                f" {positions}. Lower `engine.context` or `generation.max_new_tokens`, or use another model."
            )


@dataclass(frozen=True)
class Alone:
    """What the model makes of one row behind the prefix, read from its first token to its last without a cache."""

    hidden: Tensor  # [n, H], as the head is given them
    logits: Tensor  # [n, V]
    plain_head: bool  # whether the logits are the head's result as it is


@torch.no_grad()
def probe(base: Base) -> Findings:
    """Try the model. Raises UserError for one that softshot cannot be right with."""
    window = window_of(base)
    size = base.model.get_input_embeddings().num_embeddings
    ids = [(7 + 7919 * i) % size for i in range(PREFIX + sum(ROWS))]
    before, rows = ids[:PREFIX], [ids[PREFIX : PREFIX + ROWS[0]], ids[PREFIX + ROWS[0] :]]
    alone = [read_alone(base, before, row) for row in rows]
    prefix = Prefix(embeddings=base.embed(before))
    shapes = try_cache(base, prefix, rows, alone)
    unpacked, feed_forward = try_packing(base, prefix, rows, alone, shapes)
    return Findings(shapes, window, unpacked, feed_forward)


def window_of(base: Base) -> int | None:
    """How many positions a token sees, None for all. Raises UserError for a cache or mask that is not row by row."""
    parameters = inspect.signature(base.model.forward).parameters
    if not {"past_key_values", "inputs_embeds"} <= set(parameters):
        raise UserError(
            f"this model does not go on from keys and values of earlier positions, or reads no vectors. {OTHER}"
        )
    config = base.config
    local = getattr(config, "window_size", None) and "local" in (getattr(config, "attention_layers", None) or ())
    if local or getattr(config, "attention_chunk_size", None):
        raise UserError(
            "this model's local attention is cut by where a token stands in the batch and not in its row, so a row's"
            f" text would depend on its neighbours. {OTHER}"
        )
    layers = DynamicCache(config=base.model.config).layers
    for number, layer in enumerate(layers):
        if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer):
            raise UserError(
                f"layer {number} of this model keeps a {type(layer).__name__} in place of keys and values of its own"
                f" for every position, as recurrent and hybrid models do. {OTHER}"
            )
    return min((layer.sliding_window for layer in layers if layer.is_sliding), default=None)


def read_alone(base: Base, before: list[int], row: list[int]) -> Alone:
    """The reference: prefix and row as one text, nothing beside it."""
    ids, at_head = torch.tensor([before + row], device=base.device), {}
    head = base.model.get_output_embeddings()
    if head is None:
        raise UserError(f"this model has no head over its vocabulary. {OTHER}")
    hook = head.register_forward_hook(lambda _, given, result: at_head.update(given=given[0], result=result))
    logits = base.model(input_ids=ids, use_cache=False).logits
    hook.remove()
    if not logits.isfinite().all():
        raise UserError(f"this model gives no numbers in {base.model.dtype}: try `engine.dtype: float32`.")
    plain_head = torch.equal(at_head["result"].to(logits.dtype), logits)
    return Alone(at_head["given"][0, len(before) :], logits[0, len(before) :], plain_head)


def try_cache(base: Base, prefix: Prefix, rows: list[list[int]], alone: list[Alone]) -> list[Shape]:
    """Shapes of the cache's layers, once rows side by side have been found to be what they are alone.

    As in decoding: all but the last token of each row, padded on the right; then the last of each, at its own position.
    """
    cache = prefix_cache(base, prefix, 1)
    for number, layer in enumerate(cache.layers):
        if layer.keys is None or layer.keys.dim() != 4 or layer.keys.shape[2] != len(prefix):
            raise UserError(f"layer {number} of this model keeps no keys and values of every position. {OTHER}")
    shapes = [(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in cache.layers]
    tokens, lengths = len(prefix), torch.tensor([[len(row) - 1] for row in rows], device=base.device)
    longest = int(lengths.max())
    slots = SlotCache(shapes, cache, len(rows), tokens + longest + 1, base.model.dtype, base.device)

    slots.at_text(0, len(rows), longest)
    ids = torch.tensor([row[:-1] + [0] * (longest - len(row) + 1) for row in rows], device=base.device)
    positions = torch.arange(tokens, slots.end, device=base.device).expand(len(rows), -1)
    text = forward(base, ids, ids.new_ones(len(rows), slots.end), slots, positions, logits_to_keep=0)

    positions = tokens + lengths
    slots.at_token(positions[:, 0])
    ids = torch.tensor([row[-1:] for row in rows], device=base.device)
    mask = torch.arange(slots.end, device=base.device) <= positions
    last = forward(base, ids, mask.long(), slots, positions, logits_to_keep=1)
    for row, one in enumerate(alone):
        error = difference(torch.cat([text[row, : len(rows[row]) - 1], last[row]]), one.logits)
        if not error <= tolerance(base, RIGHT, RIGHT_IN_HALF):
            raise UserError(
                f"this model's predictions for a row change with what stands beside it (by {error:.0%}): softshot needs"
                f" causal attention whose positions can be given. {OTHER}"
            )
    return shapes


def try_packing(
    base: Base, prefix: Prefix, rows: list[list[int]], alone: list[Alone], shapes: list[Shape]
) -> tuple[str | None, Part | None]:
    """Why rows cannot be packed, or None and where the last layer's feed-forward part is, if that can be said.

    A model whose rows can be packed is left with the attention that does it.
    """
    if not all(one.plain_head for one in alone):
        return "its logits are more than its head's result", None
    own = base.alibi_slopes is not None  # an attention of ours already
    if not own and not base.model.is_backend_compatible():
        return OWN_CODE, None
    kept = base.model.config._attn_implementation  # which nothing public tells
    if not own:
        base.model.set_attn_implementation(NAME)
    reason, feed_forward = run_packed(base, pack(base, prefix, rows), alone, shapes)
    if reason and not own:
        base.model.set_attn_implementation(kept)
    return reason, feed_forward


def run_packed(base: Base, packing: Packing, alone: list[Alone], shapes: list[Shape]) -> tuple[str | None, Part | None]:
    """The same of a model whose attention takes them, after a run of the packed prefix and rows."""
    told, layers = set(), {}

    def witness(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, **options) -> tuple[Tensor, None]:
        told.update(name for name, option in options.items() if option is not None)
        layers[module.layer_idx] = module, (key.shape[1], key.shape[3], value.shape[3])
        return packing(module, query, key, value, **options)

    with Calls(base.model.base_model) as calls:
        hidden = hidden_states(base, packing, witness)
    if sorted(layers) != list(range(len(shapes))):
        return OWN_CODE, None
    if [layers[number][1] for number in sorted(layers)] != shapes:
        raise UserError(
            "this model's cache holds something compressed in place of the keys and values that its attention uses"
            f" (latent attention), which a prefix cannot be given in. {OTHER}"
        )
    if strange := sorted(told - HARMLESS):
        return f"its attention depends on more than queries, keys and values ({', '.join(strange)})", None
    error = difference(hidden[packing.before :], torch.cat([one.hidden for one in alone]))
    if not error <= tolerance(base, EQUAL, EQUAL_IN_HALF):
        return f"packed rows give other numbers (by {error:.1%})", None
    places = torch.tensor([packing.before + 1, len(hidden) - 1], device=base.device)
    for part in calls.feed_forward(layers[len(shapes) - 1][0]):
        try:
            with feed_forward_at(base.model.base_model, part, places):
                narrowed = hidden_states(base, packing)[places]
        except RuntimeError:  # something as long as the sequence is added within: it is not what it seemed
            continue
        if difference(narrowed, hidden[places]) <= tolerance(base, EQUAL, EQUAL_IN_HALF):
            return None, part
    return None, None


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference of two sequences' vectors [n, X], relative to the vectors' length."""
    found, expected = found.double(), expected.double()
    return float(((found - expected).norm(dim=-1) / expected.norm(dim=-1).clamp(min=1e-30)).max())


def tolerance(base: Base, single: float, half: float) -> float:
    """That for the model's precision."""
    return half if base.model.dtype.itemsize < 4 else single
