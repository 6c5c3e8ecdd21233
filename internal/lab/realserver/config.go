package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A config is how the server of a case differs from a healthy one.
type config struct {
	main        []string            // lines of main.cf, of Exim's main section, or of smtpd.conf; they replace those of the same name
	smtpd       []string            // Postfix: options of the service in master.cf
	acl         map[string][]string // Exim: what the access lists for connect, mail, rcpt and data ask first
	implicitTLS bool                // TLS from the first byte
	filter      string              // OpenSMTPD: the phase, condition and action of a filter
	files       map[string]string   // more files for the configuration folder
	certificate validity            // of the server's certificate
	mechanisms  string              // SASL mechanisms offered for sign-in, e.g. "PLAIN LOGIN"; "": no AUTH
	greylist    bool                // Postfix: asks a policy service that defers whoever comes first
	earlier     *conversation       // had with the server, and not ended, before the client of the case comes
}

// A conversation is commands, each of which gets a positive reply after a 220 greeting.
type conversation []string

// A preparer writes the configuration of a server below its folder, and returns the shell script that becomes it.
type preparer func(*Server) (script string, err error)

var softwares = map[Software]preparer{
	Postfix:   preparePostfix,
	Exim:      prepareExim,
	OpenSMTPD: prepareOpenSMTPD,
}

// The mailboxes, and the one login, of every server.
const (
	Scanner  = "scanner@example.com"  // has a mailbox and may sign in
	Office   = "office@example.com"   // has a mailbox
	Nobody   = "absent@example.com"   // has none
	Outside  = "someone@example.net"  // elsewhere: a stranger may not send there
	Stranger = "device@example.org"   // a sender that some servers refuse
	Password = "correct-horse-Lab-42" // of Scanner
	wrong    = "incorrect-horse"
)

// settings merges lines "name = value": those in changes replace those of the same name in base.
func settings(base, changes []string) []string {
	name := func(line string) string {
		before, _, _ := strings.Cut(line, "=")
		return strings.TrimSpace(before)
	}
	kept := slices.DeleteFunc(slices.Clone(base), func(line string) bool {
		return slices.ContainsFunc(changes, func(change string) bool { return name(change) == name(line) })
	})
	return append(kept, changes...)
}

// write makes a file below the server's folder, and the folders above it. The file looks a minute old: Postfix takes
// one that is seconds old for one that is still being written, and waits.
func (s *Server) write(name, text string) error {
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	old := time.Now().Add(-time.Minute)
	return os.Chtimes(path, old, old)
}

// mkdir makes a folder below the server's folder for a user and a group.
func (s *Server) mkdir(name string, mode os.FileMode, uid, gid int) error {
	path := s.path(name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := os.Chown(path, uid, gid); err != nil {
		return err
	}
	return os.Chmod(path, mode) // after the mask of this process
}

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

// Unpacked is the path of a program that make setup unpacked and did not install.
func Unpacked(program string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", &MissingError{fmt.Sprintf("no cache folder to look for %s in: %v", program, err)}
	}
	path := filepath.Join(cache, "smtptriage", "servers", filepath.FromSlash(program))
	if _, err := os.Stat(path); err != nil {
		return "", &MissingError{fmt.Sprintf("%s is not there: see make setup", path)}
	}
	return path, nil
}
