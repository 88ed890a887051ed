"""What trainings and forecasts ask of a machine: it follows from `training.devices` and `training.nodes` alone."""


def training_of(wildcards):
    return CONFIG.experiments[wildcards.experiment].training


def nodes_of_training(wildcards):
    return training_of(wildcards).nodes


def devices_of_training(wildcards):
    """Ranks on each node."""
    return training_of(wildcards).devices


def ranks_of_training(wildcards):
    return nodes_of_training(wildcards) * devices_of_training(wildcards)


def mpi_of_training(wildcards):
    """Even an empty one keeps SLURM's executor from wrapping the job in a step of its own, which a signal would end."""
    return "srun" if ranks_of_training(wildcards) > 1 else ""


def gpus_of_training(wildcards):
    """GPUs of each node, as SLURM's generic resource; none if the experiment is for processors."""
    training = training_of(wildcards)
    return None if training.accelerator == "cpu" else f"gpu:{training.devices}"
