#!/usr/bin/env bash
# Builds the program for every release platform, without cgo, and its manual pages, into dist/.
set -euo pipefail
cd "$(dirname "$0")/.."

echo 'cross: manual pages'
"${GO:-go}" run ./internal/cli/man dist/man
for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64 windows/arm64; do
	os=${platform%/*} arch=${platform#*/}
	echo "cross: $platform"
	export CGO_ENABLED=0 GOOS=$os GOARCH=$arch
	"${GO:-go}" build ./...
	if [ -d cmd/smtptriage ]; then
		suffix=
		if [ "$os" = windows ]; then suffix=.exe; fi
		"${GO:-go}" build -trimpath -ldflags '-s -w' -o "dist/smtptriage-$os-$arch$suffix" ./cmd/smtptriage
	fi
done
