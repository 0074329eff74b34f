"""
From runs to tables, figures and the report.

needs: the files of every run, the records that are quoted
makes: results/<study>/: the tables that docs/analysis.md explains, summary.txt, figures/, report.html
    study.json: the settings and code that all of it was made with
"""

# The figures by the names of their files, and the category that Snakemake's own report shows them under.
FIGURES = {
    "scores": "Scores",
    "claims": "Findings",
    "size": "Size",
    "spread": "Size",
    "similarity": "Similarity",
    "similarity-count": "Similarity",
    "overlap": "Similarity",
    "overlap-count": "Similarity",
    "transfer": "Transfer",
    "data-size": "Data size",
    "shift": "Domain shift",
    "scale": "Scale",
    "distance": "Scale",
    "ensembles": "Scores",
    "cost": "Cost",
    "cost-tuning": "Cost",
    "learning": "Learning",
}


rule analyse:
    """Tabulate, draw and write the report page."""
    input:
        **flow.analysis_input(STUDY),
        published=[of_checkout(f"resources/published/{name}.tsv") for name in ("scores", "similarity")],
    output:
        summary=in_report("summary.tsv", "Scores"),
        baselines=in_report("baselines.tsv", "Scores"),
        subsets=in_report("subsets.tsv", "Scores"),
        significance=in_report("significance.tsv", "Scores"),
        claims=in_report("claims.tsv", "Findings"),
        advice=in_report("advice.tsv", "Findings"),
        missing=in_report("missing.tsv", "Findings"),
        outputs=in_report("outputs.tsv", "Scores"),
        size=in_report("size.tsv", "Size"),
        levels=in_report("levels.tsv", "Size"),
        spread=in_report("spread.tsv", "Size"),
        ensembles=in_report("ensembles.tsv", "Scores"),
        similarity=in_report("similarity.tsv", "Similarity"),
        transfer=in_report("transfer.tsv", "Transfer"),
        data_size=in_report("data_size.tsv", "Data size"),
        crossings=in_report("crossings.tsv", "Data size"),
        shift=in_report("shift.tsv", "Domain shift"),
        scale=in_report("scale.tsv", "Scale"),
        scale_crossings=in_report("scale_crossings.tsv", "Scale"),
        cost=in_report("cost.tsv", "Cost"),
        pareto=in_report("pareto.tsv", "Cost"),
        rates=in_report("rates.tsv", "Learning"),
        prompts=in_report("prompts.tsv", "Prompts"),
        demonstrations=in_report("demonstrations.tsv", "Data"),
        data=in_report("data.tsv", "Data"),
        text="<results>/summary.txt",
        figures=[in_report(f"figures/{name}.svg", category) for name, category in FIGURES.items()],
        pictures=[f"<results>/figures/{name}.png" for name in FIGURES],
        report="<results>/report.html",
        settings="<results>/study.json",
    log:
        "<results>/logs/analysis.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.analysis_slice(STUDY)),  # a function: templates have braces
        code=code.analysis(),
    shell:
        "python -m softshot.analysis --settings {params.settings:q} --results $(dirname {output.report:q})"
        " > {log:q} 2>&1"
