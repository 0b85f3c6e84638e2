package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// naive is the evaluator that anybody would write first, and the measure for
// Writ's: the whole file through encoding/json, loops over all statements, globs
// by recursion. It does less work than Writ: it reads no condition and no SCP,
// knows no chain of roles and gives no reasons. What it does not read it takes
// for "can", so it may find more, never less.
type naive struct {
	principals []naivePrincipal
}

type naivePrincipal struct {
	arn      string
	identity []document
	boundary *document
}

func readNaive(path string) (*naive, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d details
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	managed := map[string]document{}
	for _, p := range d.Policies {
		managed[p.Arn] = p.PolicyVersionList[0].Document
	}
	n := &naive{}
	for _, e := range append(d.UserDetailList, d.RoleDetailList...) {
		p := naivePrincipal{arn: e.Arn}
		for _, i := range append(e.UserPolicyList, e.RolePolicyList...) {
			p.identity = append(p.identity, i.PolicyDocument)
		}
		for _, a := range e.AttachedManagedPolicies {
			p.identity = append(p.identity, managed[a.PolicyArn])
		}
		if e.PermissionsBoundary != nil {
			b := managed[e.PermissionsBoundary.PermissionsBoundaryArn]
			p.boundary = &b
		}
		n.principals = append(n.principals, p)
	}
	return n, nil
}

func (p *naivePrincipal) can(action, resource string) bool {
	allowed := false
	for i := range p.identity {
		a, denied := p.identity[i].says(action, resource)
		if denied {
			return false
		}
		allowed = allowed || a
	}
	if allowed && p.boundary != nil {
		a, denied := p.boundary.says(action, resource)
		return a && !denied
	}
	return allowed
}

// says ignores conditions: under one an Allow counts and a Deny does not.
func (d *document) says(action, resource string) (allowed, denied bool) {
	for i := range d.Statement {
		s := &d.Statement[i]
		if !s.matches(action, resource) {
			continue
		}
		if s.Effect == allow {
			allowed = true
		} else if len(s.Condition) == 0 {
			denied = true
		}
	}
	return allowed, denied
}

func (s *statement) matches(action, resource string) bool {
	on := s.Action.matchFold(action)
	if s.NotAction != nil {
		on = !s.NotAction.matchFold(action)
	}
	if s.NotResource != nil {
		return on && !s.NotResource.match(resource)
	}
	return on && s.Resource.match(resource)
}

func (w words) match(text string) bool {
	for _, pattern := range w {
		if globs(pattern, text) {
			return true
		}
	}
	return false
}

// matchFold ignores case, as actions do.
func (w words) matchFold(text string) bool {
	for _, pattern := range w {
		if globs(strings.ToLower(pattern), strings.ToLower(text)) {
			return true
		}
	}
	return false
}

func globs(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return globs(pattern[1:], text) || text != "" && globs(pattern, text[1:])
	case text == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == text[0]) && globs(pattern[1:], text[1:])
}

// naiveWhoCan is a role: it prints who can invoke a model.
func naiveWhoCan(account, resource string) error {
	n, err := readNaive(account)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for i := range n.principals {
		if n.principals[i].can(invoke[0], resource) {
			fmt.Fprintln(out, n.principals[i].arn)
		}
	}
	return out.Flush()
}

// naiveMatrix is a role: it decides every cell, leg by leg, and leaves the
// answers in a file.
func naiveMatrix(account, cells, answers string) error {
	began := time.Now()
	n, err := readNaive(account)
	if err != nil {
		return err
	}
	all, err := read[[]matrixCell](cells)
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	began = time.Now()
	verdicts := map[string][]byte{}
	for i := range n.principals {
		row := make([]byte, len(*all))
		for j := range *all {
			row[j] = n.principals[i].cell(&(*all)[j])
		}
		verdicts[n.principals[i].arn] = row
	}
	return finishMatrix(answers, verdicts, loaded, time.Since(began))
}

func (p *naivePrincipal) cell(c *matrixCell) byte {
	for _, leg := range c.Legs {
		if !p.can(leg.Action, leg.Resource) {
			return '0'
		}
	}
	return '1'
}
