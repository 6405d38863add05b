# Weft. `make` prints the targets; each works on a fresh checkout.

SHELL       := /bin/bash
GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X github.com/weft-dev/weft/internal/cli.version=$(VERSION)
BUILD        := -trimpath -pgo cmd/weft/weft.pgo -ldflags '$(LDFLAGS)'
TOOL         = $(GO) tool -modfile=tools/go.mod
PACKAGES     = ./cmd/... ./internal/... ./test/... ./web/...

.DEFAULT_GOAL := help
.PHONY: help run build web chdb test check lint generate go-test web-test e2e bench bench-micro pgo suites soak fuzz release deps

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: build ## build everything, start Weft with the demo, open the browser
	bin/weft up --demo --open

build: web bin/weft

bin/weft: FORCE
	CGO_ENABLED=0 $(GO) build $(BUILD) -o $@ ./cmd/weft
FORCE:

web: web/node_modules/.installed ## build the web app into web/dist
	cd web && npm run --silent build

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

chdb: test/chdb/node_modules/.installed ## install the ClickHouse that tests use (546 MB)

test/chdb/node_modules/.installed: test/chdb/package-lock.json
	cd test/chdb && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

test: ## install what the tests need and run all of them, with check
	bash .ci/test.sh

check: lint generate ## lint, vet, generated files current (no service needed)
	$(GO) vet $(PACKAGES)
	$(GO) test -count=1 ./internal/tidy/...
	cd web && npm run --silent check

lint: web/node_modules/.installed
	@test -z "$$(gofmt -l cmd internal test web/*.go)" || { gofmt -l cmd internal test web/*.go; echo 'run gofmt -w on these files'; exit 1; }
	$(TOOL) golangci-lint run $(PACKAGES)

generate: web/node_modules/.installed ## regenerate committed generated files; fails if they were not current
	$(GO) generate ./internal/...
	cd web && npm run --silent generate
	@git diff --exit-code --stat -- '*.gen.go' '*.gen.ts' 'docs/reference' || { echo 'generated files were not current: commit what make generate wrote'; exit 1; }

deps: ## install what the browser tests need (Debian)
	bash .ci/deps.sh

bench: build ## measure the built server, compare every answer and the last table; BENCH='-only ingest' for a part
	$(GO) run ./internal/bench -weft bin/weft $(BENCH)

pgo: build ## profile ingest and queries for the compiler, into cmd/weft/weft.pgo
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	  $(GO) run ./internal/bench -weft bin/weft -only ingest,query -seeds 1 -worlds shop -wires http -rest 20s -profiles "$$dir" && \
	  $(GO) tool pprof -proto "$$dir/ingest.pprof" "$$dir/query.pprof" > "$$dir/both.pgo" && cp "$$dir/both.pgo" cmd/weft/weft.pgo

bench-micro: ## Go benchmarks of the decoder, the store and the query engine
	$(GO) test -run '^$$' -bench . -benchmem ./internal/trace/...

suites: ## conformance suites of every seam, one line each; real clients, a real Jaeger too
	$(GO) test -count=1 -run 'Conformance|Suite' ./internal/...
	TEST_JAEGER=1 $(GO) test -count=1 -timeout 60m ./test/clients

soak: build ## the long proofs at full count; resumable, result in docs/perf/soak.md
	$(GO) run ./internal/soak -weft bin/weft

fuzz: ## every fuzz target for a minute
	bash .ci/fuzz.sh

release: check ## build release binaries into bin/
	for arch in amd64 arm64; do GOOS=linux GOARCH=$$arch CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/weft-linux-$$arch ./cmd/weft; done
