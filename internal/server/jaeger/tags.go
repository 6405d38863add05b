package jaeger

import (
	"encoding/json"
	"strconv"
	"strings"
)

// parseTags reads the tags of a search: a JSON object of text, as Jaeger's UI and Grafana
// send it, or logfmt, as people type it.
func parseTags(text string) ([]tag, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return parseTagsJSON(text)
	}
	return parseLogfmt(text)
}

// parseTagsJSON keeps the order of the text, so that equal searches look alike in a log.
func parseTagsJSON(text string) ([]tag, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return nil, badRequest("tags: %v", err)
	}
	var out []tag
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, badRequest("tags: %v", err)
		}
		value, err := dec.Token()
		if err != nil {
			return nil, badRequest("tags: %v", err)
		}
		t := tag{Key: key.(string)}
		switch v := value.(type) {
		case string:
			t.Value = v
		case json.Number:
			t.Value = v.String()
		case bool:
			t.Value = strconv.FormatBool(v)
		default:
			return nil, badRequest("tags: the value of %q is not text", t.Key)
		}
		out = append(out, t)
	}
	if _, err := dec.Token(); err != nil || dec.More() {
		return nil, badRequest("tags: want one JSON object")
	}
	return out, nil
}

// parseLogfmt reads key=value pairs; quotes keep spaces, and a key alone means true.
func parseLogfmt(text string) ([]tag, error) {
	var out []tag
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		end := strings.IndexAny(text, "= \t")
		if end == 0 {
			return nil, badRequest("tags: a value without a key")
		}
		if end < 0 {
			end = len(text)
		}
		t := tag{Key: text[:end], Value: "true"}
		text = text[end:]
		if strings.HasPrefix(text, "=") {
			text = text[1:]
			if strings.HasPrefix(text, `"`) {
				quoted, err := strconv.QuotedPrefix(text)
				if err != nil {
					return nil, badRequest("tags: the value of %s has no closing quote", t.Key)
				}
				if t.Value, err = strconv.Unquote(quoted); err != nil {
					return nil, badRequest("tags: the value of %s: %v", t.Key, err)
				}
				text = text[len(quoted):]
			} else {
				end := strings.IndexAny(text, " \t")
				if end < 0 {
					end = len(text)
				}
				t.Value, text = text[:end], text[end:]
			}
		}
		out = append(out, t)
	}
	return out, nil
}
