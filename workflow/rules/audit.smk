"""In: the inventories of all months. Out: what the archive lacks for this dataset; it stops where that is too much."""


rule audit:
    input:
        inventories=INVENTORIES,
    output:
        audit="results/{dataset}/audit.json",
    log:
        "logs/{dataset}/audit.log",
    benchmark:
        "results/{dataset}/benchmark/audit.tsv"
    priority: 50  # before anything is computed
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("audit"),
        runtime=minutes("audit"),
    params:
        settings=settings("audit"),
        sources=sources("audit"),
    shell:
        """
        windrow audit \
            --settings {params.settings:q} \
            --inventories {input.inventories:q} \
            --output {output.audit:q} \
            2>&1 | tee {log:q}
        """
