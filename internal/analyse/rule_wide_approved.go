package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// wideApproved compares what can be invoked with the approved list. A model on
// the list is approved by every route, a profile only itself.
func wideApproved(s *scan, yield func(report.Finding)) string {
	if len(s.opts.Approved) == 0 {
		return "needs the list of approved models"
	}
	approved, err := s.approved()
	if err != nil {
		return "the list of approved models cannot be used: " + err.Error()
	}
	s.sweep(s.invokers(false), report.Medium, yield, func(x *subject) []hit {
		models := s.models(x, func(t int) bool { return !approved[t] })
		if len(models) == 0 {
			return nil
		}
		t, action := s.first(x, func(t int) bool { return !approved[t] })
		return []hit{hit{title: fmt.Sprintf("may invoke %s outside the approved list", plural(len(models), "model")),
			detail: fmt.Sprintf("Of %s that it may invoke, not approved: %s.", plural(len(s.models(x, anyTarget)), "model"), listed(models, 8)),
		}.of(s.ask(x, t, action, nil))}
	})
	return ""
}

// approved says of every target whether the list has it.
func (s *scan) approved() ([]bool, error) {
	out := make([]bool, len(s.matrix.Targets))
	for _, entry := range s.opts.Approved {
		sel, err := rights.ParseSelector(entry, s.Catalogue)
		if err != nil {
			return nil, err
		}
		for i := range s.matrix.Targets {
			out[i] = out[i] || s.selects(sel, &s.matrix.Targets[i])
		}
	}
	return out, nil
}

func (s *scan) selects(sel rights.Selector, t *Target) bool {
	switch sel.Kind {
	case rights.SelectFamily:
		return t.Family == sel.ID
	case rights.SelectProvider:
		m, _ := s.Catalogue.Model(t.Model)
		return m.Provider == sel.ID
	case rights.SelectModel:
		return t.Model == sel.ID || t.ID == sel.ID
	}
	return t.ID == sel.ID
}

// models are the foundation models behind the targets that a subject can
// invoke, of those that want accepts, sorted.
func (s *scan) models(x *subject, want func(target int) bool) (out []string) {
	n := len(s.matrix.Actions)
	for t := range s.matrix.Targets {
		if want(t) && slices.ContainsFunc(x.row[t*n:][:n], Cell.Can) {
			out = append(out, s.matrix.Targets[t].Model)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plural is a number of things, in English.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// listed writes the first of a list, and how many more there are.
func listed(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
