#!/usr/bin/env bash
# Formatting, vet on three systems, staticcheck, tidy modules, no cgo, no paths of one machine.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

failed=0
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
# check NAME COMMAND...: fails when the command fails, or prints anything to standard output.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>"$errors") && [ -z "$out" ]; then
		echo "lint: $name: ok"
		return
	fi
	printf 'lint: %s: FAILED\n%s\n' "$name" "$out"
	cat "$errors"
	failed=1
}

cgo_users() {
	CGO_ENABLED=1 "$go" list -deps -test -f '{{if and .CgoFiles (not .Standard)}}{{.ImportPath}} uses cgo{{end}}' ./...
}

# A reader elsewhere has none of these folders. The brackets keep this line from finding itself.
machine_paths() {
	! git -c safe.directory='*' grep -nIE '(^|[^[:alnum:]_.])/([w]ork|[r]oot|[h]ome/[a-z]+|[t]mp/st)/' -- . ':!*.sum' ':!**/testdata/**' ':!*.txtar'
}

check gofmt gofmt -l .
for os in linux windows darwin; do
	check "vet $os" env GOOS=$os CGO_ENABLED=0 "$go" vet ./...
done
check staticcheck "$go" tool -modfile=tools/go.mod staticcheck ./...
check 'go mod tidy' "$go" mod tidy -diff
check 'go mod tidy (tools)' "$go" -C tools mod tidy -diff
check 'no cgo' cgo_users
check 'no machine paths' machine_paths
exit "$failed"
