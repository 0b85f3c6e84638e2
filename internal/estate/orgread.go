package estate

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// orgReader reads an organization file.
type orgReader struct {
	*cursor
	tree    *orgTree
	targets []orgTarget
	known   bool
}

// orgTarget is where a policy hangs; nodes may come after policies.
type orgTarget struct {
	policy, node string
	at           awsiam.Position
}

func (r *orgReader) file() error {
	if r.dec.PeekKind() != '{' {
		if err := r.skip(); err != nil {
			return err
		}
		return &InputError{Position: r.start, Reason: "an organization file is a JSON object"}
	}
	if err := r.members("the organization file", r.member); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	if !r.known {
		return &InputError{Position: r.start, Reason: "not an organization file: it has no Organization, Roots, OrganizationalUnits, Accounts or Policies"}
	}
	for _, t := range r.targets {
		if n := r.tree.nodes[t.node]; n != nil {
			n.attached = append(n.attached, t.policy)
			continue
		}
		p := awsiam.Problem{Position: t.at, Document: r.what, Statement: -1}
		p.Reason = fmt.Sprintf("the target %.60q of policy %.60q is not in the input", t.node, t.policy)
		r.problems = append(r.problems, p)
	}
	return nil
}

func (r *orgReader) member(name string) error {
	r.known = true
	switch name {
	case "Organization":
		return r.members(name, r.organization)
	case "Roots":
		return r.items(name, r.root)
	case "OrganizationalUnits":
		return r.items(name, func() error { return r.node("an organizational unit", false) })
	case "Accounts":
		return r.items(name, func() error { return r.node("an account", true) })
	case "Policies":
		if r.dec.PeekKind() == '{' {
			return r.members(name, func(id string) error { return r.policy(id) })
		}
		return r.items(name, func() error { return r.policy("") })
	}
	return r.unknown("the organization file", name, "")
}

// unknown passes over a member; one that is not on the list is a problem.
func (c *cursor) unknown(what, name, allowed string) error {
	_, at, err := c.value()
	if err == nil && !strings.Contains(" "+allowed+" ", " "+name+" ") {
		c.problem(at, "%.60q is no member of %s", name, what)
	}
	return err
}

func (r *orgReader) organization(name string) error {
	switch name {
	case "Id":
		return r.text(name, &r.tree.id)
	case "MasterAccountId", "ManagementAccountId":
		return r.text(name, &r.tree.management)
	}
	return r.unknown("Organization", name, "Arn FeatureSet MasterAccountArn MasterAccountEmail ManagementAccountArn ManagementAccountEmail AvailablePolicyTypes")
}

func (r *orgReader) root() error {
	n := &orgNode{}
	_, err := r.placed(n, func() error {
		return r.members("a root", func(name string) error {
			switch name {
			case "Id":
				return r.text(name, &n.id)
			case "Name":
				return r.text(name, &n.name)
			case "PolicyTypes":
				if r.tree.enabled == nil {
					r.tree.enabled = map[string]bool{}
				}
				return r.items(name, r.policyType)
			}
			return r.unknown("a root", name, "Arn")
		})
	})
	r.tree.roots = append(r.tree.roots, n.id)
	return err
}

func (r *orgReader) policyType() error {
	kind, status := "", ""
	err := r.members("a policy type", func(name string) error {
		switch name {
		case "Type":
			return r.text(name, &kind)
		case "Status":
			return r.text(name, &status)
		}
		return r.unknown("a policy type", name, "")
	})
	r.tree.enabled[kind] = r.tree.enabled[kind] || status == "ENABLED"
	return err
}

func (r *orgReader) node(what string, account bool) error {
	n := &orgNode{account: account}
	_, err := r.placed(n, func() error {
		return r.members(what, func(name string) error {
			switch name {
			case "Id":
				return r.text(name, &n.id)
			case "ParentId":
				return r.text(name, &n.parent)
			case "Name":
				return r.text(name, &n.name)
			case "Status":
				return r.text(name, &n.status)
			}
			return r.unknown(what, name, "Arn Email JoinedMethod JoinedTimestamp State Path Paths")
		})
	})
	if account && n.id != "" && !bedrock.ValidAccount(n.id) {
		r.unsure(n.at.Offset-r.start.Offset, "account id %.40q is not twelve digits", n.id)
	}
	return err
}

// placed reads a node and puts it into the tree.
func (r *orgReader) placed(n *orgNode, read func() error) (ok bool, err error) {
	from := r.dec.InputOffset()
	if err := read(); err != nil {
		return false, err
	}
	from += int64(len(r.raw[from:]) - len(bytes.TrimLeft(r.raw[from:], " \t\r\n,")))
	n.at = r.position(from)
	switch {
	case n.id == "":
		r.unsure(from, "a root, organizational unit or account has no Id")
		return false, nil
	case r.tree.nodes[n.id] != nil:
		r.unsure(from, "%.60q stands twice", n.id)
		return false, nil
	}
	r.tree.nodes[n.id] = n
	return true, nil
}

// policy reads a policy; id is its key, if the policies are an object.
func (r *orgReader) policy(id string) error {
	p := &orgPolicy{id: id}
	from := r.dec.InputOffset()
	var content span
	var targets []orgTarget
	err := r.members("a policy", func(name string) error {
		switch name {
		case "PolicySummary":
			return r.members(name, func(name string) error { return r.summary(p, name) })
		case "Content":
			return r.span(&content)
		case "Targets":
			return r.items(name, func() error { return r.target(&targets) })
		}
		return r.summary(p, name)
	})
	if err != nil {
		return err
	}
	if p.id == "" {
		r.unsure(from, "a policy has no Id")
		return nil
	}
	if r.tree.policies[p.id] != nil {
		r.unsure(from, "policy %.60q stands twice", p.id)
		return nil
	}
	if content.is() {
		p.doc = r.document(p.id, content)
	}
	r.tree.policies[p.id] = p
	for _, t := range targets {
		t.policy = p.id
		r.targets = append(r.targets, t)
	}
	return nil
}

func (r *orgReader) summary(p *orgPolicy, name string) error {
	switch name {
	case "Id":
		return r.text(name, &p.id)
	case "Name":
		return r.text(name, &p.name)
	case "Type":
		return r.text(name, &p.kind)
	case "AwsManaged":
		return r.boolean(name, &p.managed)
	}
	return r.unknown("a policy", name, "Arn Description")
}

func (r *orgReader) target(targets *[]orgTarget) error {
	t := orgTarget{at: r.position(r.dec.InputOffset())}
	err := r.members("a target", func(name string) error {
		if name == "TargetId" {
			return r.text(name, &t.node)
		}
		return r.unknown("a target", name, "Arn Name Type")
	})
	*targets = append(*targets, t)
	return err
}
