#!/usr/bin/env bash
# A run over the nodes of a Slurm cluster. In a folder that every node sees, with .venv/bin on your PATH:
#     sbatch slurm.sh CONFIG [KEY=VALUE ...] [--out FOLDER]
# When the time is up or a node is lost, submit the same line again: it goes on with what is recorded.
#SBATCH --job-name=rlvr
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
set -euo pipefail

nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes%%$'\n'*}
address=$head:6379

# One Ray process for each node, the head's first. They end with the job.
srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --port=6379 --num-cpus="$SLURM_CPUS_PER_TASK" --block &
until ray status --address="$address" >/dev/null 2>&1; do sleep 2; done
if ((SLURM_JOB_NUM_NODES > 1)); then
    srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" \
        ray start --address="$address" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
fi
until (($(ray status --address="$address" | grep -c '1 node_') == SLURM_JOB_NUM_NODES)); do sleep 2; done

rlvr run "$@" executor=ray ray.address="$address"
