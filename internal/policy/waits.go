package policy

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// Why a tool's calls wait for a human.
const (
	WaitsWrite   = "write"   // its tool writes, or an organisation's rule has it wait
	WaitsUnknown = "unknown" // its tool is in no class, or was not offered
	WaitsChanged = "changed" // its tool is in a class, but as another than it was classified
)

// Holding says what of one call's answer waits for a human. It is the call's own,
// and not for concurrent use.
type Holding struct {
	Answer bool     // all of it waits
	Grants []string // whose terms it waits by, sorted: those that permit the call, and those that have it wait

	bundle  *Bundle
	request Request
	loose   bool              // what has calls wait is not known by tool: all of them do
	known   map[string]string // by tool's name: why its calls wait; empty: they do not
}

// Holding returns what of the answer to a permitted call waits, by the obligations
// of its decision; nil where nothing does. Calls of tools that the request does not
// offer wait in any case, so it is never nil where tools are offered. The request is
// the one that was decided on.
func (b *Bundle) Holding(r *Request, d *Decision) *Holding {
	if len(d.Obligations) == 0 && len(r.Caps.Tools) == 0 {
		return nil
	}
	h := &Holding{bundle: b, request: *r}
	var by []string
	for _, o := range d.Obligations {
		switch o.Name {
		case ObligeHoldAnswer:
			h.Answer = true
		case ObligeHold:
			by = o.Policies
		default:
			continue
		}
		h.Grants = append(h.Grants, grantsOf(o.Policies)...)
	}
	if by == nil && !h.Answer && len(r.Caps.Tools) == 0 {
		return nil
	}
	h.Grants = unique(append(h.Grants, d.Grants...), strings.Compare)
	h.loose = !d.Permit.Covers(r.Digest) || !h.explains(by)
	return h
}

// grantsOf names the grants that rules of these names are of.
func grantsOf(policies []string) (grants []string) {
	for _, p := range policies {
		rest, ok := strings.CutPrefix(p, grantPrefix)
		if name, _, cut := strings.Cut(rest, "/"); ok && cut {
			grants = append(grants, name)
		}
	}
	return grants
}

// explains reports whether every rule that has calls wait does so for some tool
// alone. One that looks at several together does not say whose calls it means.
func (h *Holding) explains(by []string) bool {
	if len(by) == 0 {
		return true
	}
	var explained []string
	for _, t := range h.request.Caps.Tools {
		rules, ok := h.ask(t)
		if !ok {
			return false
		}
		for _, r := range rules {
			explained = append(explained, r.id)
		}
	}
	return !slices.ContainsFunc(by, func(p string) bool { return !slices.Contains(explained, p) })
}

// Waits reports why calls of a tool wait; empty: they do not. Names are compared
// byte by byte.
func (h *Holding) Waits(tool string) string {
	why, known := h.known[tool]
	if !known {
		why = h.waits(tool)
		if h.known == nil {
			h.known = make(map[string]string)
		}
		if len(h.known) < maxKnownTools {
			h.known[tool] = why
		}
	}
	return why
}

// Digest is what was offered by a tool's name, as its classes name it in hex;
// empty: nothing was.
func (h *Holding) Digest(tool string) string {
	for _, t := range h.request.Caps.Tools {
		if t.Name == tool {
			return hex.EncodeToString(t.Digest[:])
		}
	}
	return ""
}

// maxKnownTools bounds what a model can have remembered by what it says.
const maxKnownTools = 256

func (h *Holding) waits(tool string) string {
	i := slices.IndexFunc(h.request.Caps.Tools, func(t bedrock.Tool) bool { return t.Name == tool })
	if i < 0 {
		return WaitsUnknown
	}
	offered := h.request.Caps.Tools[i]
	rules, ok := h.ask(offered)
	switch {
	case !ok:
		return WaitsUnknown
	case len(rules) == 0 && !h.loose:
		return ""
	}
	return h.why(offered, rules)
}

// ask asks which rules have the calls of one tool wait: whether they would if only
// that were offered. A question that cannot be put has them wait.
func (h *Holding) ask(t bedrock.Tool) (rules []*rule, ok bool) {
	r := h.request
	r.Caps.Tools = []bedrock.Tool{t}
	on, err := h.bundle.hear(&r)
	if err != nil {
		return nil, false
	}
	rules = on.imposed(obligation(ObligeHold))
	return rules, on.malformed == nil
}

// why is the gravest reason by which rules have a tool's calls wait.
func (h *Holding) why(t bedrock.Tool, rules []*rule) string {
	why := WaitsWrite
	for _, r := range rules {
		if r.grant == nil {
			continue
		}
		made := h.bundle.stamper.of(r.grant)
		if made == nil {
			return WaitsUnknown
		}
		switch c := classOf(t, made.ent.Conditions.Tools); {
		case c == WaitsUnknown:
			return c
		case c == WaitsChanged:
			why = c
		}
	}
	return why
}

// classOf is why an entitlement that has a tool's calls wait does.
func classOf(t bedrock.Tool, tools rights.Tools) string {
	exact := t.Name + "@" + hex.EncodeToString(t.Digest[:])
	if slices.Contains(tools.Write, t.Name) || slices.Contains(tools.Write, exact) {
		return WaitsWrite
	}
	named := func(entry string) bool { name, _, _ := strings.Cut(entry, "@"); return name == t.Name }
	if slices.ContainsFunc(tools.Write, named) || slices.ContainsFunc(tools.Read, named) {
		return WaitsChanged
	}
	return WaitsUnknown
}
