#!/usr/bin/env bash
# Fuzzes the engine that ships (Embedded Swift and its kernels), instrumented for coverage and with the address sanitizer.
#
#   Tests/fuzz/run.sh [SECONDS [TARGET ...]]      10 seconds for each of load_model, configuration and load_state
#
# Needs the Swift toolchain and nothing else. What it learns stays under .build/fuzz/corpus and is where the next run begins.
# A crash ends it with its input in .build/fuzz/TARGET-…; run the target on that file to see it again.
set -euo pipefail

seconds=${1:-10}
shift || true
targets=("$@")
((${#targets[@]})) || targets=(load_model configuration load_state)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${FUZZ_BUILD:-$root/.build/fuzz}
mkdir -p "$out"

# The clang that belongs to the Swift compiler: their sanitizers must be of one version.
swiftc=$(command -v swiftc) || { echo "fuzz: swiftc is not in the PATH" >&2; exit 2; }
clang=$(dirname "$(readlink -f "$swiftc")")/clang
[[ -x $clang ]] || { echo "fuzz: no clang beside $swiftc" >&2; exit 2; }

sanitizers=fuzzer,address
c_flags=(-std=c11 -O1 -g -fno-omit-frame-pointer -Wall -Wextra -fsanitize=fuzzer-no-link,address -I "$root/include")
swift_flags=(
  -swift-version 6 -enable-experimental-feature Embedded -wmo -O -g -parse-as-library -sanitize="$sanitizers"
  -I "$out/modules" -I "$root/include"
)

build_engine() {
  mkdir -p "$out/modules"
  local source kernels="$root/Sources/CadenzaKernels"
  for source in "$kernels"/*.c; do
    "$clang" "${c_flags[@]}" -O2 -I "$kernels/include" -c "$source" -o "$out/kernel-$(basename "$source" .c).o"
  done
  printf 'module CadenzaKernels { umbrella "%s" export * }\n' "$kernels/include" >"$out/modules/module.modulemap"
  mapfile -t source < <(find "$root/Sources/Cadenza" -name '*.swift' | LC_ALL=C sort)
  "$swiftc" "${swift_flags[@]}" -module-name Cadenza -emit-module -emit-module-path "$out/modules/Cadenza.swiftmodule" \
    -c "${source[@]}" -o "$out/Cadenza.o"
  mapfile -t source < <(find "$root/Sources/CadenzaC" -name '*.swift' | LC_ALL=C sort)
  "$swiftc" "${swift_flags[@]}" -module-name CadenzaC -c "${source[@]}" -o "$out/CadenzaC.o"
}

build_target() {
  local extra=()
  [[ $1 == load_state ]] && extra=("$here/../c/tiny_models.c")
  "$clang" "${c_flags[@]}" -fsanitize="$sanitizers" -fuse-ld=lld "$here/$1.c" "$here/exercise.c" ${extra[@]+"${extra[@]}"} \
    "$out/Cadenza.o" "$out/CadenzaC.o" "$out"/kernel-*.o -lm -o "$out/$1"
}

# Where each target begins: what was learnt before, and inputs that load.
seeds() {
  case $1 in
    load_model) printf '%s\n' "$here/corpus/load_model" "$root/Tests/Fixtures/parity" ;;
    configuration) printf '%s\n' "$here/corpus/configuration" ;;
    load_state) printf '%s\n' "$here/corpus/load_state" ;;
  esac
}

if [[ ! -e $out/built || -n $(find "$root/Sources" "$root/include" "$here" "$here/../c" -type f -newer "$out/built" \
  2>/dev/null || true) ]]; then
  echo "fuzz: building the instrumented engine"
  build_engine
  for target in load_model configuration load_state; do build_target "$target"; done
  touch "$out/built"
fi

status=0
for target in "${targets[@]}"; do
  mkdir -p "$out/corpus/$target"
  folders=("$out/corpus/$target")
  while read -r folder; do [[ -d $folder ]] && folders+=("$folder"); done < <(seeds "$target")
  dictionary=()
  [[ $target == load_state ]] || dictionary=("-dict=$here/model.dict")
  length=65536
  [[ $target == configuration ]] && length=4096
  echo "fuzz: $target for $seconds seconds"
  # -use_value_profile: names are compared byte by byte, and each byte that fits counts as progress.
  if "$out/$target" -max_total_time="$seconds" -max_len=$length -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$out/$target-" ${dictionary[@]+"${dictionary[@]}"} \
    "${folders[@]}" >"$out/$target.log" 2>&1; then
    grep -E '^#[0-9]+\s+DONE' "$out/$target.log" || tail -n 3 "$out/$target.log"
  else
    echo "fuzz: $target failed" >&2
    tail -n 60 "$out/$target.log" >&2
    status=1
  fi
done
exit $status
