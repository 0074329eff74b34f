"""
From runs to tables, figures and the report.

needs: the files of every run, the records that are quoted
makes: results/<study>/: the tables that docs/analysis.md explains, summary.txt, figures/, report.html
    study.json: the settings and code that all of it was made with
"""


rule analyse:
    """Tabulate, draw and write the report page."""
    input:
        scores=run_files("scores.json"),
        records=record_files(),
        published=["resources/published/scores.tsv", "resources/published/similarity.tsv"],
    output:
        summary=table("summary", "Scores"),
        subsets=table("subsets", "Scores"),
        significance=table("significance", "Scores"),
        claims=table("claims", "Findings"),
        advice=table("advice", "Findings"),
        missing=table("missing", "Findings"),
        baselines=table("baselines", "Scores"),
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
        prompts=table("prompts", "Prompts"),
        demonstrations=table("demonstrations", "Data"),
        data=table("data", "Data"),
        text="results/{study}/summary.txt",
        figures=[figure(name, category) for name, category in FIGURES.items()],
        pictures=[f"results/{{study}}/figures/{name}.png" for name in FIGURES],
        report="results/{study}/report.html",
        settings="results/{study}/study.json",
    log:
        "results/{study}/logs/analysis.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(slices.analysis_slice(STUDY)),  # a function: templates have braces
        code=code.analysis(),
    shell:
        "python -m softshot.analysis --settings {params.settings:q} --results results/{wildcards.study}"
        " > {log:q} 2>&1"
