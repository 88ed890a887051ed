"""In: the scores and the training's history of all experiments of the dataset. Out: the experiments side by side."""


rule compare:
    input:
        scores=expand(
            "results/{{dataset}}/{experiment}/{{split}}/scores.nc", experiment=sorted(CONFIG.experiments)
        ),
        histories=expand("results/{{dataset}}/{experiment}/history.json", experiment=sorted(CONFIG.experiments)),
    output:
        comparison=report(
            "results/{dataset}/comparison/{split}/comparison.html",
            caption="../report/comparison.rst",
            category="Comparison",
            labels={"split": "{split}"},
        ),
        table="results/{dataset}/comparison/{split}/comparison.csv",
    log:
        "logs/{dataset}/compare/{split}.log",
    benchmark:
        "results/{dataset}/benchmark/compare/{split}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory("compare", "split"),
        runtime=minutes("compare", "split"),
    params:
        settings=settings("compare", "split"),
        sources=sources("compare"),
    shell:
        """
        windrow compare \
            --settings {params.settings:q} \
            --scores {input.scores:q} \
            --histories {input.histories:q} \
            --output {output.comparison:q} \
            --table {output.table:q} \
            2>&1 | tee {log:q}
        """
