#!/usr/bin/env bash
# Rebuilds the .wasm of every program in this folder, or in the folder that is the first argument. The modules use
# WebAssembly 1.0 and no imports. Needs clang with its wasm32 target, and wasm-ld; the variables CLANG and WASM_LD
# override the tools found on the search path. The same tools produce the same bytes.
set -euo pipefail
examples=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
cd "${1:-$examples}"

# Prints the first of the named tools that is installed.
find_tool() {
    local tool
    for tool in "$@"; do
        if command -v "$tool"; then
            return
        fi
    done
    echo "build.sh: not found: $*" >&2
    return 1
}

clang=${CLANG:-$(find_tool clang-19 clang)}
wasm_ld=${WASM_LD:-$(find_tool wasm-ld-19 wasm-ld)}

compile=(
    --target=wasm32 -mcpu=mvp -std=c99 -O2 -Wall -Wextra -Werror
    -ffreestanding -fno-builtin -ffp-contract=off -fno-math-errno -I "$examples"
)
# Keep the names of functions, but no other custom section.
link=(--no-entry --strip-all --keep-section=name)

object=$(mktemp)
trap 'rm -f "$object"' EXIT

for source in *.c; do
    "$clang" "${compile[@]}" -c -o "$object" "$source"
    "$wasm_ld" "${link[@]}" -o "${source%.c}.wasm" "$object"
    chmod 644 "${source%.c}.wasm"
done
