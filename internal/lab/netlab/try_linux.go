package netlab

import (
	"context"
	"errors"
	"io"
	"os/exec"
)

// Try makes the lab of a case, runs "PROGRAM check" with the arguments of the case and extra ones on its device, and
// returns its exit status.
func Try(ctx context.Context, c Case, program string, extra []string, out, errs io.Writer) (status int, err error) {
	l, err := Starter{}.Start(context.WithoutCancel(ctx), c) // what was begun is cleaned up, whatever happens
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	cmd := l.Command(ctx, Device, program, append(append([]string{"check"}, l.Args()...), extra...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = l.Env(), out, errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}
