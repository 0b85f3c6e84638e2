package analyse

import (
	"context"
	"time"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Reachable is one target that a principal can invoke.
type Reachable struct {
	Target    string          `json:"target"`
	Profile   bool            `json:"profile,omitempty"`
	Region    string          `json:"region"`
	Action    string          `json:"action"`
	Decision  rights.Decision `json:"decision"`
	Condition string          `json:"condition,omitempty"`
	From      string          `json:"from,omitempty"`
	Until     string          `json:"until,omitempty"`
}

// WhatCan lists the targets that a principal can invoke.
func (a *Analysis) WhatCan(ctx context.Context, p *estate.Principal, targets []Target) ([]Reachable, error) {
	pl, err := a.plan(p.Account, targets)
	if err != nil {
		return nil, err
	}
	answers := make([]rights.Answer, len(pl.cells))
	err = inParallel(ctx, len(pl.cells), func(i int) { answers[i] = a.answer(p, pl.cells[i], nil) })
	var out []Reachable
	for i, ans := range answers {
		if !ans.Decision.Can() {
			continue
		}
		t := targets[i/len(rights.InvokeActions)]
		out = append(out, Reachable{Target: t.ID, Profile: t.Profile, Region: t.Region, Action: rights.InvokeActions[i%len(rights.InvokeActions)],
			Decision: ans.Decision, Condition: rights.Terms(ans.Condition), From: stamp(ans.From), Until: stamp(ans.Until)})
	}
	return out, err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
