"""What can be adapted: an entry a method, with its settings. What a method computes is in the module it names.

Read while the Snakefile is parsed, by the grid, the plan and the report: imports nothing heavy. A new method is a
module beside this one (the protocol: base.py), its entry here, and a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal, NamedTuple

from pydantic import Field, create_model, model_validator

from softshot.sections import Positive, Section

Unit = Literal["tokens", "rank"]


class MethodSettings(Section):
    """What every method that trains something has."""

    learning_rate: float = Field(..., gt=0, le=10, description="Peak learning rate.")


class PromptTuning(MethodSettings):
    """A soft prompt: vectors before the row. Lester et al. 2021; with demonstrations beside it, the study's IPT."""

    learning_rate: float = Field(0.03, gt=0, le=10, description="Peak learning rate.")
    initialisation: Literal["vocabulary", "demonstrations", "text", "uniform"] = Field(
        "vocabulary",
        description="First value of the soft prompt: embeddings of randomly drawn vocabulary entries (Lester et al."
        " 2021), of randomly drawn training pairs (context tuning, 2025), of `initial_text`, or uniform noise in"
        " [-0.5, 0.5].",
    )
    initial_text: str | None = Field(
        None, description="Text for `initialisation: text`; repeated or cut to the prompt's length."
    )
    reparameterisation: Literal["none", "mlp", "residual"] = Field(
        "none",
        description="While training, pass the prompt through an MLP (Li & Liang 2021), or add the MLP's output to"
        " it (Razdaibiedina et al. 2023); the plain prompt is saved.",
    )
    reparameterisation_hidden: Positive = Field(512, description="Width of the MLP's hidden layer.")

    @model_validator(mode="after")
    def _check_text(self) -> "PromptTuning":
        if (self.initialisation == "text") != bool(self.initial_text):
            raise ValueError("initial_text: give the text for `initialisation: text`, and none for the others")
        return self


class Shape(NamedTuple):
    """What the size of an adapter depends on in a model."""

    parameters: int
    layers: int
    width: int
    vocabulary: int


@dataclass(frozen=True)
class Method:
    """A way to adapt a model."""

    title: str  # in words
    about: str  # a sentence for the reader of the report
    settings: type[MethodSettings] | None = None  # its section of `methods`; None where nothing is trained
    module: str | None = None  # below softshot.methods
    unit: Unit | None = None  # what its size counts
    before: str = ""  # what it puts before every row, in words
    trains_weights: bool = False  # else the model stays frozen
    stored: Callable[[int, Shape], int] | None = None  # size, model -> numbers in its adapter

    def load(self) -> ModuleType:
        """Its module, which imports torch."""
        return import_module(f"softshot.methods.{self.module}")


METHODS = {
    "none": Method(title="in-context learning", about="Nothing is trained: the model is shown examples, or none."),
    "prompt-tuning": Method(
        title="prompt tuning",
        about="A soft prompt is trained: a few vectors before the input, while the model stays as it is.",
        settings=PromptTuning,
        module="prompt_tuning",
        unit="tokens",
        before="soft prompt",
        stored=lambda tokens, model: tokens * model.width,
    ),
}

TRAINED = {name: method for name, method in METHODS.items() if method.settings}

MethodsSettings = create_model(
    "MethodsSettings",
    __base__=Section,
    __doc__="What each method trains and at which learning rate.",
    **{
        name: (method.settings, Field(method.settings(), description=method.settings.__doc__))
        for name, method in TRAINED.items()
    },
)
