"""In: scores, forecasts, truth, the training's history, the audit, an export's comparison. Out: one HTML file."""


rule report:
    input:
        scores="results/{dataset}/{experiment}/{split}/scores.nc",
        forecasts="results/{dataset}/{experiment}/{split}/forecasts.zarr",
        blocks=blocks_of_split,
        history="results/{dataset}/{experiment}/history.json",
        audit="results/{dataset}/audit.json",
        export=comparison_of_export,
    output:
        report=report(
            "results/{dataset}/{experiment}/{split}/report.html",
            caption="../report/experiment.rst",
            category="Experiments",
            labels={"experiment": "{experiment}", "split": "{split}"},
        ),
    log:
        "logs/{dataset}/report/{experiment}-{split}.log",
    benchmark:
        "results/{dataset}/benchmark/report/{experiment}-{split}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory("report", "experiment", "split"),
        runtime=minutes("report", "experiment", "split"),
    params:
        settings=settings("report", "experiment", "split"),
        sources=sources("report"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
        benchmarks=lambda wildcards: f"results/{wildcards.dataset}/benchmark",
    shell:
        """
        windrow report \
            --settings {params.settings:q} \
            --scores {input.scores:q} \
            --forecasts {input.forecasts:q} \
            --shards {params.shards:q} \
            --history {input.history:q} \
            --audit {input.audit:q} \
            --export {input.export:q} \
            --benchmarks {params.benchmarks:q} \
            --output {output.report:q} \
            2>&1 | tee {log:q}
        """
