#!/bin/sh
# Drains 100,000 events of 1 KiB through link and queue to a real mosquitto with
# an acking cloud, and the same through mosquitto's own bridge, in one run; then
# counts what each loses when it is killed. Needs mosquitto. Figures of a quiet
# machine are in docs/performance-link.md.
set -eu
cd "$(dirname "$0")/../.."
exec go test -run '^$' -bench '^Benchmark(Drain|Kill9|Verify)$' -benchtime "${BENCHTIME:-3x}" -timeout 30m ./internal/link
