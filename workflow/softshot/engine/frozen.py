"""What is computed by hand here gives gradients to activations, never to weights: this says so where one asks."""

from torch.autograd.function import FunctionCtx


def refuse_trainable(ctx: FunctionCtx, what: str) -> None:
    """Raise ValueError in the forward pass of a function, named by `what`, if more than its first input is trained."""
    if any(ctx.needs_input_grad[1:]):
        raise ValueError(
            f"{what} has no gradient for its weights, and one of them requires it:"
            " load the model with `frozen=False` where its weights are trained."
        )
