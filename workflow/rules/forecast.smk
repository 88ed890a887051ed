"""In: a trained model and the blocks of a split. Out: a forecast from every valid window of the split."""


rule forecast:
    input:
        blocks=blocks_of_split,
        climatology="results/{dataset}/climatology.nc",
        model="results/{dataset}/{experiment}/model.ckpt",
        sources=sources_and_model("forecast"),
    output:
        forecasts=directory("results/{dataset}/{experiment}/{split}/forecasts.zarr"),
    log:
        "logs/{dataset}/forecast/{experiment}-{split}.log",
    benchmark:
        "results/{dataset}/benchmark/forecast/{experiment}-{split}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("forecast", "experiment", "split"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow forecast \
            --settings {params.settings:q} \
            --shards {params.shards:q} \
            --climatology {input.climatology:q} \
            --model {input.model:q} \
            --threads {threads} \
            --output {output.forecasts:q} \
            2>&1 | tee {log:q}
        """
