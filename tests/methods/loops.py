"""The reference of training: peft's models (for full tuning transformers') in the loop of their documentation.

Every loop begins where a softshot adapter begins, and has pairs to compare: its parameter, and the adapter's tensor
that is to be the same.
"""

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LNTuningConfig,
    LoraConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
)
from plain import load_plain, plain_losses_behind
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Float64(TorchFunctionMode):
    """Within it, what transformers computes in float32 whatever it is given stays in float64: norms, softmax, loss."""

    def __torch_function__(self, function, _, given=(), options=None):
        options = dict(options or {})
        if given and isinstance(given[0], Tensor) and given[0].dtype == torch.float64:
            if function is Tensor.float or (function is Tensor.to and torch.float32 in (*given, *options.values())):
                return given[0]
            if options.get("dtype") is torch.float32:
                options.pop("dtype")
        return function(*given, **options)


def padded(rows):
    """The batch as the peers take it: padded on the right, the loss on the target only."""
    length = max(map(len, rows))
    batch = {name: torch.full((len(rows), length), pad) for name, pad in (("input_ids", 0), ("labels", -100))}
    batch["attention_mask"] = torch.zeros(len(rows), length, dtype=torch.long)
    for i, row in enumerate(rows):
        batch["input_ids"][i, : len(row)] = torch.tensor(row.context + row.target)
        batch["labels"][i, len(row.context) : len(row)] = torch.tensor(row.target)
        batch["attention_mask"][i, : len(row)] = 1
    return batch


class PlainLoop:
    """A model, what of it is trained, and AdamW."""

    def __init__(self, model, pairs, rate, clip):
        """`pairs`: a parameter, and a function that gives the adapter's tensor in its shape."""
        self.model, self.pairs, self.clip = model.eval(), pairs, clip
        with torch.no_grad():
            for parameter, ours in pairs:
                parameter.copy_(ours())
        self.optimizer = torch.optim.AdamW([parameter for parameter, _ in pairs], lr=rate, weight_decay=0.0)

    def loss(self, rows):
        """Mean over the target tokens, and what the model adds to it."""
        return self.model(**padded(rows)).loss

    def step(self, rows, *visible):
        """One step; the loss before it."""
        loss = self.loss(rows, *visible)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([parameter for parameter, _ in self.pairs], self.clip)
        self.optimizer.step()
        self.after_step()
        self.optimizer.zero_grad()
        return loss.item()

    def after_step(self):
        """What is to be done between the optimiser's step and the next."""


class AdaLoraLoop(PlainLoop):
    """With peft's allocation of ranks."""

    steps_done = 0

    def after_step(self):
        """Allocate."""
        self.steps_done += 1
        self.model.base_model.update_and_allocate(self.steps_done)


class ContextLoop(PlainLoop):
    """Context tuning row by row, nothing shared; which positions a row sees is given."""

    def loss(self, rows, visible):
        """As above."""
        states = [tuple(layer) for layer in self.states]
        losses = [plain_losses_behind(self.model, states, row, seen) for row, seen in zip(rows, visible, strict=True)]
        return torch.cat(losses).mean()


def wrapped(folder, config):
    """A model with an adapter of peft's, in float64."""
    return get_peft_model(load_plain(folder, torch.float64), config)


def layer_of(model, name):
    """A changed layer of peft's."""
    return model.base_model.model.get_submodule(name)


def constant(tensor):
    """A function that gives an adapter's own parameter, as it is when it is called."""
    return lambda: tensor


def prompt_tuning(folder, adapter):
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=len(adapter.embedding))
    model = wrapped(folder, config)
    encoder = model.prompt_encoder.double()["default"]
    return PlainLoop, model, [(encoder.embedding.weight, constant(adapter.embedding))]


def p_tuning(folder, adapter):
    kind = "MLP" if adapter.lstm is None else "LSTM"
    hidden = adapter.mlp[0].out_features if adapter.lstm is None else adapter.lstm.hidden_size
    config = PromptEncoderConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=len(adapter.embedding),
        encoder_reparameterization_type=kind,
        encoder_hidden_size=hidden,
    )
    model = wrapped(folder, config)
    encoder = model.prompt_encoder.double()["default"]
    pairs = [(encoder.embedding.weight, constant(adapter.embedding))]
    parts = [(encoder.mlp_head, adapter.mlp), *([] if adapter.lstm is None else [(encoder.lstm_head, adapter.lstm)])]
    for theirs, ours in parts:
        pairs += zip(theirs.parameters(), map(constant, ours.parameters()), strict=True)
    return PlainLoop, model, pairs


