package main

import "encoding/json"

// What follows is the form of `aws iam get-account-authorization-details`, as
// far as the made accounts use it: they are written with it, and the naive
// evaluator reads them with it.

const (
	policyVersion = "2012-10-17"
	allow         = "Allow"
)

// details are an account.
type details struct {
	UserDetailList, RoleDetailList []entity
	Policies                       []managedPolicy
}

// entity is a user or a role.
type entity struct {
	Path                     string
	UserName                 string         `json:",omitempty"`
	UserID                   string         `json:"UserId,omitempty"`
	RoleName                 string         `json:",omitempty"`
	RoleID                   string         `json:"RoleId,omitempty"`
	Arn                      string         // of either
	CreateDate               string         // RFC 3339
	UserPolicyList           []inlinePolicy `json:",omitempty"`
	RolePolicyList           []inlinePolicy `json:",omitempty"`
	AssumeRolePolicyDocument *document      `json:",omitempty"`
	AttachedManagedPolicies  []attached     // by ARN
	PermissionsBoundary      *boundary      `json:",omitempty"`
	Tags                     []tag          `json:",omitempty"`
	RoleLastUsed             *struct{}      `json:",omitempty"`
}

func (e *entity) kind() string {
	if e.RoleName != "" {
		return "Role"
	}
	return "User"
}

type (
	tag          struct{ Key, Value string }
	attached     struct{ PolicyName, PolicyArn string }
	boundary     struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }
	inlinePolicy struct {
		PolicyName     string
		PolicyDocument document
	}
)

type managedPolicy struct {
	PolicyName        string
	Arn               string
	Path              string
	DefaultVersionID  string `json:"DefaultVersionId"`
	PolicyVersionList []policyEdition
}

type policyEdition struct {
	Document         document
	VersionID        string `json:"VersionId"`
	IsDefaultVersion bool
}

type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect      string
	Principal   map[string]string `json:",omitempty"`
	Action      words             `json:",omitempty"`
	NotAction   words             `json:",omitempty"`
	Resource    words             `json:",omitempty"`
	NotResource words             `json:",omitempty"`
	Condition   conditions        `json:",omitempty"`
}

// conditions are values by operator and key.
type conditions map[string]map[string]words

// words are a list, of which one alone may be written as a string.
type words []string

func (w words) MarshalJSON() ([]byte, error) {
	if len(w) == 1 {
		return json.Marshal(w[0])
	}
	return json.Marshal([]string(w))
}

func (w *words) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*w = words{""}
		return json.Unmarshal(text, &(*w)[0])
	}
	return json.Unmarshal(text, (*[]string)(w))
}
