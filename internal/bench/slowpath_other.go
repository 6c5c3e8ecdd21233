//go:build !linux

package main

import (
	"context"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/measure"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
)

func onSlowPath(context.Context, string, time.Duration, []contestant) ([]measure.Conversation, error) {
	return nil, netlab.Unavailable()
}
