package evidence

import (
	"bytes"
	"encoding/base64"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A short conversation as the walk records it, with each kind of line.
func sampleRecord(t *testing.T) *Record {
	t.Helper()
	ms := time.Millisecond
	reply := func(s string) smtp.Reply {
		r, err := smtp.ParseReply(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	walk := Walk{Via: ViaHost, Host: "mx.example.com", Port: 25, From: "a@example.com", To: []string{"b@example.com"}}
	scrub := new(Scrubber)
	scrub.Add("scanner", "s3cret!pass")
	rec := NewRecorder(Trace{ID: "t1", Role: RoleAsked, Walk: walk, Address: netip.MustParseAddrPort("192.0.2.25:25"), Start: start, Sees: SeesAll}, scrub)
	rec.Add(Event{At: 20 * ms, Took: 20 * ms, Dialed: &Dialed{Address: netip.MustParseAddrPort("192.0.2.25:25"), Outcome: Connected}})
	rec.Reply(40*ms, reply("220 mx.example.com ESMTP"), -1, []time.Duration{40 * ms}, 26)
	ehlo := rec.Command(41*ms, []byte("EHLO host.example.net"), smtp.CRLF)
	rec.Reply(60*ms, reply("250-mx.example.com Hello [198.51.100.7]\n250-SIZE 1000\n250 AUTH LOGIN"), ehlo, nil, 60)
	auth := rec.Command(61*ms, []byte("AUTH LOGIN"), smtp.CRLF)
	rec.Reply(70*ms, reply("334 VXNlcm5hbWU6"), auth, nil, 18)
	user := rec.Command(71*ms, []byte(base64.StdEncoding.EncodeToString([]byte("scanner"))), smtp.CRLF)
	rec.Reply(80*ms, reply("334 UGFzc3dvcmQ6"), user, nil, 18)
	pass := rec.Command(81*ms, []byte(base64.StdEncoding.EncodeToString([]byte("s3cret!pass"))), smtp.CRLF)
	rec.Reply(90*ms, reply("535 5.7.3 Authentication unsuccessful for s3cret!pass"), pass, nil, 50)
	odd := smtp.Reply{Code: 421, Text: []string{"bye \xff"}, Flaws: []smtp.Flaw{smtp.FlawNonASCII}, Complete: true}
	rec.Reply(95*ms, odd, -1, nil, 10)
	rec.Add(Event{At: 99 * ms, Ended: &Ended{Outcome: Closed, By: Server, GotN: 200, SentN: 100}})
	return &Record{Schema: Schema, Tool: Tool{"smtptriage", "test"}, Source: FromCheck, Started: start, Took: 99 * ms,
		Target: Target{Input: "mx.example.com:25", Walk: walk}, Traces: []Trace{rec.Snapshot()}}
}

func TestGoldenAndRoundTrip(t *testing.T) {
	rec := sampleRecord(t)
	var b bytes.Buffer
	if err := Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "record.json")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	back, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(rec, back, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); d != "" {
		t.Errorf("round trip (-want +got)\n%s", d)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sampleRecord(t)); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s3cret!pass", base64.StdEncoding.EncodeToString([]byte("s3cret!pass"))} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the record holds %q", secret)
		}
	}
}

