package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// progress says on stderr how far long work is, once it has taken a second. All
// who do the work may speak.
type progress struct {
	what  string
	begun time.Time
	mu    sync.Mutex
	said  bool
}

func newProgress(what string) *progress { return &progress{what: what, begun: time.Now()} }

// bytes reports how much of the input was read.
func (p *progress) bytes(done, total int64, what string) {
	if what == "" {
		what = p.what
	}
	if total > 0 {
		p.say("%s: %d of %d MB", what, done>>20, total>>20)
		return
	}
	p.say("%s: %d MB", what, done>>20)
}

// say prints one line over the last, on a terminal; otherwise nothing.
func (p *progress) say(format string, args ...any) {
	if time.Since(p.begun) < time.Second || !terminal(os.Stderr) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = true
	fmt.Fprintf(os.Stderr, "\r\033[K"+format, args...)
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
}

// maxFile bounds what is read whole: policies and batches of them.
const maxFile = 256 << 20

// openFile opens a file, "-" being standard input, and unpacks gzip.
func openFile(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

func readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d MB", path, maxFile>>20)
	}
	return text, err
}

// width is how many columns a report may use: the terminal's, or a page's.
func width() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 40 {
		return min(n, 160)
	}
	return 100
}
