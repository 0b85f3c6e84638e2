package estate

import (
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// entityKind is what a list of account authorization details holds.
type entityKind string

const (
	userEntity   entityKind = "user"
	groupEntity  entityKind = "group"
	roleEntity   entityKind = "role"
	policyEntity entityKind = "policy"
)

// entity is one user, group, role or managed policy, as it was read.
type entity struct {
	kind              entityKind
	arn, partition    string
	account           string // "aws" for AWS's own policies
	name, path, id    string
	at                awsiam.Position
	inline            []*awsiam.Document
	attached          []string
	boundary          string // ARN
	trust             *awsiam.Document
	tags              map[string]string
	groups            []string
	created, lastUsed time.Time
	lastUsedRegion    string
	profiles          []string
	version           string           // of a policy: its default
	doc               *awsiam.Document // of a policy: in that version
	unclear           string           // why it may hold more than was read
	found             []awsiam.Problem
	dropped           bool // it has no ARN to know it by
}

// draft is an entity while its JSON is read: documents wait until its name is
// known.
type draft struct {
	*entity
	*cursor
	inlines        []inlineDraft
	trustSpan      span
	versions       []versionDraft
	defaultVersion string
}

type inlineDraft struct {
	name string
	doc  span
}

type versionDraft struct {
	id        string
	isDefault bool
	doc       span
}

// readEntity reads one item of a details list.
func (c *cursor) readEntity(kind entityKind, raw []byte, at awsiam.Position) *entity {
	c.begin(raw, at, string(kind))
	d := draft{entity: &entity{kind: kind, at: at}, cursor: c}
	if err := c.members("the "+string(kind), d.member); err != nil {
		d.unreadable(err)
	}
	d.settle()
	d.found, d.unclear = c.problems, c.doubt
	return d.entity
}

// unreadable keeps what was read before the JSON broke.
func (d *draft) unreadable(err error) {
	if e, ok := err.(*InputError); ok {
		d.unsure(e.Offset-d.start.Offset, "%s", e.Reason)
	}
}

func (d *draft) member(name string) error {
	switch name {
	case "Arn":
		return d.text(name, &d.arn)
	case "UserName", "GroupName", "RoleName", "PolicyName":
		return d.text(name, &d.name)
	case "Path":
		return d.text(name, &d.path)
	case "UserId", "GroupId", "RoleId", "PolicyId":
		return d.text(name, &d.id)
	case "CreateDate":
		return d.when(name, &d.created)
	case "UserPolicyList", "GroupPolicyList", "RolePolicyList":
		return d.items(name, d.inlinePolicy)
	case "AttachedManagedPolicies":
		return d.items(name, d.attachedPolicy)
	case "PermissionsBoundary":
		return d.boundaryMember()
	case "Tags":
		return d.items(name, d.tag)
	case "GroupList":
		return d.texts(name, &d.groups)
	case "AssumeRolePolicyDocument":
		return d.span(&d.trustSpan)
	case "RoleLastUsed":
		return d.lastUse()
	case "InstanceProfileList":
		return d.items(name, d.instanceProfile)
	case "DefaultVersionId":
		return d.text(name, &d.defaultVersion)
	case "PolicyVersionList":
		return d.items(name, d.policyVersion)
	}
	return d.skip()
}

func (d *draft) inlinePolicy() error {
	var p inlineDraft
	err := d.members("an inline policy", func(name string) error {
		switch name {
		case "PolicyName":
			return d.text(name, &p.name)
		case "PolicyDocument":
			return d.span(&p.doc)
		}
		return d.skip()
	})
	if err == nil && !p.doc.is() {
		d.unsure(d.dec.InputOffset(), "inline policy %.128q has no document", p.name)
	}
	if p.doc.is() {
		d.inlines = append(d.inlines, p)
	}
	return err
}

func (d *draft) attachedPolicy() error {
	arn := ""
	err := d.members("an attached policy", func(name string) error {
		if name == "PolicyArn" {
			return d.text(name, &arn)
		}
		return d.skip()
	})
	if err == nil && arn == "" {
		d.unsure(d.dec.InputOffset(), "an attached policy has no PolicyArn")
	}
	if arn != "" {
		d.attached = append(d.attached, arn)
	}
	return err
}

func (d *draft) boundaryMember() error {
	const name = "PermissionsBoundary"
	present := d.dec.PeekKind() != 'n'
	err := d.members(name, func(name string) error {
		if name == "PermissionsBoundaryArn" {
			return d.text(name, &d.boundary)
		}
		return d.skip()
	})
	if d.boundary == "" && present {
		d.boundary = unreadableBoundary
		d.problem(d.dec.InputOffset(), "%s names no policy", name)
	}
	return err
}

// unreadableBoundary stands for a boundary that is there and cannot be read.
const unreadableBoundary = "unreadable"

func (d *draft) tag() error {
	key, value := "", ""
	err := d.members("a tag", func(name string) error {
		switch name {
		case "Key":
			return d.text(name, &key)
		case "Value":
			return d.text(name, &value)
		}
		return d.skip()
	})
	if d.tags == nil {
		d.tags = map[string]string{}
	}
	d.tags[key] = value
	return err
}

func (d *draft) lastUse() error {
	return d.members("RoleLastUsed", func(name string) error {
		switch name {
		case "LastUsedDate":
			return d.when(name, &d.lastUsed)
		case "Region":
			return d.text(name, &d.lastUsedRegion)
		}
		return d.skip()
	})
}

func (d *draft) instanceProfile() error {
	return d.members("an instance profile", func(name string) error {
		if name != "Arn" {
			return d.skip()
		}
		arn := ""
		err := d.text(name, &arn)
		d.profiles = append(d.profiles, arn)
		return err
	})
}

func (d *draft) policyVersion() error {
	var v versionDraft
	err := d.members("a policy version", func(name string) error {
		switch name {
		case "VersionId":
			return d.text(name, &v.id)
		case "IsDefaultVersion":
			return d.boolean(name, &v.isDefault)
		case "Document":
			return d.span(&v.doc)
		}
		return d.skip()
	})
	d.versions = append(d.versions, v)
	return err
}

// settle names the entity and reads its documents.
func (d *draft) settle() {
	if !d.place() {
		d.dropped = true
		return
	}
	d.what = d.arn
	for i := range d.problems {
		d.problems[i].Document = d.arn
	}
	for _, p := range d.inlines {
		d.inline = append(d.inline, d.document(d.arn+" inline "+p.name, p.doc))
	}
	if d.trustSpan.is() {
		d.trust = d.document(d.arn+" trust", d.trustSpan)
	} else if d.kind == roleEntity {
		d.problem(0, "the role has no AssumeRolePolicyDocument")
		d.trust = standIn(d.arn+" trust", "it is not in the input")
	}
	if d.kind == policyEntity {
		d.chooseVersion()
	}
}

// place reads the entity's ARN, which says what it is and whose.
func (d *draft) place() bool {
	if d.arn == "" && d.doubt != "" {
		return false
	}
	if d.arn == "" {
		d.unsure(0, "the %s has no Arn", d.kind)
		return false
	}
	parts := strings.SplitN(d.arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" || !strings.HasPrefix(parts[5], string(d.kind)+"/") ||
		!bedrock.ValidAccount(parts[4]) && (parts[4] != "aws" || d.kind != policyEntity) {
		d.unsure(0, "%.200q is not the ARN of a %s", d.arn, d.kind)
		return false
	}
	d.partition, d.account = parts[1], parts[4]
	if d.name == "" {
		d.name = d.arn[strings.LastIndexByte(d.arn, '/')+1:]
	}
	return true
}

// chooseVersion reads the one version of a managed policy that is in force.
func (d *draft) chooseVersion() {
	chosen, marked := -1, -1
	for i, v := range d.versions {
		if v.isDefault && marked < 0 {
			marked = i
		}
		if v.id != "" && v.id == d.defaultVersion && chosen < 0 {
			chosen = i
		}
	}
	switch {
	case d.defaultVersion == "":
		chosen = marked
	case chosen >= 0 && marked >= 0 && chosen != marked:
		d.unsure(0, "DefaultVersionId is %s, and %s is marked as the default", d.defaultVersion, d.versions[marked].id)
	}
	if chosen < 0 || !d.versions[chosen].doc.is() {
		d.unsure(0, "the default version of the policy is not in the input")
	}
	if d.doubt != "" {
		d.doc = standIn(d.arn, d.doubt)
		return
	}
	d.version = d.versions[chosen].id
	d.doc = d.document(d.arn, d.versions[chosen].doc)
	d.measure(d.doc)
}

// longestManaged is IAM's limit on a managed policy, in characters without
// white space
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const longestManaged = 6144

func (d *draft) measure(doc *awsiam.Document) {
	if d.account != "aws" && doc.Chars > longestManaged {
		d.problem(0, "the policy has %d characters; AWS takes %d at most", doc.Chars, longestManaged)
	}
}
