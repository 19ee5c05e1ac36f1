# What developers and .ci/run call. `make help` lists the targets.
TOOL = go tool -modfile=tools/go.mod
RACY = ./engine ./engine/kernel ./market/journal ./centre/... ./bus ./pool ./node/... ./gateway/...
FUZZ ?= 20s
SHARED ?= $(or $(WEIR_SHARED),../shared)

.PHONY: help build check format lint test race crash fuzz purego cross clients generate bench-engine bench-kernel intent

help: ## list targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## the binary
	CGO_ENABLED=0 go build -trimpath -o weir ./cmd/weir

check: format lint test ## what every commit must pass

format: ## gofumpt finds nothing to change
	@bad=$$($(TOOL) gofumpt -l $$(git ls-files '*.go' | grep -v testdata)); test -z "$$bad" || { echo "not formatted:"; echo "$$bad"; exit 1; }

lint: ## vet and staticcheck
	go vet ./...
	$(TOOL) staticcheck ./...

test: ## the README's test command
	go test ./...

race: ## race detector where goroutines meet
	CGO_ENABLED=1 go test -race -timeout 15m $(RACY)

crash: ## kill -9 a centre under load, 200 times
	WEIR_CRASH_ROUNDS=200 go test ./centre -run Crash -count=1 -timeout 15m -v | grep -vE '^=== '

fuzz: ## every fuzz target for FUZZ
	@for p in $$(go list ./...); do dir=$${p#github.com/weir-project/weir}; for f in $$(grep -hoE 'func Fuzz[A-Za-z0-9]+' .$$dir/*_test.go 2>/dev/null | cut -c6-); do \
		echo "$$p $$f"; go test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) >fuzz.log 2>&1 || \
		{ grep -q 'context deadline exceeded' fuzz.log && ! grep -q 'Failing input' fuzz.log; } || { cat fuzz.log; exit 1; }; done; done; rm -f fuzz.log # go test -fuzz may end in its own deadline

purego: ## without assembly
	go test -tags purego ./engine/...

cross: ## other systems compile
	CGO_ENABLED=0 GOARCH=arm64 go build -o /dev/null ./cmd/weir
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/weir
	CGO_ENABLED=0 GOOS=windows go build -o /dev/null ./cmd/weir

clients: build ## the OpenAI SDKs for Go and npm against a running system
	internal/testkit/clients/run.sh ./weir

generate: ## regenerate assembly; CI fails if that changes anything
	cd engine/kernel/_asm && ./regen.sh

bench-engine: build ## speed of MODEL (a GGUF file) with one and two threads
	./weir bench -m $(MODEL) -p 512 -n 64 -t 1,2 -r 5

bench-kernel: ## bytes and operations per second of the kernels
	go test ./engine/kernel -run '^$$' -bench . -benchtime 200ms

intent: build ## the bundled model on the hand-written wishes
	./weir eval intent models/intent/testdata/wishes.jsonl
