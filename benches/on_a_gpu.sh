#!/usr/bin/env bash
# Everything that only a GPU can tell, in one command: every kernel variant against its twin, whole networks and
# attacks in lockstep with the CPU executor, then the benches, saved.
#
#     benches/on_a_gpu.sh pack FOLDER             where Rust is: builds, and puts the programs into FOLDER
#     FOLDER/on_a_gpu.sh run FOLDER OUT [DEVICE]  where the GPU is: needs only its driver, and Python with torch
#                                                 for the comparison with PyTorch
#
# DEVICE is part of the GPU's name, `gpu` if left out. Everything printed is kept in OUT, and so are the benches'
# JSON files.
set -euo pipefail

pack() {
    mkdir -p "$1"
    cargo build --release
    cp target/release/asma "$1/"
    for kind in "test kernels" "test lockstep" "bench asma_step" "bench convolution" "bench network"; do
        set -- "$1" $kind
        cargo build --release "--$2" "$3" --message-format json |
            grep -o '"executable":"[^"]*/deps/'"$3"'-[^"]*"' | cut -d'"' -f4 | tail -n 1 |
            xargs -I{} cp {} "$1/$3"
    done
    cp benches/peers/*.py tests/golden/unet_valid.safetensors "$0" "$1/"
    # Where somebody has built it, which takes 20 minutes.
    local burn=benches/peers/burn/target/release/burn-peer
    if [ -e "$burn" ]; then cp "$burn" "$1/"; fi
}

run() {
    local programs=$1 out=$2 device=${3:-gpu}
    mkdir -p "$out"
    export ASMA_REQUIRE_GPU=1
    "$programs/asma" devices | tee "$out/devices.txt"
    local half=
    if "$programs/asma" devices --json | grep -q SHADER_F16; then half=yes; fi
    local matrix=
    if "$programs/asma" devices | grep -q "matrix units"; then matrix=yes; fi
    local failed=0
    "$programs/kernels" 2>&1 | tee "$out/kernels.txt" || failed=1
    "$programs/lockstep" --nocapture 2>&1 | tee "$out/lockstep.txt" || failed=1
    # The first run may compile anew what the tests did not, the second finds the driver's cache warm; the third runs
    # the variants that are fastest here, the others one variant each.
    export ASMA_CACHE_DIR="$out/cache"
    rm -rf "$ASMA_CACHE_DIR"
    bench() {
        local name=$1
        shift
        "$programs/asma" bench --device "$device" --save "$out/bench_$name.json" "$@" |
            tee "$out/bench_$name.txt" || failed=1
    }
    for size in 572x572 1024x1024; do
        local padding=same
        if [ "$size" = 572x572 ]; then padding=valid; fi
        for run in first warm tuned; do
            local tune=
            if [ "$run" = tuned ]; then tune=--tune; fi
            bench "${size}_$run" --padding "$padding" --size "$size" $tune
        done
        for variant in "tiled 32" "tiled 64" winograd ${matrix:+"split matrix"}; do
            bench "${size}_${variant// /_}" --padding "$padding" --size "$size" --variant "$variant"
        done
        if [ -n "$half" ]; then
            bench "${size}_f16_tuned" --padding "$padding" --size "$size" --precision f16 --tune
            if [ -n "$matrix" ]; then
                bench "${size}_f16_matrix" --padding "$padding" --size "$size" --precision f16 --variant matrix
            fi
        fi
    done
    for size in 512 1024 2048; do
        "$programs/asma_step" --device "$device" --size "$size" --save "$out" | tee "$out/asma_step_$size.txt" || failed=1
    done
    "$programs/convolution" --device "$device" --save "$out" | tee "$out/convolution.txt" || failed=1
    for size in 252 572; do
        "$programs/network" --device "$device" --size "$size" --repeats 20 | tee "$out/network_$size.json" || failed=1
    done
    if python3 -c 'import torch' 2>/dev/null; then
        python3 "$programs/network.py" "$programs/network" | tee "$out/network_cpu_pytorch.txt" || failed=1
        if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
            python3 "$programs/attack.py" "$programs/asma" --device "$device" --torch cuda \
                ${half:+--asma-form "half=--precision f16"} \
                ${matrix:+--asma-form "split=--variant 'split matrix'"} \
                ${matrix:+--asma-form "half matrix=--precision f16 --variant matrix"} \
                --save "$out/attack_pytorch.json" | tee "$out/attack_pytorch.txt" || failed=1
        fi
    fi
    if [ -e "$programs/burn-peer" ]; then
        python3 "$programs/burn.py" "$programs/asma" "$programs/burn-peer" "$programs/unet_valid.safetensors" \
            --device "$device" --save "$out/burn.json" | tee "$out/burn.txt" || failed=1
    fi
    return $failed
}

case ${1:-} in
pack) pack "$2" ;;
run) shift && run "$@" ;;
*) sed -n '2,13s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
