# Everything a contributor runs; .ci/run calls the first two.

SERVERS = $$(tests/cluster/build.sh)

.PHONY: test lint bench fuzz demo

# all tests, on real parts: builds kube-apiserver, etcd, kubectl, kustomize and helm once (about ten minutes), then runs
test:
	servers=$(SERVERS) && TRUEUP_TEST_SERVERS="$$servers" cargo test --locked --all-targets

# formatting, lints as errors, documentation
lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet

# trueup scan against a raw paged LIST and kubectl diff --server-side on a real API server, as ratios
bench:
	servers=$(SERVERS) && cargo build --release --locked && TRUEUP_TEST_SERVERS="$$servers" cargo bench --locked --bench scan

# everything that reads what others wrote, with input that nobody would write; SECONDS_EACH=600 fuzzes longer
fuzz:
	fuzz/run.sh

# the whole job on made-up data, without cluster, network or configuration
demo:
	cargo run --release --locked -- demo
