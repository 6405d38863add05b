package api_test

import (
	"encoding/json"
	"testing"

	"github.com/weft-dev/weft/internal/server/api"
)

// The audit log comes in pages that join without a gap and without a repeated entry; what is
// no page or no limit is refused.
func TestAuditPages(t *testing.T) {
	w := newWorld(t)
	type answerOf struct {
		Entries  []api.AuditEntry `json:"entries"`
		NextPage string           `json:"next_page"`
	}
	read := func(query string) (out answerOf) {
		t.Helper()
		a := w.get("/audit" + query)
		if a.StatusCode != 200 {
			t.Fatalf("%s: %s %s", query, a.Status, a.body)
		}
		if err := json.Unmarshal(a.body, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if first := read(""); len(first.Entries) != 100 || first.NextPage == "" {
		t.Errorf("by default %d entries, next %q", len(first.Entries), first.NextPage)
	}
	seen, pages := map[string]bool{}, 0
	for next := ""; pages == 0 || next != ""; pages++ {
		query := "?limit=60"
		if next != "" {
			query += "&page=" + next
		}
		page := read(query)
		for _, e := range page.Entries {
			if seen[e.Object] || e.Tenant != "default" {
				t.Errorf("page %d: entry %+v", pages, e)
			}
			seen[e.Object] = true
		}
		next = page.NextPage
	}
	if len(seen) != 250 || pages != 5 {
		t.Errorf("%d entries on %d pages, want 250 on 5", len(seen), pages)
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?limit=x", "?page=x", "?page=-1"} {
		w.refuses(w.get("/audit"+query), 400, "bad_request")
	}
}
