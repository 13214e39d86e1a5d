# The only list of commands. `make` alone shows it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps of `make test` share one build directory and one machine: side by side they would only wait for each other.
.NOTPARALLEL:

CARGO ?= cargo
# Passed on to the program (`make demo ARGS=--exit`) or to the tests (`make test-sqlite ARGS=idempotency`).
ARGS ?=

.PHONY: help
help: ## Show this list
	@echo 'usage: make TARGET [ARGS=…]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: web
web: web/dist/index.html.gz ## Build the browser pages: web/dist, which the binary takes in

.PHONY: demo
demo: web ## The five-minute tour, on fresh data; ARGS=--exit stops after it
	@# Not quietly: the first compilation takes minutes, and silence looks like standing still.
	$(CARGO) build --locked
	$(CARGO) run -q --locked -- demo $(ARGS)

.PHONY: build
build: web ## Compile everything for development
	$(CARGO) build --locked --workspace

.PHONY: release
release: web ## Compile the binary that is shipped: target/release/sales-order-api
	$(CARGO) build --locked --release

.PHONY: deb
deb: release ## The Debian package: target/debian/*.deb
	command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	$(CARGO) deb --locked --no-build

.PHONY: image
image: release ## The container image: target/dist/*.oci.tar
	command -v umoci >/dev/null || scripts/apt.sh umoci
	scripts/image-packages.sh $${CARGO_TARGET_DIR:-target}/image-packages
	scripts/image.sh $${CARGO_TARGET_DIR:-target}/release/sales-order-api $${CARGO_TARGET_DIR:-target}/image-packages $${CARGO_TARGET_DIR:-target}/dist

.PHONY: dist
dist: web ## All that is released, with checksums: target/dist
	scripts/dist.sh

.PHONY: dist-check
dist-check: ## Build the committed state's release twice, at different paths, and compare
	scripts/dist-check.sh

.PHONY: test
test: ## Everything: lint, all tests on SQLite, then the integration tests on PostgreSQL
	@# First what can fail for want of a package, so that nobody waits for a compiler to learn it.
	$(MAKE) --no-print-directory tests/node/node_modules/.package-lock.json
	scripts/python.sh
	scripts/with-postgres.sh true
	scripts/chromium.sh >/dev/null
	scripts/pgbouncer.sh >/dev/null
	@# Where that version cannot be had, what needs it says so and is left out.
	scripts/pgbouncer.sh 1.21 >/dev/null || true
	scripts/languages.sh
	scripts/proxies.sh
	scripts/operator-tools.sh
	$(MAKE) --no-print-directory web
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory test-sqlite ARGS=
	$(MAKE) --no-print-directory test-postgres ARGS=
	@scripts/left-out.sh sqlite postgres

.PHONY: lint
lint: ## Formatting, clippy without a single warning, and doc comments whose links lead somewhere
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@# Names in doc comments must exist: a link to something renamed is an error.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -q --locked --workspace --no-deps --document-private-items
	scripts/deny.sh --if-there

.PHONY: deny
deny: ## Check the packages we are built from: origin, licences, known vulnerabilities (needs cargo-deny)
	scripts/deny.sh

.PHONY: test-sqlite
test-sqlite: tests/node/node_modules/.package-lock.json web ## Unit, contract, architecture and integration tests on SQLite; ARGS=NAME picks some
	scripts/python.sh
	@scripts/left-out.sh --forget sqlite
	env -u TEST_DATABASE_URL $(CARGO) test --locked --workspace $(ARGS)

.PHONY: test-postgres
test-postgres: tests/node/node_modules/.package-lock.json web ## The integration tests on PostgreSQL (TEST_DATABASE_URL, or else a private one)
	@# Compiled before the server starts, so that a compile error costs no server.
	$(CARGO) test --locked --test it --no-run
	@scripts/left-out.sh --forget postgres
	scripts/with-postgres.sh $(CARGO) test --locked --test it $(ARGS)

.PHONY: test-postgres-versions
test-postgres-versions: tests/node/node_modules/.package-lock.json web ## The same on PostgreSQL 13, 15, 17 and 18, each as a Debian has it: half an hour each; ARGS=NAME picks some
	$(CARGO) test --locked --test it --no-run
	set -e; for version in 13 15 17 18; do scripts/postgres-version.sh $$version $(CARGO) test --locked --test it $(ARGS); done

.PHONY: test-times
test-times: tests/node/node_modules/.package-lock.json web ## Write into docs/testing.md how long each module of the integration tests takes on both databases
	scripts/test-times.sh

.PHONY: bench
bench: web ## The release binary beside what the databases can do; ARGS='SECONDS ORDERS' for each run and the largest size
	scripts/bench.sh $(ARGS)

