#!/bin/sh
# What `helm test` runs: the verbs of `kubectl recipes`, and a question to each version as its users ask.
set -eu
recipes="kubectl-recipes --model $MODEL"

ask() {
  echo "asking $1"
  service="http://$MODEL-$(echo "$1" | tr . -)-predictor.$NAMESPACE"
  python -c 'import sys, httpx
answer = httpx.post(sys.argv[1] + "/recommend", json={"query": "lentil soup", "k": 3}, timeout=30).raise_for_status().json()
assert answer["version"] == sys.argv[2], answer
assert len(answer["recipes"]) == 3, answer
print("answered by", answer["version"], [each["title"] for each in answer["recipes"]])' "$service" "$1"
}

gone() {
  $recipes delete --all > /dev/null 2>&1 || true
  while [ -n "$($recipes get models -o name; $recipes get versions -o name)" ]; do sleep 1; done
}

gone # of a test before this one
$recipes apply -f /files/model.yaml -f /files/1.0.0.yaml
$recipes wait 1.0.0 --timeout 600
ask 1.0.0
$recipes apply -f /files/1.1.0.yaml
$recipes wait 1.1.0 --timeout 600
ask 1.1.0
$recipes rollback
$recipes wait 1.1.0 --for Archived --timeout 300 && $recipes wait 1.0.0 --timeout 60
ask 1.0.0
$recipes history || true
gone
echo "a version went to production and back"
