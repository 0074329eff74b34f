"""Every setting of a study: type, default, description, limits.

This is the one source: config.yaml is checked against it before any job, the stage programs read
their `--settings` through it, and `docs/settings.md` is generated from it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from softshot.methods.registry import METHODS, MethodsSettings
from softshot.sections import Positive, Section
from softshot.task import Name, Share, Split, TaskSettings, TemplateSettings

Retriever = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]
Demonstrations = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*-[1-9][0-9]*$")]
Shown = Annotated[str, StringConstraints(pattern=r"^(none|[a-z][a-z0-9]*-[1-9][0-9]*)$")]
MethodName = Literal[tuple(METHODS)]
Address = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Seed = Annotated[int, Field(ge=1, lt=2**32)]  # as NumPy takes it
Neighbours = Annotated[int, Field(ge=1, le=1000)]
LossPart = Literal["likelihood", "unlikelihood", "length-normalised"]
Order = Literal["nearest-last", "nearest-first"]
Exclude = Literal["group", "duplicates"]
BaseWeights = Literal["full", "nf4", "nf4-dequantised"]


class ArmSettings(Section):
    """An arm: a method, its sizes, and what is shown beside the input. Each combination is run."""

    method: MethodName = Field(..., description="What is adapted.")
    title: str | None = Field(None, description="Its name in tables and figures; null is the label.")
    tokens: list[Positive] | None = Field(
        None,
        description="Sizes of a method that has tokens (a soft prompt's length); an empty list leaves the arm out.",
    )
    rank: list[Positive] | None = Field(
        None, description="Sizes of a method that has a rank; an empty list leaves the arm out."
    )
    adapter: str | dict[Name, str] | None = Field(
        None,
        description="Folder of an adapter that was trained elsewhere, in PEFT's format, or one for each model: it is"
        " scored as it is. Nothing is tuned, and no size is given.",
    )
    demonstrations: list[Shown] = Field(
        ["none"],
        description="What is shown before the input: `none`, or `<retriever>-<shots>` such as `retrieved-1`; an empty"
        " list leaves the arm out.",
    )
    set: dict[str, Any] = Field(
        {},
        description="What is this arm's own in `tuning` and in its method's section, such as a recipe's losses:"
        " settings and their values, which win over these sections, and `tuning.overrides` over them.",
    )


class TransferSettings(Section):
    """Cross-task transfer: what some arms tuned on one task, on another one and with its demonstrations."""

    arms: list[Name] = Field([], description="Arms whose adapters are used elsewhere; an empty list leaves this out.")
    tokens: list[Positive] = Field([25], description="Sizes of these arms whose methods have tokens.")
    rank: list[Positive] = Field([], description="Sizes of these arms whose methods have a rank.")
    demonstrations: list[Shown] = Field(
        ["retrieved-1"],
        description="Demonstrations of the target task, `<retriever>-<shots>`, or `none`. The arm that"
        " trains nothing, which the gain is measured over, is run with them also where it does not name them.",
    )
    sources: list[Name] | None = Field(
        None, description="Tasks whose adapters are used, each on every other task; null for all tasks of the study."
    )
    own: bool = Field(
        False,
        description="Adapters before demonstrations of their own task too: how much of a gain is transfer. Without"
        " demonstrations that is the arm itself.",
    )


class DataSizeSettings(Section):
    """Some arms on parts of the training records, which are also all that demonstrations come from."""

    train: list[Positive] = Field(
        [],
        description="Numbers of training records, such as [50, 200, 1000]; an empty list leaves this out. Each seed"
        " puts the records in an order of its own, and a size is the first so many of it.",
    )
    arms: list[Name] = Field([], description="Arms that are run on these parts.")
    tokens: list[Positive] = Field([25], description="Sizes of these arms whose methods have tokens.")
    rank: list[Positive] = Field([8], description="Sizes of these arms whose methods have a rank.")
    demonstrations: list[Demonstrations] = Field(
        ["retrieved-1"], description="What these arms show, where they show any, `<retriever>-<shots>`."
    )


class ShiftSettings(Section):
    """Domain shift of a task: runs of some arms once more, trained and chosen without the records of some groups."""

    by: str = Field(
        ...,
        description="What groups the records: `domain` (MTOP, CLINC, or the table's column `domain`), `group` (the"
        " table's column), `database` (Spider) or `overlap` (ToTTo, whose training file holds `non-overlap` out"
        " already: nothing is run once more).",
    )
    held_out: list[str] = Field(..., min_length=1, description="Groups that are held out, such as [weather, alarm].")
    arms: list[Name] | None = Field(
        None, description="Arms that are run once more; null for all that use training records."
    )
    tokens: list[Positive] | None = Field(None, description="Of their sizes in tokens these; null for all.")
    rank: list[Positive] | None = Field(None, description="Of their ranks these; null for all.")
    demonstrations: list[Shown] | None = Field(None, description="Of what they show this; null for all.")


class ModelsSettings(Section):
    """The frozen base models."""

    use: list[Name] = Field(
        ["bloom-1b1", "opt-1.3b", "gpt2-xl"],
        min_length=1,
        description="Names from `resources/models.yaml` or from `folders`.",
    )
    folders: dict[Name, str] = Field(
        {}, description="Models of your own: a short name, and the folder with weights and tokenizer, or a GGUF file."
    )
    hub: Address = Field("https://huggingface.co", description="The hub, or a mirror of it, that models come from.")
    base: BaseWeights = Field(
        "full",
        description="The weights of the base models' linear layers, for every arm: as they are; `nf4`, rounded to four"
        " bits and kept packed by bitsandbytes (QLoRA, Dettmers et al. 2023), for models that would not fit; or"
        " `nf4-dequantised`, the same rounded weights kept in `engine.dtype`: the same model up to rounding, as fast"
        " and as large as the full one. Head and embeddings stay as they are.",
    )


class LimitSettings(Section):
    """How many records of each split to use; a seeded sample where the split has more."""

    train: Positive | None = Field(None, description="Training records per task; null for all.")
    validation: Positive | None = Field(None, description="Validation records per task; null for all.")
    test: Positive | None = Field(None, description="Test records per task; null for all.")
    held_out: Positive | None = Field(
        None, description="Records held out of training per task, for the tasks that hold out any; null for all."
    )


class DataSettings(Section):
    """The tasks and where their files come from."""

    tasks: list[Name] = Field(
        ["totto", "dart", "logic2text", "spider", "mtop"],
        min_length=1,
        description="Names from `resources/tasks.yaml` or of `own`.",
    )
    own: dict[Name, TaskSettings] = Field({}, description="Tasks of your own, by name: see the table below.")
    source: str = Field(
        "official",
        description="`official` (each task's own address), `hub` (its copy on the hub), the base address of a mirror"
        " that holds `<task>/<file>`, or a local folder that holds `<task>/<file>`.",
    )
    sources: dict[Name, str] = Field({}, description="Another source for some tasks.")
    hub: Address = Field("https://huggingface.co", description="The hub, or a mirror of it, for `hub`.")
    evaluation: dict[Name, Split] = Field(
        {},
        description="The split that is predicted and scored, per task; the catalogue says it otherwise."
        " Validation losses are taken on another one, so that no prompt is chosen by the records that score it.",
    )
    templates: dict[Name, TemplateSettings] = Field(
        {}, description="Layout of a task's texts where not the catalogue's: see the table below."
    )
    limits: LimitSettings = Field(LimitSettings(), description=LimitSettings.__doc__)
    sample_seed: int = Field(0, ge=0, description="Seed of the sample that `limits` takes and of what is carved.")
    malformed: dict[Name, Literal["stop", "skip"]] = Field(
        {},
        description="What a record that cannot be read does, per task: `stop` with its file and line (as everywhere it"
        " is not given), or `skip`, counted.",
    )
    leaks: Literal["drop", "keep"] = Field(
        "drop",
        description="Training records with an input that another split has too: `drop` leaves them out, for all arms"
        " alike, `keep` does not. Either way they are counted, and the report names them.",
    )


class RetrieverSettings(Section):
    """A way to find demonstrations for a record among the training records."""

    kind: Literal["random", "bm25", "dense", "mmr", "oracle"] = Field(
        ...,
        description="`random` draws (per seed); `bm25` compares words; `dense` compares vectors of an encoder; `mmr`"
        " takes a diverse choice among the nearest of `dense` (Carbonell & Goldstein 1998); `oracle` compares the"
        " *outputs*, which no real system knows: an upper bound.",
    )
    encoder: Name | None = Field(
        None,
        description="For `dense` and `mmr`, where not `demonstrations.encoder`: a sentence encoder, or a causal"
        " language model, of which the last token's vector in the last layer is taken (as in the study).",
    )
    diversity: Share = Field(0.3, description="For `mmr`: weight of being unlike what is already chosen.")
    pool: int = Field(64, ge=2, le=1000, description="For `mmr`: nearest records among which it chooses.")
    threshold: float | None = Field(
        None,
        description="Demonstrations with a lower score are not shown, so that a row may have none; null shows all.",
    )


class DemonstrationsSettings(Section):
    """Finding demonstrations for a record among the training records."""

    encoder: Name = Field(
        "all-minilm-l6-v2",
        description="Of retrievers that name none; a name from `resources/models.yaml` or `folders`.",
    )
    retrievers: dict[Retriever, RetrieverSettings] = Field(
        {
            "random": RetrieverSettings(kind="random"),
            "retrieved": RetrieverSettings(kind="dense"),
            "bm25": RetrieverSettings(kind="bm25"),
            "mmr": RetrieverSettings(kind="mmr"),
            "oracle": RetrieverSettings(kind="oracle"),
        },
        description="Retrievers, by the name that the arms use: see the table below.",
    )
    exclude: Exclude = Field(
        "group",
        description="What a training record is not shown beside itself: `duplicates` of its input, or all records of"
        " its `group` (Spider: the questions on its database; ToTTo: the tables of its page), which give its output"
        " away as no demonstration does at test.",
    )
    neighbours: Neighbours = Field(
        8, description="Neighbours stored per record; no variant can have more shots than this."
    )
    order: Order = Field("nearest-last", description="Order of several demonstrations in the context.")
    approximate_from: Positive | None = Field(
        None, description="Training records from which an approximate index is searched instead; null is always exact."
    )


class EngineSettings(Section):
    """The frozen model with a soft prompt: length of a row and number format. The same for all arms."""

    context: int = Field(
        768,
        ge=16,
        description="Most text positions of a row: demonstrations, input and output (the soft prompt not counted).",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="`auto` is bfloat16 on a GPU that has it and float32 elsewhere."
    )


class TuningSettings(Section):
    """The training loop, the same for every method."""

    loss: list[LossPart] = Field(
        ["likelihood"],
        min_length=1,
        description="What is brought down, the sum of these: the `likelihood` of each target token, negative; for tasks"
        " with choices also the `unlikelihood` of the wrong ones, and a `length-normalised` softmax over all of them."
        " All three are T-Few's (Liu et al. 2022).",
    )
    optimiser: Literal["adamw", "adafactor"] = Field(
        "adamw",
        description="`adafactor` is Shazeer & Stern's 2018 with steps relative to a parameter's size, as in T-Few.",
    )
    weight_decay: float = Field(0.0, ge=0, le=1, description="Of either optimiser, apart from the gradient.")
    steps: Positive = Field(2000, description="Optimiser steps.")
    batch_size: Positive = Field(16, description="Rows per forward pass.")
    accumulation: Positive = Field(1, description="Forward passes per optimiser step.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the steps in which the learning rate rises linearly.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear", description="Learning rate after the warm-up; linear and cosine fall to zero."
    )
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient; larger ones are scaled down to it.")
    validate_every: Positive = Field(100, description="Steps between two validation losses.")
    validation_records: Positive | None = Field(
        256, description="Validation records behind that loss, a fixed random sample; null for all."
    )
    keep: Literal["best", "last"] = Field(
        "best",
        description="Which state the adapter ends with: that with the lowest validation loss, or the last, which no"
        " validation record has chosen, as few-shot work that counts its examples needs it.",
    )
    patience: Positive | None = Field(
        None, description="Stop after this many validation losses without a new best; null never stops early."
    )

    @model_validator(mode="after")
    def _check_patience(self) -> "TuningSettings":
        if self.keep == "last" and self.patience is not None:
            raise ValueError("patience: stops by validation losses, which `keep: last` does not go by; leave it null")
        return self


class GenerationSettings(Section):
    """Decoding the predictions."""

    max_new_tokens: Positive = Field(128, description="Most tokens of an output.")
    beams: int = Field(1, ge=1, le=64, description="Beam width; 1 is greedy decoding.")
    length_penalty: float = Field(1.0, description="Beams are ranked by log-probability / length ** length_penalty.")


class Override(Section):
    """Other values for some of the runs: those of the named model, task, arm and method."""

    model: Name | None = Field(None, description="Only runs of this model.")
    task: Name | None = Field(None, description="Only runs of this task.")
    arm: Name | None = Field(None, description="Only runs of this arm.")
    method: MethodName | None = Field(None, description="Only runs of this method.")
    set: dict[str, Any] = Field(
        ...,
        min_length=1,
        description="Settings of the section and their values; in `tuning.overrides` also those of the method.",
    )


class TuningSection(TuningSettings):
    """The training loop, the same for every method."""

    overrides: list[Override] = Field([], description=Override.__doc__ + " Later entries win.")
    max_tokens: Positive | None = Field(
        None,
        description="Most tokens of a forward pass, prompt and rows; larger batches are split and accumulated, with the"
        " same result up to rounding: no re-run. null splits only where memory runs out.",
    )


class GenerationSection(GenerationSettings):
    """Decoding the predictions."""

    overrides: list[Override] = Field([], description=Override.__doc__ + " Later entries win.")
    batch_size: Positive = Field(
        32,
        description="Rows decoded together, each with its beams. Changes speed and memory, not the text (in float32):"
        " no re-run.",
    )
    neutral_tokens: int = Field(
        1024,
        ge=0,
        description="Tokens of a neutral text (`resources/neutral.txt`) on which the loss of the bare and of each"
        " adapted model is taken, to say what was forgotten; 0 leaves it out.",
    )


class LaunchSettings(Section):
    """Placing jobs on the GPUs of a machine: changes when and where a job runs, never its result."""

    jobs_per_gpu: int = Field(
        1,
        ge=1,
        le=32,
        description="Jobs that may share a GPU, for models that leave most of it idle. With K on each of N GPUs, run"
        " with `--resources gpu=<N x K>`. No re-run. On a cluster the scheduler places jobs, and this does nothing.",
    )


class ScoringSettings(Section):
    """Metrics of a task's predictions."""

    metrics: dict[Name, list[Name]] = Field(
        {}, description="Metrics per task, the main one first; the catalogue says it otherwise."
    )
    encoder: str | None = Field(
        None,
        description="Folder of a model (config.json, safetensors, tokenizer) for the metric `bert_score`, which no task"
        " has by itself.",
    )


