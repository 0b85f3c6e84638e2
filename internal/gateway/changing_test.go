package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/writtest"
)

// changing is the sample organisation in a store that can be changed at will,
// and cut off.
type changing struct {
	source *snapshot.Source

	mu       sync.Mutex
	rows     []store.Row
	revision int64
	gone     error // why the store cannot be reached
}

// newChanging opens it; bend changes how it is followed.
func newChanging(t *testing.T, bend func(*snapshot.Config)) *changing {
	t.Helper()
	all, err := demo.Organisation("http://127.0.0.1:1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &changing{revision: 1}
	for _, r := range all {
		if r.Kind != manifest.Budget { // these tests are about time: none goes by in asking for a share
			c.put(t, r, manifest.Create)
		}
	}
	cfg := snapshot.Config{
		Load:       c.load,
		Watch:      func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
	}
	if bend != nil {
		bend(&cfg)
	}
	if c.source, err = snapshot.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *changing) load(_ context.Context, since int64) ([]store.Row, int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []store.Row
	for _, row := range c.rows {
		if row.Revision > since {
			out = append(out, row)
		}
	}
	return out, c.revision, c.gone
}

// put adds a row of the current revision.
func (c *changing) put(t *testing.T, r manifest.Resource, op manifest.Op) {
	t.Helper()
	change := store.Change{Op: op, Kind: r.Kind, Name: r.Name}
	if op != manifest.Delete {
		var err error
		if change.Spec, err = r.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	c.rows = append(c.rows, store.Row{Change: change, Stored: change.Digest(), Revision: c.revision})
}

// change makes one change and has it seen.
func (c *changing) change(t *testing.T, r manifest.Resource, op manifest.Op) {
	t.Helper()
	c.mu.Lock()
	c.revision++
	c.put(t, r, op)
	c.mu.Unlock()
	if err := c.source.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func quarantine(kind rights.TargetKind, name string) manifest.Resource {
	return manifest.Resource{Kind: manifest.Quarantine, Name: "q-secret-name", Spec: &rights.Quarantine{
		ID: "q-secret-name", Target: rights.Target{Kind: kind, Name: name}, Reason: "seen abroad", By: "dana", At: time.Now().UTC(),
	}}
}

// newInsideChanging is a gateway over a changing organisation.
func newInsideChanging(t *testing.T) (*inside, *changing) {
	t.Helper()
	c := newChanging(t, nil)
	in := newInside(t, 0, func(cfg *gateway.Config) { cfg.State = c.source })
	t.Cleanup(c.source.Subscribe(func(snapshot.Ended) { in.Reconsider() }))
	return in, c
}

// asking is a request with the bearer token, for begin.
func (in *inside) asking(t *testing.T, model, operation, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(model)+"/"+operation, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.token)
	return req
}
