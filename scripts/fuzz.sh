#!/usr/bin/env bash
# Runs every fuzz target of every package for FUZZTIME each. A target without seeds is an error: it fuzzes noise.
# Inputs that reach new code are made smaller in a few tries only: by default that takes up to a minute each, and a short
# run would do nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

failed=0 targets=0
for pkg in $("$go" list ./...); do
	for target in $("$go" test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		targets=$((targets + 1))
		seeds=$("$go" test -v -run "^$target\$" "$pkg" | grep -c "^    --- PASS: $target/" || true)
		echo "fuzz: $pkg $target: $seeds seeds, ${FUZZTIME:-10s}"
		if [ "$seeds" = 0 ]; then
			echo "fuzz: $pkg $target: FAILED: its seeds are missing, or fail"
			failed=1
			continue
		fi
		"$go" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 10x "$pkg" || failed=1
	done
done
echo "fuzz: $targets targets"
exit "$failed"
