package estate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// layers reads the policies that are given by file.
func (l *loader) layers() (err error) {
	e := l.estate
	if e.SCPs, err = l.levels(l.SCPs, "scp"); err != nil {
		return err
	}
	if e.RCPs, err = l.levels(l.RCPs, "rcp"); err != nil {
		return err
	}
	if l.Boundary != "" {
		if e.Boundary, err = l.one(l.Boundary, "boundary"); err != nil {
			return err
		}
	}
	if len(l.Session) > 0 {
		e.Sessions = []*awsiam.Document{} // no policy in the files: nothing is allowed
	}
	for _, name := range l.Session {
		docs, err := l.documents(name, "session")
		if err != nil {
			return err
		}
		e.Sessions = append(e.Sessions, docs...)
	}
	if l.Endpoint != "" {
		if err := l.endpoint(); err != nil {
			return err
		}
	}
	return l.resources()
}

// Policies reads a file of policy documents: one, a list of them, or the output
// of an AWS CLI call that returns one. Its error is as Load's.
func Policies(ctx context.Context, file string, limits Limits) ([]*awsiam.Document, []awsiam.Problem, Input, error) {
	l := newLoader(ctx, Sources{Limits: limits})
	docs, err := l.documents(file, "policy")
	if err != nil {
		return nil, nil, Input{}, err
	}
	return docs, l.problems.all(), l.estate.Inputs[0], nil
}

func (l *loader) documents(name, kind string) ([]*awsiam.Document, error) {
	c, err := l.whole(name, kind)
	if err != nil {
		return nil, err
	}
	docs, err := c.policies(name)
	l.problems.add(c.problems...)
	return docs, err
}

func (l *loader) levels(names []string, kind string) (levels [][]*awsiam.Document, err error) {
	for _, name := range names {
		level, err := l.documents(name, kind)
		if err != nil {
			return nil, err
		}
		if len(level) == 0 {
			l.problems.at(awsiam.Position{File: name}, name, "a level without a policy allows nothing")
		}
		levels = append(levels, level)
	}
	return levels, nil
}

// one reads a file that holds exactly one document.
func (l *loader) one(name, kind string) (*awsiam.Document, error) {
	docs, err := l.documents(name, kind)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, &InputError{Position: awsiam.Position{File: name}, Reason: fmt.Sprintf("%d policies where one belongs", len(docs))}
	}
	return docs[0], nil
}

// endpoint reads a policy of a VPC endpoint, or describe-vpc-endpoints output
// with one endpoint in it that has a policy.
func (l *loader) endpoint() error {
	c, err := l.whole(l.Endpoint, "endpoint")
	if err != nil {
		return err
	}
	var found []span
	described := false
	probe := c.inside(span{0, int64(len(c.raw))})
	if probe.dec.PeekKind() == '{' {
		err := probe.members("the file", func(name string) error {
			if name != "VpcEndpoints" {
				return probe.skip()
			}
			described = true
			return probe.items(name, func() error { return probe.endpointPolicy(&found) })
		})
		if err != nil {
			return err
		}
	}
	if !described {
		docs, err := c.policies(l.Endpoint)
		if err != nil {
			return err
		}
		l.problems.add(c.problems...)
		return l.oneEndpoint(docs)
	}
	var docs []*awsiam.Document
	for i, s := range found {
		docs = append(docs, probe.document(fmt.Sprintf("%s[%d]", l.Endpoint, i), s))
	}
	l.problems.add(probe.problems...)
	return l.oneEndpoint(docs)
}

func (l *loader) oneEndpoint(docs []*awsiam.Document) error {
	if len(docs) != 1 {
		return &InputError{Position: awsiam.Position{File: l.Endpoint}, Reason: fmt.Sprintf("%d endpoint policies where one belongs", len(docs)),
			Hint: "describe one endpoint: `aws ec2 describe-vpc-endpoints --vpc-endpoint-ids vpce-…`"}
	}
	l.estate.Endpoint = docs[0]
	return nil
}

func (c *cursor) endpointPolicy(found *[]span) error {
	var s span
	err := c.members("an endpoint", func(name string) error {
		if name == "PolicyDocument" {
			return c.span(&s)
		}
		return c.skip()
	})
	if s.is() {
		*found = append(*found, s)
	}
	return err
}

