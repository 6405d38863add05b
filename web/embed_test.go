package web

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
)

// What is served has the places that the server fills in, whether the app was built or not:
// without them the page would have no base path, and its policy would forbid its own script.
func TestPlacesForTheServer(t *testing.T) {
	check := func(name string, files fs.FS) {
		t.Helper()
		page, err := fs.ReadFile(files, "index.html")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := bytes.Count(page, []byte(`<base href="./">`)); n != 1 {
			t.Errorf("%s: index.html has %d places for the base path, want 1", name, n)
		}
		for _, tag := range []string{"<script", "<style"} {
			for _, rest := range strings.Split(string(page), tag)[1:] {
				if head, _, _ := strings.Cut(rest, ">"); !strings.Contains(head, `nonce="__CSP_NONCE__"`) {
					t.Errorf("%s: %s%s> has no place for the nonce", name, tag, head)
				}
			}
		}
		if bytes.Contains(page, []byte("style=")) || bytes.Contains(page, []byte("onclick=")) {
			t.Errorf("%s: index.html has inline styles or handlers, which the policy forbids", name)
		}
	}
	placeholder, err := fs.Sub(files, "placeholder")
	if err != nil {
		t.Fatal(err)
	}
	check("placeholder", placeholder)
	check("FS", FS())
}

// The app is served if and only if it was built.
func TestBuilt(t *testing.T) {
	page, err := fs.ReadFile(FS(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if says := bytes.Contains(page, []byte("This build has no web app")); says == Built() {
		t.Errorf("Built() = %v, and the page says that there is no app: %v", Built(), says)
	}
	if Built() {
		assets, err := fs.ReadDir(FS(), "assets")
		if err != nil || len(assets) == 0 {
			t.Errorf("a built app has %d assets, %v", len(assets), err)
		}
	}
}
