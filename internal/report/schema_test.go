package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// conform checks a value against the part of JSON Schema that docs/report.schema.json uses. A keyword that it does not
// know is an error, so that the schema cannot promise what is not checked.
func conform(root, schema map[string]any, v any, at string) []string {
	var bad []string
	fail := func(format string, args ...any) { bad = append(bad, at+": "+fmt.Sprintf(format, args...)) }
	for key, arg := range schema {
		switch key {
		case "$schema", "title", "description", "$defs":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			def, ok := root["$defs"].(map[string]any)[name].(map[string]any)
			if !ok {
				fail("no definition %q", name)
				continue
			}
			bad = append(bad, conform(root, def, v, at)...)
		case "const":
			if v != arg {
				fail("%v, want %v", v, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				fail("%q is none of %v", v, arg)
			}
		case "type":
			if !isType(v, arg) {
				fail("%T, want %v", v, arg)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < arg.(float64) {
				fail("%v is below %v", n, arg)
			}
		case "maximum":
			if n, ok := v.(float64); ok && n > arg.(float64) {
				fail("%v is above %v", n, arg)
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				bad = append(bad, conform(root, arg.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		case "required":
			if o, ok := v.(map[string]any); ok {
				for _, name := range arg.([]any) {
					if _, ok := o[name.(string)]; !ok {
						fail("no key %q", name)
					}
				}
			}
		case "properties", "additionalProperties":
			if key == "properties" {
				bad = append(bad, conformKeys(root, schema, v, at)...)
			}
		default:
			fail("the schema has a keyword %q that this test does not check", key)
		}
	}
	return bad
}

func conformKeys(root, schema map[string]any, v any, at string) []string {
	var bad []string
	o, _ := v.(map[string]any)
	for name, value := range o {
		sub, known := schema["properties"].(map[string]any)[name].(map[string]any)
		if known {
			bad = append(bad, conform(root, sub, value, at+"."+name)...)
		} else if schema["additionalProperties"] == false {
			bad = append(bad, at+": unknown key "+name)
		}
	}
	return bad
}

func isType(v, want any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(w any) bool { return isType(v, w) })
	}
	switch v := v.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	}
	return false
}

func readSchema(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("../../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchema(t *testing.T) {
	schema := readSchema(t)
	rec, d := blocklisted(t)
	var b bytes.Buffer
	if err := JSON(&b, rec, d); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, bad := range conform(schema, schema, doc, "report") {
		t.Error(bad)
	}
	// What the check must catch.
	for name, spoil := range map[string]func(map[string]any){
		"a null array":   func(m map[string]any) { m["guidance"] = nil },
		"a missing key":  func(m map[string]any) { delete(m, "cannot_know") },
		"an unknown key": func(m map[string]any) { m["extra"] = 1.0 },
		"a wrong status": func(m map[string]any) {
			m["paths"].([]any)[0].(map[string]any)["steps"].([]any)[0].(map[string]any)["status"] = "fine"
		},
		"a wrong schema":   func(m map[string]any) { m["schema"] = "smtptriage/report/v2" },
		"a fraction":       func(m map[string]any) { m["took_ms"] = 1.5 },
		"a wrong deep key": func(m map[string]any) { m["verdict"].(map[string]any)["because"].([]any)[0].(map[string]any)["x"] = "" },
	} {
		var spoiled map[string]any
		if err := json.Unmarshal(b.Bytes(), &spoiled); err != nil {
			t.Fatal(err)
		}
		spoil(spoiled)
		if len(conform(schema, schema, spoiled, "report")) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
