package report

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A bundled file is one entry of the bundle. Empty ones are left out.
type bundled struct {
	name string
	what string
	make func(io.Writer, notes) error
}

// The files of a bundle, in the order a reader opens them.
var bundleFiles = []bundled{
	{"report.html", "the report for people, one page", func(w io.Writer, n notes) error { return HTML(w, n.rec, n.d, n.to) }},
	{"report.md", "the same as ticket notes", func(w io.Writer, n notes) error { return Markdown(w, n.rec, n.d, n.to) }},
	{"report.txt", "the same as plain text", func(w io.Writer, n notes) error { return n.text(w) }},
	{"report.json", "the same for programs", func(w io.Writer, n notes) error { return n.json(w) }},
	{"evidence.json", "everything that was seen; smtptriage analyze reads it", func(w io.Writer, n notes) error { return evidence.Write(w, n.whole) }},
	{"runs.txt", "every run of a repeated check", writeRuns},
	{"transcripts.txt", "every conversation, with times", writeTranscripts},
	{"codes.txt", "every refusal, with its step", writeCodes},
	{"dns.txt", "every DNS question and answer", writeDNS},
	{"certificates.pem", "every certificate chain that was shown", writeCertificates},
	{"traceroutes.txt", "which hop answered on which port", writeHops},
	{"path-mtu.txt", "which sizes passed", writeSizes},
	{"message-trace.txt", "how to look for it in Microsoft's message trace", func(w io.Writer, n notes) error {
		_, err := io.WriteString(w, strings.Join(n.traceHelp(), "\n"))
		return err
	}},
}

// A manifest lists what a bundle holds, so that a reader can tell that nothing was changed.
type manifest struct {
	Schema  string          `json:"schema"`
	Tool    evidence.Tool   `json:"tool"`
	Created string          `json:"created"` // when the run began
	Files   []manifestEntry `json:"files"`
}

type manifestEntry struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bundle writes a ZIP file with everything that an escalation needs. The same record gives the same bytes.
func Bundle(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, to Reader) error {
	return notes{rec: rec, d: d, to: to, whole: rec}.bundle(w)
}

// SeriesBundle is Bundle for a repeated check, whose record has all runs.
func SeriesBundle(w io.Writer, whole *evidence.Record, s *diagnose.Series, to Reader) error {
	rec, d := s.Shown()
	return notes{rec: rec, d: &d, to: to, whole: whole, series: s}.bundle(w)
}

func (n notes) bundle(w io.Writer) error {
	rec := n.rec
	z := zip.NewWriter(w)
	m := manifest{Schema: "smtptriage/bundle/v1", Tool: rec.Tool, Created: stamp(rec.Started), Files: []manifestEntry{}}
	for _, f := range bundleFiles {
		var b bytes.Buffer
		if err := f.make(&b, n); err != nil {
			return fmt.Errorf("bundle: %s: %w", f.name, err)
		}
		if b.Len() == 0 {
			continue
		}
		if err := addFile(z, rec, f.name, b.Bytes()); err != nil {
			return err
		}
		sum := sha256.Sum256(b.Bytes())
		m.Files = append(m.Files, manifestEntry{f.name, f.what, b.Len(), hex.EncodeToString(sum[:])})
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("bundle: manifest: %w", err)
	}
	if err := addFile(z, rec, "manifest.json", append(b, '\n')); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

func addFile(z *zip.Writer, rec *evidence.Record, name string, content []byte) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: rec.Started.UTC()})
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", name, err)
	}
	return nil
}

func (n notes) text(w io.Writer) error {
	if n.series != nil {
		return SeriesText(w, n.series, Options{})
	}
	return Text(w, n.rec, n.d, Options{})
}

func (n notes) json(w io.Writer) error {
	if n.series != nil {
		return SeriesJSON(w, n.series)
	}
	return JSON(w, n.rec, n.d)
}

func writeRuns(w io.Writer, n notes) error {
	if n.series == nil {
		return nil
	}
	return SeriesTable(w, n.series)
}

func writeTranscripts(w io.Writer, n notes) error {
	for i := range n.rec.Traces {
		if _, err := io.WriteString(w, Transcript(&n.rec.Traces[i])+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func writeCodes(w io.Writer, n notes) error {
	for _, c := range n.d.Codes {
		if _, err := fmt.Fprintf(w, "%-16s %s %s\n", c.Step, c.Trace, Clean(c.Text)); err != nil {
			return err
		}
	}
	return nil
}

// events writes a line for each event of one kind.
func events(w io.Writer, n notes, is func(*evidence.Event) bool) error {
	for i := range n.rec.Traces {
		t := &n.rec.Traces[i]
		for j := range t.Events {
			if e := &t.Events[j]; is(e) {
				if _, err := fmt.Fprintf(w, "%-6s %9s %s\n", t.ID, clock(e.At, t.Sees.Timing), Clean(describe(e))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func writeDNS(w io.Writer, n notes) error {
	return events(w, n, func(e *evidence.Event) bool { return e.Lookup != nil })
}

func writeHops(w io.Writer, n notes) error {
	return events(w, n, func(e *evidence.Event) bool { return e.Hop != nil })
}

func writeSizes(w io.Writer, n notes) error {
	return events(w, n, func(e *evidence.Event) bool { return e.Size != nil || e.TCP != nil })
}

// writeCertificates writes each chain once, with a comment that says whose it is.
func writeCertificates(w io.Writer, n notes) error {
	seen := map[string]bool{}
	for i := range n.rec.Traces {
		t := &n.rec.Traces[i]
		for j := range t.Events {
			c := t.Events[j].Chain
			if c == nil {
				continue
			}
			for k, cert := range c.Certificates {
				if len(cert.DER) == 0 || seen[string(cert.DER)] {
					continue
				}
				seen[string(cert.DER)] = true
				if _, err := fmt.Fprintf(w, "# %s, certificate %d: %s\n", Clean(traceTitle(t)), k, Clean(cert.Subject)); err != nil {
					return err
				}
				if err := pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: cert.DER}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
