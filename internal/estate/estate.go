// Package estate reads what is known of AWS accounts from files: account
// authorization details, organizations, policies, inference profiles, used
// rights, credentials and Bedrock's own resources, each as the AWS CLI or a
// collector wrote it. It normalises them into accounts, principals and the
// policy documents of every layer.
//
// It opens files and never the network, and writes nothing. It trusts nothing
// of what it reads: sizes, depths and counts are bounded, and what is broken is
// a problem with its position while the rest still counts. What the input names
// and does not hold is never taken for absent: a document with a Doubt stands in
// for it, so that decisions on it are undetermined, and Incomplete says so.
package estate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// Sources names the files to read. Every file may be gzip-compressed, and "-"
// is standard input.
type Sources struct {
	// Accounts lists files of account authorization details (output of
	// `aws iam get-account-authorization-details`, whole or its pages, as one
	// object, a list or JSON lines), directories of those, and directories that
	// iam-collect wrote.
	Accounts []string
	// Org is an organization file (see Organization), or an iam-collect directory.
	Org string
	// SCPs and RCPs list files that each are one level, from the root down, for
	// every account: a policy document or a JSON list of them.
	SCPs, RCPs []string
	// Boundary is the permissions boundary, and Session the session policies, of
	// whoever asks: policy documents.
	Boundary string
	Session  []string
	// Resource lists resource policies: {"arn": document}, the output of a
	// get-resource-policy call, or plain documents.
	Resource []string
	// Endpoint is a VPC endpoint policy, or describe-vpc-endpoints output.
	Endpoint string
	// Profiles lists outputs of list-inference-profiles or get-inference-profile.
	Profiles []string
	// Used lists JSON lines of used rights; Credentials and Bedrock outputs that
	// the types of those names describe.
	Used, Credentials, Bedrock []string

	// Progress is told how many bytes of how many were read, and of what, at most
	// a few times a second; total is zero when unknown. It may be nil.
	Progress func(done, total int64, what string)
	Limits   Limits
}

// Limits bounds what is read; a zero field means its default.
type Limits struct {
	Bytes    int64 // of one file, decompressed; 4 GiB
	Value    int   // bytes of one JSON value that is held whole: a role, a policy; 8 MiB
	Depth    int   // of nested JSON values; 64
	Entities int   // users, groups, roles and policies together; 5,000,000
	Problems int   // kept; 10,000
}

// Estate is everything that was read. It is not changed after Load, and safe for
// concurrent use.
type Estate struct {
	Accounts    []*Account // sorted by id
	Problems    []awsiam.Problem
	Incomplete  []Incomplete
	Inputs      []Input
	Org         *Organization // nil: none given
	Profiles    []Profile
	Used        *Used         // nil: none given
	Credentials *Credentials  // nil: none given
	Bedrock     *BedrockFacts // nil: none given

	// What was given for whoever asks, and for every account; nil: none given.
	Boundary   *awsiam.Document
	Sessions   []*awsiam.Document
	SCPs, RCPs [][]*awsiam.Document
	Resource   map[string]*awsiam.Document // as an account's
	Endpoint   *awsiam.Document
}

// Input is a file or directory that was read.
type Input struct {
	File   string `json:"file"`
	Kind   string `json:"kind"`   // such as gaad, iam-collect, organization, scp
	Digest string `json:"digest"` // SHA-256 of the bytes read, in hex; of a directory, of its files' names and digests
}

// Incomplete is something that the answers depend on and the input does not
// hold. Account and Principal say whose answers; empty is everyone's.
type Incomplete struct {
	Account   string       `json:"account,omitempty"`
	Principal string       `json:"principal,omitempty"` // ARN
	Layer     awsiam.Layer `json:"layer,omitempty"`     // empty: any
	What      string       `json:"what"`
}

// Account is one AWS account.
type Account struct {
	ID, Partition string
	Principals    []*Principal                // users and roles, sorted by ARN
	Policies      map[string]*awsiam.Document // managed policies by ARN, in their default version
	// SCPs and RCPs are the levels from the root down to the account; nil: none
	// given, or none apply. A level without a document allows nothing.
	SCPs, RCPs [][]*awsiam.Document
	// Known says that an organization was given and lists the account, Management
	// that it is the organization's management account, which no SCP or RCP binds.
	Known, Management bool
	OrgID             string // such as o-exampleorgid
	OrgPath           string // as aws:PrincipalOrgPaths has it: o-…/r-…/ou-…/
	// Resource is resource policies by ARN. A policy whose ARN has no account
	// stands in every account; the empty ARN is of whatever resource is asked about.
	Resource map[string]*awsiam.Document
	Endpoint *awsiam.Document // of the VPC endpoint that calls go through; nil: none given
}

// Kind is what a principal is.
type Kind string

// The kinds of principal that an account lists.
const (
	User Kind = "user"
	Role Kind = "role"
)

// Principal is a user or a role, with every policy that hangs on it.
type Principal struct {
	awsiam.Principal
	Kind                 Kind
	Name, Path, UniqueID string
	Account              *Account
	// Identity is inline and attached policies, a user's own before its groups'.
	Identity []*awsiam.Document
	// Boundary is the permissions boundary, nil: none. If the input does not hold
	// the document, BoundaryMissing is true and a document with a Doubt stands in.
	Boundary        *awsiam.Document
	BoundaryARN     string
	BoundaryMissing bool
	Trust           *awsiam.Document  // of a role
	Tags            map[string]string // by key as written; AWS compares keys without case
	ServiceLinked   bool              // AWS's own: no SCP binds it
	Attached        []string          // ARNs of attached managed policies, a user's groups' too
	Missing         []string          // of those, the ones whose document is not in the input
	Groups          []string          // names of a user's groups
	Created         time.Time         // zero: unknown
	LastUsed        time.Time         // of a role; zero: not in the tracking period, or unknown
	LastUsedRegion  string
	// InstanceProfiles is the ARNs of the instance profiles that hold a role.
	InstanceProfiles []string
	Position         awsiam.Position // where the input has it
}

// Load reads the sources. Its error says that nothing can be said at all: a file
// that is not there, is not JSON or is of another kind. Everything less is in
// the estate's problems.
func Load(ctx context.Context, s Sources) (*Estate, error) {
	l := newLoader(ctx, s)
	if err := l.load(); err != nil {
		return nil, err
	}
	return l.estate, nil
}

// Account returns the account with an id, or nil.
func (e *Estate) Account(id string) *Account {
	i, ok := slices.BinarySearchFunc(e.Accounts, id, func(a *Account, id string) int { return strings.Compare(a.ID, id) })
	if !ok {
		return nil
	}
	return e.Accounts[i]
}

// Principal returns the user or role with an ARN, or whose session an ARN names,
// or nil.
func (e *Estate) Principal(arn string) *Principal {
	id, err := awsiam.ParsePrincipal(arn)
	if err != nil {
		return nil
	}
	a := e.Account(id.Account)
	if a == nil {
		return nil
	}
	if p := a.Principal(id.ARN); p != nil || id.Session == "" {
		return p
	}
	for _, p := range a.Principals {
		if pathless(p.ARN) == id.ARN {
			return p
		}
	}
	return nil
}

// pathless is a user's or role's ARN without its path, as the ARN of a session
// has it. Names are unique in an account whatever the path.
func pathless(arn string) string {
	first, last := strings.IndexByte(arn, '/'), strings.LastIndexByte(arn, '/')
	if first == last {
		return arn
	}
	return arn[:first] + arn[last:]
}
