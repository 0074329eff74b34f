"""
Base models and encoders onto disk, as safetensors.

needs: the hub, an installed Python package or a local folder (resources/models.yaml, config: models)
makes: resources/models/<model>/ with weights, tokenizer and provenance.json, shared by all studies
"""


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    model,


rule model:
    """Fetch one model; what is already there stays while it is fetched again, for another study may be reading it."""
    input:
        files=lambda wildcards: [local(path) for path in flow.model_files(STUDY, wildcards.model)],
    output:
        folder=update(directory("resources/models/{model}")),
    log:
        "resources/models/logs/{model}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.model_slice(STUDY, wildcards.model)),
    shell:
        "python -m softshot.models --settings {params.settings:q} --out {output.folder:q} > {log:q} 2>&1"
