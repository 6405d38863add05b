package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// schema is the part of OpenAPI's schema objects that our file uses.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       string            `yaml:"type"`
	Enum       []string          `yaml:"enum"`
	Pattern    string            `yaml:"pattern"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
	MaxItems   *int              `yaml:"maxItems"`
	Minimum    *float64          `yaml:"minimum"`
	Maximum    *float64          `yaml:"maximum"`
	Open       bool              `yaml:"additionalProperties"`
	AnyType    string            `yaml:"x-go-type"`
	Example    any               `yaml:"example"`
}

type openAPI struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct {
				Schema  schema `yaml:"schema"`
				Example any    `yaml:"example"`
			} `yaml:"content"`
		} `yaml:"responses"`
	} `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

func readOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The parameters of a path stand beside its methods and have another shape.
	text = regexp.MustCompile(`(?m)^    parameters:\n(      - .*\n)+`).ReplaceAll(text, nil)
	var doc openAPI
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// check reports where v is not what s says.
func (d *openAPI) check(at string, s schema, v any) []string {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		target, ok := d.Components.Schemas[name]
		if !ok {
			return []string{at + ": no schema " + name}
		}
		return d.check(at, target, v)
	}
	wrong := func(what string) []string { return []string{fmt.Sprintf("%s: %v %s", at, v, what)} }
	switch s.Type {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return wrong("is no object")
		}
		var out []string
		for _, k := range s.Required {
			if _, ok := m[k]; !ok {
				out = append(out, at+": lacks "+k)
			}
		}
		for k, e := range m {
			p, ok := s.Properties[k]
			if !ok && !s.Open {
				out = append(out, at+": has "+k+", which is not described")
			}
			if ok {
				out = append(out, d.check(at+"."+k, p, e)...)
			}
		}
		return out
	case "array":
		list, ok := v.([]any)
		if !ok {
			return wrong("is no array")
		}
		var out []string
		for i, e := range list {
			out = append(out, d.check(fmt.Sprintf("%s[%d]", at, i), *s.Items, e)...)
		}
		if s.MaxItems != nil && len(list) > *s.MaxItems {
			out = append(out, fmt.Sprintf("%s: %d items, at most %d", at, len(list), *s.MaxItems))
		}
		return out
	case "string":
		text, ok := v.(string)
		switch {
		case !ok:
			return wrong("is no string")
		case s.Enum != nil && !slices.Contains(s.Enum, text):
			return wrong("is not one of " + fmt.Sprint(s.Enum))
		case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text):
			return wrong("does not match " + s.Pattern)
		}
	case "integer", "number":
		n, ok := v.(float64)
		switch {
		case !ok:
			return wrong("is no number")
		case s.Type == "integer" && n != float64(int64(n)):
			return wrong("is no integer")
		case s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum:
			return wrong("is out of range")
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong("is no boolean")
		}
	case "":
		if s.AnyType == "" {
			return wrong("has a schema without a type")
		}
	}
	return nil
}

// The golden answers are what the OpenAPI file describes, no member more or less; the
// web's types are made from the same file.
func TestAnswersMatchOpenAPI(t *testing.T) {
	doc := readOpenAPI(t)
	f := func(path, status, mediaType string, names ...string) {
		t.Helper()
		s := doc.Paths[path]["get"].Responses[status].Content[mediaType].Schema
		if s.Ref == "" && s.Type == "" {
			s = schema{Ref: "#/components/schemas/Problem"}
		}
		for _, name := range names {
			text, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				t.Fatal(err)
			}
			for _, problem := range doc.check(name, s, v) {
				t.Error(problem)
			}
		}
	}
	const js = "application/json"
	f("/search", "200", js, "search", "search-preview", "search-empty")
	f("/heatmap", "200", js, "heatmap")
	f("/traces/{id}", "200", js, "trace")
	f("/traces/{id}/card", "200", js, "card", "card-answer", "card-healthy", "card-fragment")
	f("/traces/{id}/spans/{span_id}", "200", js, "span", "span-linking")
	f("/services", "200", js, "services")
	f("/operations", "200", js, "operations")
	f("/attributes/keys", "200", js, "keys")
	f("/attributes/values", "200", js, "values")
	f("/complete", "200", js, "complete")
	f("/refused", "200", js, "refused")
	f("/status", "200", js, "status")
	f("/session", "200", js, "session")
	f("/search", "400", "application/problem+json", "problem-query", "problem-not-found")
}

// The examples in the file are right too: people copy them.
func TestOpenAPIExamples(t *testing.T) {
	doc := readOpenAPI(t)
	n := 0
	f := func(name string, s schema, example any) {
		t.Helper()
		n++
		text, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		for _, problem := range doc.check(name, s, v) {
			t.Error(problem)
		}
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for status, resp := range op.Responses {
				if c, ok := resp.Content["application/json"]; ok && c.Example != nil {
					f(method+" "+path+" "+status, c.Schema, c.Example)
				}
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		if s.Example != nil {
			f(name, s, s.Example)
		}
	}
	if n < 12 {
		t.Errorf("only %d examples were found", n)
	}
}
