#!/usr/bin/env bash
# Evaluates in N slices under Slurm, and joins them:
#     submit.sh N DIR OPTIONS…
# with the number of slices, the folder for results, and options of `asma evaluate` but --shard, --out and --resume.

set -euo pipefail

refuse() {
    printf 'submit.sh: %s\n' "$1" >&2
    exit 2
}

(($# > 2)) || refuse "want the number of slices, the folder for results, and options of asma evaluate"
slices="$1" out="$2"
shift 2
[[ "$slices" =~ ^[1-9][0-9]*$ ]] || refuse "want a number of slices, not $slices"
command -v "${ASMA:-asma}" >/dev/null || refuse "there is no program ${ASMA:-asma}; say with ASMA=FILE where it is"
[[ ! -e "$out/merged" ]] || refuse "$out/merged stands already; move it away, or name another folder"

here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"
# Slurm makes no folder for its logs, and reads % as more than a character.
mkdir -p -- "$out"
logs="${out//%/%%}"

array="$(sbatch --parsable --array="1-$slices" --output="$logs/slice-%a.log" \
    "$here/evaluate.sbatch" "$slices" "$out" "$@")"
# The name of a cluster may follow.
array="${array%%;*}"
printf 'slices: job %s\n' "$array"
# afterany: a slice with a pair that failed ends as failed, and is whole all the same. If one is not, merge says so and
# writes nothing.
merge="$(sbatch --parsable --dependency="afterany:$array" --output="$logs/merge.log" \
    "$here/merge.sbatch" "$slices" "$out")"
printf 'merge: job %s, into %s\n' "${merge%%;*}" "$out/merged"