def prefix_tuning(folder, adapter):
    _, _, heads, tokens, size = adapter().shape
    config = PrefixTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=tokens,
        prefix_projection=adapter.mlp is not None,
        encoder_hidden_size=adapter.mlp[0].out_features if adapter.mlp else None,
        token_dim=heads * size,
        num_attention_heads=heads,
    )
    model = wrapped(folder, config)
    encoder = model.prompt_encoder.double()["default"]
    if adapter.mlp is None:
        return PlainLoop, model, [(encoder.embedding.weight, lambda: adapter.states.permute(3, 0, 1, 2, 4).flatten(1))]
    pairs = [(encoder.embedding.weight, constant(adapter.embedding))]
    return (
        PlainLoop,
        model,
        pairs + list(zip(encoder.transform.parameters(), map(constant, adapter.mlp.parameters()), strict=True)),
    )


def context_tuning(folder, adapter):
    model = load_plain(folder, torch.float64)
    states = torch.nn.Parameter(torch.empty_like(adapter.states))
    loop = type("Loop", (ContextLoop,), {"states": states})
    return loop, model, [(states, constant(adapter.states))]


def lora(folder, adapter):
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter.rank,
        lora_alpha=adapter.settings.alpha,
        use_rslora=adapter.settings.rank_stabilised,
        target_modules=list(adapter.layers),
    )
    model, pairs = wrapped(folder, config), []
    for name, a, b in zip(adapter.layers, adapter.a, adapter.b, strict=True):
        layer = layer_of(model, name)
        pairs += [(layer.lora_A["default"].weight, constant(a)), (layer.lora_B["default"].weight, constant(b))]
    return PlainLoop, model, pairs


def adalora(folder, adapter, steps=50):
    begin, end = adapter.phase(steps)
    config = AdaLoraConfig(
        task_type="CAUSAL_LM",
        init_r=adapter.first_rank,
        target_r=adapter.rank,
        lora_alpha=adapter.settings.alpha,
        orth_reg_weight=adapter.settings.orthogonality,
        total_step=steps,
        tinit=begin,
        tfinal=steps - end,
        deltaT=adapter.settings.every,
        target_modules=list(adapter.layers),
    )
    model, pairs = wrapped(folder, config), []
    for name, triplets in zip(adapter.layers, adapter.triplets, strict=True):
        layer = layer_of(model, name)
        pairs += [
            (layer.lora_B["default"], constant(triplets.p)),
            (layer.lora_E["default"], lambda own=triplets: own.lambdas[:, None]),
            (layer.lora_A["default"], constant(triplets.q)),
        ]
    return AdaLoraLoop, model, pairs


def ia3(folder, adapter):
    """In a layer that gives queries as well, peft would train their scales too: their gradients are taken away."""
    inputs = [name for name, change in adapter.layers.items() if change.of_input]
    config = IA3Config(task_type="CAUSAL_LM", target_modules=list(adapter.layers), feedforward_modules=inputs)
    model, pairs = wrapped(folder, config), []
    for place, (name, rows) in enumerate(adapter.rows.items()):
        scales = layer_of(model, name).ia3_l["default"]
        if rows is not None:
            chosen = torch.zeros_like(scales).index_fill(0, rows, 1)
            scales.register_hook(lambda gradient, chosen=chosen: gradient * chosen)
        pairs.append((scales, lambda place=place, like=scales: adapter.factors()[place][0].view_as(like)))
    return PlainLoop, model, pairs


def ln_tuning(folder, adapter):
    """A layer of peft's holds a copy of the norm."""
    layers = dict.fromkeys(name.rpartition(".")[0] for name in adapter.names)
    model, pairs = wrapped(folder, LNTuningConfig(task_type="CAUSAL_LM", target_modules=list(layers))), []
    for name, own in zip(adapter.names, adapter.masters, strict=True):
        layer, _, part = name.rpartition(".")
        pairs.append((getattr(layer_of(model, layer).ln_tuning_layers["default"], part), constant(own)))
    return PlainLoop, model, pairs


def full(folder, adapter):
    model = load_plain(folder, torch.float64).requires_grad_(True)
    theirs = dict(model.named_parameters())
    return (
        PlainLoop,
        model,
        [(theirs[name], constant(weight)) for name, weight in zip(adapter.names, adapter.masters, strict=True)],
    )


BY_METHOD = {
    function.__name__.replace("_", "-"): function
    for function in (prompt_tuning, p_tuning, prefix_tuning, context_tuning, lora, adalora, ia3, ln_tuning, full)
}
