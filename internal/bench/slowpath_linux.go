package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/measure"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
)

// onSlowPath runs each contestant once in a lab.
func onSlowPath(ctx context.Context, server string, oneWay time.Duration, all []contestant) (seen []measure.Conversation, err error) {
	l, err := netlab.Starter{RealServer: realserver.LaunchNamed}.Start(context.WithoutCancel(ctx), netlab.Case{Name: server, RealServer: server, Delay: oneWay})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, one := range append(all[:1:1], all...) { // the first one again, because the server's first conversation is slow
		capture, err := measure.StartCapture(l.Command(ctx, netlab.Device, "tcpdump", measure.CaptureArgs("eth0", "tcp port 25")...))
		if err != nil {
			return nil, err
		}
		cmd := l.Command(ctx, netlab.Device, one.program, one.args(realserver.Name, 25, l.CAFile)...)
		_, runErr := run(cmd, append(l.Env(), one.env...))
		packets, err := capture.Stop()
		if err := errors.Join(runErr, err); err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
		conversations := measure.Conversations(packets, 25, 2*oneWay)
		if len(conversations) != 1 {
			return nil, fmt.Errorf("%s: %d connections, want 1", one.name, len(conversations))
		}
		seen = append(seen, conversations[0])
	}
	return seen[1:], nil
}
