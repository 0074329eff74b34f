"""
From runs to tables, figures and the report.

needs: the files of every run, the records that are quoted
makes: results/<study>/: summary.tsv, summary.txt, subsets.tsv, tokens.tsv, cost.tsv, figures/, report.html
"""


rule analyse:
    """Tabulate, draw and write the report page."""
    input:
        runs=run_files("run.json", "predictions.jsonl", "scores.json"),
        histories=run_files("history.jsonl", tuned=True),
        records=record_files(),
        code=code("softshot/analysis/*.py", "report/*"),
    output:
        summary="results/{study}/summary.tsv",
        text="results/{study}/summary.txt",
        subsets="results/{study}/subsets.tsv",
        tokens="results/{study}/tokens.tsv",
        cost="results/{study}/cost.tsv",
        figures=multiext("results/{study}/figures/", "tokens.svg", "tokens.png", "learning.svg", "learning.png"),
        report="results/{study}/report.html",
    log:
        "results/{study}/logs/analysis.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(studies.analysis_slice(STUDY)),  # a function: templates have braces
    shell:
        "python -m softshot.analysis --settings {params.settings:q} --results results/{wildcards.study}"
        " > {log:q} 2>&1"
