"""A task: an entry of the catalogue `resources/tasks.yaml`, or of `data.own` in config.yaml."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from softshot.sections import Section

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]  # of a folder
Share = Annotated[float, Field(gt=0, lt=1)]
Split = Literal["validation", "test"]  # that can be scored
FileSplit = Literal["train", "validation", "test"]  # that can have a file of its own


class TemplateSettings(Section):
    """How texts are laid out; the same for every arm. `<|im_end|>` is a model's token here, and text in a record."""

    instruction: str = Field(
        "", description="Stands once before the demonstrations, ended by the separator; an empty text is none."
    )
    input: str = Field("{input} =>", description="An input, ready to be answered; the output follows after a blank.")
    demonstration: str = Field(
        "{example}", description="A demonstration; `{example}` is its input laid out as above, and its output."
    )
    separator: str = Field(
        "\n\n",
        pattern=r"\n|\S",
        description="Ends an output, and generation stops there: line feeds (the first of them stops), or words such"
        " as `\\n###\\n`.",
    )

    @model_validator(mode="after")
    def _check_places(self) -> "TemplateSettings":
        for key in ("input", "demonstration"):
            place = "{input}" if key == "input" else "{example}"
            if getattr(self, key).count(place) != 1:
                raise ValueError(f"{key}: write {place} in it, once")
        return self


class TableSettings(Section):
    """The records of a task of your own, out of the columns of JSONL, CSV, TSV or Parquet files."""

    input: str = Field(..., min_length=1, description="Template of the input, such as `{title}: {text}`.")
    target: str = Field(
        ...,
        min_length=1,
        description="Template of the output, such as `{summary}`. One column that holds a list gives several"
        " references, the first of which is trained and shown.",
    )
    references: list[str] = Field([], description="Templates of further references, such as [`{summary_2}`].")
    choices: Annotated[list[str], Field(min_length=2)] | str | None = Field(
        None,
        description="The answers among which the output is chosen, one of which it is in every record: a list of"
        " templates, such as [`positive`, `negative`] or [`{option_1}`, `{option_2}`], or one column that holds a list,"
        " such as `{options}`. Each is scored by its log-likelihood, and nothing is generated. null: outputs are"
        " generated.",
    )
    id: str | None = Field(None, description="Column of the records' ids; null numbers the rows.")
    group: str | None = Field(
        None,
        description="Column that says which records belong together, such as the questions on one text. A training"
        " record is not shown another of its group (`demonstrations.exclude`), and `carve` keeps groups whole.",
    )
    domain: str | None = Field(
        None,
        description="Column that says which part of the task a record is of, such as its topic: `shift` can hold some"
        " out (`by: domain`).",
    )


class ArchiveSettings(Section):
    """The zip file that holds a task's files."""

    name: str = Field(..., description="Its file name, also on a mirror.")
    url: str = Field(..., description="Its address.")
    sha256: str | None = Field(None, description="Its published checksum; null where none is.")
    files: list[str] | None = Field(
        None, description="Those of the task's files that it holds, where the others lie under `base`; null: all."
    )


class HubSettings(Section):
    """A copy of a task's data on the hub, without a loading script."""

    path: str = Field(..., description="owner/name of the dataset.")
    config: str | None = Field(None, description="Folder of its configuration in the repository.")
    revision: str = Field(..., description="Branch, tag or commit.")
    splits: dict[FileSplit, str] = Field(..., description="Our split, and the hub's name of it.")


class SourceSettings(Section):
    """Where a task's files are, and what they must be."""

    base: str | None = Field(None, description="The address that the official `files` lie under.")
    archive: ArchiveSettings | None = Field(None, description="Or the zip file that holds them, or some of them.")
    files: dict[FileSplit, str] = Field(..., description="Split and file; a task of your own gives paths.")
    shared: list[str] = Field([], description="Files that every split needs besides its own.")
    folders: list[str] = Field([], description="Folders of the archive that scoring can use where they are there.")
    sha256: dict[str, str] = Field({}, description="Known checksums of files.")
    hub: HubSettings | None = Field(None, description="The second source of the files (`data.source: hub`).")


class SizeSettings(Section):
    """How large a task is, for what a study will take before its records are there."""

    train: int | None = Field(None, ge=1, description="Records of the training file.")
    validation: int | None = Field(None, ge=1, description="Records of the validation file.")
    test: int | None = Field(None, ge=1, description="Records of the test file.")
    input: int = Field(300, ge=1, description="Mean characters of an input.")
    output: int = Field(100, ge=1, description="Mean characters of an output.")
    choices: int = Field(
        0, ge=0, description="Mean characters of all answers of a record together, where its output is one of them."
    )


class TaskSettings(SourceSettings):
    """A task: its files, how records come out of them, what is scored. An entry of the catalogue."""

    title: str = Field("", description="In a few words.")
    table: TableSettings | None = Field(None, description=TableSettings.__doc__)
    carve: dict[Literal["validation", "test", "held_out"], Share] = Field(
        {},
        description="Splits without a file of their own: the share of the training file that becomes them, chosen by a"
        " hash of the input, so that equal inputs stay together; where records have groups, a share of the groups.",
    )
    template: TemplateSettings = Field(TemplateSettings(), description=TemplateSettings.__doc__)
    evaluation: Split = Field("test", description="The split that is predicted and scored.")
    metrics: list[Name] = Field(..., min_length=1, description="Metrics, the main one first.")
    size: SizeSettings | None = Field(None, description=SizeSettings.__doc__)
    licence: str = Field("", description="As its authors state it.")
    citation: str = Field("", description="Where it is described.")

    @model_validator(mode="after")
    def _check_splits(self) -> "TaskSettings":
        if "train" not in self.files:
            raise ValueError("files: name the file of `train`")
        if twice := self.files.keys() & self.carve.keys():
            raise ValueError(f"carve: {sorted(twice)[0]} has a file of its own; leave one of the two out")
        if sum(self.carve.values()) >= 1:
            raise ValueError("carve: the shares leave nothing to train on")
        if self.evaluation not in self.splits:
            raise ValueError(
                f"evaluation: there is no split {self.evaluation}; name its file, carve it from train, or score another"
            )
        if len(self.splits) < 3:
            raise ValueError(
                f"there is no split besides train and {self.evaluation} by whose loss prompts are chosen;"
                " hold some training records out, such as carve: {held_out: 0.05}"
            )
        fields = {key: field for key, field in SourceSettings.model_fields.items() if key != "files"}
        if self.table and (given := [key for key, field in fields.items() if getattr(self, key) != field.default]):
            raise ValueError(f"{given[0]}: a task with a `table` is read from its files; leave this out")
        both = self.archive is not None and self.archive.files is not None
        if self.table is None and (self.base is not None) != (self.archive is None or both):
            raise ValueError(
                "give `base` or `archive` for an official task, both where `archive.files` says what is in it, and"
                " `table` for one of your own"
            )
        return self

    @property
    def splits(self) -> list[str]:
        """The splits that there are."""
        return [*self.files, *self.carve]
