package upstream

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// What IAM takes in one policy, white space apart
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	ManagedLimit = 6144  // characters of one managed policy
	InlineLimit  = 10240 // characters of all inline policies of a role together
)

// Scope is what a gateway's configuration says of the calls it makes.
type Scope struct {
	Home     string              // the gateway's own account
	Accounts map[string][]string // further accounts with their regions, none: Regions; may hold Home too
	Regions  []string
	Now      time.Time
}

// Least is the least right that a role needs in one account for the calls that
// grants allow there.
type Least struct {
	Account   string     `json:"account"`
	Documents []Document `json:"documents"` // each within ManagedLimit
	Length    int        `json:"length"`    // of all, in characters
	// Skipped says which parts of live grants lead to no call, and why.
	Skipped []string `json:"skipped,omitempty"`
}

// LeastOf computes, per account, what the role that calls are made with has to
// be allowed: every leg of every call that a live grant of an identity that can
// be used lets through, with exact resources, and nothing else. Organisation
// rules are not counted: what one forbids is not subtracted, and what one
// permits is not added.
func LeastOf(s *snapshot.Snapshot, scope Scope) []Least {
	accounts := map[string]*gathering{}
	for account := range scope.Accounts {
		accounts[account] = &gathering{all: uses{}, skipped: map[string]bool{}}
	}
	if accounts[scope.Home] == nil {
		accounts[scope.Home] = &gathering{all: uses{}, skipped: map[string]bool{}}
	}
	for _, g := range s.Grants() {
		who, _ := s.Identity(g.Identity)
		e, ok := s.Entitlement(g.Entitlement)
		if who == nil || !ok || who.Current() == identity.Decommissioned || !g.NotAfter.After(scope.Now) || !meets(who, e.Conditions) {
			continue
		}
		account := cmp.Or(e.Account, scope.Home)
		if to := accounts[account]; to != nil {
			to.grant(s.Catalogue, scope, account, g, e)
			continue
		}
		accounts[scope.Home].skipped[fmt.Sprintf("grant %s: account %s is not configured", g.ID, account)] = true
	}
	out := make([]Least, 0, len(accounts))
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		out = append(out, accounts[id].least(id))
	}
	return out
}

// meets reports whether an identity can use an entitlement at all.
func meets(who *identity.Identity, c rights.Conditions) bool {
	purpose := func(p string) bool { return slices.Contains(who.Purposes, p) }
	return (len(c.Environments) == 0 || slices.Contains(c.Environments, who.Environment)) &&
		(len(c.Purposes) == 0 || slices.ContainsFunc(c.Purposes, purpose))
}

// gathering is what one account's role has to be allowed.
type gathering struct {
	all     uses
	skipped map[string]bool
}

// grant adds every call that a grant allows.
func (a *gathering) grant(cat *bedrock.Catalogue, scope Scope, account string, g *rights.Grant, e *rights.Entitlement) {
	regions := scope.Accounts[account]
	if len(regions) == 0 {
		regions = scope.Regions
	}
	found := false
	for _, model := range modelsOf(cat, e.Models) {
		for _, region := range regions {
			for _, op := range operationsOf(e.Actions) {
				inv := rights.Invocation{Operation: op, ModelID: model, Region: region, Account: account}
				found = a.call(cat, inv, e.Conditions) || found
			}
		}
	}
	if !found {
		a.skipped[fmt.Sprintf("grant %s: no model of entitlement %s can be called in account %s", g.ID, e.ID, account)] = true
	}
}

// call adds the legs of a call and of what it may make use of, if the
// entitlement allows where it may run.
func (a *gathering) call(cat *bedrock.Catalogue, inv rights.Invocation, c rights.Conditions) bool {
	legs, err := rights.Legs(inv, cat)
	if err != nil {
		return false
	}
	for _, l := range legs {
		if l.Region != "" && len(c.Regions) > 0 && !slices.Contains(c.Regions, l.Region) {
			return false
		}
	}
	for _, l := range legs {
		a.all.add(l.Action, l.Resource)
	}
	a.use(inv, cat, c)
	return true
}

