"""In: a trained model and the blocks of the test split. Out: the network as ONNX, and how it compares with itself."""


rule export:
    input:
        blocks=blocks_of_test,
        model="results/{dataset}/{experiment}/model.ckpt",
    output:
        network="results/{dataset}/{experiment}/model.onnx",
        comparison="results/{dataset}/{experiment}/export.json",
    log:
        "logs/{dataset}/export/{experiment}.log",
    benchmark:
        "results/{dataset}/benchmark/export/{experiment}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 4
    resources:
        mem_mb=memory("export", "experiment"),
        runtime=minutes("export", "experiment"),
    params:
        settings=settings("export"),
        sources=sources_and_model("export"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow export \
            --settings {params.settings:q} \
            --shards {params.shards:q} \
            --model {input.model:q} \
            --threads {threads} \
            --output {output.network:q} \
            --report {output.comparison:q} \
            2>&1 | tee {log:q}
        """