func TestScrubber(t *testing.T) {
	s := new(Scrubber)
	s.Add("jo", "hunter2+x", "abc")
	for in, want := range map[string]string{
		"plain hunter2+x here":     "plain [masked] here",
		"url pass=hunter2%2Bx&a=1": "url pass=[masked]&a=1",
		"short abc stays":          "short abc stays",
		"nothing":                  "nothing",
		"capitals HUNTER2+X here":  "capitals [masked] here",
		"apart hun ter2\t+x here":  "apart [masked] here",
		"hex 68756E746572322B78":   "hex [masked]",
		"hunter2 is but a part":    "hunter2 is but a part",
	} {
		if got := s.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	for _, before := range []string{"", "a", "ab", "abc", "\x00jo\x00"} {
		enc := base64.StdEncoding.EncodeToString([]byte(before + "hunter2+x" + "tail"))
		if got := s.Clean("x " + enc); !strings.Contains(got, smtp.Masked) {
			t.Errorf("base64 after %q: %q is not masked", before, got)
		}
	}
	if got, want := s.CleanLines([]string{"you sent hunt", "ER2+x, and", "that is wrong"}), []string{"you sent [masked]", "[masked], and", "that is wrong"}; !slices.Equal(got, want) {
		t.Errorf("over lines: %q, want %q", got, want)
	}
	var none *Scrubber
	if got := none.Clean("x"); got != "x" {
		t.Errorf("a nil scrubber changed %q", got)
	}
}

func TestView(t *testing.T) {
	rec := sampleRecord(t)
	v := NewView(&rec.Traces[0])
	want := &View{Trace: &rec.Traces[0], Dialed: 0, Greeting: 1, Hellos: []Exchange{{2, 3}}, StartTLS: noExchange, ClientHello: -1, ServerHello: -1,
		Alert: -1, Chain: -1, Secured: -1, TLSFailed: -1, Auths: []Exchange{{4, 9}}, Data: noExchange, Message: noExchange, Quit: noExchange,
		Ended: 11, Unasked: []int{10}}
	if d := cmp.Diff(want, v, cmpopts.IgnoreFields(View{}, "Trace")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if x, ok := v.Offered(false); !ok || x.Size() != 1000 {
		t.Errorf("Offered(false) = %v, %v", x, ok)
	}
	if x, ok := v.Offered(true); ok {
		t.Errorf("Offered(true) = %v, want not seen", x)
	}
	if got := v.ClientAddress(); got != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("ClientAddress() = %v", got)
	}
	if d, ok := v.Took(v.Hellos[0]); !ok || d != 19*time.Millisecond {
		t.Errorf("Took(EHLO) = %v, %v", d, ok)
	}
	if !v.Connected() {
		t.Error("Connected() = false")
	}
}

func TestHelloAddress(t *testing.T) {
	for line, want := range map[string]string{
		"mx Hello [192.0.2.1]":                           "192.0.2.1",
		"mx Hello [2001:db8::1]":                         "2001:db8::1",
		"mx Hello host.example.com [IPv6:2001:db8::2]":   "2001:db8::2",
		"mx Hello scanner.example.com [192.0.2.9] (may)": "192.0.2.9",
		"mx Hello []": "invalid IP",
		"mx [x] Hello [192.0.2.7] [not an address]": "192.0.2.7",
		"mx": "invalid IP",
	} {
		if got := helloAddress(line).String(); got != want {
			t.Errorf("helloAddress(%q) = %s, want %s", line, got, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"empty", "", "not an evidence file"},
		{"not JSON", "220 hello", "not an evidence file: line 1"},
		{"foreign JSON", `{"schema":"other/v1"}`, `its schema is "other/v1"`},
		{"newer", `{"schema":"smtptriage/evidence/v2"}`, `want "smtptriage/evidence/v1"`},
		{"wrong type", "{\"schema\":\"smtptriage/evidence/v1\",\n\"traces\":7}", "line 2, column"},
		{"cut off", `{"schema":"smtptriage/evidence/v1","traces":[{"id"`, "not an evidence file: line 1"},
		{"two facts", `{"schema":"smtptriage/evidence/v1","traces":[{"id":"t1","events":[{"note":{"text":"a"},"said":{"text":"b"}}]}]}`, "trace t1, event 0: it holds 2 kinds"},
		{"no fact", `{"schema":"smtptriage/evidence/v1","traces":[{"id":"t1","events":[{}]}]}`, "trace t1, event 0: it holds 0 kinds"},
		{"answers the future", `{"schema":"smtptriage/evidence/v1","traces":[{"id":"t1","events":[{"reply":{"to":5,"code":250,"text":[]}}]}]}`, "answers event 5"},
		{"same id", `{"schema":"smtptriage/evidence/v1","traces":[{"id":"t1","events":[]},{"id":"t1","events":[]}]}`, `id "t1"`},
		{"lost trace", `{"schema":"smtptriage/evidence/v1","traces":[],"experiments":[{"traces":["t9"]}]}`, `no trace "t9"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tt.file)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestRecorderBounds(t *testing.T) {
	rec := NewRecorder(Trace{ID: "t1"}, nil)
	long := smtp.Reply{Code: 220, Text: []string{strings.Repeat("a", smtp.MaxLine)}}
	for range MaxEvents + 50 {
		rec.Reply(0, long, -1, nil, 0)
	}
	if i := rec.Add(Event{Ended: &Ended{Outcome: Closed}}); i < 0 {
		t.Error("the end of a full trace was not kept")
	}
	tr := rec.Snapshot()
	n := 0
	for _, e := range tr.Events {
		if e.Reply != nil {
			for _, s := range e.Reply.Text {
				n += len(s)
			}
		}
	}
	if n > MaxText || len(tr.Events) != MaxEvents+1 || tr.Dropped != 50 {
		t.Errorf("holds %d octets in %d events, %d dropped", n, len(tr.Events), tr.Dropped)
	}
}

// FuzzRead: no file makes Read crash, and what it accepts it writes back the same.
func FuzzRead(f *testing.F) {
	good, err := os.ReadFile(filepath.Join("testdata", "record.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":"smtptriage/evidence/v1","traces":[{"id":"t1","events":[{"reply":{"to":-1,"code":250,"text":["x"]}}]}]}`))
	f.Add([]byte(`{"schema":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for i := range rec.Traces {
			NewView(&rec.Traces[i])
		}
		var one, two bytes.Buffer
		if err := Write(&one, rec); err != nil {
			return // a time out of JSON's range
		}
		again, err := Read(bytes.NewReader(one.Bytes()))
		if err != nil {
			t.Fatalf("it does not read what it wrote: %v", err)
		}
		if err := Write(&two, again); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatalf("it writes another file the second time (%v)", err)
		}
	})
}

func TestPeekShowsWhatWasRecorded(t *testing.T) {
	scrub := new(Scrubber)
	scrub.Add("jo", "hunter2+x")
	rec := NewRecorder(Trace{ID: "t1", Role: RoleAsked}, scrub)
	rec.Add(Event{Note: &Note{Text: "first"}})
	i := rec.Command(7, []byte("RSET hunter2+x"), smtp.CRLF)
	tr, e := rec.Peek(i)
	if e.At != 7 || e.Sent == nil || e.Sent.Line != "RSET [masked]" {
		t.Errorf("event %+v, want the masked command", e)
	}
	if tr.ID != rec.ID() || tr.Role != RoleAsked || tr.Events != nil {
		t.Errorf("trace %+v, want t1 without events", tr)
	}
}

func TestHeardHides(t *testing.T) {
	rec := NewRecorder(Trace{ID: "t1"}, nil)
	rec.Heard(1, []byte("cGFzc3dvcmQtYWZ0ZXItYS1yZWZ1c2Fs"), smtp.CRLF, Aside{Hide: true, Early: true})
	rec.Heard(2, []byte("AUTH LOGIN"), smtp.CRLF, Aside{})
	rec.Heard(3, []byte("dXNlcg=="), smtp.CRLF, Aside{})
	rec.Heard(4, []byte("dXNlcg=="), smtp.CRLF, Aside{Auth: true})
	ev := rec.Snapshot().Events
	if s := ev[3].Sent; s.Line != smtp.Masked || s.Verb != "" {
		t.Errorf("line that goes on with AUTH: %+v", s)
	}
	if s := ev[0].Sent; s.Line != smtp.Masked || s.Verb != Hidden || !s.Secret || !s.Early || s.Bytes != 34 {
		t.Errorf("hidden line: %+v", s)
	}
	if s := ev[2].Sent; s.Line != smtp.Masked || s.Verb != "" {
		t.Errorf("line within AUTH: %+v", s)
	}
}

// AUTH may be sent before the reply to EHLO; that reply does not end it.
func TestReplyToAnotherCommandDoesNotEndAuth(t *testing.T) {
	rec := NewRecorder(Trace{ID: "t1"}, nil)
	ehlo := rec.Command(1, []byte("EHLO x"), smtp.CRLF)
	rec.Command(2, []byte("AUTH LOGIN"), smtp.CRLF)
	rec.Reply(3, smtp.Reply{Code: 250, Text: []string{"x"}, Complete: true}, ehlo, nil, 0)
	i := rec.Command(4, []byte("c2VjcmV0"), smtp.CRLF)
	if _, e := rec.Peek(i); e.Sent.Line != smtp.Masked {
		t.Errorf("recorded %q", e.Sent.Line)
	}
}

// What a server sends besides replies to commands may repeat a secret as well, and the end of what is kept may fall into it.
func TestAddHidesSecrets(t *testing.T) {
	scrub := new(Scrubber)
	scrub.Add("scanner", "correct-horse-Lab-42")
	r := NewRecorder(Trace{ID: "t1"}, scrub)
	r.Add(Event{Reply: &Reply{Reply: smtp.Reply{Code: 250, Text: []string{"you said correct-horse-Lab-42"}}, To: -1, Unasked: true}})
	r.Add(Event{Bytes: &Bytes{From: Server, Count: 300, Head: []byte(strings.Repeat("x", MaxHead-8) + "correct-horse-Lab-42")}})
	kept := r.Snapshot().Events
	if got, want := kept[0].Reply.Text[0], "you said "+smtp.Masked; got != want {
		t.Errorf("a reply that nobody asked for: %q, want %q", got, want)
	}
	if got := string(kept[1].Bytes.Head); len(got) > MaxHead || strings.Contains(got, "correct") {
		t.Errorf("octets outside the dialogue: %d of them, %q", len(got), got[max(0, len(got)-20):])
	}
}

func TestFileIsHarmless(t *testing.T) {
	text := "a\x7fb\u009bc\u202ed\u2066\te\x1b[2J é"
	rec := &Record{Schema: Schema, Traces: []Trace{{ID: "t1", Events: []Event{{Note: &Note{Text: text}}}}}}
	var b bytes.Buffer
	if err := Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
		t.Errorf("the file holds a raw %q", b.String()[i:i+1])
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Traces[0].Events[0].Note.Text != text {
		t.Errorf("read again it is %q", got.Traces[0].Events[0].Note.Text)
	}
}
