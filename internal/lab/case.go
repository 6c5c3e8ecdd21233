package lab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A Case is one scripted server, how a client is to be pointed at it, and what must be found out.
type Case struct {
	Name  string
	Title string // one line: what is wrong, or for a healthy server what is odd
	About string // more of it, for people; may be empty

	Want   Want
	Flags  []string          // further flags for check; {dir} stands for the folder that holds Files
	Files  map[string][]byte // files that Flags name
	Target string            // HOST or HOST:PORT the client is given, {port} being the server's; "": the server's address

	DNS    []DNSRecord // what a resolver of the case's own answers; empty: no resolver is needed
	Script Script
}

// NeedsRedirect reports whether the target is a name and port that do not lead to the server, so that the client's
// dialer must be replaced by Running.Dial.
func (c Case) NeedsRedirect() bool {
	resolves := len(c.DNS) == 0 || slices.ContainsFunc(c.DNS, func(r DNSRecord) bool { return r.Kind == "A" || r.Kind == "AAAA" })
	return c.Target != "" && resolves && !strings.Contains(c.Target, portMark)
}

// Healthy reports whether nothing is wrong with the server.
func (c Case) Healthy() bool { return c.Want.Exit == 0 }

// EndingAfter is the case with its connections ended once the server has sent n octets, TLS included. It serves to end
// them at every octet in turn.
func (c Case) EndingAfter(n int64) Case {
	c.Script.wire = append(slices.Clone(c.Script.wire), wireFault{sent: true, after: n, how: cut})
	return c
}

// Sections of a case file. Names that start with "file/" hold files for the flags.
const (
	sectionAbout  = "about"
	sectionWant   = "want"
	sectionFlags  = "flags"
	sectionTarget = "target"
	sectionDNS    = "dns"
	sectionServer = "server"
	filePrefix    = "file/"
)

// portMark stands for the server's port in a target.
const portMark = "{port}"

// ParseCase reads a case file. Errors name the file and the line.
func ParseCase(file string, data []byte) (Case, error) {
	c := Case{Name: caseName(file)}
	archive := txtar.Parse(data)
	title, rest, _ := strings.Cut(strings.TrimSpace(string(archive.Comment)), "\n")
	c.Title, c.About = strings.TrimSpace(title), strings.TrimSpace(rest)
	if c.Title == "" {
		return Case{}, fmt.Errorf("%s:1: no title: the first line says what the case is about", file)
	}
	for _, f := range archive.Files {
		src := source{file: file, first: lineAfterMarker(data, f.Name), text: string(f.Data)}
		if err := c.read(src, f.Name, f.Data); err != nil {
			return Case{}, err
		}
	}
	return c, c.check(file)
}

func (c *Case) read(src source, section string, data []byte) (err error) {
	switch section {
	case sectionAbout:
		c.About = strings.TrimSpace(src.text)
	case sectionWant:
		c.Want, err = parseWant(src)
	case sectionFlags:
		c.Flags, err = parseFlags(src)
	case sectionTarget:
		c.Target = strings.TrimSpace(src.text)
	case sectionDNS:
		c.DNS, err = parseDNS(src)
	case sectionServer:
		c.Script, err = parseScript(src)
	default:
		name, ok := strings.CutPrefix(section, filePrefix)
		if !ok || name == "" || strings.ContainsAny(name, `/\`) {
			return src.errorf(0, "unknown section %q", section)
		}
		if c.Files == nil {
			c.Files = make(map[string][]byte)
		}
		c.Files[name] = data
	}
	return err
}

func (c *Case) check(file string) error {
	switch {
	case c.Want.Cause == "":
		return fmt.Errorf("%s:1: no verdict wanted: section %q needs a line \"verdict STEP CAUSE\"", file, sectionWant)
	case c.Script.personality == nil:
		return fmt.Errorf("%s:1: section %q needs a line \"personality NAME\"", file, sectionServer)
	case strings.ContainsAny(c.Target, " \t\r\n"):
		return fmt.Errorf("%s:1: target %q: want one HOST or HOST:PORT", file, c.Target)
	}
	return nil
}

// lineAfterMarker is the number of the line below the marker of a section, counted from 1.
func lineAfterMarker(data []byte, name string) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		s, ok := strings.CutPrefix(string(line), "-- ")
		if s, ok2 := strings.CutSuffix(strings.TrimRight(s, "\r"), " --"); ok && ok2 && strings.TrimSpace(s) == name {
			return i + 2
		}
	}
	return 1
}

// A source is the text of one section, and where it stands.
type source struct {
	file  string
	first int // line number of the text's first line
	text  string
}

// lines are the text's lines without their ends. The numbers of errorf count from 0 here.
func (s source) lines() []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(s.text, "\r\n", "\n"), "\n"), "\n")
}

func (s source) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", s.file, s.first+line, fmt.Sprintf(format, args...))
}

func blankOrComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

// parseFlags splits flags at blanks; a word may be quoted as in Go.
func parseFlags(src source) ([]string, error) {
	var flags []string
	for i, line := range src.lines() {
		if blankOrComment(line) {
			continue
		}
		words, err := splitWords(line)
		if err != nil {
			return nil, src.errorf(i, "%v", err)
		}
		flags = append(flags, words...)
	}
	return flags, nil
}

// envelopeOf is the reverse-path or forward-path of a MAIL or RCPT command, without its brackets.
func envelopeOf(cmd smtp.Command) string {
	path, _, _ := smtp.CutPath(cmd.Args)
	return path
}
