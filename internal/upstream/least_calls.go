package upstream

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// call is one that an entitlement allows, in every region and account alike.
type call struct {
	rights.Invocation // without its place
	// under says that the answer may go to any place that begins as the output
	// named does, less its last character.
	under bool
}

// in is the call as it would be made somewhere.
func (c call) in(account, region string) call {
	c.Account, c.Region = account, region
	return c
}

// callsOf lists the calls to Bedrock that an entitlement allows, one of each
// kind. ListAsyncInvokes is none: Writ answers it.
func callsOf(cat *bedrock.Catalogue, e *rights.Entitlement) (out []call) {
	of := func(op bedrock.Operation, models []string) {
		for _, m := range models {
			out = append(out, call{Invocation: rights.Invocation{Operation: op, ModelID: m}})
		}
	}
	actions := e.Actions
	if len(actions) == 0 {
		actions = []string{string(bedrock.InvokeModel), string(bedrock.InvokeModelWithResponseStream)}
	}
	models := modelsOf(cat, e.Models)
	for _, name := range actions {
		switch op := bedrock.Operation(name); op {
		case bedrock.InvokeModel, bedrock.InvokeModelWithResponseStream:
			of(op, models)
		case bedrock.CountTokens:
			of(op, behind(cat, models))
		case bedrock.ApplyGuardrail:
			for _, g := range guardrailsOf(e.Conditions) {
				out = append(out, call{Invocation: rights.Invocation{Operation: op, Caps: bedrock.Capabilities{Guardrail: g}}})
			}
		case bedrock.StartAsyncInvoke:
			out = append(out, startsOf(models, e)...)
			of(bedrock.GetAsyncInvoke, models)
		case bedrock.GetAsyncInvoke:
			of(op, models)
		}
	}
	return out
}

// startsOf lists the asynchronous invocations that may be started: of every
// model, into every place.
func startsOf(models []string, e *rights.Entitlement) (out []call) {
	var tags []string
	if slices.Contains(e.Actions, bedrock.TagResource) {
		tags = []string{"a=b"}
	}
	for _, m := range models {
		for _, place := range e.Conditions.Outputs {
			// Any place that a listed one begins stands for it, as with objects.
			uri, under := strings.CutSuffix(place, "*")
			if under {
				uri += "x"
			}
			out = append(out, call{
				Invocation: rights.Invocation{
					Operation: bedrock.StartAsyncInvoke, ModelID: m,
					Caps: bedrock.Capabilities{Output: &bedrock.Output{URI: uri}, Tags: tags},
				},
				under: under,
			})
		}
	}
	return out
}

// behind are models without profiles: one stands for what it may end at, since
// counting tokens knows no profiles.
func behind(cat *bedrock.Catalogue, names []string) []string {
	var out []string
	for _, name := range names {
		p, ok := cat.Profile(name)
		if !ok {
			out = append(out, name)
			continue
		}
		out = append(append(out, p.Model), p.Routes...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func guardrailsOf(c rights.Conditions) (out []*bedrock.Guardrail) {
	for _, listed := range c.Guardrails {
		if id, version, err := rights.ParseGuardrail(listed); err == nil {
			out = append(out, &bedrock.Guardrail{ID: id, Version: version})
		}
	}
	return out
}

// usesOf lists what a call may make use of beside its model, by what is named:
// one thing each. Reading an invocation and applying a guardrail use nothing
// more, and counting tokens no guardrail.
func usesOf(op bedrock.Operation, c rights.Conditions) (out []bedrock.Capabilities) {
	if !op.Invokes() {
		return nil
	}
	if op != bedrock.CountTokens {
		for _, g := range guardrailsOf(c) {
			out = append(out, bedrock.Capabilities{Guardrail: g})
		}
	}
	for _, name := range c.SystemTools {
		out = append(out, bedrock.Capabilities{SystemTools: []string{name}})
	}
	for _, uri := range c.Objects {
		// A beginning that ends in a star is the one pattern there is: it is the
		// entitlement's own. Any object it begins stands for it.
		start, prefix := strings.CutSuffix(uri, "*")
		if prefix {
			start += "x"
		}
		out = append(out, bedrock.Capabilities{S3: []string{start}})
	}
	return out
}
