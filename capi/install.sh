#!/usr/bin/env bash
# Installs asma for C: PREFIX/include/asma.h, PREFIX/lib/libasma_c.{so,a} and PREFIX/lib/pkgconfig/asma.pc.
#
#     capi/install.sh [PREFIX [PROFILE]]      (/usr/local, release)
set -euo pipefail
prefix=${1:-/usr/local}
profile=${2:-release}
cd "$(dirname "$0")"

# ASMA_BESIDE="-p asma" builds that too, so that both share what they stand on.
# shellcheck disable=SC2086
cargo build --profile "$profile" -p asma-capi ${ASMA_BESIDE:-}
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -1)

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig"
prefix=$(cd "$prefix" && pwd)
install -m 644 include/asma.h "$prefix/include/"
for library in libasma_c.so libasma_c.dylib libasma_c.a; do
    [ ! -e "$built/$library" ] || install -m 755 "$built/$library" "$prefix/lib/"
done
cat >"$prefix/lib/pkgconfig/asma.pc" <<END
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: asma
Description: Attacks on medical image segmentation networks
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lasma_c
Libs.private: -lpthread -ldl -lm
END
echo "asma $version for C is in $prefix"