// resources reads resource policies.
func (l *loader) resources() error {
	for _, name := range l.Resource {
		c, err := l.whole(name, "resource-policy")
		if err != nil {
			return err
		}
		if err := l.resourceFile(c, name); err != nil {
			return err
		}
		l.problems.add(c.problems...)
	}
	return nil
}

func (l *loader) resourceFile(c *cursor, name string) error {
	probe := c.inside(span{0, int64(len(c.raw))})
	spans, order, err := probe.byARN()
	if err != nil {
		return err
	}
	if len(order) == 0 {
		docs, err := c.policies(name)
		for _, d := range docs {
			l.resource("", d, c.start)
		}
		return err
	}
	for _, arn := range order {
		l.resource(arn, probe.unwrapped(arn, spans[arn], 0), probe.position(spans[arn].from))
	}
	c.problems = append(c.problems, probe.problems...)
	return nil
}

// byARN lists an object's members if all of them are named by ARNs. The output
// of secretsmanager get-resource-policy says itself whose it is.
func (c *cursor) byARN() (spans map[string]span, order []string, err error) {
	spans = map[string]span{}
	if c.dec.PeekKind() != '{' {
		return nil, nil, nil
	}
	own, policy, others := "", span{}, false
	err = c.members("the resource policies", func(name string) error {
		switch {
		case name == "ARN":
			return c.text(name, &own)
		case name == "ResourcePolicy":
			return c.span(&policy)
		case !strings.HasPrefix(name, "arn:"):
			others = true
			return c.skip()
		}
		var s span
		err := c.span(&s)
		if s.is() {
			order = append(order, name)
			spans[name] = s
		}
		return err
	})
	if own != "" && policy.is() {
		return map[string]span{own: policy}, []string{own}, err
	}
	if others && len(order) > 0 {
		c.unsure(0, "not all members are named by ARNs; those that are not were left out")
	}
	return spans, order, err
}

// resource files a resource policy. Of two for one resource, which one is in
// force is not known.
func (l *loader) resource(arn string, doc *awsiam.Document, at awsiam.Position) {
	if l.estate.Resource == nil {
		l.estate.Resource = map[string]*awsiam.Document{}
	}
	if l.estate.Resource[arn] != nil {
		why := "the input has two policies for it"
		if arn == "" {
			why = "the input has two policies that do not say for which resource they are"
		}
		l.problems.at(at, doc.Name, "%s", why)
		doc = standIn(doc.Name, why)
	}
	l.estate.Resource[arn] = doc
}

// bind gives every account what applies to it.
func (l *loader) bind() {
	e := l.estate
	if len(l.orgs) > 0 {
		e.Org = l.orgs[0]
	}
	for _, a := range e.Accounts {
		l.place(a)
		a.Endpoint = e.Endpoint
		a.Resource = maps.Clone(e.Resource)
		maps.DeleteFunc(a.Resource, func(arn string, _ *awsiam.Document) bool {
			owner := accountOf(arn)
			return owner != "" && owner != a.ID
		})
	}
}

// accountOf is the account that an ARN names; empty: none.
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && bedrock.ValidAccount(parts[4]) {
		return parts[4]
	}
	return ""
}

// place finds an account in the organizations, and its limits.
func (l *loader) place(a *Account) {
	for _, o := range l.orgs {
		in := o.Accounts[a.ID]
		if in == nil && a.ID != o.Management {
			continue
		}
		a.Known, a.OrgID, a.Management = true, o.ID, a.ID == o.Management
		if in != nil {
			a.OrgPath, a.SCPs, a.RCPs = in.Path, in.SCPs, in.RCPs
		}
	}
	if len(l.orgs) > 0 && !a.Known {
		l.incomplete(a.ID, "", "", "the account is not in the organization that was given: its limits are unknown")
	}
	if !a.Management {
		a.SCPs, a.RCPs = slices.Concat(a.SCPs, l.estate.SCPs), slices.Concat(a.RCPs, l.estate.RCPs)
	}
	if len(l.orgs) == 0 && a.SCPs == nil {
		l.incomplete(a.ID, "", awsiam.SCPLayer, "no SCPs given: the organization's limits are unknown")
	}
	if len(l.orgs) == 0 && a.RCPs == nil {
		l.incomplete(a.ID, "", awsiam.RCPLayer, "no RCPs given: the organization's limits on resources are unknown")
	}
}
