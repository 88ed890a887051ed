"""In: the extracted months of the training split. Out: moments per month, then statistics and climatology."""


rule statistics_month:
    input:
        month="results/{dataset}/extracted/{year}/{month}.nc",
        sources=sources("statistics_month"),
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
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("statistics_month", "year", "month"),
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
        sources=sources("statistics"),
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
        mem_mb=4000,
        runtime=30,
    params:
        settings=settings("statistics"),
    shell:
        """
        windrow statistics \
            --settings {params.settings:q} \
            --parts {input.parts:q} \
            --statistics {output.statistics:q} \
            --climatology {output.climatology:q} \
            2>&1 | tee {log:q}
        """
