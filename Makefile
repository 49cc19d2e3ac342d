# Every target works from a clean clone and asks nothing. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

GO ?= go
MODULE := github.com/kindling-boot/kindling
# Without git (a source archive), a build says so.
VERSION ?= $(shell git describe --tags --always --dirty --match 'v*' 2>/dev/null || echo devel-unversioned)
LDFLAGS = -X $(MODULE)/version.String=$(VERSION) $(SETTINGS)
# What a distribution sets when it links: -X main.keysFragmentDefault=false
SETTINGS ?=

# What is not hot, or not for long, is compiled without inlining.
# The engine goes into every initramfs: there, most is. docs/adr/0171.
COLD := crypto/... net/... math/big fmt $(MODULE)/internal/... $(MODULE)/config/legacy/... $(MODULE)/dialect/...
COLD += $(MODULE)/transpiler/linux $(MODULE)/transpiler/variant $(MODULE)/cmd/... $(MODULE)/config/types
COLD += $(MODULE)/config/systems $(MODULE)/transpiler/systems $(MODULE)/config/dialect/... $(MODULE)/reports
COLD += vendor/... os time
ENGINE_COLD := $(COLD) $(MODULE)/... gopkg.in/yaml.v3 bufio bytes context io/... maps regexp/...
ENGINE_COLD += slices strconv strings sync syscall
ENGINE_COLD += encoding/... errors flag internal/poll internal/sync iter log/... math/... mime/... os/...
ENGINE_COLD += internal/bisect internal/filepathlite internal/fmtsort internal/godebug internal/singleflight internal/syscall/... sort text/... unique
ENGINE_COLD += golang.org/x/... github.com/...
# With inlining these are smaller: docs/adr/0171.
ENGINE_WARM := $(MODULE)/config/dialect $(MODULE)/transpiler/systems $(MODULE)/transpiler/variant internal/strconv internal/reflectlite math/bits
# Slices of unknown size are not tried on the stack first, and iterators are trusted: docs/adr/0203.
ENGINE_FLAGS := -d=variablemakethreshold=0,rangefunccheck=0
# The collector of Go 1.25 instead of that of 1.26: docs/adr/0171.
GO_BUILD := GOEXPERIMENT=nogreenteagc CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false
# $(call build,FLAGS FOR THE LINKER) builds butane and the like, $(call build-engine,…) ignition.
build = $(GO_BUILD) $(COLD:%=-gcflags=%=-l) -ldflags '-funcalign=16 $(LDFLAGS) $(1)'
build-engine = $(GO_BUILD) $(ENGINE_COLD:%='-gcflags=%=-l $(ENGINE_FLAGS)') $(ENGINE_WARM:%='-gcflags=%=$(ENGINE_FLAGS)') -ldflags '-funcalign=1 $(LDFLAGS) $(1)'
STRIP := -s -w

# Built from source through the Go module proxy and kept below bin/: docs/adr/0020.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/tools/golangci-lint-$(GOLANGCI_VERSION)

# Beside amd64, which runs the tests. s390x is big-endian, and has CryptoExpress cards.
OTHER_ARCHITECTURES := arm64 s390x

# How long `make fuzz` stays with each target.
FUZZTIME ?= 30s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The programs are copied, as an installation copies them: the linker writes through a mapping,
# which leaves a file in the page cache page by page, and what starts from there starts a
# tenth slower: docs/adr/0230.
.PHONY: build
build: ## static programs in bin/
	$(call build,$(STRIP)) -o bin/linked/ ./cmd/butane
	$(call build-engine,$(STRIP)) -o bin/linked/ ./cmd/ignition
	@install bin/linked/butane bin/linked/ignition bin/
	@for name in validate apply rmcfg; do ln -sfn ignition "bin/ignition-$$name"; done

# One program for a test, at the path OUT.
.PHONY: program
program:
	@$(call build$(if $(findstring ignition,$(PACKAGE)),-engine),$(STRIP)) -o '$(OUT)' '$(PACKAGE)'

# What `make size` writes into the ledger with it: make size REASON='why'.
REASON ?=

.PHONY: size
size: build ## what each dependency costs in each program, beside the ledger
	@$(call build) -o bin/symbols/ ./cmd/butane
	@$(call build-engine) -o bin/symbols/ ./cmd/ignition
	@$(GO) run ./tests/size -symbols bin/symbols -reason '$(REASON)' bin/butane bin/ignition

.PHONY: manual
manual: build ## manual pages and completions of shells in bin/share
	@rm -rf bin/share
	@$(GO) run ./scripts/manual -bin bin -o bin/share

DRACUT_MODULE := /usr/lib/dracut/modules.d/30ignition
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: install
install: manual ## programs, manual pages and completions below DESTDIR and PREFIX (/usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share"
	install -m 755 bin/butane bin/ignition "$(DESTDIR)$(PREFIX)/bin/"
	for name in validate apply rmcfg; do ln -sfn ignition "$(DESTDIR)$(PREFIX)/bin/ignition-$$name"; done
	cp -R bin/share/. "$(DESTDIR)$(PREFIX)/share/"

