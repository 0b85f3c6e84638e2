package policy

import (
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

func TestSmoke(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	b := w.bundle()
	d := w.permits(b, w.call(sonnetUS))
	t.Logf("%+v", d)
	w.denies(b, w.call(sonnet), CodeDefaultDeny)
}
