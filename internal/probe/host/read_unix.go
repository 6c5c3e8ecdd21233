//go:build unix

package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
)

const resolvConf = "/etc/resolv.conf"

// resolvers are those of resolv.conf(5); macOS keeps that file for old programs and asks its own list.
func resolvers(ctx context.Context) []string {
	if runtime.GOOS == "darwin" {
		if text, err := ask(ctx, "scutil", "--dns"); err == nil {
			return parseScutil(text)
		}
	}
	text, err := readSmall(resolvConf)
	if err != nil && !os.IsNotExist(err) {
		return nil
	}
	return parseResolvConf(text)
}

// readSmall reads a file that should be short.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOutput+1))
	if err == nil && len(b) > maxOutput {
		err = fmt.Errorf("%s: goes over %d octets", name, maxOutput)
	}
	return b, err
}
