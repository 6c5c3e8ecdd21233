// The command smtptriage finds out why mail cannot be sent over SMTP, and proves it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/smtptriage/smtptriage/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
