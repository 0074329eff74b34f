"""
Base models and encoder onto disk, as safetensors.

needs: the hub, an installed Python package or a local folder (resources/models.yaml, config: models)
makes: resources/models/<model>/ with weights, tokenizer and provenance.json, shared by all studies
"""


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    model,


rule model:
    """Fetch one model; provenance.json is written last."""
    input:
        folder_files,
    output:
        "resources/models/{model}/provenance.json",
    log:
        "resources/models/logs/{model}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(
            {
                "name": wildcards.model,
                **model_source(wildcards.model),
            }
        ),
    shell:
        "python -m softshot.models --settings {params.settings:q} --out $(dirname {output:q}) > {log:q} 2>&1"
