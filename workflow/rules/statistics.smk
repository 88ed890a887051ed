"""In: the extracted months of the training split. Out: moments per month, then statistics and climatology."""


rule statistics_month:
    input:
        month="results/{dataset}/extracted/{year}/{month}.nc",
    output:
        part="results/{dataset}/statistics/{year}/{month}.nc",
    log:
        "logs/{dataset}/statistics_month/{year}-{month}.log",
    benchmark:
        "results/{dataset}/benchmark/statistics_month/{year}-{month}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("statistics_month", "year", "month"),
        runtime=minutes("statistics_month", "year", "month"),
    params:
        settings=settings("statistics_month", "year", "month"),
        sources=sources("statistics_month"),
    shell:
        """
        windrow statistics_month \
            --settings {params.settings:q} \
            --month {wildcards.year:q}-{wildcards.month:q} \
            --extracted {input.month:q} \
            --output {output.part:q} \
            2>&1 | tee {log:q}
        """


rule statistics:
    input:
        parts=parts_of_training,
    output:
        statistics="results/{dataset}/statistics.json",
        climatology="results/{dataset}/climatology.nc",
    log:
        "logs/{dataset}/statistics.log",
    benchmark:
        "results/{dataset}/benchmark/statistics.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("statistics"),
        runtime=minutes("statistics"),
    params:
        settings=settings("statistics"),
        sources=sources("statistics"),
    shell:
        """
        windrow statistics \
            --settings {params.settings:q} \
            --parts {input.parts:q} \
            --statistics {output.statistics:q} \
            --climatology {output.climatology:q} \
            2>&1 | tee {log:q}
        """
