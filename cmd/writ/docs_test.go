package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/writtest"
)

// block is a fenced sh block of a document, preceded by <!-- run: NAME -->.
type block struct{ name, text string }

var runnable = regexp.MustCompile("(?ms)^<!-- run: ([a-z0-9-]+) -->\n```sh\n(.*?)^```$")

// marked counts the marks, also those that no sh block follows.
var marked = regexp.MustCompile(`(?m)^<!-- run:`)

func blocks(document string) ([]block, error) {
	var out []block
	for _, m := range runnable.FindAllStringSubmatch(document, -1) {
		out = append(out, block{m[1], m[2]})
	}
	if n := len(marked.FindAllString(document, -1)); n != len(out) {
		return nil, fmt.Errorf("%d blocks are marked to run, but only %d marks are followed by an sh block", n, len(out))
	}
	return out, nil
}

// TestDocsShellBlocks runs the marked blocks of the README and of each document
// as one shell script per file, in order, beside a fresh demo and in a directory
// that holds nothing but docs, as a checkout does: a command that fails, fails
// the test. The script finds writ on its PATH,
// and WRIT_DATA, GATEWAY, GATEWAY_TLS, ADMIN and CA as the ready line has them.
func TestDocsShellBlocks(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		found, err := blocks(string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(found) == 0 {
			if name == "README.md" {
				t.Errorf("%s: no block is marked to run", name)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runBlocks(t, found)
		})
	}
}

func runBlocks(t *testing.T, found []block) {
	var script strings.Builder
	for _, b := range found {
		fmt.Fprintf(&script, "echo '--- %s'\n%s", b.name, b.text)
	}
	t.Logf("%s", shell(t, writtest.Start(t, writtest.Options{}), script.String()))
}

// shell runs a script beside a server, and stops at the first command that fails.
func shell(t *testing.T, s *writtest.Server, script string) string {
	t.Helper()
	for _, program := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(program); err != nil && (program == "sh" || strings.Contains(script, program+" ")) {
			t.Skipf("the commands need %s", program)
		}
	}
	file := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(file, []byte("set -eu\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	sh := exec.CommandContext(ctx, "sh", file)
	sh.Dir = t.TempDir()
	docs, err := filepath.Abs(filepath.Join("..", "..", "docs"))
	if err == nil {
		err = os.Symlink(docs, filepath.Join(sh.Dir, "docs"))
	}
	if err != nil {
		t.Fatal(err)
	}
	sh.Env = append(os.Environ(),
		"PATH="+filepath.Dir(writtest.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"WRIT_DATA="+s.Data, "GATEWAY="+s.Gateway, "GATEWAY_TLS="+s.GatewayTLS, "ADMIN="+s.Admin, "CA="+s.CA)
	out, err := sh.CombinedOutput()
	if err != nil {
		t.Fatalf("%v after the last line of:\n%s", err, out)
	}
	return string(out)
}

// TestDemoHintsWork pastes what `writ up --demo` prints.
func TestDemoHintsWork(t *testing.T) {
	t.Parallel()
	s := writtest.Start(t, writtest.Options{})
	last := `eval "$(writ credentials --identity support-agent --format env)"` + "\n"
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.Stderr(), last); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the hints do not end with %q:\n%s", last, s.Stderr())
		}
	}
	var script strings.Builder
	for line := range strings.Lines(s.Stderr()) {
		if command, ok := strings.CutPrefix(line, "  "); ok {
			script.WriteString(command)
		}
	}
	out := shell(t, s, script.String())
	for _, want := range []string{"not a model. You said: ", "is not authorized to perform: bedrock:InvokeModel", "permit (permit)", "self-consistent"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in what they print:\n%s", want, out)
		}
	}
}

func TestBlocks(t *testing.T) {
	fence := "```"
	text := "<!-- run: one -->\n" + fence + "sh\necho 1\n" + fence + "\n\n" + fence + "sh\nfalse\n" + fence + "\n<!-- run: two -->\n" + fence + "sh\necho 2\necho 3\n" + fence + "\n"
	got, err := blocks(text)
	if err != nil || len(got) != 2 || got[0] != (block{"one", "echo 1\n"}) || got[1] != (block{"two", "echo 2\necho 3\n"}) {
		t.Errorf("blocks %q, %v", got, err)
	}
	for _, lost := range []string{"<!-- run: x -->\n\n" + fence + "sh\n" + fence + "\n", "<!-- run: X -->\n" + fence + "sh\n" + fence + "\n", "<!-- run: x -->\n" + fence + "json\n{}\n" + fence + "\n"} {
		if got, err := blocks(lost); err == nil {
			t.Errorf("a mark without its block in %q: %q", lost, got)
		}
	}
}
