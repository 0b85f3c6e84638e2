package governance

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/writ-project/writ/internal/store"
)

// A backup is a tar, compressed with zstd, of
//
//	log/SHARD/…               the audit log's files, as at one moment
//	store/TABLE/000000.jsonl  every table of the store, as of one revision, in parts
//	manifest.json             what there is, with digests; the last file
//
// It holds keys wrapped by the key-encryption key, and never that key itself.

// backupFormat is the first thing that a manifest says.
const backupFormat = "writ backup v1"

const (
	manifestName = "manifest.json"
	partSize     = 4 << 20 // of a table, before a next part begins
	// maxPart and maxManifest bound what is read of a file.
	maxPart     = 1 << 30
	maxManifest = 64 << 20
	maxFiles    = 2_000_000
)

// BackupManifest says what a backup holds.
type BackupManifest struct {
	Format     string       `json:"format"`
	Created    time.Time    `json:"created"`
	Version    string       `json:"version"`  // of the release that wrote it
	Schema     int          `json:"schema"`   // of the store
	Revision   int64        `json:"revision"` // of the store
	Instance   string       `json:"instance"` // the installation's id
	Shard      string       `json:"shard"`    // of the log that the backup holds
	Checkpoint string       `json:"checkpoint"`
	Files      []BackupFile `json:"files"`
}

// BackupFile is one file of a backup.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
}

// archiver writes a backup.
type archiver struct {
	zip      *zstd.Encoder
	tar      *tar.Writer
	manifest BackupManifest

	table string // that part is of
	part  bytes.Buffer
	parts int
}

func newArchiver(w io.Writer) (*archiver, error) {
	zip, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &archiver{zip: zip, tar: tar.NewWriter(zip)}, nil
}

func (a *archiver) put(name string, data []byte) error {
	sum := sha256.Sum256(data)
	a.manifest.Files = append(a.manifest.Files, BackupFile{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	return a.write(name, data)
}

func (a *archiver) write(name string, data []byte) error {
	h := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o600, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := a.tar.Write(data)
	return err
}

// row adds a row of a table to the part that is open.
func (a *archiver) row(table string, line []byte) error {
	if table != a.table || a.part.Len()+len(line) > partSize {
		if err := a.flush(); err != nil {
			return err
		}
		if table != a.table {
			a.table, a.parts = table, 0
		}
	}
	a.part.Write(line)
	a.part.WriteByte('\n')
	return nil
}

func (a *archiver) flush() error {
	if a.part.Len() == 0 {
		return nil
	}
	name := fmt.Sprintf("store/%s/%06d.jsonl", a.table, a.parts)
	a.parts++
	err := a.put(name, a.part.Bytes())
	a.part.Reset()
	return err
}

// finish writes the manifest and ends the file.
func (a *archiver) finish() error {
	text, err := json.MarshalIndent(a.manifest, "", " ")
	if err != nil {
		return err
	}
	if err := a.write(manifestName, append(text, '\n')); err != nil {
		return err
	}
	return errors.Join(a.tar.Close(), a.zip.Close())
}

// ReadBackup unpacks a backup into a directory, which must be empty, and compares
// every file with the manifest. It believes nothing of what it reads: names that
// are not those of a backup, links, files twice, and whatever comes after the
// manifest are errors. What it says of the log and the store is for others to check.
func ReadBackup(ctx context.Context, r io.Reader, dir string) (BackupManifest, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return BackupManifest{}, fmt.Errorf("reading the backup: %w", err)
	}
	defer zip.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return BackupManifest{}, err
	}
	m, err := unpack(ctx, tar.NewReader(zip), root)
	if err == nil {
		_, err = io.Copy(io.Discard, zip) // so that a cut end is found
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return BackupManifest{}, fmt.Errorf("reading the backup: %w", err)
	}
	return m, nil
}

