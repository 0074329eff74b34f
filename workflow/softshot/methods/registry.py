"""What can be adapted: an entry a method, with its settings. What a method computes is in the module it names.

Read while the Snakefile is parsed, by the grid, the plan and the report: imports nothing heavy. A new method is a
module beside this one (the protocol: base.py), its entry here, and a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Annotated, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, create_model, model_validator

from softshot.sections import Positive, Section

Unit = Literal["tokens", "rank"]


Rate = Annotated[float, Field(gt=0, le=10)]
RateList = Annotated[list[Rate], Field(min_length=2)]
# Where no demonstrations are shown, and where some are. One key with one value: a study that gives it gives both.
RateByShots = Annotated[dict[Literal["alone", "shown"], Rate | RateList], Field(min_length=2)]
Rates = Annotated[
    Annotated[Rate, Tag("number")] | Annotated[RateList, Tag("list")] | Annotated[RateByShots, Tag("mapping")],
    Discriminator(lambda value: {list: "list", dict: "mapping"}.get(type(value), "number")),
]
RATES = (
    "Peak learning rate, or a list to choose from: the first seed tries each, and all seeds use the one with the lowest"
    " validation loss. Or `{alone: ..., shown: ...}`, one of these where no demonstrations are shown and another where"
    " some are."
)


class MethodSettings(Section):
    """What every method that trains something has."""

    learning_rate: Rates = Field(..., description=RATES)


def _check_text(settings: "PromptTuning | PrefixTuning") -> "PromptTuning | PrefixTuning":
    """A text is given exactly where it is asked for."""
    if (settings.initialisation == "text") != bool(settings.initial_text):
        raise ValueError("initial_text: give the text for `initialisation: text`, and none for the others")
    return settings


class PromptTuning(MethodSettings):
    """A soft prompt: vectors before the row. Lester et al. 2021; with demonstrations beside it, the study's IPT."""

    learning_rate: Rates = Field(0.03, description=RATES)
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

    _check_text = model_validator(mode="after")(_check_text)


class PTuning(MethodSettings):
    """A soft prompt that an encoder makes. Liu et al. 2021."""

    learning_rate: Rates = Field(0.001, description=RATES)
    encoder: Literal["mlp", "lstm"] = Field(
        "mlp", description="Three linear layers, or two bidirectional LSTM layers and two linear ones (the paper's)."
    )
    encoder_hidden: Positive | None = Field(None, description="Width of the encoder; null is that of the embeddings.")


class PrefixTuning(MethodSettings):
    """Keys and values before the row in every layer. Li & Liang 2021."""

    learning_rate: Rates = Field(0.003, description=RATES)
    initialisation: Literal["vocabulary", "demonstrations", "text"] = Field(
        "demonstrations",
        description="What the keys and values begin as those of: randomly drawn vocabulary entries, randomly drawn"
        " training pairs, or `initial_text`.",
    )
    initial_text: str | None = Field(None, description="Text for `initialisation: text`; repeated or cut to length.")
    reparameterisation: Literal["none", "mlp", "residual"] = Field(
        "none",
        description="While training, the keys and values are an MLP's output (Li & Liang 2021), which begins as noise,"
        " or that is added to them; the plain ones are saved.",
    )
    reparameterisation_hidden: Positive = Field(512, description="Width of the MLP's hidden layer.")

    _check_text = model_validator(mode="after")(_check_text)


class ContextTuning(MethodSettings):
    """Keys and values that begin as demonstrations, trained on the pairs that they show. Lu et al. 2025."""

    learning_rate: Rates = Field(0.001, description=RATES)
    regime: Literal["all", "few-shot"] = Field(
        "all", description="Trained on all training records, or on those that are its demonstrations, as in the paper."
    )
    leave_one_out: bool = Field(True, description="A row that is one of the demonstrations does not see that one.")
    token_dropout: float = Field(0.05, ge=0, lt=1, description="Chance that a training row overlooks a position.")


Targets = Literal["all-linear"] | list[str]


class LoRA(MethodSettings):
    """Low-rank changes of the weights. Hu et al. 2021."""

    learning_rate: Rates = Field(0.0003, description=RATES)
    alpha: float = Field(16.0, gt=0, description="The change is multiplied by alpha / rank.")
    rank_stabilised: bool = Field(False, description="By alpha / sqrt(rank) instead (rsLoRA).")
    targets: Targets = Field(
        "all-linear", description="The layers that are changed: all linear ones, or the ends of their names."
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Chance that an entry of a change's input is left out. Drawn anew in each pass: a batch that is"
        " split for memory has other draws.",
    )


class AdaLoRA(MethodSettings):
    """Low-rank changes whose rank is given where it matters. Zhang et al. 2023. `rank` is the mean at the end."""

    learning_rate: Rates = Field(0.003, description=RATES)
    alpha: float = Field(16.0, gt=0, description="The change is multiplied by alpha / its first rank.")
    targets: Targets = Field(
        "all-linear", description="The layers that are changed: all linear ones, or the ends of their names."
    )
    initial: float = Field(1.5, gt=1, le=8, description="The first rank of every layer, times the rank at the end.")
    begin: float = Field(0.1, ge=0, lt=1, description="Share of the steps after which the budget begins to fall.")
    end: float = Field(0.7, gt=0, lt=1, description="Share of the steps after which the ranks stay as they are.")
    every: Positive = Field(1, description="Steps between two allocations of the budget.")
    orthogonality: float = Field(0.1, ge=0, le=10, description="Weight of the penalty that keeps P and Q orthonormal.")

    @model_validator(mode="after")
    def _check_shares(self) -> "AdaLoRA":
        if self.begin >= self.end:
            raise ValueError(f"end: {self.end} is not after begin: {self.begin}")
        return self


