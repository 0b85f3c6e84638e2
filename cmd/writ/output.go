package main

// What the verbs print, and where:
//
//   - answers go to stdout, one object per line with --json; everything else —
//     progress, plans, hints — goes to stderr;
//   - an error is one "error:" line, lower case, without a full stop, and at
//     most one "hint:" line that says what to do;
//   - secrets go to stdout only, and only where the verb exists to give them.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/store"
)

// negative is an answer of no: exit status 1, not an error.
type negative struct{ text string }

func (n *negative) Error() string { return n.text }

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// hintFor finds the advice that goes with an error.
func hintFor(err error) string {
	var h *hinted
	var p *api.Problem
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &p):
		return p.Hint
	case errors.Is(err, journal.ErrLocked):
		return "a server is using this data directory: stop it, or let the verb speak to it"
	case errors.Is(err, store.ErrConflict):
		return "someone else changed the state meanwhile: look at the plan again"
	}
	return ""
}

func printJSON(v any) error {
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows in aligned columns, the first being headings.
func table(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}
