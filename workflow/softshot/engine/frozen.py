"""What is computed by hand here gives gradients to activations, never to weights: this says so where one asks.

Without it a weight that is trained, or a layer that was wrapped by something trained, would silently stay as it is.
"""

from torch.autograd.function import FunctionCtx

REMEDY = "Load the model with `frozen=False` where its weights are trained, and freeze it when they are merged."


def refuse_trainable(ctx: FunctionCtx, what: str) -> None:
    """Raise ValueError in the forward pass of a function, named by `what`, if more than its first input is trained."""
    if any(ctx.needs_input_grad[1:]):
        raise ValueError(f"{what} gives no gradient to its weights, and one of them requires it. {REMEDY}")
