"""
Scores of every run.

needs: predictions, the records with their references, the databases where a metric uses them
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        run="results/{study}/runs/{run}/run.json",
        data=scoring_input,
    output:
        "results/{study}/runs/{run}/scores.json",
    log:
        "results/{study}/logs/scoring/{run}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        code=scoring_code,
        options=scoring_options,
    shell:
        "python -m softshot.scoring {params.options} --predictions $(dirname {output:q})/predictions.jsonl.gz"
        " --out $(dirname {output:q}) > {log:q} 2>&1"
