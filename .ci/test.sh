#!/usr/bin/env bash
# `make test`: every test there is. Prints a line for each stage and a summary of all tests;
# the whole output of a stage is shown when it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
passed=0 failed=0 bad=()

run() { # name, command...: a stage; what it prints goes to a file
	local name=$1 start=$SECONDS; shift
	"$@" >"$out/$name.log" 2>&1
	echo $? >"$out/$name.rc"
	echo $((SECONDS - start)) >"$out/$name.seconds"
}

report() { # name: the line of a stage that has ended
	local name=$1
	if [ "$(cat "$out/$name.rc")" = 0 ]; then
		printf 'ok    %-28s %4d s\n' "$name" "$(cat "$out/$name.seconds")"
		passed=$((passed + 1))
	else
		printf 'FAIL  %-28s %4d s\n' "$name" "$(cat "$out/$name.seconds")"
		grep -vE '^(ok|\?) ' "$out/$name.log" | tail -n 300
		failed=$((failed + 1)); bad+=("$name")
	fi
	# go test prints "--- PASS" only with -v; count what the JSON stream would.
	cat "$out/$name.log" >>"$out/all"
}

stage() { run "$@"; report "$1"; }

optional() { # a stage without which some tests are skipped, each with its reason
	run "$@"
	if [ "$(cat "$out/$1.rc")" = 0 ]; then report "$1"; return; fi
	printf 'skip  %s: what needs it is skipped\n' "$1"
	tail -n 5 "$out/$1.log"
}

go_tests() { # flags for go test
	local json; json=$(mktemp -p "$out")
	go test -json "$@" >"$json"; local rc=$?
	go run ./internal/tidy/testsum <"$json"; return $rc
}

stage 'install what tests need' bash .ci/deps.sh
optional 'chdb install' make --no-print-directory chdb
stage 'web install and build' make --no-print-directory web
stage 'weft build' make --no-print-directory bin/weft
# The browser mostly waits: what compiles and tests in Go has the machine meanwhile.
web_tests() {
	run 'web unit tests' npm --prefix web run --silent test
	run 'web browser tests' npm --prefix web run --silent e2e
}
web_tests &
stage 'check' make --no-print-directory check
# The longest first, so that none is left alone at the end.
stage 'go test' go_tests -timeout 30m ./internal/trace/store/clickhouse ./test/clients ./cmd/... ./internal/... ./test/... ./web/...
# internal/tidy reads the code, in one goroutine.
stage 'go test -race' go_tests -race -short -timeout 30m ./internal/trace/store/colstore $(go list ./internal/... | grep -v /internal/tidy)
wait
report 'web unit tests'
report 'web browser tests'

grep -hE '^(DONE|[0-9]+ (passed|tests))' "$out/all" || true
if [ $failed -gt 0 ]; then printf 'failed stages: %s\n' "${bad[*]}"; fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ $failed -eq 0 ]
