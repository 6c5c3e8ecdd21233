package evidence

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const formatPage = "../../docs/evidence.md"

const formatHead = `# The evidence file

<!-- Printed from the types of internal/evidence by its tests; edit their comments, not this page. -->

What ` + "`smtptriage check --evidence FILE`" + ` saves and ` + "`smtptriage analyze FILE`" + ` judges again: everything that was seen, and no conclusion. It is one
JSON document, a Record. Keys that are left out have the zero value of their type. Within a version of the schema keys are only
added, so a reader ignores those that it does not know.

Passwords and tokens never get into it: what a client sends after AUTH is recorded as ` + "`[masked]`" + `. Names and
addresses do; ` + "`--redact`" + ` replaces the customer's.

Times within a trace are nanoseconds since its start. An event has its time and exactly one of the keys that say what it is.
`

// TestFormatPage keeps docs/evidence.md as the types are: one section a type, the Record first, the others as they are met.
func TestFormatPage(t *testing.T) {
	page := newFormatWriter(t).write("evidence.Record")
	if *update {
		if err := os.WriteFile(formatPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(formatPage)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), page); d != "" {
		t.Errorf("%s is stale; make docs rewrites it (-there +printed)\n%s", formatPage, d)
	}
	// Each kind of event must be there, whatever the writer thinks of its type.
	v := reflect.TypeFor[Event]()
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
		if !strings.Contains(page, "| `"+key+"` |") {
			t.Errorf("the page has no key %q of an event", key)
		}
	}
}

// A formatWriter prints the types that a Record is made of, from their source.
type formatWriter struct {
	t      *testing.T
	types  map[string]*typeSource // by package.Name
	asText map[string]bool        // types that write themselves as text
	consts map[string][]string    // values of string types
	queue  []string
	b      bytes.Buffer
}

type typeSource struct {
	pkg  string
	doc  string
	spec *ast.TypeSpec
}

func newFormatWriter(t *testing.T) *formatWriter {
	w := &formatWriter{t: t, types: map[string]*typeSource{}, asText: map[string]bool{}, consts: map[string][]string{}}
	for _, pkg := range []string{"evidence", "smtp", "tlswire", "cause"} {
		files, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no source of %s: %v", pkg, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				w.declare(pkg, d)
			}
		}
	}
	return w
}

func (w *formatWriter) declare(pkg string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && d.Name.Name == "MarshalText" {
			w.asText[pkg+"."+exprText(d.Recv.List[0].Type)] = true
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				w.types[pkg+"."+s.Name.Name] = &typeSource{pkg, d.Doc.Text(), s}
			case *ast.ValueSpec:
				if d.Tok == token.CONST && s.Type != nil && len(s.Values) == 1 {
					if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						value, _ := strconv.Unquote(lit.Value)
						key := pkg + "." + exprText(s.Type)
						w.consts[key] = append(w.consts[key], item(value, s.Comment.Text()))
					}
				}
			}
		}
	}
}

func item(value, comment string) string {
	if comment = oneLine(comment); comment != "" {
		comment = ": " + comment
	}
	return fmt.Sprintf("- `%q`%s", value, comment)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cell makes text stand in a table.
func cell(s string) string { return strings.ReplaceAll(oneLine(s), "|", `\|`) }

func (w *formatWriter) write(first string) string {
	w.b.WriteString(formatHead)
	w.queue = []string{first}
	for i := 0; i < len(w.queue); i++ {
		w.section(w.queue[i])
	}
	return w.b.String()
}

// section prints one type.
func (w *formatWriter) section(name string) {
	src := w.types[name]
	fmt.Fprintf(&w.b, "\n## %s\n\n", title(name))
	if doc := oneLine(src.doc); doc != "" {
		fmt.Fprintf(&w.b, "%s\n\n", plainDoc.ReplaceAllString(doc, "$1"))
	}
	s, ok := src.spec.Type.(*ast.StructType)
	if !ok {
		fmt.Fprintln(&w.b, strings.Join(w.consts[name], "\n"))
		return
	}
	w.b.WriteString("| key | value | meaning |\n| --- | --- | --- |\n")
	w.fields(src.pkg, s)
}

// plainDoc is a link in a Go doc comment.
var plainDoc = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

func (w *formatWriter) fields(pkg string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 { // embedded: its keys are the type's own
			if src := w.types[qualified(pkg, exprText(f.Type))]; src != nil {
				w.fields(src.pkg, src.spec.Type.(*ast.StructType))
			}
			continue
		}
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		key, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if key == "-" || key == "" {
			continue
		}
		meaning := oneLine(f.Comment.Text())
		if doc := oneLine(f.Doc.Text()); doc != "" {
			meaning = strings.TrimPrefix(meaning+"; "+doc, "; ")
		}
		value := w.value(pkg, f.Type)
		if strings.Contains(options, "omit") {
			value += ", optional"
		}
		fmt.Fprintf(&w.b, "| `%s` | %s | %s |\n", key, value, cell(meaning))
	}
}

// scalars are types of others, and how JSON has them.
var scalars = map[string]string{
	"string": "string", "bool": "boolean", "int": "integer", "int64": "integer", "uint8": "integer", "uint16": "integer", "uint32": "integer", "[]byte": "string, base64",
	"time.Time": "string, RFC 3339", "time.Duration": "integer, nanoseconds", "netip.Addr": "string, IP address", "netip.AddrPort": "string, address:port",
	"cause.ID": "string, an id of [causes.md](causes.md)",
}

// value says what JSON has for a type, and puts types with sections of their own in the queue.
func (w *formatWriter) value(pkg string, e ast.Expr) string {
	text := exprText(e)
	if s, ok := scalars[text]; ok {
		return s
	}
	switch e := e.(type) {
	case *ast.StarExpr:
		return w.value(pkg, e.X)
	case *ast.ArrayType:
		return "array of " + w.value(pkg, e.Elt)
	}
	name := qualified(pkg, text)
	src := w.types[name]
	if src == nil {
		w.t.Errorf("the page can't tell what %s is in JSON", name)
		return "?"
	}
	if w.asText[name] {
		return "string"
	}
	if _, ok := src.spec.Type.(*ast.StructType); !ok && len(w.consts[name]) == 0 {
		return w.value(src.pkg, src.spec.Type)
	}
	if !slices.Contains(w.queue, name) {
		w.queue = append(w.queue, name)
	}
	return fmt.Sprintf("[%s](#%s)", title(name), strings.ToLower(strings.ReplaceAll(title(name), ".", "")))
}

// title is the name of a type's section: those of other packages have their package's before it.
func title(name string) string { return strings.TrimPrefix(name, "evidence.") }

func qualified(pkg, name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return pkg + "." + name
}

func exprText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return exprText(e.X)
	case *ast.SelectorExpr:
		return exprText(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + exprText(e.Elt)
	}
	return ""
}
