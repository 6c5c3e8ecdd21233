package cause

import (
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// addressees are those whom a text may speak to.
var addressees = []string{
	"the ISP", "the firewall vendor", "Microsoft", "the hoster", "the device vendor",
	"the mail server's administrator", "the recipient", "the security software's vendor",
}

// linkHosts are the sites that a text may send people to.
var linkHosts = []string{
	"www.rfc-editor.org", "aka.ms", "learn.microsoft.com", "techcommunity.microsoft.com", "security.microsoft.com",
	"sender.office.com", "check.spamhaus.org", "support.google.com",
}

func TestEveryTextHasItsShape(t *testing.T) {
	for _, c := range All() {
		t.Run(string(c.ID), func(t *testing.T) {
			text := Text(c.ID)
			if title, _, _ := strings.Cut(text, "\n"); title != "# "+string(c.ID) {
				t.Errorf("first line is %q, want the id as title", title)
			}
			if err := headingsInOrder(text); err != nil {
				t.Error(err)
			}
			a := Read(c.ID)
			if a.Meaning == "" || a.ToldApart == "" {
				t.Errorf("meaning %q, told apart %q: one is empty", a.Meaning, a.ToldApart)
			}
			if n := len(a.Actions); n < 3 || n > 7 {
				t.Errorf("%d actions, want 3 to 7", n)
			}
			for _, action := range a.Actions {
				if !strings.HasSuffix(action, ".") || len(action) < 20 {
					t.Errorf("action %q is no sentence", action)
				}
			}
			if n := len(a.Tell); n < 1 || n > 2 {
				t.Errorf("%d addressees, want 1 or 2", n)
			}
			for _, tell := range a.Tell {
				if !slices.Contains(addressees, tell.To) || tell.Text == "" {
					t.Errorf("tells %q: %q", tell.To, tell.Text)
				}
			}
			for _, link := range a.Links {
				if u, err := url.Parse(link); err != nil || u.Scheme != "https" || !slices.Contains(linkHosts, u.Host) {
					t.Errorf("link %q does not lead to one of %v", link, linkHosts)
				}
			}
			if n := words(a); n < 120 || n > 300 {
				t.Errorf("%d words, want 120 to 300", n)
			}
			checkCharacters(t, text)
		})
	}
}

// headingsInOrder wants how it is told apart, what to do, one or more addressees, and links at the end if there are any.
func headingsInOrder(text string) error {
	var got []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "##") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	shape := regexp.MustCompile(`^## How it is told apart\|## What to do(\|## What to tell [^|]+)+(\|## Links)?$`)
	if all := strings.Join(got, "|"); !shape.MatchString(all) {
		return fmt.Errorf("headings are %q", all)
	}
	return nil
}

func words(a Article) int {
	all := []string{a.Meaning, a.ToldApart, strings.Join(a.Actions, " ")}
	for _, t := range a.Tell {
		all = append(all, t.Text)
	}
	return len(strings.Fields(strings.Join(all, " ")))
}

var (
	blockQuote = regexp.MustCompile(`(?m)^ *>.*$`) // "Mail > Connectors" broken before the arrow

	code    = regexp.MustCompile("`[^`]*`")
	idShape = regexp.MustCompile("^`[a-z0-9]+(-[a-z0-9]+)+`$")
)

// checkCharacters refuses control characters, tags that Markdown would swallow, and the names of causes that do not exist.
func checkCharacters(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if hasControl(line) || strings.TrimRight(line, " ") != line {
			t.Errorf("control characters or a trailing blank in %q", line)
		}
	}
	if bare := code.ReplaceAllString(text, ""); strings.ContainsAny(bare, "<`") {
		t.Error("an angle bracket outside code, or a code mark without its partner")
	}
	if quote := blockQuote.FindString(text); quote != "" {
		t.Errorf("the line %q would be a quotation", quote)
	}
	for _, name := range code.FindAllString(text, -1) {
		if _, ok := Find(ID(strings.Trim(name, "`"))); idShape.MatchString(name) && !ok {
			t.Errorf("names %s, which is no cause", name)
		}
	}
}

func TestEveryTextHasACause(t *testing.T) {
	files, err := fs.Glob(texts, "text/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(f, "text/"), ".md")
		if _, ok := Find(ID(name)); !ok {
			t.Errorf("%s belongs to no cause", f)
		}
	}
	if got, want := len(files), len(All()); got != want {
		t.Errorf("%d files for %d causes", got, want)
	}
}

func TestActionsStandAlone(t *testing.T) {
	for _, c := range All() {
		for i, a := range Read(c.ID).Actions {
			if slices.Contains(Read(c.ID).Actions[:i], a) {
				t.Errorf("%s says twice: %s", c.ID, a)
			}
			if strings.Contains(a, "\n") {
				t.Errorf("%s: action %q has a line end", c.ID, a)
			}
		}
	}
}

func TestReadUnknown(t *testing.T) {
	for _, id := range []ID{"", "no-such-cause", "../catalogue", "text/accepted"} {
		if got := Text(id); got != "" {
			t.Errorf("Text(%q) = %q", id, got)
		}
		if got := Read(id); !cmp.Equal(got, Article{}) {
			t.Errorf("Read(%q) = %+v", id, got)
		}
	}
}

func TestSections(t *testing.T) {
	const text = "# port-closed\n\nIt is\nclosed.\n\nReally.\n\n## What to do\n\n1. Open `it`,\n   and wait.\n2. Go.\n\n## Links\n\n- https://example.com/a\n"
	got := map[string]string{}
	for heading, body := range sections(text) {
		if heading == "" {
			got[heading] = paragraphs(body)
		} else {
			got[heading] = strings.Join(items(body), "|")
		}
	}
	want := map[string]string{
		"":           "It is closed.\n\nReally.",
		"What to do": "Open it, and wait.|Go.",
		"Links":      "https://example.com/a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