func unpack(ctx context.Context, in *tar.Reader, root *os.Root) (BackupManifest, error) {
	found := make(map[string]BackupFile)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return BackupManifest{}, errors.New("it has no manifest: it was cut short")
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return BackupManifest{}, err
		}
		if h.Name == manifestName {
			return unpackManifest(in, h, found)
		}
		if _, twice := found[h.Name]; twice || len(found) >= maxFiles {
			return BackupManifest{}, fmt.Errorf("%q is there twice, or there are too many files", h.Name)
		}
		if found[h.Name], err = unpackFile(in, h, root); err != nil {
			return BackupManifest{}, err
		}
	}
}

// backupName is every name that a file of a backup can have.
var backupName = regexp.MustCompile(`^(log/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/(key|checkpoint|tail/[0-9]{20}|tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[0-9]{1,3})?)|store/[a-z_]{1,40}/[0-9]{6,9}\.jsonl)$`)

func unpackFile(in io.Reader, h *tar.Header, root *os.Root) (BackupFile, error) {
	if !backupName.MatchString(h.Name) || h.Typeflag != tar.TypeReg || h.Size > maxPart {
		return BackupFile{}, fmt.Errorf("%q is no file of a backup", h.Name)
	}
	if err := root.MkdirAll(path.Dir(h.Name), 0o700); err != nil {
		return BackupFile{}, err
	}
	f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return BackupFile{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), in)
	if err == nil {
		err = f.Sync()
	}
	return BackupFile{Name: h.Name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, errors.Join(err, f.Close())
}

func unpackManifest(in *tar.Reader, h *tar.Header, found map[string]BackupFile) (BackupManifest, error) {
	var m BackupManifest
	if h.Size > maxManifest {
		return m, errors.New("its manifest is too long")
	}
	dec := json.NewDecoder(in)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("its manifest: %w", err)
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("it is %q: this release reads %q", m.Format, backupFormat)
	}
	for _, want := range m.Files {
		got, ok := found[want.Name]
		if !ok || got != want {
			return m, fmt.Errorf("%s is missing, or not as the manifest has it", want.Name)
		}
		delete(found, want.Name)
	}
	for name := range found {
		return m, fmt.Errorf("%s is not in the manifest", name)
	}
	if _, err := in.Next(); !errors.Is(err, io.EOF) {
		return m, errors.New("something comes after its manifest")
	}
	return m, m.sound()
}

// sound reports what no backup that Writ wrote says.
func (m *BackupManifest) sound() error {
	schema, err := store.Schema()
	switch {
	case err != nil:
		return err
	case m.Schema != schema:
		return fmt.Errorf("its store has schema %d and this release knows %d: restore it with release %s, then start this one on it", m.Schema, schema, m.Version)
	case m.Shard == "" || m.Instance == "" || !slices.ContainsFunc(m.Files, func(f BackupFile) bool { return f.Name == m.LogDir()+"/checkpoint" }):
		return errors.New("its manifest names no log")
	}
	return nil
}

// LogDir is where the log's files are in an unpacked backup.
func (m *BackupManifest) LogDir() string { return "log/" + m.Shard }

// FillStore puts an unpacked backup's tables into an empty store, all or nothing.
func (m *BackupManifest) FillStore(ctx context.Context, db *store.DB, dir string) error {
	f, err := db.Fill(ctx)
	if err != nil {
		return err
	}
	for _, file := range m.Files { // in the order of tables and parts, as written
		table, ok := strings.CutPrefix(path.Dir(file.Name), "store/")
		if !ok {
			continue
		}
		if err := fillPart(ctx, f, table, filepath.Join(dir, filepath.FromSlash(file.Name))); err != nil {
			return errors.Join(err, f.Drop())
		}
	}
	return f.Done(ctx)
}

func fillPart(ctx context.Context, f *store.Filling, name, file string) error {
	table, ok := store.TableOf(name)
	if !ok {
		return fmt.Errorf("the store has no table %q", name)
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(f.Rows(ctx, table, in), in.Close())
}

// BackupLog is the log of an unpacked backup.
func (m *BackupManifest) BackupLog(dir string) fs.FS {
	return os.DirFS(filepath.Join(dir, filepath.FromSlash(m.LogDir())))
}
