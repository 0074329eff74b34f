"""
Data sets to records.

needs: the tasks' files: official, from the hub, a mirror or a local folder (config: data.source); or your own
makes: results/<study>/data/<task>/<split>.jsonl: {"id", "input", "target", "references", "meta"}; <split>.json: counts;
    subsets/train-<size>_seed-<s>.jsonl: the training records of the runs on fewer (config: data_size)
"""

from softshot.task import SourceSettings


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    download,


def download_settings(wildcards) -> str:
    """What a task's download depends on: where its files are and what they must be, by the source in use."""
    source = studies.source(STUDY, wildcards.task)
    keys = set(SourceSettings.model_fields) - ({"base", "archive", "sha256"} if source == "hub" else {"hub"})
    entry = studies.task(STUDY, wildcards.task).model_dump(include=keys, exclude_defaults=True)
    hub = STUDY.data.hub if source == "hub" else ""
    return canonical({"task": wildcards.task, "entry": entry, "source": source, "hub": hub})


def compared(wildcards) -> list[str]:
    """The splits whose files the records of a split are held against."""
    return studies.compared(STUDY, wildcards.task, wildcards.split)


def conversion_input(wildcards) -> dict[str, list[str]]:
    """What a split is converted from: the folder of its task's download, or files of the user's own."""
    if studies.downloaded(STUDY, wildcards.task):
        return {"downloads": [flow.task_folder(STUDY, wildcards.task)], "files": []}
    shared = [
        f"{flow.task_folder(STUDY, wildcards.task)}/{name}" for name in studies.task(STUDY, wildcards.task).shared
    ]
    files = [flow.source_file(STUDY, wildcards.task, split) for split in (wildcards.split, *compared(wildcards))]
    return {"downloads": [], "files": [local(path) for path in [*files, *shared]]}


def conversion_code(wildcards) -> str:
    """The checksum of the modules that decide what a split's records are."""
    table = studies.task(STUDY, wildcards.task).table is not None
    return code.conversion(wildcards.task, table, wildcards.split)


def split_file(wildcards, input, split: str) -> str:
    """The file that the records of one of the task's splits come from, where this job finds it."""
    path = flow.source_file(STUDY, wildcards.task, split)
    return path.replace(flow.task_folder(STUDY, wildcards.task), str(input.downloads)) if input.downloads else path


rule download:
    """Fetch and verify a task's official files; what has arrived of them stays where it fails."""
    output:
        folder=directory("resources/downloads/{task}"),
    log:
        "resources/downloads/logs/{task}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=download_settings,
    shell:
        "python -m softshot.data download --settings {params.settings:q} --out {output.folder:q} > {log:q} 2>&1"


rule convert:
    """Convert one file to records: all, a seeded sample, or the part that a split is carved from."""
    input:
        unpack(conversion_input),
    output:
        records="<results>/data/{task}/{split}.jsonl",
        counts="<results>/data/{task}/{split}.json",
    log:
        "<results>/logs/data/{task}/{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(slices.convert_slice(STUDY, wildcards.task, wildcards.split)),
        code=conversion_code,
        # Functions of `input` are not held against the last run: files from elsewhere are other inputs anyway.
        source=lambda wildcards, input: split_file(wildcards, input, wildcards.split),
        against=lambda wildcards, input: [f"{s}={split_file(wildcards, input, s)}" for s in compared(wildcards)],
        origin=lambda wildcards, input: (
            [f"{input.downloads}/checksums.json", studies.source(STUDY, wildcards.task)] if input.downloads else []
        ),
    shell:
        "python -m softshot.data convert --settings {params.settings:q} --split {wildcards.split}"
        " --source {params.source:q} --downloaded {params.origin:q} --against {params.against:q}"
        " --out {output.records:q} > {log:q} 2>&1"


rule subset:
    """Draw a part of the training records; each seed has an order of its own, of which a size is the beginning."""
    input:
        records="<results>/data/{task}/train.jsonl",
        note="<results>/data/{task}/train.json",
    output:
        records="<results>/data/{task}/subsets/train-{size}_seed-{seed}.jsonl",
        note="<results>/data/{task}/subsets/train-{size}_seed-{seed}.json",
    log:
        "<results>/logs/data/{task}/train-{size}_seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        code=code.subsets(),
    shell:
        "python -m softshot.data subset --records {input.records:q} --size {wildcards.size} --seed {wildcards.seed}"
        " --out {output.records:q} > {log:q} 2>&1"
