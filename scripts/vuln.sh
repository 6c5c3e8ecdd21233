#!/usr/bin/env bash
# govulncheck with a copy of the vulnerability database that stands beside the project, so that it needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=${VULNDB:-../shared/vulndb.tar.gz}
if [ ! -f "$archive" ]; then
	echo "vuln: skipped: there is no database at $archive (set VULNDB)"
	exit 0
fi
db=$(mktemp -d)
trap 'rm -rf "$db"' EXIT
tar -xzf "$archive" -C "$db"
"${GO:-go}" tool -modfile=tools/go.mod govulncheck -db "file://$db" ./...
