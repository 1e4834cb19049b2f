#!/usr/bin/env bash
# Records src/demo/cluster.jsonl anew: applies the demo's repository to a real API server as Argo CD would, changes it
# by hand with real tools, and saves what `trueup snapshot` sees. Run it when the demo's manifests change.
# Usage: tests/demo/record.sh KUBECONFIG BIN    (an empty test cluster; BIN holds kubectl)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export KUBECONFIG=$1
PATH=$2:$PATH

kubectl create namespace ml-serving
kubectl create namespace ml-training
kubectl apply --server-side --field-manager argocd-controller -R -f "$root/src/demo/repository/apps"

# what Git allows: the HPA scaled within its bounds, a restart was asked for
kubectl -n ml-serving patch deployment recommender --subresource scale --type merge --field-manager kube-controller-manager -p '{"spec":{"replicas":7}}'
kubectl -n ml-serving rollout restart deployment batch-scorer

# what people did
EDITOR="sed -i s/memory:\ 2Gi/memory:\ 4Gi/" kubectl -n ml-serving edit deployment recommender
kubectl -n ml-serving patch deployment gateway --field-manager k9s -p '{"spec":{"template":{"spec":{"containers":[{"name":"debug","image":"ghcr.io/netshoot/netshoot:latest","securityContext":{"privileged":true}}]}}}}'
kubectl -n ml-serving set image cronjob/nightly-scoring scorer=docker.io/jdoe/batch-scorer:test
kubectl -n ml-serving scale deployment batch-scorer --replicas 1
kubectl -n ml-serving patch configmap recommender-config --type json -p '[{"op":"remove","path":"/data/FALLBACK_MODEL"}]'
kubectl -n ml-training patch deployment ml-training-service -p '{"spec":{"template":{"spec":{"hostNetwork":true,"containers":[{"name":"training-container","resources":{"limits":{"nvidia.com/gpu":"4"},"requests":{"nvidia.com/gpu":"4"}}}]}}}}'
EDITOR="sed -i s/0.001/0.01/" kubectl -n ml-training edit configmap training-config
kubectl -n ml-training patch secret data-source-credentials -p '{"stringData":{"url":"postgresql://trainer:rotated-by-hand@prod-db:5432/mldata"}}'
kubectl -n ml-serving delete poddisruptionbudget gateway
sleep 3 # the controllers write their part
