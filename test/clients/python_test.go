package clients

import (
	"path/filepath"
	"strconv"
	"testing"
)

// What the OpenTelemetry SDK for Python sends is there whole.
func TestPythonSDK(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	dir := installed(t, "python", []string{"requirements.txt"}, nil,
		[]string{"python3", "-m", "venv", "venv"},
		[]string{"venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "-r", "requirements.txt"})
	for _, tr := range []transport{{"grpc", ""}, {"grpc", "gzip"}, {"http/protobuf", ""}, {"http/protobuf", "gzip"}, {"http/protobuf", "deflate"}} {
		t.Run(tr.String(), func(t *testing.T) {
			service, base := "python-"+tr.String(), newBase()
			out := run(t, tr.environ(service), filepath.Join(dir, "venv/bin/python"), "python/send.py", strconv.FormatInt(base, 10))
			checkStory(t, parseRefs(t, out), base, service, "python")
		})
	}
}
