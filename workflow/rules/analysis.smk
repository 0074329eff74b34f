"""
From runs to tables, figures and the report.

needs: the files of every run, the records that are quoted
makes: results/<study>/: the tables that docs/analysis.md explains, summary.txt, figures/, report.html
    study.json: the settings and code that all of it was made with
"""

# The figures by the names of their files, and the category that Snakemake's own report shows them under.
FIGURES = {
    "scores": "Scores",
    "size": "Size",
    "spread": "Size",
    "similarity": "Similarity",
    "similarity-count": "Similarity",
    "overlap": "Similarity",
    "overlap-count": "Similarity",
    "transfer": "Transfer",
    "data-size": "Data size",
    "cost": "Cost",
    "cost-tuning": "Cost",
    "learning": "Learning",
}


def table(name: str, category: str):
    """A table of the study, which Snakemake's own report shows too."""
    return report(f"<results>/{name}.tsv", caption=f"../report/captions/{name}.rst", category=category)


def figure(name: str, category: str):
    """A figure of the study, which Snakemake's own report shows too."""
    caption = f"../report/captions/figure-{name}.rst"
    return report(f"<results>/figures/{name}.svg", caption=caption, category=category)


rule analyse:
    """Tabulate, draw and write the report page."""
    input:
        **flow.analysis_input(STUDY),
        published=[of_checkout(f"resources/published/{name}.tsv") for name in ("scores", "similarity")],
    output:
        summary=table("summary", "Scores"),
        baselines=table("baselines", "Scores"),
        subsets=table("subsets", "Scores"),
        significance=table("significance", "Scores"),
        claims=table("claims", "Findings"),
        advice=table("advice", "Findings"),
        missing=table("missing", "Findings"),
        outputs=table("outputs", "Scores"),
        size=table("size", "Size"),
        levels=table("levels", "Size"),
        spread=table("spread", "Size"),
        similarity=table("similarity", "Similarity"),
        transfer=table("transfer", "Transfer"),
        data_size=table("data_size", "Data size"),
        crossings=table("crossings", "Data size"),
        cost=table("cost", "Cost"),
        pareto=table("pareto", "Cost"),
        rates=table("rates", "Learning"),
        prompts=table("prompts", "Prompts"),
        demonstrations=table("demonstrations", "Data"),
        data=table("data", "Data"),
        text="<results>/summary.txt",
        figures=[figure(name, category) for name, category in FIGURES.items()],
        pictures=[f"<results>/figures/{name}.png" for name in FIGURES],
        report="<results>/report.html",
        settings="<results>/study.json",
    log:
        "<results>/logs/analysis.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(slices.analysis_slice(STUDY)),  # a function: templates have braces
        code=code.analysis(),
    shell:
        "python -m softshot.analysis --settings {params.settings:q} --results $(dirname {output.report:q})"
        " > {log:q} 2>&1"
