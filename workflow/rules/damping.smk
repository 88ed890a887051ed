"""In: the climatology and the blocks of the training split. Out: the factors of damped persistence."""


rule damping:
    input:
        blocks=blocks_of_damping,
        climatology="results/{dataset}/climatology.nc",
    output:
        damping="results/{dataset}/damping.json",
    log:
        "logs/{dataset}/damping.log",
    benchmark:
        "results/{dataset}/benchmark/damping.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("damping"),
        runtime=minutes("damping"),
    params:
        settings=settings("damping"),
        sources=sources("damping"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow damping \
            --settings {params.settings:q} \
            --shards {params.shards:q} \
            --climatology {input.climatology:q} \
            --output {output.damping:q} \
            2>&1 | tee {log:q}
        """