class AnalysisSettings(Section):
    """Tables, figures and the report."""

    title: str = Field("softshot study", description="Heading of the report.")
    note: str = Field("", description="A sentence for the top of the report, such as where the data comes from.")
    examples: int = Field(30, ge=0, le=500, description="Records per task in the report's example browser.")
    bootstrap: int = Field(2000, ge=100, le=100_000, description="Resamples behind an interval or a p-value.")
    confidence: float = Field(0.95, ge=0.5, le=0.999, description="Level of the intervals; tests reject at 1 less it.")
    margin: float = Field(
        1.0, gt=0, le=20, description="Points within which two scores are called equal, if their whole interval is."
    )
    bins: int = Field(6, ge=2, le=50, description="Bins of the records by how similar their demonstration is.")


class Study(Section):
    """A study: everything config.yaml says."""

    study: Name = Field("published", description="Name of the study; its results are in `results/<study>/`.")
    seeds: list[Seed] = Field(
        [1, 2, 3],
        min_length=1,
        description="One run per seed for whatever is random: tuning, random demonstrations, data sizes.",
    )
    arms: dict[Name, ArmSettings] = Field(
        {
            "icl": ArmSettings(method="none", demonstrations=["random-1", "retrieved-1", "retrieved-3"]),
            "pt": ArmSettings(method="prompt-tuning", tokens=[25]),
            "ipt": ArmSettings(method="prompt-tuning", tokens=[25], demonstrations=["retrieved-1"]),
        },
        description="The ways to adapt that are compared: a label, which is the folder of its runs, and what it is.",
    )
    methods: MethodsSettings = Field(MethodsSettings(), description=MethodsSettings.__doc__)
    models: ModelsSettings = Field(ModelsSettings(), description=ModelsSettings.__doc__)
    data: DataSettings = Field(DataSettings(), description=DataSettings.__doc__)
    demonstrations: DemonstrationsSettings = Field(DemonstrationsSettings(), description=DemonstrationsSettings.__doc__)
    engine: EngineSettings = Field(EngineSettings(), description=EngineSettings.__doc__)
    tuning: TuningSection = Field(TuningSection(), description=TuningSection.__doc__)
    transfer: TransferSettings = Field(TransferSettings(), description=TransferSettings.__doc__)
    data_size: DataSizeSettings = Field(DataSizeSettings(), description=DataSizeSettings.__doc__)
    shift: dict[Name, ShiftSettings] = Field({}, description="Domain shift, per task: see the table below.")
    generation: GenerationSection = Field(GenerationSection(), description=GenerationSection.__doc__)
    scoring: ScoringSettings = Field(ScoringSettings(), description=ScoringSettings.__doc__)
    analysis: AnalysisSettings = Field(AnalysisSettings(), description=AnalysisSettings.__doc__)
    launch: LaunchSettings = Field(LaunchSettings(), description=LaunchSettings.__doc__)
