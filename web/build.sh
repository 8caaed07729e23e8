#!/usr/bin/env bash
# Builds the page into web/www, which any server of plain files can then serve. Wants a Rust compiler with the target
# wasm32-unknown-unknown; where there is none (`rustup target add wasm32-unknown-unknown`), Debian's rustc-web is unpacked
# into target/rust-web, beside the system's, and the standard library built with it. Ends with 77 where neither can be had.
#
#     web/build.sh [PROFILE]      (release; dev is built sooner, and makes a module of 3.01 MB for 1.25, compressed)
set -Eeuo pipefail
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown
profile=${1:-release}
built=$([ "$profile" = dev ] && echo debug || echo "$profile")
quick=()
if [ "$profile" = dev ]; then
    # Of what tests run hot the page tries little.
    quick=(--config 'profile.dev.lto="off"' --config profile.dev.debug=false)
    for package in crc32fast fdeflate flate2 gif image png tiff weezl zlib-rs zune-jpeg; do
        quick+=(--config "profile.dev.package.$package.opt-level=0")
    done
fi
www=$PWD/web/www
folder=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

unpack_compiler() {
    local debian=$folder/rust-web
    trap 'echo "no compiler for $target can be had here: install the target by rustup" >&2; exit 77' ERR
    if [ ! -e "$debian/done" ]; then
        command -v apt-get >/dev/null
        rm -rf "$debian" && mkdir -p "$debian/packages"
        local sudo; sudo=$([ "$(id -u)" = 0 ] || echo sudo)
        $sudo apt-get update -qq
        # The compiler's library, and the LLVM that it stands on, are of a version that changes.
        depends() { apt-cache depends "$1" 2>/dev/null | sed -n "s/.*Depends: \($2\)$/\1/p" | head -1 || true; }
        local library llvm
        library=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
        llvm=$(depends "$library" 'libllvm[0-9]*')
        [ -n "$library" ] && [ -n "$llvm" ]
        (cd "$debian/packages" && apt-get download -qq rustc-web "$library" libstd-rust-web-dev rust-web-src "$llvm" "lld-${llvm#libllvm}")
        $sudo apt-get install -y -qq --no-install-recommends libedit2 libz3-4 libxml2 libffi8
        for package in "$debian"/packages/*.deb; do dpkg -x "$package" "$debian"; done
        rm -r "$debian/packages"
        touch "$debian/done"
    fi
    export LD_LIBRARY_PATH=$(echo "$debian"/usr/lib/*-linux-gnu) RUSTC=$debian/usr/bin/rustc RUSTC_BOOTSTRAP=1
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(echo "$debian"/usr/lib/llvm-*/bin/wasm-ld)
    build_std=(-Z build-std=std,panic_abort)
    # It may be older than what the project wants.
    local wanted; wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    printf '%s\n' "$wanted" "$("$RUSTC" --version | cut -d' ' -f2)" | sort -CV
    trap - ERR
}

cargo build --profile "$profile" -p asma-bindgen --config 'profile.release.lto=false' --config 'profile.release.codegen-units=16'
(
    build_std=()
    rustc --print target-libdir --target $target 2>/dev/null | xargs -r ls >/dev/null 2>&1 || unpack_compiler
    # Half a megabyte of SIMD more on the wire is worth three times the speed on the CPU.
    export RUSTFLAGS="-C target-feature=+simd128"
    on_browsers() { cargo build --profile "$profile" "${quick[@]}" --target $target "${build_std[@]}" "$@"; }
    on_browsers -p asma-web
    # The core alone, of what the page was built of. It is built and not checked, for which all that it stands on would be anew.
    [ -z "${ASMA_CHECK_CORE:-}" ] ||
        on_browsers -p asma -p asma-page-features --lib --no-default-features --config "profile.$profile.package.asma.opt-level=0"
)
rm -rf "$www/pkg"
"$folder/$built/asma-bindgen" "$folder/$target/$built/asma_web.wasm" "$www/pkg"
# Binaryen's of 2024 and later; older ones write modules that browsers refuse.
if command -v wasm-opt >/dev/null && [ "$(wasm-opt --version | grep -o '[0-9]*' | head -1)" -ge 119 ]; then
    wasm-opt -Oz --enable-simd --enable-bulk-memory --enable-bulk-memory-opt --enable-sign-ext --enable-nontrapping-float-to-int \
        --enable-mutable-globals --enable-reference-types --enable-multivalue \
        "$www/pkg/asma_web_bg.wasm" -o "$www/pkg/asma_web_bg.wasm"
fi
cp weights/fundus.safetensors weights/demo.png "$www/"
echo "web/www: $(gzip -9c "$www/pkg/asma_web_bg.wasm" | wc -c) bytes of wasm, compressed by gzip; serve it, such as by: python3 -m http.server -d web/www"
