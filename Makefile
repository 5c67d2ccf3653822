# `make` or `make help` lists what there is.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
BUILD   := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
export PATH := $(PATH):/usr/sbin
TOOL     = go tool -modfile=internal/tools/go.mod
FUZZTIME ?= 10s
CHECKS   ?= 20000

.PHONY: help build demo test setup rig race fuzz hunt golden bench check lint fmt cross cover dist deb changelog

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "%-10s %s\n", $$1, $$2}'

build: ## tilld, tilld-guard, tillctl and tillsim into bin/
	$(BUILD) -o bin/ ./cmd/...

demo: build ## a whole till without hardware; prints the pages to open
	./bin/tillsim demo

setup: ## what the tests need (Debian packages; as root)
	@bash .ci/setup

# The store's power-cut, damage and kill tests are other processes or very many
# images: they run without the race detector, all else with it. So do the
# interleavings of a payment.
HEAVY := ^Test(PowerCut|PowerCutControls|Damage|Kill|FullDisk|RealDisk)

# Property tests draw the same cases in every run of make test, so that a run is
# red only for what was changed; make hunt draws new ones.
SEED     := -rapid.seed=20261128
ALL       = $(shell go list ./...)
PROPERTY  = $(shell go list -f '{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$$.ImportPath}}{{"\n"}}{{end}}{{end}}{{range .XTestImports}}{{if eq . "pgregory.net/rapid"}}{{$$.ImportPath}}{{"\n"}}{{end}}{{end}}' ./... | sort -u)

# A program with the race detector sleeps for a second before it ends, to hear of
# races in that second: with some hundred programs and children, a minute of nothing.
test: export GORACE = atexit_sleep_ms=20
test: setup ## all tests, with the race detector
	go test -race -timeout 15m $(filter-out $(PROPERTY),$(ALL))
	go test -race -timeout 15m -skip '$(HEAVY)' $(PROPERTY) $(SEED)
	go test -timeout 15m -run '$(HEAVY)' ./queue $(SEED)
	go test -timeout 15m -run '^TestChargedOnce$$' ./internal/sale -rapid.checks=100000 $(SEED)

# The rig's kernel and udev are unpacked here, not installed.
RIG := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tilld-rig
rig: export TILLD_RIG_CACHE = $(RIG)
rig: export TILLD_RIG_RUN = $(RUN)
rig: ## the agent on a real kernel with USB peripherals, in a virtual machine; RUN=serial runs some of it
	@bash internal/rig/setup $(RIG)
	go test -tags rig -count=1 -timeout 20m -v ./internal/rig

hunt: ## property tests with CHECKS new cases each (20000)
	go test -timeout 2h -run "^($$(git grep -hB20 'rapid.Check(' -- '*_test.go' | sed -n 's/^func \(Test[A-Za-z0-9]*\).*/\1/p' | paste -sd '|'))$$" $(PROPERTY) -rapid.checks=$(CHECKS)

fuzz: ## every fuzz target for FUZZTIME (10s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/{n[++k]=$$1} /^ok/{for(i=1;i<=k;i++) print $$2, n[i]; k=0}' | \
	while read -r pkg name; do echo "$$pkg $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; done

golden: ## writes golden files anew; look at the diff
	go test ./printer/... ./internal/till/... ./display/framebuffer -update

bench: ## benchmarks, as ratios against a peer or a limit in the same run
	@bash internal/bench/run

check: lint test fuzz ## all of it: lint, tests, fuzzing

lint: ## gofmt, gofumpt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run make fmt"; exit 1; }
	@test -z "$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))" || { $(TOOL) gofumpt -l $$(git ls-files '*.go'); echo "run make fmt"; exit 1; }
	go vet ./...
	GOOS=linux go vet -tags rig ./internal/rig/...
	GOOS=windows go vet ./cmd/... ./device/... ./queue/... ./firmware/...
	$(TOOL) staticcheck ./...

fmt: ## formats the code
	$(TOOL) gofumpt -w $$(git ls-files '*.go')

cross: ## static builds for every platform of the contract
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -o /dev/null ./cmd/...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -o /dev/null ./cmd/...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm go build -trimpath -o /dev/null ./cmd/...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -trimpath -o /dev/null ./cmd/tilld ./cmd/tilld-guard ./cmd/tillctl

cover: ## coverage by package
	go test -cover ./...

dist: ## release binaries into dist/
	@for p in linux/amd64 linux/arm64 linux/arm windows/amd64; do \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o dist/$${p%/*}-$${p#*/}/ ./cmd/tilld ./cmd/tilld-guard ./cmd/tillctl || exit 1; done
	@ls -lR dist

deb: ## a Debian package of this machine's kind into dist/
	@a=$$(dpkg --print-architecture); case $$a in armhf|armel) g=arm ;; *) g=$$a ;; esac; \
		GOOS=linux GOARCH=$$g $(BUILD) -o dist/linux-$$g/ ./cmd/tilld ./cmd/tilld-guard ./cmd/tillctl && \
		bash packaging/deb/build dist/linux-$$g '$(VERSION)' $$a dist

changelog: ## folds docs/changes/*.md into CHANGELOG.md under VERSION
	@bash .ci/changelog $(VERSION)
