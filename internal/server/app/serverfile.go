package app

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ServerFile is how commands on this machine reach the server that has a data folder open:
// whoever may read the folder may act as its owner. It is of use only while the folder is
// locked; a crash leaves one behind.
type ServerFile struct {
	URL    string `json:"url"`
	Secret string `json:"secret"` // new at each start
	PID    int    `json:"pid"`
}

func serverFile(data string) string { return filepath.Join(data, "server.json") }

// ReadServerFile reads the file of a data folder; fs.ErrNotExist if there is none.
func ReadServerFile(data string) (ServerFile, error) {
	var f ServerFile
	text, err := os.ReadFile(serverFile(data))
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return ServerFile{}, fmt.Errorf("find the server of %s: %w", data, err)
	}
	return f, nil
}

// announce writes the file, for this user only, and returns its secret. It is not synced:
// after a crash nobody needs it.
func announce(data, url string) (secret string, err error) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it aborts the program instead
	f := ServerFile{URL: url, Secret: "local_" + hex.EncodeToString(b), PID: os.Getpid()}
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	// Removed first, because writing keeps the permissions of a file that is there.
	if err := retract(data); err != nil {
		return "", err
	}
	if err := os.WriteFile(serverFile(data), append(text, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("say where the server is: %w", err)
	}
	return f.Secret, nil
}

func retract(data string) error {
	if err := os.Remove(serverFile(data)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
