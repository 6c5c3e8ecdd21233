# What each target does is in CONTRIBUTING.md. The work itself is in scripts/, which also run by themselves.

GO ?= go
FUZZTIME ?= 10s
export GO FUZZTIME

.PHONY: build test lint fuzz bench cross docs vuln setup

build: ## the program for this machine, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

test: setup ## everything, with the race detector, and the tables of cases at the end
	scripts/test.sh

lint:
	scripts/lint.sh

fuzz: ## each fuzz target for FUZZTIME
	scripts/fuzz.sh

bench:
	@if [ -d internal/bench ]; then $(GO) run ./internal/bench $(BENCHFLAGS); else echo 'bench: there is no internal/bench yet'; fi

cross: ## the release platforms, in dist/
	scripts/cross.sh

docs: ## reference pages, printed by the program from its own tables
	$(GO) generate ./...

vuln: ## known vulnerabilities, from a database beside the project
	scripts/vuln.sh

setup: ## the mail servers and network tools that the tests use
	scripts/setup.sh
