package report

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// thrice is the record of a check that was made three times, once ended by the user.
func thrice(t *testing.T) *evidence.Record {
	t.Helper()
	one, _ := blocklisted(t)
	two, three := *one, *one
	two.Started = one.Started.Add(time.Minute)
	three.Started, three.Traces, three.Runs = one.Started.Add(2*time.Minute), nil, nil
	three.Interrupted = evidence.ByUser
	return evidence.Join([]*evidence.Record{one, &two, &three})
}

func TestSeriesReports(t *testing.T) {
	rec := thrice(t)
	s := diagnose.DiagnoseSeries(rec)
	var table, text bytes.Buffer
	if err := SeriesTable(&table, &s); err != nil {
		t.Fatal(err)
	}
	golden(t, "series.txt", table.String())
	if err := SeriesText(&text, &s, Options{}); err != nil {
		t.Fatal(err)
	}
	shown, d := s.Shown()
	var single bytes.Buffer
	if err := Text(&single, shown, &d, Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text.String(), table.String()) || !strings.HasSuffix(text.String(), single.String()) {
		t.Errorf("it is not the table and the report on a run:\n%s", text.String())
	}

	var b bytes.Buffer
	if err := SeriesJSON(&b, &s); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	schema := readSchema(t)
	for _, bad := range conform(schema, schema, doc, "report") {
		t.Error(bad)
	}
	if n := len(doc["runs"].([]any)); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
	if got := doc["runs"].([]any)[2].(map[string]any)["counted"]; got != false {
		t.Errorf("the run that the user ended counts: %v", got)
	}
}

func TestSeriesBundle(t *testing.T) {
	rec := thrice(t)
	s := diagnose.DiagnoseSeries(rec)
	var b bytes.Buffer
	if err := SeriesBundle(&b, rec, &s, ForAnyone); err != nil {
		t.Fatal(err)
	}
	files := unzip(t, b.Bytes())
	whole, err := evidence.Read(strings.NewReader(files["evidence.json"]))
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Rounds) != 3 {
		t.Errorf("the evidence has %d rounds, want 3", len(whole.Rounds))
	}
	for name, want := range map[string]string{"runs.txt": s.Summary, "report.txt": s.Summary, "report.json": `"runs": [`, "report.md": "Steady"} {
		if !strings.Contains(strings.Join(strings.Fields(files[name]), " "), want) {
			t.Errorf("%s does not say %q:\n%s", name, want, files[name])
		}
	}
}

func unzip(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	return files
}
