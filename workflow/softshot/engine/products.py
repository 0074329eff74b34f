"""What a fused function takes a linear layer for: the matrix it multiplies by, and the gradients of what is trained.

A layer is frozen, trained itself, or frozen with a trained change (changes.py). To a function that computes several
layers at once the three are the same: a product, and a way from its input and the gradient of its output to those of
its factors, the tensors that are trained. The function takes these as inputs of its own, so that autograd sees them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

REMEDY = "Load the model with `frozen=False`, and freeze it when what is trained has been merged."
# x [..., in], y [..., out], dY [..., out] and dX [..., in], of this product alone, to the factors' gradients. y and dX
# are given to those that take them.
Gradients = Callable[[Tensor, Tensor | None, Tensor, Tensor | None], tuple[Tensor | None, ...]]


class Product(NamedTuple):
    """x M' + bias."""

    matrix: Tensor  # M, [out, in]
    bias: Tensor | None  # [out]
    factors: tuple[Tensor | None, ...] = ()  # what is trained
    gradients: Gradients = lambda *_: ()
    takes_y: bool = False
    takes_dx: bool = False


def product_of(layer: nn.Module) -> Product | None:
    """A layer's product as it is now; None where it computes more than one.

    Raises ValueError for a layer that something unknown wraps, which a fused function would pass by.
    """
    if hasattr(layer, "product"):
        return layer.product()
    if type(layer) is not nn.Linear:
        raise ValueError(
            f"a model's layer was replaced by a {type(layer).__name__}, and the model's fused functions would pass it"
            f" by. {REMEDY}"
        )
    trained = [x is not None and x.requires_grad for x in (layer.weight, layer.bias)]
    if not any(trained):
        return Product(layer.weight, layer.bias)

    def gradients(x: Tensor, y: Tensor | None, gradient: Tensor, of_x: Tensor | None) -> tuple[Tensor | None, ...]:
        flat = gradient.flatten(0, -2)
        return flat.T @ x.flatten(0, -2) if trained[0] else None, flat.sum(0) if trained[1] else None

    return Product(layer.weight, layer.bias, (layer.weight, layer.bias), gradients)


def factors_of(products: Sequence[Product]) -> list[Tensor | None]:
    """The factors of all products, in order."""
    return [factor for product in products for factor in product.factors]


def any_trained(products: Sequence[Product]) -> bool:
    """Whether a factor of a product asks for a gradient."""
    return any(factor is not None and factor.requires_grad for factor in factors_of(products))
