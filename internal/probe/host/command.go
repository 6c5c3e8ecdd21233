package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const maxOutput = 1 << 20 // of a program that is asked for facts

var errTooLong = fmt.Errorf("its output goes over %d octets", maxOutput)

// ask runs one of the system's programs and returns what it prints. It is ended when ctx ends.
func ask(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := find(name)
	if err != nil {
		return nil, err
	}
	var out, errs cappedBuffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 100 * time.Millisecond
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s took longer than %v", name, factsWait)
	case out.over:
		return nil, fmt.Errorf("%s: %w", name, errTooLong)
	case err != nil:
		return nil, fmt.Errorf("%s: %w%s", name, err, firstLine(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// find looks in PATH and where the system keeps its programs, which is not in everybody's PATH.
func find(name string) (string, error) {
	var first error
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		path, err := exec.LookPath(candidate)
		if err == nil {
			return path, nil
		}
		if first == nil {
			first = err
		}
	}
	if errors.Is(first, exec.ErrNotFound) {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return "", first
}

// firstLine is the first line of what a program complained, in parentheses; "" if there is none.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if line == "" {
		return ""
	}
	return " (" + clip(strings.ToValidUTF8(line, "?")) + ")"
}

// A cappedBuffer refuses what goes over maxOutput, which ends the program that writes it.
type cappedBuffer struct {
	bytes.Buffer
	over bool
}

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		b.over = true
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}
