#!/usr/bin/env bash
# Fuzzes src/domain: `fuzz/run.sh [TARGET...]`, all targets without one. A crash, a hang or too much memory ends it with
# an error, and the input that did it lies in fuzz/artifacts.
#
# SECONDS_EACH   how long each target runs (default 60)
# TRUEUP_CACHE   where cargo-fuzz is kept (default: $XDG_CACHE_HOME/trueup or ~/.cache/trueup)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=0.13.2
tools=${TRUEUP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trueup}/cargo-fuzz-$version
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
  cargo install --quiet --locked --root "$tools" "cargo-fuzz@$version" >&2
fi
[ $# -gt 0 ] || set -- yaml edit managed_fields compare schema texts
for target; do
  mkdir -p "corpus/$target"
  # the domain has no unsafe code, so no sanitizer has to look for its traces, and a stable toolchain will do
  "$tools/bin/cargo-fuzz" run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="${SECONDS_EACH:-60}" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -dict=yaml.dict -print_final_stats=1
done
