#!/usr/bin/env bash
# Runs every test, with the race detector where there is anything to race, then prints the tables that tests left of their cases.
#
# A test which works through a table of cases writes what was wanted and what came of it to a file of its own in
# $SMTPTRIAGE_SUMMARY, because go test shows no output of tests that pass.
set -euo pipefail
cd "$(dirname "$0")/.."

SMTPTRIAGE_SUMMARY=$(mktemp -d)
export SMTPTRIAGE_SUMMARY
trap 'rm -rf "$SMTPTRIAGE_SUMMARY"' EXIT

race=(-race)
if ! command -v "${CC:-gcc}" >/dev/null; then
	echo 'test: there is no C compiler, which the race detector needs: running without it'
	if [ -n "${SMTPTRIAGE_REQUIRE:-}" ]; then exit 1; fi
	race=()
	export CGO_ENABLED=0
fi

# These packages start no goroutines and read much in their tests, which takes ten times as long under the detector.
alone='/internal/capture/text$'

status=0
go=${GO:-go}
mapfile -t racing < <("$go" list ./... | grep -vE "$alone")
mapfile -t plain < <("$go" list ./... | grep -E "$alone")
"$go" test "${race[@]}" -count=1 -timeout=9m "$@" "${racing[@]}" || status=$?
"$go" test -count=1 -timeout=9m "$@" "${plain[@]}" || status=$?

for table in "$SMTPTRIAGE_SUMMARY"/*; do
	[ -f "$table" ] || continue
	printf '\n%s\n' "$(basename "$table")"
	cat "$table"
done
if [ "$status" = 0 ]; then echo 'test: all passed'; else echo "test: FAILED (go test: $status)"; fi
exit "$status"
