package estate

import "github.com/writ-project/writ/internal/awsiam"

// Organization is an AWS organization: its tree, and which policies are
// attached where. The file is made of the AWS CLI's own members, each optional:
//
//	{"Organization": {"Id": "o-…", "MasterAccountId": "111122223333"},
//	 "Roots": [{"Id": "r-ab12", "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}],
//	 "OrganizationalUnits": [{"Id": "ou-…", "ParentId": "r-ab12", "Name": "…"}],
//	 "Accounts": [{"Id": "…", "ParentId": "ou-…", "Name": "…", "Status": "ACTIVE"}],
//	 "Policies": [{"PolicySummary": {"Id": "p-…", "Name": "…", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": false},
//	   "Content": "{…}", "Targets": [{"TargetId": "ou-…"}]}]}
//
// Policies may also be an object keyed by id, and Content an object. The
// policies that AWS attaches at first, p-FullAWSAccess and p-RCPFullAWSAccess,
// need no content.
type Organization struct {
	ID         string // such as o-exampleorgid; empty: unknown
	Management string // account id of the management account; empty: unknown
	SCPs, RCPs bool   // the policy type is enabled on the root
	Accounts   map[string]*OrgAccount
}

// OrgAccount is an account's place in an organization.
type OrgAccount struct {
	ID, Name, Status string
	Path             string // as aws:PrincipalOrgPaths has it: o-…/r-…/ou-…/; empty: unknown
	// SCPs and RCPs are the levels from the root to the account; nil: the type is
	// not enabled, or the account is the management account, or not known.
	SCPs, RCPs [][]*awsiam.Document
	Doubt      string // why its levels are not known
}

// organization reads the organization file, or takes what iam-collect wrote.
func (l *loader) organization() error {
	if l.Org == "" {
		return nil
	}
	if l.Org != stdin && isDir(l.Org) {
		roots := collectRoots(l.Org)
		if len(roots) == 0 {
			return &InputError{Position: awsiam.Position{File: l.Org}, Reason: "the directory is not iam-collect's", Hint: "give the directory that iam-collect.jsonc names in storage.path"}
		}
		return l.collectedOrganizations(l.Org, roots)
	}
	c, err := l.whole(l.Org, "organization")
	if err != nil {
		return err
	}
	r := orgReader{cursor: c, tree: newOrgTree(l.Org)}
	if err := r.file(); err != nil {
		return err
	}
	l.problems.add(c.problems...)
	if c.doubt != "" {
		l.incomplete("", "", "", "not all of the organization could be read: "+c.doubt)
	}
	l.orgs = append(l.orgs, r.tree.resolve(l))
	return nil
}
