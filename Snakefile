"""softshot: in-context learning, prompt tuning and instruction prompt tuning, side by side."""

from snakemake.utils import min_version

min_version("9.16.2")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/demonstrations.smk"
include: "workflow/rules/tuning.smk"
include: "workflow/rules/generation.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/analysis.smk"


rule all:
    """The study's report; what is gone of all that it was made from is made again."""
    default_target: True
    input:
        report=f"results/{STUDY.study}/report.html",
        gone=lambda wildcards: flow.gone(STUDY),
