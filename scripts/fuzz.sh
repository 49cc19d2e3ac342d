#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME. A crash leaves its input in testdata/fuzz
# of the package: commit it with the fix, it is a seed from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-30s}
only=${1:-.}

failed=0
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u); do
  for target in $(grep -h --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
    [[ $target =~ $only ]] || continue
    echo "== $dir $target ($time)"
    # By default go makes each new input small for up to a minute: with seeds of some KB
    # that is all it does.
    go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x || failed=1
  done
done
exit "$failed"
