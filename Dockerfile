# trueup with the programs it calls: kustomize, helm, and OpenSSH for ssh remotes. Git and TLS are built in.

FROM rust:1.95-bookworm AS trueup
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin trueup

FROM golang:1.26-bookworm AS renderers
WORKDIR /src
# the versions that the tests run on; helm is told which Kubernetes it stands for where the cluster does not say
COPY tests/cluster/renderers/go.mod tests/cluster/renderers/go.sum ./
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags="-s -w" -o /kustomize sigs.k8s.io/kustomize/kustomize/v5
RUN version=helm.sh/helm/v3/pkg/chartutil \
  && CGO_ENABLED=0 go build -mod=readonly -trimpath \
    -ldflags="-s -w -X $version.k8sVersionMajor=1 -X $version.k8sVersionMinor=36" -o /helm helm.sh/helm/v3/cmd/helm

FROM debian:bookworm-slim
# ca-certificates: servers are verified by the system's trust; tzdata: time zones of the schedule are the system's
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates openssh-client tzdata \
  && rm -rf /var/lib/apt/lists/* \
  # ssh refuses to run for a user without an entry
  && useradd --uid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin trueup
COPY --from=trueup /src/target/release/trueup /usr/local/bin/trueup
COPY --from=renderers /kustomize /helm /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["trueup"]
CMD ["--help"]
