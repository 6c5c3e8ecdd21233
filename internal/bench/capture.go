package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/lab/measure"
)

// What reading captures aims at: against tshark, and against itself on a file ten times as large.
const (
	captureConversations = 4000
	captureRounds        = 5 // one takes seconds
	captureSpeed         = 8.0
	captureMemory        = 0.25
	captureGrowth        = 1.2
)

// benchCapture reads a generated capture with the program and with tshark, in turn.
func benchCapture(ctx context.Context, b *bench) error {
	small, large := filepath.Join(b.dir, "small.pcap"), filepath.Join(b.dir, "large.pcap")
	if err := errors.Join(writeCapture(small, captureConversations), writeCapture(large, 10*captureConversations)); err != nil {
		return err
	}
	tshark, err := lookUp("tshark")
	if err != nil {
		return err
	}
	readers := []struct {
		name string
		args []string
	}{
		{"smtptriage", []string{b.program, "analyze", small}},
		{"smtptriage, ten times as much", []string{b.program, "analyze", large}},
		{"tshark", []string{tshark, "-r", small, "-Y", "smtp", "-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-e", "smtp.req.command", "-e", "smtp.response.code"}},
	}
	costs := make([][]measure.Cost, len(readers))
	for range min(b.rounds, captureRounds) {
		for i, r := range readers {
			cost, err := run(exec.CommandContext(ctx, r.args[0], r.args[1:]...), nil)
			if err != nil && !verdict(err) {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			costs[i] = append(costs[i], cost)
		}
	}
	fmt.Fprintf(b.out, "A capture of %d conversations; medians of %d rounds, each in turn; peak is the greatest seen.\n", captureConversations, len(costs[0]))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\twall\tCPU\tpeak memory\t")
	for i, r := range readers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", r.name, milliseconds(median(costs[i], wall)), milliseconds(median(costs[i], cpu)), mebibytes(peak(costs[i])))
	}
	w.Flush()
	ours, tenfold, theirs := costs[0], costs[1], costs[2]
	speed := ratio(median(theirs, wall), median(ours, wall))
	memory, growth := float64(peak(ours))/float64(peak(theirs)), float64(peak(tenfold))/float64(peak(ours))
	b.aim(speed >= captureSpeed, "%.1f times the speed of tshark (aim: %.0f or more)", speed, captureSpeed)
	b.aim(memory <= captureMemory, "memory is %.2f of that of tshark (aim: %.2f or less)", memory, captureMemory)
	b.aim(growth <= captureGrowth, "memory for ten times as much is %.2f times as much (aim: %.1f or less)", growth, captureGrowth)
	return nil
}

// verdict reports whether a program ended with a status that is a result: 1, a cause is named; 3, it is not.
func verdict(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3)
}

// writeCapture writes a capture of n conversations, a few of them at the same time, as a busy site has them.
func writeCapture(name string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	writeConversations(b, n)
	if err := b.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func writeConversations(out io.Writer, n int) {
	w := craft.NewWriter(out, craft.Ethernet)
	w.Step = 200 * time.Microsecond
	message := "Subject: scan\r\n\r\n" + strings.Repeat("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlcg==\r\n", 200) + "."
	for i := range n {
		c := craft.NewConn(w, fmt.Sprintf("10.%d.%d.%d:%d", i%5, i%7, 1+i%200, 1024+i%60000), fmt.Sprintf("203.0.113.%d:25", 1+i%50))
		c.Seq = [2]uint32{uint32(i) * 7919, uint32(i) * 104729}
		c.Open()
		c.Talk("220 mx.example.com ESMTP ready", "EHLO printer.example.net", "250-mx.example.com Hello\r\n250-SIZE 36700160\r\n250-PIPELINING\r\n250 8BITMIME")
		c.Talk("", "MAIL FROM:<scanner@example.net>", "250 2.1.0 Sender OK")
		if i%4 == 0 {
			c.Talk("", "RCPT TO:<office@example.com>", "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus")
		} else {
			c.Talk("", "RCPT TO:<office@example.com>", "250 2.1.5 Recipient OK", "DATA", "354 Start mail input", message, "250 2.6.0 Queued")
		}
		c.Talk("", "QUIT", "221 2.0.0 bye")
		c.Close(craft.FromServer)
	}
}
