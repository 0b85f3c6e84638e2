package estate

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// assembly joins entities into accounts.
type assembly struct {
	l        *loader
	byARN    map[string]*entity
	order    []*entity // without repetitions
	accounts map[string]*Account
	shared   map[string]*entity            // AWS's own policies, by ARN
	groups   map[string]map[string]*entity // by account and name
}

func (l *loader) assemble() {
	a := &assembly{l: l, byARN: make(map[string]*entity, len(l.jobs)), accounts: map[string]*Account{}, shared: map[string]*entity{}, groups: map[string]map[string]*entity{}}
	for _, j := range l.jobs {
		a.add(j.entity)
	}
	for _, e := range a.order {
		a.policy(e)
	}
	for _, e := range a.order {
		if e.kind == userEntity || e.kind == roleEntity {
			a.principal(e)
		}
	}
	for _, account := range a.accounts {
		slices.SortFunc(account.Principals, func(x, y *Principal) int { return strings.Compare(x.ARN, y.ARN) })
	}
	l.estate.Accounts = slices.SortedFunc(maps.Values(a.accounts), func(x, y *Account) int { return cmp.Compare(x.ID, y.ID) })
	l.truncation(a)
	if len(l.Accounts) > 0 && len(l.estate.Accounts) == 0 {
		l.incomplete("", "", "", "the input holds no account")
	}
	l.jobs = nil
}

// add takes an entity in, unless it was there before.
func (a *assembly) add(e *entity) {
	if e.dropped {
		a.l.problems.add(e.found...)
		a.l.incomplete("", "", "", fmt.Sprintf("%s, line %d: a %s could not be read: %s", e.at.File, e.at.Line, e.kind, e.unclear))
		return
	}
	before, twice := a.byARN[e.arn]
	if !twice {
		a.l.problems.add(e.found...)
		a.byARN[e.arn] = e
		a.order = append(a.order, e)
		if e.unclear != "" {
			a.l.incomplete(ownAccount(e), e.arn, "", "not all of it could be read: "+e.unclear)
		}
		return
	}
	if sameEntity(before, e) {
		if e.lastUsed.After(before.lastUsed) {
			before.lastUsed, before.lastUsedRegion = e.lastUsed, e.lastUsedRegion
		}
		return
	}
	a.conflict(before, e)
}

func ownAccount(e *entity) string {
	if e.account == "aws" {
		return ""
	}
	return e.account
}

// conflict settles what two parts say differently. AWS changes its own policies
// everywhere at once, so that the later version holds; of anything else, which
// is right is not known.
func (a *assembly) conflict(before, e *entity) {
	if e.account == "aws" && e.kind == policyEntity && e.version != before.version {
		if versionNumber(e.version) > versionNumber(before.version) {
			before.version, before.doc = e.version, e.doc
		}
		return
	}
	why := fmt.Sprintf("the input has it twice, with different contents (%s, line %d, and %s, line %d)", before.at.File, before.at.Line, e.at.File, e.at.Line)
	a.l.problems.at(e.at, e.arn, "%s", why)
	a.l.incomplete(ownAccount(e), e.arn, "", why)
	before.unclear = cmp.Or(before.unclear, why)
	if before.kind == policyEntity {
		before.doc = standIn(before.arn, why)
	}
}

func versionNumber(s string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(s, "v")) // no number is before all
	return n
}

// sameEntity compares what matters: not where it stands, nor when it was last used.
func sameEntity(a, b *entity) bool {
	x, y := bare(a), bare(b)
	return reflect.DeepEqual(x, y)
}

func bare(e *entity) entity {
	c := *e
	c.at, c.found, c.lastUsedRegion = awsiam.Position{}, nil, ""
	c.lastUsed = c.created
	c.trust, c.doc = unplaced(c.trust), unplaced(c.doc)
	c.inline = slices.Clone(c.inline)
	for i, d := range c.inline {
		c.inline[i] = unplaced(d)
	}
	return c
}

// unplaced is a document without positions.
func unplaced(d *awsiam.Document) *awsiam.Document {
	if d == nil {
		return nil
	}
	c := *d
	c.Statements = slices.Clone(d.Statements)
	for i := range c.Statements {
		c.Statements[i].Position = awsiam.Position{}
	}
	return &c
}

func (a *assembly) account(e *entity) *Account {
	account := a.accounts[e.account]
	if account == nil {
		account = &Account{ID: e.account, Partition: e.partition, Policies: map[string]*awsiam.Document{}}
		a.accounts[e.account] = account
	}
	return account
}

