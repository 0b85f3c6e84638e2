# The two commands of the README, and the daily ones of CONTRIBUTING.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: test quick lint fuzz bench faults build

test: ## everything, with the race detector; a skipped test is a failure
	tools/prerequisites
	$(MAKE) --no-print-directory lint
	CGO_ENABLED=1 go test -race -timeout 20m -json ./... | go run ./tools/testgate

quick: ## everything this machine can run, without the race detector
	go test ./...

lint: ## formatting, vet, staticcheck, tidiness
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	go tool -modfile=tools/lint.mod staticcheck ./...
	go mod tidy -diff

fuzz: ## every fuzz target for FUZZTIME each
	tools/fuzz $(or $(FUZZTIME),20s)

bench: ## the table of docs/benchmarks.md, measured afresh
	go run ./bench

faults: ## the table of docs/faults.md: everything broken, one thing after another
	go run ./faults

build: ## the binary, static and stripped, in bin/
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o bin/writ ./cmd/writ
