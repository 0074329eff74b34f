"""
From runs to tables, figures and the report.

needs: the files of every run, the records that are quoted
makes: results/<study>/: summary.tsv, summary.txt, subsets.tsv, tokens.tsv, cost.tsv, figures/, report.html;
    study.json: the settings that all of it was made with
"""


rule analyse:
    """Tabulate, draw and write the report page."""
    input:
        scores=run_files("scores.json"),
        records=record_files(),
    output:
        summary="results/{study}/summary.tsv",
        text="results/{study}/summary.txt",
        subsets="results/{study}/subsets.tsv",
        tokens="results/{study}/tokens.tsv",
        cost="results/{study}/cost.tsv",
        figures=multiext("results/{study}/figures/", "tokens.svg", "tokens.png", "learning.svg", "learning.png"),
        report="results/{study}/report.html",
        settings="results/{study}/study.json",
    log:
        "results/{study}/logs/analysis.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(studies.analysis_slice(STUDY)),  # a function: templates have braces
        code=code.analysis(),
    shell:
        "python -m softshot.analysis --settings {params.settings:q} --results results/{wildcards.study}"
        " > {log:q} 2>&1"
