"""softshot: in-context learning, prompt tuning and instruction prompt tuning, side by side."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/demonstrations.smk"
include: "workflow/rules/tuning.smk"
include: "workflow/rules/generation.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/analysis.smk"


rule all:
    """The study's report, and so everything that it rests on."""
    default_target: True
    input:
        f"results/{STUDY.study}/report.html",
