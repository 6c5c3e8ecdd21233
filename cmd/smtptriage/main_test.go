package main

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/smtptriage/smtptriage/internal/lab"
)

// The test binary plays the program, as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"smtptriage": main})
}

// served are lab cases that scripts can check: "$HEALTHY" is the address of the server, "$HEALTHY_CA" its authority.
var served = map[string]string{
	"HEALTHY":            "healthy-m365-mx",
	"BLOCKED":            "ip-blocklisted",
	"EXPIRED":            "certificate-expired",
	"HEALTHY_SUBMISSION": "healthy-m365-submission",
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, which := range served {
				c, ok := lab.Find(which)
				if !ok {
					t.Fatalf("no lab case %q", which)
				}
				r, err := lab.Start(t.Context(), c)
				if err != nil {
					return err
				}
				env.Defer(r.Stop)
				env.Setenv(name, r.Addr())
				env.Setenv(name+"_CA", r.CAFile)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "oneline": oneline},
	})
}

// status N COMMAND...: runs a command, and wants that exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// oneline FILE: the file (stdout, stderr) holds exactly one line.
func oneline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr|FILE")
	}
	if s := ts.ReadFile(args[0]); strings.Count(s, "\n") != 1 || !strings.HasSuffix(s, "\n") {
		ts.Fatalf("%s is not one line: %q", args[0], s)
	}
}
