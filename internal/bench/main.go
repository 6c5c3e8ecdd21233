// The command bench measures the program, each figure beside that of a tool people use today, and prints what it finds:
//
//	make bench
//	make bench BENCHFLAGS='-run check -rounds 50'
//
// What is compared is run in turn, round by round, so that a busy moment of the machine does not fall on one alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// A benchmark is one set of figures. Add a file with its run function, and a row here.
type benchmark struct {
	name  string
	about string
	run   func(ctx context.Context, b *bench) error
}

var benchmarks = []benchmark{
	{"check", "one whole conversation with Postfix, against swaks and posttls-finger; round trips; start-up", benchCheck},
	{"listen", "2,000 connections at once; 200 MiB messages from 20 clients", benchListen},
	{"capture", "reading a capture of 4,000 conversations, against tshark; memory for ten times as many", benchCapture},
}

// A bench is what every benchmark gets.
type bench struct {
	out     io.Writer
	program string // the built smtptriage
	dir     string // for files; every user can enter it, and it goes at the end
	rounds  int    // of everything that is run in turn
}

func main() {
	b := &bench{out: os.Stdout}
	names := flag.String("run", "", "only the benchmarks of these `NAMES`, separated by commas")
	flag.IntVar(&b.rounds, "rounds", 20, "how often each thing is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.runAll(ctx, *names); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) runAll(ctx context.Context, names string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if b.rounds < 1 {
		return fmt.Errorf("-rounds %d: use 1 or more", b.rounds)
	}
	if b.dir, err = os.MkdirTemp("", "smtptriage-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	var errs []error
	for _, one := range chosen {
		fmt.Fprintf(b.out, "== %s: %s\n", one.name, one.about)
		if err := one.run(ctx, b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one.name, err))
		}
		fmt.Fprintln(b.out)
	}
	return errors.Join(errs...)
}

// choose finds benchmarks by their names; no names are all of them.
func choose(names string) ([]benchmark, error) {
	if names == "" {
		return benchmarks, nil
	}
	var chosen []benchmark
next:
	for name := range strings.SplitSeq(names, ",") {
		for _, one := range benchmarks {
			if one.name == name {
				chosen = append(chosen, one)
				continue next
			}
		}
		return nil, fmt.Errorf("no benchmark named %q", name)
	}
	return chosen, nil
}

// build makes the program as it is released.
func (b *bench) build(ctx context.Context) error {
	b.program = filepath.Join(b.dir, "smtptriage")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.program, "./cmd/smtptriage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}