// policy files groups and managed policies, where principals look for them.
func (a *assembly) policy(e *entity) {
	switch {
	case e.kind == groupEntity:
		a.account(e)
		if a.groups[e.account] == nil {
			a.groups[e.account] = map[string]*entity{}
		}
		a.groups[e.account][e.name] = e
	case e.kind == policyEntity && e.account == "aws":
		a.shared[e.arn] = e
	case e.kind == policyEntity:
		a.account(e).Policies[e.arn] = e.doc
	}
}

// managed is a managed policy's document.
func (a *assembly) managed(account *Account, arn string) *awsiam.Document {
	if d := account.Policies[arn]; d != nil {
		return d
	}
	if e := a.shared[arn]; e != nil {
		account.Policies[arn] = e.doc
		return e.doc
	}
	return nil
}

func (a *assembly) principal(e *entity) {
	account := a.account(e)
	id, err := awsiam.ParsePrincipal(e.arn)
	if err != nil { // an ARN that place let through always parses
		a.l.problems.at(e.at, e.arn, "%v", err)
		return
	}
	p := &Principal{
		Principal: id, Kind: Kind(e.kind), Name: e.name, Path: e.path, UniqueID: e.id, Account: account,
		Trust: e.trust, Tags: e.tags, Groups: e.groups, Created: e.created,
		LastUsed: e.lastUsed, LastUsedRegion: e.lastUsedRegion, InstanceProfiles: e.profiles, Position: e.at,
		ServiceLinked: e.kind == roleEntity && strings.Contains(e.arn, ":role/aws-service-role/"),
	}
	a.hang(p, e)
	for _, name := range e.groups {
		a.join(p, name)
	}
	a.bound(p, e.boundary)
	p.Bounded = p.Boundary != nil
	if e.unclear != "" {
		p.Identity = append(p.Identity, standIn(e.arn, e.unclear))
		if p.Trust != nil {
			p.Trust = standIn(e.arn+" trust", e.unclear)
		}
	}
	account.Principals = append(account.Principals, p)
}

// hang adds an entity's own policies to a principal.
func (a *assembly) hang(p *Principal, e *entity) {
	p.Identity = append(p.Identity, e.inline...)
	for _, arn := range e.attached {
		if slices.Contains(p.Attached, arn) {
			continue
		}
		p.Attached = append(p.Attached, arn)
		doc := a.managed(p.Account, arn)
		if doc == nil {
			p.Missing = append(p.Missing, arn)
			doc = standIn(arn, "it is not in the input")
			a.l.incomplete(p.Account.ID, p.ARN, awsiam.IdentityLayer, "the attached policy "+arn+" is not in the input")
		}
		p.Identity = append(p.Identity, doc)
	}
}

// join gives a user the policies of a group.
func (a *assembly) join(p *Principal, name string) {
	g := a.groups[p.Account.ID][name]
	if g == nil {
		what := "the group " + name + " is not in the input"
		p.Identity = append(p.Identity, standIn("group "+name, "it is not in the input"))
		a.l.incomplete(p.Account.ID, p.ARN, awsiam.IdentityLayer, what)
		return
	}
	a.hang(p, g)
	if g.unclear != "" {
		p.Identity = append(p.Identity, standIn(g.arn, g.unclear))
	}
}

// bound sets a principal's permissions boundary.
func (a *assembly) bound(p *Principal, arn string) {
	switch {
	case arn == "":
		return
	case arn == unreadableBoundary:
		p.Boundary, p.BoundaryMissing = standIn(p.ARN+" boundary", "it cannot be read"), true
		a.l.incomplete(p.Account.ID, p.ARN, awsiam.BoundaryLayer, "its boundary cannot be read")
		return
	}
	p.BoundaryARN = arn
	if p.Boundary = a.managed(p.Account, arn); p.Boundary == nil {
		p.Boundary, p.BoundaryMissing = standIn(arn, "it is not in the input"), true
		a.l.incomplete(p.Account.ID, p.ARN, awsiam.BoundaryLayer, "the boundary "+arn+" is not in the input")
	}
}

// truncation says of which accounts the last page is missing: those of which no
// file ends with it.
func (l *loader) truncation(a *assembly) {
	whole, cut := map[string]bool{}, map[string]string{}
	for _, d := range l.dumps {
		of := map[string]bool{}
		for _, j := range l.jobs[d.from:d.to] {
			of[j.entity.account] = true
		}
		delete(of, "aws")
		delete(of, "")
		if len(of) == 0 && len(a.accounts) == 1 { // a page of AWS's own policies
			maps.Copy(of, map[string]bool{l.estate.Accounts[0].ID: true})
		}
		for id := range of {
			if d.truncated {
				cut[id] = d.file
			} else {
				whole[id] = true
			}
		}
	}
	for id, file := range cut {
		if !whole[id] {
			l.incomplete(id, "", "", "more pages follow "+file+", which are not in the input")
		}
	}
}
