package policy

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/cedarset"
)

// cedar-go's module carries the Cedar project's conformance corpus with the
// answers of the reference implementation. Its validator is experimental, so
// the strict answers are replayed through our own doors (security S6).
func TestS6_CorpusOfTheValidator(t *testing.T) {
	dir := cedarModule(t)
	tests := untar(t, filepath.Join(dir, "corpus-tests.tar.gz"))
	answers := untar(t, filepath.Join(dir, "corpus-tests-validation.tar.gz"))
	replayed, refused := 0, 0
	for name, manifest := range tests {
		if path.Ext(name) != ".json" || strings.HasSuffix(name, ".entities.json") {
			continue
		}
		id := strings.TrimSuffix(name, ".json")
		answer, ok := answers[id+".validation.json"]
		if !ok {
			t.Errorf("%s: no answer", id)
			continue
		}
		ok, no := replay(t, id, manifest, answer, tests)
		if !ok {
			t.Fatalf("%s: stopping at the first difference", id)
		}
		replayed, refused = replayed+1, refused+no
		if testing.Short() && replayed == 200 {
			break
		}
	}
	t.Logf("%d cases, %d policies refused", replayed, refused)
	if replayed < 200 || refused == 0 {
		t.Errorf("%d cases with %d refusals: the corpus was not read", replayed, refused)
	}
}

// replay compares every policy of one case with the reference's strict answer.
func replay(t *testing.T, id string, manifest, answer []byte, files map[string][]byte) (same bool, refused int) {
	t.Helper()
	var test struct{ Schema, Policies string }
	var want struct {
		PolicyValidation struct {
			PerPolicy map[string]struct{ Strict bool }
		}
	}
	if err := errors.Join(json.Unmarshal(manifest, &test), json.Unmarshal(answer, &want)); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	v, err := cedarset.ParseVocabulary(id, files[path.Base(test.Schema)])
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	parsed, err := cedarset.Parse(id, string(files[path.Base(test.Policies)]))
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	for i, p := range parsed {
		name := fmt.Sprintf("policy%d", i)
		err := v.CheckPolicy(name, treeOf(p))
		if (err == nil) != want.PolicyValidation.PerPolicy[name].Strict {
			t.Errorf("%s: %s: %v, the reference says valid=%v", id, name, err, want.PolicyValidation.PerPolicy[name].Strict)
			return false, refused
		}
		if err != nil {
			refused++
		}
	}
	return true, refused
}

func cedarModule(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cedar-policy/cedar-go").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the source of cedar-go cannot be found: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "corpus-tests-validation.tar.gz")); err != nil {
		t.Skipf("cedar-go comes without its corpus: %v", err)
	}
	return dir
}

// untar reads the regular files of an archive, by their last name.
func untar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || strings.HasPrefix(path.Base(h.Name), "._") {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[path.Base(h.Name)] = text
	}
}
