package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlined is a response whose write deadline can be looked at.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (d *deadlined) SetWriteDeadline(t time.Time) error {
	d.deadline = t
	return nil
}

// A deadline that a cut set after its handler returned would strike the next
// answer on the connection, of a call that was never cut.
func TestACutSetsNoDeadlineBehindItsHandlersBack(t *testing.T) {
	for _, cut := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		x := &exchange{ctx: ctx}
		end := x.hurryWhenCut(http.NewResponseController(w))
		if cut {
			cancel()
		}
		end()
		was := w.deadline
		if was.IsZero() == cut {
			t.Errorf("cut %v: the deadline is %v when the handler returns", cut, was)
		}
		cancel()
		if w.deadline != was {
			t.Errorf("cut %v: the deadline became %v afterwards", cut, w.deadline)
		}
	}
}