.PHONY: bench-pieces
bench-pieces: web ## What a signature, a token, an order and a page cost by themselves; ARGS=NAME picks some
	$(CARGO) bench --locked --bench pieces -- $(ARGS)

.PHONY: bench-dashboard
bench-dashboard: ## What a dashboard waits for at a million orders, on SQLite and on PostgreSQL; ARGS=ORDERS for another size
	scripts/bench-dashboard.sh $(ARGS)

.PHONY: bench-webhooks
bench-webhooks: web ## How fast webhooks are sent over TLS, how soon after their event, and what they cost who sends orders; ARGS=SECONDS for each run
	scripts/bench-webhooks.sh $(ARGS)

.PHONY: bench-abuse
bench-abuse: release ## What an honest partner waits for while somebody does harm; ARGS=NAME picks attacks
	node benches/abuse.mjs $${CARGO_TARGET_DIR:-target}/release/sales-order-api $(ARGS)

.PHONY: bench-pages
bench-pages: release ## What somebody waits for at the dashboard in a real browser; ARGS='ORDERS EVENTS'
	node benches/pages.mjs $${CARGO_TARGET_DIR:-target}/release/sales-order-api $(ARGS)

.PHONY: bench-viewers
bench-viewers: release ## What many open dashboards cost while orders come in; ARGS='VIEWERS ORDERS SECONDS', orders a second
	node --experimental-websocket benches/viewers.mjs $${CARGO_TARGET_DIR:-target}/release/sales-order-api $(ARGS)

.PHONY: bench-size
bench-size: web ## Orders and pages on PostgreSQL at 100,000 and at ten million orders, and what these take on disk; ARGS='ORDERS SECONDS'
	scripts/bench-size.sh $(ARGS)

.PHONY: bench-scale
bench-scale: web ## Orders of several instances on PostgreSQL whose log takes longer to sync, beside pgbench; ARGS='SECONDS BEFORE' for each run and another binary
	scripts/bench-scale.sh $(ARGS)

.PHONY: faults
faults: release ## Kill, freeze, cut off and fill what is around the service, under load: a row for each, in up to an hour; ARGS='NAME[=TIMES]…' picks some
	node tests/faults/run.mjs $${FAULTS_BINARY:-$${CARGO_TARGET_DIR:-target}/release/sales-order-api} $(ARGS)

.PHONY: production
production: deb ## The commands of docs/production.md on five machines with systemd, of which three are lost under load: half an hour, as root
	tests/production/run.sh "$$(ls -t $${CARGO_TARGET_DIR:-target}/debian/*.deb | head -n 1)"

.PHONY: webhook-kills
webhook-kills: web ## Kill instances twenty times in the middle of ten thousand webhooks, on both databases; ARGS='ORDERS KILLS', three webhooks an order
	$(CARGO) test --locked --test it --no-run
	env -u TEST_DATABASE_URL WEBHOOK_KILLS='$(or $(ARGS),3334 20)' $(CARGO) test --locked --test it webhooks::kills:: -- --nocapture
	WEBHOOK_KILLS='$(or $(ARGS),3334 20)' scripts/with-postgres.sh $(CARGO) test --locked --test it webhooks::kills:: -- --nocapture

# npm writes this file last: when it is newer than the lock file, what is installed is what is locked.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json %/.npmrc
	@command -v npm >/dev/null || { echo 'npm is missing: install Node 20.19 or newer' >&2; exit 1; }
	npm ci --prefix $* --no-audit --no-fund --loglevel=error
	@touch $@

# Everything that ends up in the pages.
WEB_SOURCES := $(shell find web/src web/docs web/dashboard web/graphiql web/build -type f 2>/dev/null) \
  web/index.html web/vite.config.ts web/tsconfig.json schema.graphql

web/dist/index.html.gz: web/node_modules/.package-lock.json $(WEB_SOURCES)
	npm run --prefix web --silent build

# They are written beside their place and moved there together: a build that fails leaves the committed ones as they are.
.PHONY: contracts
contracts: ## Write schema.graphql, docs/openapi.json and docs/order-life.svg anew from the code
	@trap 'rm -f schema.graphql.new docs/openapi.json.new docs/order-life.svg.new' EXIT; \
	mkdir -p docs; \
	$(CARGO) build -q --locked; \
	$(CARGO) run -q --locked -- schema > schema.graphql.new; \
	$(CARGO) run -q --locked -- openapi > docs/openapi.json.new; \
	$(CARGO) run -q --locked -- order-life > docs/order-life.svg.new; \
	test -s schema.graphql.new; test -s docs/openapi.json.new; test -s docs/order-life.svg.new; \
	mv schema.graphql.new schema.graphql; \
	mv docs/openapi.json.new docs/openapi.json; \
	mv docs/order-life.svg.new docs/order-life.svg; \
	echo 'wrote schema.graphql, docs/openapi.json and docs/order-life.svg'
