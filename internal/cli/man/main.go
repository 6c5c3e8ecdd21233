// The command man writes the manual pages into a folder: go run ./internal/cli/man FOLDER. It is a program of its own, so
// that the product does not carry what makes them.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra/doc"

	"github.com/smtptriage/smtptriage/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// write makes one page a command. Their date is SOURCE_DATE_EPOCH, if that is set.
func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root := cli.Command()
	root.DisableAutoGenTag = true
	return doc.GenManTree(root, &doc.GenManHeader{Title: "SMTPTRIAGE", Section: "1", Source: "smtptriage", Manual: "smtptriage"}, folder)
}