.PHONY: deb
deb: manual ## a Debian package, kindling_VERSION_ARCH.deb, in bin/
	@scripts/deb.sh "$(VERSION)" bin

.PHONY: demo
demo: build ## a YAML config becomes a provisioned root directory
	@scripts/demo.sh

.PHONY: test
test: build test-deps ## every test, and the engine once more under the race detector
	@# -count=1: go does not see that the tests which run the programs depend on them.
	@# tests/vm comes after the rest: beside tests/boot, which keeps all processors busy too, each
	@# takes twice its time, and what waits for a machine has to wait for longer.
	$(GO) test -count=1 -timeout 60m $$($(GO) list ./... | grep -v '/tests/vm$$')
	$(GO) test -count=1 -timeout 60m ./tests/vm
	CGO_ENABLED=1 $(GO) test -race -short -timeout 10m $$($(GO) list ./internal/... 2>/dev/null)

.PHONY: test-boots
test-boots: build test-deps ## what make test leaves out: boots by iPXE, beside cloud-init, ways to fail, containers, kubeadm
	KINDLING_SLOW=1 $(GO) test -count=1 -timeout 2h ./tests/boot
	KINDLING_SLOW=1 $(GO) test -count=1 -timeout 60m -run 'Containers|Kubeadm' ./tests/systems

.PHONY: test-slow
test-slow: test-boots ## kill provisioning at two hundred points (an hour), and test-boots
	KINDLING_SLOW=1 $(GO) test -count=1 -timeout 3h -v -run 'TestKilledProvisioning|TestPowerCuts' ./tests/vm

.PHONY: test-deps
test-deps: ## what the tests need from Debian (does nothing if it is there)
	@scripts/test-deps.sh

.PHONY: lint
lint: $(GOLANGCI) ## formatting, go vet and the linters of .golangci.yml
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs -r ls 2>/dev/null | xargs -r gofmt -l); \
	if [ -n "$$unformatted" ]; then printf 'not formatted (make fmt):\n%s\n' "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	@# types of the kernel's structures differ between architectures
	for arch in $(OTHER_ARCHITECTURES); do GOARCH=$$arch CGO_ENABLED=0 $(GO) vet ./...; done
	$(GOLANGCI) run ./...

.PHONY: fmt
fmt: $(GOLANGCI) ## format everything (gofumpt, goimports)
	$(GOLANGCI) fmt

# What both integrations use. The dracut module has its own copy: distributions carry
# the module's folder around.
SHARED := /usr/share/kindling/initramfs

.PHONY: install-dracut
install-dracut: build install-system ## the dracut module, with the engine in it, below DESTDIR
	install -d "$(DESTDIR)$(DRACUT_MODULE)"
	cp dracut/30ignition/* initramfs/* bin/ignition "$(DESTDIR)$(DRACUT_MODULE)/"
	cp -R dracut/31ignition-* "$(DESTDIR)$(dir $(DRACUT_MODULE))"
	for name in apply report rmcfg; do ln -sfn "../..$(DRACUT_MODULE)/ignition" "$(DESTDIR)/usr/libexec/ignition-$$name"; done

.PHONY: install-initramfs-tools
install-initramfs-tools: build install-system ## hook and scripts of initramfs-tools, and the engine, below DESTDIR
	install -d "$(DESTDIR)$(SHARED)" "$(DESTDIR)/usr/bin" "$(DESTDIR)/usr/share/initramfs-tools"
	cp initramfs/* "$(DESTDIR)$(SHARED)/"
	cp -R initramfs-tools/. "$(DESTDIR)/usr/share/initramfs-tools/"
	install -m 755 bin/ignition "$(DESTDIR)/usr/bin/"
	for name in apply report rmcfg; do ln -sfn ../bin/ignition "$(DESTDIR)/usr/libexec/ignition-$$name"; done

.PHONY: install-system
install-system:
	install -d "$(DESTDIR)/usr/libexec" "$(DESTDIR)/usr/lib/systemd/system"
	install -m 644 systemd/*.service "$(DESTDIR)/usr/lib/systemd/system/"

.PHONY: install-tools
install-tools: $(GOLANGCI) ## build the linter (about a minute, once)

$(GOLANGCI):
	@mkdir -p bin/tools/new
	GOBIN=$(CURDIR)/bin/tools/new CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/tools/new/golangci-lint $@

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s) each
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: golden
golden: build ## rewrite expected outputs; review the diff as code
	@packages=$$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r -n1 dirname | sort -u); \
	for p in $$packages; do $(GO) test "$$p" -update; done

.PHONY: bench
bench: build ## speed, memory and size beside their yardsticks
	$(GO) run ./tests/bench

.PHONY: bench-boots
bench-boots: test-deps ## what a first boot takes and an initramfs grows, beside Debian's package ignition (twenty minutes)
	$(GO) test -run '^$$' -bench Initramfs -benchtime 1x -timeout 60m -v ./tests/boot
	$(GO) test -run '^$$' -bench FirstBoot -benchtime 3x -timeout 60m -v ./tests/boot

.PHONY: clean
clean: ## remove what make built
	@# The demo without root leaves files of other ids behind.
	rm -rf bin 2>/dev/null || unshare --map-root-user --map-auto rm -rf bin
