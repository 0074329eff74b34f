"""Every setting of a study: type, default, description, limits.

This is the one source: config.yaml is checked against it before any job, the stage programs read
their `--settings` through it, and `docs/settings.md` is generated from it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from softshot.sections import Section, read
from softshot.task import Name, Share, Split, TaskSettings, TemplateSettings

Retriever = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]
Demonstrations = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*-[1-9][0-9]*$")]
Positive = Annotated[int, Field(ge=1)]
Neighbours = Annotated[int, Field(ge=1, le=1000)]
Arm = Literal["icl", "pt", "ipt", "transfer"]
Order = Literal["nearest-last", "nearest-first"]
Exclude = Literal["group", "duplicates"]


class IclSettings(Section):
    """In-context learning: nothing is trained."""

    demonstrations: list[Demonstrations] = Field(
        ["random-1", "retrieved-1", "retrieved-3"],
        description="One variant per entry, `<retriever>-<shots>`; an empty list leaves ICL out.",
    )


class PtSettings(Section):
    """Prompt tuning: the soft prompt before the input."""

    tokens: list[Positive] = Field([25], description="Soft prompt lengths; an empty list leaves PT out.")


class IptSettings(Section):
    """Instruction prompt tuning: the soft prompt, then demonstrations, then the input."""

    tokens: list[Positive] = Field([25], description="Soft prompt lengths; an empty list leaves IPT out.")
    demonstrations: list[Demonstrations] = Field(
        ["retrieved-1"], description="Demonstrations beside the soft prompt, `<retriever>-<shots>`."
    )


class TransferSettings(Section):
    """Cross-task transfer: the soft prompt that PT tuned on another task, then demonstrations, then the input."""

    tokens: list[Positive] = Field(
        [],
        description="Soft prompt lengths; an empty list leaves transfer out. PT of these lengths is tuned on the"
        " sources, with the same seeds, also where `arms.pt` does not name them.",
    )
    demonstrations: list[Demonstrations] = Field(
        ["retrieved-1"],
        description="Demonstrations of the target task beside the prompt, `<retriever>-<shots>`. ICL with them, which"
        " the gain is measured over, is run also where `arms.icl` does not name them.",
    )
    sources: list[Name] | None = Field(
        None, description="Tasks whose prompts are used, each on every other task; null for all tasks of the study."
    )


class DataSizeSettings(Section):
    """ICL, PT and IPT on parts of the training records, which are also all that demonstrations come from."""

    train: list[Positive] = Field(
        [],
        description="Numbers of training records, such as [50, 200, 1000]; an empty list leaves this out. Each seed"
        " puts the records in an order of its own, and a size is the first so many of it.",
    )
    tokens: list[Positive] = Field([25], description="Soft prompt lengths of PT and IPT; an empty list is ICL alone.")
    demonstrations: list[Demonstrations] = Field(
        ["retrieved-1"],
        description="Demonstrations of ICL and IPT, `<retriever>-<shots>`; an empty list is PT alone.",
    )


class ArmsSettings(Section):
    """The ways to adapt that are compared."""

    icl: IclSettings = Field(IclSettings(), description=IclSettings.__doc__)
    pt: PtSettings = Field(PtSettings(), description=PtSettings.__doc__)
    ipt: IptSettings = Field(IptSettings(), description=IptSettings.__doc__)
    transfer: TransferSettings = Field(TransferSettings(), description=TransferSettings.__doc__)
    data_size: DataSizeSettings = Field(DataSizeSettings(), description=DataSizeSettings.__doc__)


class ModelsSettings(Section):
    """The frozen base models."""

    use: list[Name] = Field(
        ["bloom-1b1", "opt-1.3b", "gpt2-xl"],
        min_length=1,
        description="Names from `resources/models.yaml` or from `folders`.",
    )
    folders: dict[Name, str] = Field(
        {}, description="Models of your own: a short name, and the folder with safetensors and tokenizer."
    )
    hub: str = Field("https://huggingface.co", description="The hub, or a mirror of it, that models come from.")


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
    hub: str = Field("https://huggingface.co", description="The hub, or a mirror of it, for `hub`.")
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
    """Training a soft prompt (PT, IPT)."""

    learning_rate: float = Field(0.03, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="AdamW weight decay.")
    steps: Positive = Field(2000, description="Optimiser steps.")
    batch_size: Positive = Field(16, description="Rows per forward pass.")
    accumulation: Positive = Field(1, description="Forward passes per optimiser step.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the steps in which the learning rate rises linearly.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear", description="Learning rate after the warm-up; linear and cosine fall to zero."
    )
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient; larger ones are scaled down to it.")
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
    validate_every: Positive = Field(100, description="Steps between two validation losses.")
    validation_records: Positive | None = Field(
        256, description="Validation records behind that loss, a fixed random sample; null for all."
    )
    patience: Positive | None = Field(
        None, description="Stop after this many validation losses without a new best; null never stops early."
    )


class GenerationSettings(Section):
    """Decoding the predictions."""

    max_new_tokens: Positive = Field(128, description="Most tokens of an output.")
    beams: int = Field(1, ge=1, le=64, description="Beam width; 1 is greedy decoding.")
    length_penalty: float = Field(1.0, description="Beams are ranked by log-probability / length ** length_penalty.")


class Override(Section):
    """Other values for some of the runs: those of the named model, task and arm."""

    model: Name | None = Field(None, description="Only runs of this model.")
    task: Name | None = Field(None, description="Only runs of this task.")
    arm: Arm | None = Field(None, description="Only runs of this arm.")
    set: dict[str, Any] = Field(..., min_length=1, description="Settings of the section and their values.")

    def matches(self, model: str, task: str, arm: str) -> bool:
        """Whether a run of this model, task and arm is meant."""
        return self.model in (None, model) and self.task in (None, task) and self.arm in (None, arm)


class TuningSection(TuningSettings):
    """Training a soft prompt (PT, IPT)."""

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


class AnalysisSettings(Section):
    """Tables, figures and the report."""

    title: str = Field("softshot study", description="Heading of the report.")
    note: str = Field("", description="A sentence for the top of the report, such as where the data comes from.")
    examples: int = Field(30, ge=0, le=500, description="Records per task in the report's example browser.")
    bootstrap: int = Field(2000, ge=100, le=100_000, description="Resamples behind an interval or a p-value.")
    confidence: float = Field(0.95, ge=0.5, le=0.999, description="Level of the intervals; tests reject at 1 less it.")
    bins: int = Field(6, ge=2, le=50, description="Bins of the records by how similar their demonstration is.")


class Study(Section):
    """A study: everything config.yaml says."""

    study: Name = Field("published", description="Name of the study; its results are in `results/<study>/`.")
    seeds: list[Positive] = Field(
        [1, 2, 3],
        min_length=1,
        description="One run per seed for whatever is random: tuning, random demonstrations, data sizes.",
    )
    arms: ArmsSettings = Field(ArmsSettings(), description=ArmsSettings.__doc__)
    models: ModelsSettings = Field(ModelsSettings(), description=ModelsSettings.__doc__)
    data: DataSettings = Field(DataSettings(), description=DataSettings.__doc__)
    demonstrations: DemonstrationsSettings = Field(DemonstrationsSettings(), description=DemonstrationsSettings.__doc__)
    engine: EngineSettings = Field(EngineSettings(), description=EngineSettings.__doc__)
    tuning: TuningSection = Field(TuningSection(), description=TuningSection.__doc__)
    generation: GenerationSection = Field(GenerationSection(), description=GenerationSection.__doc__)
    scoring: ScoringSettings = Field(ScoringSettings(), description=ScoringSettings.__doc__)
    analysis: AnalysisSettings = Field(AnalysisSettings(), description=AnalysisSettings.__doc__)
    launch: LaunchSettings = Field(LaunchSettings(), description=LaunchSettings.__doc__)


def resolve(section: TuningSection | GenerationSection, model: str, task: str, arm: str) -> dict[str, Any]:
    """The values that hold for one run: the section's own, then every matching override in order."""
    plain = TuningSettings if isinstance(section, TuningSection) else GenerationSettings
    values = {key: getattr(section, key) for key in plain.model_fields}
    for override in section.overrides:
        if override.matches(model, task, arm):
            values |= override.set
    name = "tuning" if plain is TuningSettings else "generation"
    return read(plain, values, f"config.yaml: {name} with its overrides for {model}, {task}, {arm}").model_dump()
