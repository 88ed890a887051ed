"""In: the first month's inventory, its messages and its extracted grid. Out: the fields that have no time."""


rule statics:
    input:
        inventory=INVENTORIES[0],  # one month alone, so that a period that grows trains nothing again
        month=month_paths("results/{dataset}/extracted/{year}/{month}.nc", MONTHS[:1]),
    output:
        statics="results/{dataset}/statics.nc",
    log:
        "logs/{dataset}/statics.log",
    benchmark:
        "results/{dataset}/benchmark/statics.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("statics"),
        runtime=minutes("statics"),
    params:
        settings=settings("statics"),
        sources=sources("statics"),
        root=archive_root,
    shell:
        """
        windrow statics \
            --settings {params.settings:q} \
            --archive={params.root:q} \
            --inventories {input.inventory:q} \
            --extracted {input.month:q} \
            --output {output.statics:q} \
            2>&1 | tee {log:q}
        """
