#!/usr/bin/env bash
# Builds asma for C and its examples, and runs them.
#
#     capi/check.sh [plain|valgrind|asan] [PROFILE]      (plain, dev)
set -euo pipefail
form=${1:-plain}
profile=${2:-dev}
cd "$(dirname "$0")"
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
prefix=$target/capi/installed
programs=$target/capi/$form
weights=$PWD/../weights/lesion.safetensors

./install.sh "$prefix" "$profile"
# Without a desktop session Mesa's device selection layer complains about the display server that it does not find.
export NODEVICE_SELECT=1
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
sanitize=$([ "$form" = asan ] && echo ON || echo OFF)
cmake -S examples -B "$programs" -DASMA_SANITIZE="$sanitize" -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build "$programs" -j2 --target all >/dev/null

run=()
attacks=200
if [ "$form" = valgrind ]; then
    # What the threads of the pool hold to the end is reachable from them, and is not lost.
    run=(valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect
        --errors-for-leak-kinds=definite,indirect)
fi
if [ "$form" != plain ]; then
    # Of the memory of drivers nothing is said here, and how much both keep for themselves is theirs.
    export VK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere
    attacks=4
fi
"${run[@]}" "$programs/border" "$weights" "$attacks"
"${run[@]}" "$programs/threads" "$weights"
# The example of the attack, on an image of one colour.
head -c $((3 * 32 * 32 * 4)) /dev/zero >"$programs/images.f32"
head -c $((32 * 32)) /dev/zero | tr '\0' '\1' >"$programs/target.u8"
"${run[@]}" "$programs/attack" "$weights" "$programs/images.f32" 1x3x32x32 "$programs/target.u8" pgd steps=3 | head -8
echo "$form: all of it ran"
