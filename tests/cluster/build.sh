#!/usr/bin/env bash
# Builds the real servers and tools that the tests run against, once, and prints the folder they are in.
#
# kube-apiserver, kube-controller-manager, kubectl, etcd, kustomize and helm are Go modules, and `quantity` asks one of
# them; the pinned versions are in the go.mod and go.sum beside this script. The folder lies outside the checkout and is named by those files and
# the Go version, so a fresh clone finds what an older one built. About eleven minutes from nothing on two cores.
#
# TRUEUP_CACHE         where to keep them (default: $XDG_CACHE_HOME/trueup or ~/.cache/trueup)
# KUBEBUILDER_ASSETS   a folder whose kube-apiserver, etcd and kubectl (and any other of the seven) are used instead
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubernetes=v1.36.3

if ! command -v go >/dev/null; then
  echo "building the test servers needs Go 1.26 or newer on the PATH (https://go.dev/dl)" >&2
  exit 1
fi
pins=$(cat "$here"/{kubernetes,etcd,renderers}/go.{mod,sum} | cat - <(go env GOVERSION GOOS GOARCH; echo "${KUBEBUILDER_ASSETS:-}") | git hash-object --stdin)
cache=${TRUEUP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trueup}
bin=$cache/servers-${pins:0:16}
mkdir -p "$bin"
exec 9>"$bin/.lock"
flock 9 # two checkouts may build at once

version=k8s.io/component-base/version
stamp="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=36"
build() { # build MODULE PACKAGE NAME
  local target="$bin/$3"
  # what is written here may have changed since
  [ -x "$target" ] && [ ! "$here/$1/$2/main.go" -nt "$target" ] && return
  if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -x "$KUBEBUILDER_ASSETS/$3" ]; then
    ln -sf "$KUBEBUILDER_ASSETS/$3" "$target"
    return
  fi
  echo "building $3 (once; kept in $bin)" >&2
  (cd "$here/$1" && CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags "$stamp" -o "$target.tmp" "$2" >&2)
  mv "$target.tmp" "$target"
}
build renderers sigs.k8s.io/kustomize/kustomize/v5 kustomize
build renderers helm.sh/helm/v3/cmd/helm helm
build etcd go.etcd.io/etcd/server/v3 etcd
build kubernetes ./quantity quantity
build kubernetes k8s.io/kubernetes/cmd/kubectl kubectl
build kubernetes k8s.io/kubernetes/cmd/kube-controller-manager kube-controller-manager
build kubernetes k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver
echo "$bin"
