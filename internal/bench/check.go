package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/measure"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
)

// What is aimed at.
const (
	maxCPUShare   = 0.2 // of what swaks takes
	maxPeak       = 35 << 20
	maxStartUp    = 30 * time.Millisecond
	wantTrips     = 7
	wantTripsEach = 9 // without PIPELINING
)

// A contestant is a program that holds the conversation.
type contestant struct {
	name    string
	program string
	// args to hold the conversation with a server at host and port, whose authority is in a PEM file.
	args func(host string, port int, caFile string) []string
	env  []string
}

// contestants are the program and what it is held against. Each connects, waits for the greeting, says EHLO and STARTTLS,
// verifies the certificate and says EHLO again. The first two then say MAIL, RCPT and QUIT; posttls-finger says QUIT.
func (b *bench) contestants() ([]contestant, error) {
	config := filepath.Join(b.dir, "posttls-finger")
	if err := os.MkdirAll(config, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(config, "main.cf"), []byte("compatibility_level = 3.6\nmyhostname = "+clientName+"\n"), 0o644); err != nil {
		return nil, err
	}
	all := []contestant{
		{"smtptriage", b.program, func(host string, port int, ca string) []string {
			return []string{"check", "--no-controls", "--ca-file", ca, "--ehlo", clientName,
				"--from", realserver.Scanner, "--to", realserver.Office, host + ":" + strconv.Itoa(port)}
		}, nil},
		{"swaks", "swaks", func(host string, port int, ca string) []string {
			return []string{"--server", host, "--port", strconv.Itoa(port), "--ehlo", clientName, "--tls", "--tls-verify", "--tls-ca-path", ca,
				"--from", realserver.Scanner, "--to", realserver.Office, "--quit-after", "RCPT"}
		}, nil},
		{"posttls-finger", "posttls-finger", func(host string, port int, ca string) []string {
			return []string{"-c", "-l", "secure", "-F", ca, fmt.Sprintf("[%s]:%d", host, port), realserver.Name}
		}, []string{"MAIL_CONFIG=" + config}},
	}
	for i := range all {
		path, err := lookUp(all[i].program)
		if err != nil {
			return nil, err
		}
		all[i].program = path
	}
	return all, nil
}

const clientName = "client.example.com"

// lookUp finds a program, in the folders of system programs too.
func lookUp(name string) (path string, err error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err = exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: see make setup", err)
}

func benchCheck(ctx context.Context, b *bench) error {
	return errors.Join(b.conversations(ctx), b.slowPath(ctx), b.startUp(ctx))
}

// conversations runs every contestant in turn against a Postfix on this machine.
func (b *bench) conversations(ctx context.Context) error {
	all, err := b.contestants()
	if err != nil {
		return err
	}
	c, _ := realserver.Find("postfix-healthy")
	dir := filepath.Join(b.dir, "server")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	srv, err := realserver.Launch(ctx, dir, c)
	if err != nil {
		return err
	}
	defer srv.Stop()
	costs := make([][]measure.Cost, len(all))
	const warmUp = 2
	for round := range b.rounds + warmUp {
		for i, one := range all {
			cost, err := run(exec.CommandContext(ctx, one.program, one.args(srv.Host, srv.Port, srv.CAFile)...), one.env)
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			if round >= warmUp {
				costs[i] = append(costs[i], cost)
			}
		}
	}
	b.compare(all, costs)
	return nil
}

// run measures a command whose output nobody reads. The error of one that fails holds what it said.
func run(cmd *exec.Cmd, env []string) (measure.Cost, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), env...)
	cost, err := measure.Run(cmd)
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out.Bytes())
	}
	return cost, err
}

func (b *bench) compare(all []contestant, costs [][]measure.Cost) {
	fmt.Fprintf(b.out, "One conversation with Postfix on this machine; medians of %d rounds, each in turn; peak is the greatest seen.\n", b.rounds)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\twall\tCPU\tpeak memory\twall, ours to theirs\tCPU, ours to theirs\t")
	ours := costs[0]
	for i, one := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t", one.name, milliseconds(median(costs[i], wall)), milliseconds(median(costs[i], cpu)), mebibytes(peak(costs[i])))
		if i > 0 {
			fmt.Fprintf(w, "%.2f\t%.2f\t", ratio(median(ours, wall), median(costs[i], wall)), ratio(median(ours, cpu), median(costs[i], cpu)))
		} else {
			fmt.Fprint(w, "\t\t")
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	share := ratio(median(ours, cpu), median(costs[1], cpu))
	b.aim(share <= maxCPUShare, "CPU is %.2f of that of swaks (aim: %.2f or less)", share, maxCPUShare)
	b.aim(peak(ours) < maxPeak, "memory is %s at the most (aim: below %s)", mebibytes(peak(ours)), mebibytes(maxPeak))
}

// slowPath holds the conversation over a path with latency, and counts round trips in a capture at the client.
func (b *bench) slowPath(ctx context.Context) error {
	const oneWay = 25 * time.Millisecond
	fmt.Fprintf(b.out, "\nThe same over a path of %v, captured at the client; a trip is one wait for the server.\n", 2*oneWay)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ttrips\ttime\tin trips\ttrips without PIPELINING\ttime\tin trips\t")
	all, err := b.contestants()
	if err != nil {
		return err
	}
	trips := make([][]int, len(all))
	rows := make([]string, len(all))
	for _, server := range []string{"postfix-healthy", "postfix-no-pipelining"} {
		seen, err := onSlowPath(ctx, server, oneWay, all)
		if err != nil {
			return err
		}
		for i, c := range seen {
			trips[i] = append(trips[i], c.RoundTrips)
			rows[i] += fmt.Sprintf("%d\t%s\t%.1f\t", c.RoundTrips, milliseconds(c.Took), ratio(c.Took, 2*oneWay))
		}
	}
	for i, one := range all {
		fmt.Fprintf(w, "%s\t%s\n", one.name, rows[i])
	}
	w.Flush()
	b.aim(trips[0][0] == wantTrips, "%d round trips (aim: %d)", trips[0][0], wantTrips)
	b.aim(trips[0][1] == wantTripsEach, "%d round trips without PIPELINING (aim: %d)", trips[0][1], wantTripsEach)
	return nil
}

// startUp measures the least that the program can be asked to do.
func (b *bench) startUp(ctx context.Context) error {
	var costs []measure.Cost
	for range b.rounds {
		cost, err := run(exec.CommandContext(ctx, b.program, "version"), nil)
		if err != nil {
			return err
		}
		costs = append(costs, cost)
	}
	fmt.Fprintln(b.out)
	middle := median(costs, wall)
	b.aim(middle < maxStartUp, "smtptriage version: %s wall, %s CPU, %s (aim: below %v)", milliseconds(middle), milliseconds(median(costs, cpu)), mebibytes(peak(costs)), maxStartUp)
	return nil
}

// aim prints whether an aim is met.
func (b *bench) aim(met bool, format string, args ...any) {
	mark := "ok    "
	if !met {
		mark = "MISSED"
	}
	fmt.Fprintf(b.out, "%s %s\n", mark, fmt.Sprintf(format, args...))
}

func wall(c measure.Cost) time.Duration { return c.Wall }
func cpu(c measure.Cost) time.Duration  { return c.CPU }

func median(costs []measure.Cost, of func(measure.Cost) time.Duration) time.Duration {
	var all []time.Duration
	for _, c := range costs {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

func peak(costs []measure.Cost) (most int64) {
	for _, c := range costs {
		most = max(most, c.Peak)
	}
	return most
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
func mebibytes(n int64) string            { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