class IA3(MethodSettings):
    """Trained scales of keys, values and the feed-forward part's activations. Liu et al. 2022."""

    learning_rate: Rates = Field(0.003, description=RATES)


class Full(MethodSettings):
    """All weights."""

    learning_rate: Rates = Field(0.00003, description=RATES)


class LNTuning(MethodSettings):
    """The norms' gains and biases. Qi et al. 2022."""

    learning_rate: Rates = Field(0.001, description=RATES)


class Shape(NamedTuple):
    """What the size of an adapter depends on in a model."""

    parameters: int
    layers: int
    width: int
    vocabulary: int

    @property
    def linear(self) -> int:
        """Sum of inputs and outputs of a layer's matrices, as in a plain transformer: four H x H and two H x 4H."""
        return 18 * self.width


@dataclass(frozen=True)
class Method:
    """A way to adapt a model."""

    title: str  # in words
    about: str  # a sentence for the reader of the report
    settings: type[MethodSettings] | None = None  # its section of `methods`; None where nothing is trained
    module: str | None = None  # below softshot.methods
    unit: Unit | None = None  # what its size counts
    before: str = ""  # what it puts before every row, in words
    states: bool = False  # and that are keys and values, which no pass has to make
    begins_text: bool = False  # and that begins as a text does: rows go on from it without a beginning of their own
    trains_weights: bool = False  # else the model stays frozen, and its kernels are used while it is tuned
    every_weight: bool = False  # each gets a gradient: a backward pass costs twice as much; the adapter is temporary
    stored: Callable[[int, Shape], int] | None = None  # size, model -> numbers in its adapter, roughly
    reads: tuple[str | None, ...] = ()  # `peft_type` of the saved adapters that its module loads

    def merges(self, base: str) -> bool:
        """Whether what is trained is in the weights at prediction, which then costs what the model alone costs.

        `base` is the setting `models.base`: packed weights would have to be rounded again.
        """
        return self.trains_weights and base != "nf4"

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
        reads=("PROMPT_TUNING", "P_TUNING"),
    ),
    "p-tuning": Method(
        title="P-tuning",
        about="A soft prompt is trained through an encoder, by which its vectors depend on one another.",
        settings=PTuning,
        module="p_tuning",
        unit="tokens",
        before="soft prompt",
        stored=lambda tokens, model: tokens * model.width,
        reads=("PROMPT_TUNING", "P_TUNING"),
    ),
    "prefix-tuning": Method(
        title="prefix-tuning",
        about="Keys and values before the input are trained in every layer.",
        settings=PrefixTuning,
        module="prefix_tuning",
        unit="tokens",
        before="keys and values",
        states=True,
        stored=lambda tokens, model: 2 * tokens * model.layers * model.width,
        reads=("PREFIX_TUNING", "CARTRIDGE"),
    ),
    "context-tuning": Method(
        title="context tuning",
        about="The keys and values of demonstrations are trained further, each hidden from its own training row.",
        settings=ContextTuning,
        module="context_tuning",
        unit="tokens",
        before="keys and values of demonstrations",
        states=True,
        begins_text=True,
        stored=lambda tokens, model: 2 * tokens * model.layers * model.width,
        reads=("PREFIX_TUNING", "CARTRIDGE"),
    ),
    "lora": Method(
        title="LoRA",
        about="Low-rank changes of the weights are trained, and added to them in the end.",
        settings=LoRA,
        module="lora",
        unit="rank",
        trains_weights=True,
        stored=lambda rank, model: rank * model.layers * model.linear,
        reads=("LORA",),
    ),
    "adalora": Method(
        title="AdaLoRA",
        about="Low-rank changes whose rank goes where it matters are trained, and added to the weights in the end.",
        settings=AdaLoRA,
        module="adalora",
        unit="rank",
        trains_weights=True,
        stored=lambda rank, model: rank * model.layers * model.linear,
        reads=("LORA", "ADALORA"),
    ),
    "ia3": Method(
        title="(IA)3",
        about="Scales of keys, values and activations are trained, and multiplied into the weights in the end.",
        settings=IA3,
        module="ia3",
        trains_weights=True,
        stored=lambda _, model: 6 * model.layers * model.width,
        reads=("IA3",),
    ),
    "ln-tuning": Method(
        title="LN-tuning",
        about="The gains and biases of the norms are trained, and nothing else of the model.",
        settings=LNTuning,
        module="ln_tuning",
        trains_weights=True,
        stored=lambda _, model: (4 * model.layers + 2) * model.width,
        reads=("LN_TUNING",),
    ),
    "full": Method(
        title="full tuning",
        about="All weights are trained.",
        settings=Full,
        module="full",
        trains_weights=True,
        every_weight=True,
        stored=lambda _, model: model.parameters,
        reads=(None,),
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
