#!/usr/bin/env bash
# Runs the OpenAI SDKs for Go and npm against a system that it starts: run.sh PATH-TO-WEIR
set -euo pipefail
weir=$(realpath "$1")
cd "$(dirname "$0")"
data=$(mktemp -d)
"$weir" up --data "$data" --listen 127.0.0.1:0 --log error >"$data.out" &
up=$!
trap 'kill $up 2>/dev/null; wait $up 2>/dev/null || true; rm -rf "$data" "$data.out"' EXIT
for _ in $(seq 200); do grep -q "is ready" "$data.out" && break; sleep 0.1; done
export WEIR_TEST_URL WEIR_TEST_KEY
WEIR_TEST_URL=$(cat "$data/url")
WEIR_TEST_KEY=$(cat "$data/key")
go test -count=1 ./...
npm ci --silent --no-audit --no-fund
node client.mjs
