package gateway_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// whole is a testing.TB that lives as long as the test binary, for what tests share.
var whole run

type run struct {
	testing.TB // never set: run has the methods that sharing needs

	mu      sync.Mutex
	closers []func()
	failed  bool
}

func TestMain(m *testing.M) {
	// Most tests wait for another process: more of them fit than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	for _, end := range slices.Backward(whole.closers) {
		end()
	}
	writtest.Clean()
	if whole.failed && code == 0 {
		code = 1
	}
	os.Exit(code)
}

func (*run) Helper() {}

func (r *run) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closers = append(r.closers, f)
}

func (r *run) TempDir() string {
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (r *run) Errorf(format string, args ...any) {
	r.failed = true
	fmt.Fprintf(os.Stderr, "--- FAIL: shared installation: "+format+"\n", args...)
}

// Fatal ends the whole run: nothing can be tested without what is shared.
func (*run) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (r *run) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }
