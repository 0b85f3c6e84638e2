package governance

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/writ-project/writ/internal/store/storetest"
)

// member is a file of an archive.
type member struct {
	tar.Header
	data []byte
}

func membersOf(t *testing.T, backup []byte) (out []member) {
	t.Helper()
	zip, err := zstd.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	in := tar.NewReader(zip)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, member{*h, data})
	}
}

func packed(t testing.TB, all []member) []byte {
	t.Helper()
	var b bytes.Buffer
	zip, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	out := tar.NewWriter(zip)
	for _, m := range all {
		m.Size = int64(len(m.data))
		if m.Typeflag != tar.TypeReg {
			m.Size = 0
		}
		if err := out.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if m.Typeflag == tar.TypeReg {
			if _, err := out.Write(m.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, data string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600}, []byte(data)}
}

func TestABrokenBackupIsRefused(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	good := membersOf(t, h.backedUp(t))
	last := len(good) - 1
	manifest := func(change func(*BackupManifest)) func([]member) []member {
		return func(all []member) []member {
			var m BackupManifest
			if err := json.Unmarshal(all[last].data, &m); err != nil {
				t.Fatal(err)
			}
			change(&m)
			all[last].data, _ = json.Marshal(m)
			return all
		}
	}
	insert := func(m member) func([]member) []member {
		return func(all []member) []member { return append([]member{m}, all...) }
	}
	for name, c := range map[string]struct {
		change func([]member) []member
		want   string
	}{
		"a changed row": {func(all []member) []member {
			for i := range all {
				if strings.HasPrefix(all[i].Name, "store/resources/") {
					all[i].data = bytes.Replace(all[i].data, []byte("prod"), []byte("test"), 1)
				}
			}
			return all
		}, "not as the manifest has it"},
		"a missing file":         {func(all []member) []member { return all[1:] }, "missing"},
		"no manifest":            {func(all []member) []member { return all[:last] }, "cut short"},
		"a file that is not in":  {insert(file("store/salts/000009.jsonl", "{}")), "not in the manifest"},
		"a file twice":           {func(all []member) []member { return append([]member{all[0]}, all...) }, "twice"},
		"something afterwards":   {func(all []member) []member { return append(all, all[0]) }, "after its manifest"},
		"a way out":              {insert(file("log/../../out", "x")), "no file of a backup"},
		"another way out":        {insert(file("/etc/passwd", "x")), "no file of a backup"},
		"a shard that goes up":   {insert(file("log/..//key", "x")), "no file of a backup"},
		"a link":                 {insert(member{tar.Header{Name: "log/0/key", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, nil}), "no file of a backup"},
		"a directory":            {insert(member{tar.Header{Name: "log/0", Typeflag: tar.TypeDir}, nil}), "no file of a backup"},
		"another format":         {manifest(func(m *BackupManifest) { m.Format = "writ backup v2" }), "this release reads"},
		"another schema":         {manifest(func(m *BackupManifest) { m.Schema++ }), "schema"},
		"no shard":               {manifest(func(m *BackupManifest) { m.Shard = "" }), "names no log"},
		"a shard that is not in": {manifest(func(m *BackupManifest) { m.Shard = "1" }), "names no log"},
	} {
		t.Run(name, func(t *testing.T) {
			all := make([]member, len(good))
			for i, m := range good {
				all[i] = member{m.Header, bytes.Clone(m.data)}
			}
			_, err := ReadBackup(t.Context(), bytes.NewReader(packed(t, c.change(all))), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	whole := packed(t, good)
	if _, err := ReadBackup(t.Context(), bytes.NewReader(whole), t.TempDir()); err != nil {
		t.Fatalf("an unchanged one: %v", err)
	}
	for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if _, err := ReadBackup(t.Context(), bytes.NewReader(whole[:n]), t.TempDir()); err == nil {
			t.Errorf("%d of %d bytes were read as a backup", n, len(whole))
		}
	}
}

func FuzzReadBackup(f *testing.F) {
	f.Add(packed(f, []member{file("store/head/000000.jsonl", "{}\n"), file(manifestName, `{"format":"writ backup v1"}`)}))
	f.Add(packed(f, []member{file("log/0/key", "k\n")}))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadBackup(t.Context(), bytes.NewReader(b), t.TempDir())
		if err == nil && m.Format != backupFormat {
			t.Errorf("a manifest of %q was believed", m.Format)
		}
	})
}
