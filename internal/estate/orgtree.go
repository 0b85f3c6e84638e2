package estate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// The types of policy that bound accounts.
const (
	scpType = "SERVICE_CONTROL_POLICY"
	rcpType = "RESOURCE_CONTROL_POLICY"
)

// orgTree is an organization as it was read, before its levels are worked out.
type orgTree struct {
	file       string
	id         string
	management string
	roots      []string
	enabled    map[string]bool // policy types; nil: the input does not say
	nodes      map[string]*orgNode
	policies   map[string]*orgPolicy
}

// orgNode is a root, an organizational unit or an account.
type orgNode struct {
	id, parent, name, status string
	account                  bool
	at                       awsiam.Position
	attached                 []string                      // ids of policies
	levels                   map[string][]*awsiam.Document // by type, once worked out
}

type orgPolicy struct {
	id, name, kind string
	managed        bool // AWS's own
	doc            *awsiam.Document
}

func newOrgTree(file string) *orgTree {
	return &orgTree{file: file, nodes: map[string]*orgNode{}, policies: map[string]*orgPolicy{}}
}

// fullAccess is the policies that AWS attaches at first: their content is known
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html,
// orgs_manage_policies_rcps.html).
var fullAccess = map[string]struct{ kind, text string }{
	"p-FullAWSAccess": {scpType, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
	"p-RCPFullAWSAccess": {rcpType,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`},
}

// known fills in what AWS always has.
func (t *orgTree) known() {
	for id, full := range fullAccess {
		p := t.policies[id]
		if p == nil {
			p = &orgPolicy{id: id, kind: full.kind, managed: true}
			t.policies[id] = p
		}
		if p.doc == nil {
			p.doc, _ = awsiam.Parse(id, []byte(full.text), awsiam.Position{})
		}
		p.kind = cmp.Or(p.kind, full.kind)
	}
}

// resolve works out every account's levels.
func (t *orgTree) resolve(l *loader) *Organization {
	t.known()
	o := &Organization{ID: t.id, Management: t.management, Accounts: map[string]*OrgAccount{}}
	o.SCPs, o.RCPs = t.applies(l, scpType, "SCPs"), t.applies(l, rcpType, "RCPs")
	for _, id := range slices.Sorted(maps.Keys(t.nodes)) {
		if n := t.nodes[id]; n.account {
			o.Accounts[id] = t.account(l, o, n)
		}
	}
	if t.management == "" {
		l.incomplete("", "", "", t.file+" does not name the management account, which no SCP binds")
	}
	return o
}

// applies says whether a type of policy is in force. A file that does not say
// has it in force if it has such policies.
func (t *orgTree) applies(l *loader, kind, what string) bool {
	layer := layerOf(kind)
	attached := false
	for _, n := range t.nodes {
		attached = attached || len(t.of(n, kind)) > 0
	}
	switch {
	case t.enabled != nil && t.enabled[kind]:
		return true
	case t.enabled != nil:
		l.incomplete("", "", layer, fmt.Sprintf("%s are not enabled in the organization: no limits of that type", what))
		return false
	case !attached:
		l.incomplete("", "", layer, fmt.Sprintf("%s has no %s and does not say whether they are enabled", t.file, what))
	}
	return attached
}

// of lists the policies of one type that hang on a node; one whose type is not
// known may be of either.
func (t *orgTree) of(n *orgNode, kind string) []*orgPolicy {
	var out []*orgPolicy
	for _, id := range n.attached {
		p := t.policies[id]
		if p == nil {
			p = &orgPolicy{id: id}
		}
		if p.kind == kind || p.kind == "" {
			out = append(out, p)
		}
	}
	return out
}

func (t *orgTree) account(l *loader, o *Organization, n *orgNode) *OrgAccount {
	a := &OrgAccount{ID: n.id, Name: n.name, Status: n.status}
	path, doubt := t.path(n)
	if doubt != "" {
		a.Doubt = doubt
		l.problems.at(n.at, n.id, "%s", doubt)
		l.incomplete(n.id, "", "", "its place in the organization is unknown: "+doubt)
	} else {
		a.Path = t.pathName(path)
	}
	if n.id == t.management {
		return a
	}
	if o.SCPs {
		a.SCPs = t.levels(l, a, path, scpType)
	}
	if o.RCPs {
		a.RCPs = t.levels(l, a, path, rcpType)
	}
	return a
}

// deepestOrg is far more than AWS's own limit of five levels below the root.
const deepestOrg = 64

// path is the nodes from the root down to an account.
func (t *orgTree) path(n *orgNode) (path []*orgNode, doubt string) {
	for {
		path = append(path, n)
		switch {
		case slices.Contains(t.roots, n.id):
			slices.Reverse(path)
			return path, ""
		case n.parent == "":
			return path, fmt.Sprintf("%.60q has no parent and is no root", n.id)
		case len(path) > deepestOrg:
			return path[:1], fmt.Sprintf("the organizational units above it form a cycle, or are more than %d deep", deepestOrg)
		}
		up := t.nodes[n.parent]
		if up == nil {
			return path, fmt.Sprintf("the parent %.60q of %.60q is not in the input", n.parent, n.id)
		}
		if up.account {
			return path, fmt.Sprintf("the parent %.60q of %.60q is an account", n.parent, n.id)
		}
		n = up
	}
}

// pathName is o-…/r-…/ou-…/, without the account.
func (t *orgTree) pathName(path []*orgNode) string {
	if t.id == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(t.id + "/")
	for _, n := range path {
		if !n.account {
			b.WriteString(n.id + "/")
		}
	}
	return b.String()
}

// levels is the documents of one type, level by level. Where the place of the
// account is unknown, so is a level above.
func (t *orgTree) levels(l *loader, a *OrgAccount, path []*orgNode, kind string) [][]*awsiam.Document {
	levels := [][]*awsiam.Document{}
	if a.Doubt != "" {
		path = slices.Clone(path)
		slices.Reverse(path)
		levels = append(levels, []*awsiam.Document{standIn("the levels above "+path[0].id, a.Doubt)})
	}
	for _, n := range path {
		if n.levels == nil {
			n.levels = map[string][]*awsiam.Document{}
		}
		level, ok := n.levels[kind]
		if !ok {
			level = t.level(l, n, kind)
			n.levels[kind] = level
		}
		levels = append(levels, level)
	}
	return levels
}

// level is the documents of one type on one node. Every node has the RCP that
// AWS attaches, which cannot be detached.
func (t *orgTree) level(l *loader, n *orgNode, kind string) []*awsiam.Document {
	level := []*awsiam.Document{}
	if full := "p-RCPFullAWSAccess"; kind == rcpType && !slices.Contains(n.attached, full) {
		level = append(level, t.policies[full].doc)
	}
	for _, p := range t.of(n, kind) {
		if p.doc == nil {
			p = &orgPolicy{doc: standIn(p.id, "it is not in the input")}
			l.incomplete("", "", layerOf(kind), fmt.Sprintf("the policy %s on %s is not in the input", p.doc.Name, n.id))
		}
		level = append(level, p.doc)
	}
	if len(level) == 0 {
		l.problems.at(n.at, n.id, "no SCP is attached to it, so that nothing is allowed: is p-FullAWSAccess left out?")
	}
	return level
}

func layerOf(kind string) awsiam.Layer {
	if kind == rcpType {
		return awsiam.RCPLayer
	}
	return awsiam.SCPLayer
}
