#!/usr/bin/env bash
# Runs every fuzz target for a while: FUZZTIME, a minute by default. What a target finds is
# left in its testdata, to be committed with the fix.
set -uo pipefail
cd "$(dirname "$0")/.."
rc=0
while IFS=: read -r file _ line; do
	target=$(sed -E 's/func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
	echo "== $(dirname "$file") $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" "./$(dirname "$file")" || rc=1
done < <(grep -rnE '^func Fuzz[A-Za-z0-9_]*\(f \*testing\.F\)' --include='*_test.go' internal cmd)
exit $rc
