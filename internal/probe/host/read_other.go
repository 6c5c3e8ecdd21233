//go:build !linux && !darwin && !windows

package host

import (
	"context"
	"errors"
	"runtime"
)

func gateways() ([]string, error) {
	return nil, errors.New("not read on " + runtime.GOOS)
}

func firewall(context.Context) ([]string, error) {
	return nil, errors.New("not read on " + runtime.GOOS)
}

func settings() []string { return nil }
