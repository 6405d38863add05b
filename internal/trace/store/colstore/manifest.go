package colstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
)

// formatVersion is the version of the folder as a whole. 1: November 2026, the first.
const formatVersion = 1

const manifestName = "MANIFEST"

// manifest is the content of MANIFEST: what exists. A part folder it does not name is
// left over from a crash and is removed at open.
type manifest struct {
	Format   int            `json:"format"`
	NextPart uint64         `json:"next_part"`
	Parts    []manifestPart `json:"parts"` // ordered by first arrival
	Flushed  positions      `json:"flushed"`
	Deleted  []tombstone    `json:"deleted,omitempty"`
}

type manifestPart struct {
	Name string `json:"name"`
	Kept bool   `json:"kept,omitempty"` // holds kept traces only; retention passes it over
}

// tombstone hides a deleted trace and refuses its spans until RefuseDeleted after At.
type tombstone struct {
	Tenant string    `json:"tenant"`
	ID     string    `json:"trace_id"`
	At     time.Time `json:"at"`
	// Purged: the bytes have left the parts.
	Purged bool `json:"purged,omitempty"`
}

func (t tombstone) key() (TraceKey, error) {
	id, err := span.ParseTraceID(t.ID)
	return TraceKey{t.Tenant, id}, err
}

// FormatError says that a folder was written by another version of Weft.
type FormatError struct {
	Dir         string
	Have, Known int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("open store %s: the folder has format %d, this Weft knows formats up to %d", e.Dir, e.Have, e.Known)
}

// readManifest returns the manifest of dir; a missing one is that of an empty store.
func readManifest(fsys vfs.FS, dir string) (*manifest, error) {
	name := path.Join(dir, manifestName)
	data, err := readFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return &manifest{Format: formatVersion, NextPart: 1}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	// The last line is the checksum of what stands before it.
	const sumLen = 17
	if len(data) < sumLen || fmt.Sprintf("%016x\n", xxh3.Hash(data[:len(data)-sumLen])) != string(data[len(data)-sumLen:]) {
		return nil, fmt.Errorf("read %s: checksum mismatch", name)
	}
	var m manifest
	if err := json.Unmarshal(data[:len(data)-sumLen], &m); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if m.Format > formatVersion {
		return nil, &FormatError{Dir: dir, Have: m.Format, Known: formatVersion}
	}
	return &m, nil
}

// writeManifest replaces the manifest; it is durable when writeManifest returns.
func writeManifest(fsys vfs.FS, dir string, m *manifest) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	data = append(data, '\n')
	data = fmt.Appendf(data, "%016x\n", xxh3.Hash(data))
	name := path.Join(dir, manifestName)
	if err := writeFile(fsys, name+".new", data); err != nil {
		return err
	}
	if err := fsys.Rename(name+".new", name); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

func writeFile(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
