#!/usr/bin/env bash
# `make test`: every test there is. Prints one line a stage and a summary of all tests;
# the whole output of a stage is shown when it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
passed=0 failed=0 bad=()

stage() { # name, command...
	local name=$1 start=$SECONDS; shift
	if "$@" >"$out/log" 2>&1; then
		printf 'ok    %-28s %4d s\n' "$name" $((SECONDS - start))
		passed=$((passed + 1))
	else
		printf 'FAIL  %-28s %4d s\n' "$name" $((SECONDS - start))
		grep -vE '^(ok|\?) ' "$out/log" | tail -n 300
		failed=$((failed + 1)); bad+=("$name")
	fi
	# go test prints "--- PASS" only with -v; count what the JSON stream would.
	cat "$out/log" >>"$out/all"
}

go_tests() { # flags for go test
	go test -json "$@" >"$out/json"; local rc=$?
	go run ./internal/tidy/testsum <"$out/json"; return $rc
}

stage 'install what tests need' bash .ci/deps.sh
stage 'web: install and build' make --no-print-directory web
stage 'weft: build' make --no-print-directory bin/weft
stage 'check' make --no-print-directory check
stage 'go test' go_tests -timeout 30m ./cmd/... ./internal/... ./test/... ./web/...
stage 'go test -race' go_tests -race -short -timeout 30m ./internal/...
stage 'web: unit tests' npm --prefix web run --silent test
stage 'web: browser tests' npm --prefix web run --silent e2e

grep -hE '^(DONE|[0-9]+ (passed|tests))' "$out/all" || true
if [ $failed -gt 0 ]; then printf 'failed stages: %s\n' "${bad[*]}"; fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ $failed -eq 0 ]