// use adds guardrails, system tools and objects that a call may name.
func (a *gathering) use(inv rights.Invocation, cat *bedrock.Catalogue, c rights.Conditions) {
	named := []bedrock.Capabilities{{SystemTools: c.SystemTools}}
	for _, listed := range c.Guardrails {
		if id, version, err := rights.ParseGuardrail(listed); err == nil {
			named = append(named, bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: id, Version: version}})
		}
	}
	for _, uri := range c.Objects {
		// A beginning that ends in a star is the one pattern there is: it is the
		// entitlement's own. Any object it begins stands for it.
		start, prefix := strings.CutSuffix(uri, "*")
		if prefix {
			start += "x"
		}
		named = append(named, bedrock.Capabilities{S3: []string{start}})
	}
	for _, caps := range named {
		inv.Caps = caps
		legs, err := rights.Legs(inv, cat)
		if err != nil {
			continue // a guardrail of another region or account: not for this call
		}
		for _, l := range legs {
			switch l.Kind {
			case rights.GuardrailLeg, rights.SystemToolLeg:
				a.all.add(l.Action, l.Resource)
			case rights.ObjectLeg:
				a.all.add(l.Action, objectPattern(l.Resource, c.Objects))
			}
		}
	}
}

// objectPattern is the resource of an object leg as the entitlement writes it:
// the object itself, or all that begin as it does.
func objectPattern(resource string, listed []string) string {
	start, path, _ := strings.Cut(resource, ":s3:::")
	for _, uri := range listed {
		if prefix, ok := strings.CutSuffix(strings.TrimPrefix(uri, "s3://"), "*"); ok && path == prefix+"x" && !slices.Contains(listed, "s3://"+path) {
			return start + ":s3:::" + prefix + "*"
		}
	}
	return resource
}

func operationsOf(actions []string) []bedrock.Operation {
	if len(actions) == 0 {
		return []bedrock.Operation{bedrock.InvokeModel, bedrock.InvokeModelWithResponseStream}
	}
	out := make([]bedrock.Operation, len(actions))
	for i, a := range actions {
		out[i] = bedrock.Operation(a)
	}
	return out
}

// modelsOf lists what selectors let a caller name: models and profiles by
// catalogue id.
func modelsOf(cat *bedrock.Catalogue, selectors []string) []string {
	var out []string
	for _, text := range selectors {
		s, err := rights.ParseSelector(text, cat)
		if err != nil {
			continue // the bundle would not have loaded
		}
		if s.Kind == rights.SelectModel || s.Kind == rights.SelectProfile {
			out = append(out, s.ID)
			continue
		}
		in := func(m bedrock.Model) bool {
			return s.Kind == rights.SelectFamily && m.Family == s.ID || s.Kind == rights.SelectProvider && m.Provider == s.ID
		}
		for _, m := range cat.Models() {
			if in(m) {
				out = append(out, m.ID)
			}
		}
		for _, p := range cat.Profiles() {
			if allIn(cat, p, in) {
				out = append(out, p.ID)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// allIn reports whether every model that a profile may end at is in a group:
// each is a leg of its own.
func allIn(cat *bedrock.Catalogue, p bedrock.Profile, in func(bedrock.Model) bool) bool {
	for _, id := range append([]string{p.Model}, p.Routes...) {
		if m, ok := cat.Model(id); !ok || !in(m) {
			return false
		}
	}
	return true
}

func (a *gathering) least(account string) Least {
	out := Least{Account: account, Documents: split(a.all.statements(), ManagedLimit), Skipped: slices.Sorted(maps.Keys(a.skipped))}
	for _, d := range out.Documents {
		text, _ := d.Text() // statements of plain text always have one
		out.Length += len(text)
	}
	return out
}

// split spreads statements over documents, none longer than limit.
func split(statements []Statement, limit int) []Document {
	var docs []Document
	open := Document{Version: policyVersion}
	for _, s := range statements {
		part := Statement{Effect: s.Effect, Action: s.Action, Condition: s.Condition}
		for _, resource := range s.Resource {
			part.Resource = append(part.Resource, resource)
			if length(open, part) <= limit {
				continue
			}
			part.Resource = part.Resource[:len(part.Resource)-1]
			if len(part.Resource) > 0 {
				open.Statement = append(open.Statement, part)
			}
			docs = append(docs, open)
			open = Document{Version: policyVersion}
			part.Resource = []string{resource}
		}
		open.Statement = append(open.Statement, part)
	}
	if len(open.Statement) > 0 {
		docs = append(docs, open)
	}
	return docs
}

// length is how long a document is with one more statement.
func length(d Document, s Statement) int {
	d.Statement = append(slices.Clip(d.Statement), s)
	text, _ := d.Text()
	return len(text)
}
