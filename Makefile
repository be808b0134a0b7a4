# Paylent. `make` or `make help` lists what there is to make.
.DEFAULT_GOAL := help
.PHONY: help run build test check fmt lint doc bench clean

PAYLENT := target/fast/paylent

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and start the server on http://localhost:8080, with its data in ./data
	$(PAYLENT) serve

build: ## build the server as target/fast/paylent
	@bin/need build
	cargo build --profile fast --bin paylent

test: ## run every test, on SQLite and on a PostgreSQL that the run starts itself
	@bin/need build
	@bin/need walk
	tests/run

check: lint test ## what has to pass before a change lands

fmt: ## format the code
	cargo fmt --all

lint: ## formatting, clippy and the documentation's links
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

doc: ## build the documentation of all crates
	cargo doc --workspace --no-deps

bench: ## measure the release build against this machine's own limits (docs/PERFORMANCE.md)
	@bin/need build
	tests/bench

clean: ## remove what was built
	cargo clean
