package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
)

// TestRealServers runs check against Postfix, Exim and OpenSMTPD, set up well and badly.
func TestRealServers(t *testing.T) {
	tb := new(table)
	t.Run("case", func(t *testing.T) {
		for _, c := range realserver.Cases() {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				s := realserver.Start(t, c)
				tb.add(checkRealServer(t, s))
			})
		}
	})
	if len(tb.rows) > 0 {
		tb.print(t, "real servers")
	}
}

func checkRealServer(t *testing.T, s *realserver.Server) result {
	want := s.Case.Want
	res := result{name: s.Case.Name, want: lab.Verdict{Step: want.Step, Cause: want.Cause}.String()}
	o, target, err := caseOptions(clientArgs(t, s))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	j, err := a.prepare(o, target)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	rec := a.run(t.Context(), j)
	res.took = time.Since(began)
	d := diagnose.Diagnose(rec)
	got := d.Verdict
	res.got = lab.Verdict{Step: got.Step, Cause: got.Cause}.String() + " " + string(got.Confidence)
	right := got.Cause == want.Cause
	for _, also := range want.Also {
		right = right || got.Cause == also
	}
	res.ok = right && got.Step == want.Step
	if !res.ok && !slices.Contains(waiting, res.name) {
		t.Errorf("named %s, wanted %s %v\n%s", res.got, res.want, want.Also, reportOf(t, rec))
	}
	if want.Cause == cause.Accepted || want.Cause == cause.AcceptedNotProven {
		if n := d.ExitStatus(); n != 0 {
			t.Errorf("status %d, want 0", n)
		}
	}
	checkAgain(t, rec, &d)
	return res
}

// clientArgs are the arguments of check that do what the case's client does.
func clientArgs(t *testing.T, s *realserver.Server) []string {
	c := s.Case.Client
	args := []string{s.Addr}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	add("--from", c.From)
	add("--to", c.To)
	add("--ehlo", c.EHLO)
	add("--tls", string(c.TLS))
	add("--tls-min", c.TLSMin)
	add("--tls-max", c.TLSMax)
	if !c.DistrustCA {
		add("--ca-file", s.CAFile)
	}
	if c.User != "" {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(c.Password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--user", c.User, "--password-file", file)
	}
	if c.Send {
		args = append(args, "--send")
	}
	if c.Size > 0 {
		args = append(args, "--size", strconv.Itoa(c.Size))
	}
	return args
}
