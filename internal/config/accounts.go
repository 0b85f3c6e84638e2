package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Account is an AWS account whose models are invoked beside the gateway's own.
type Account struct {
	// Account is its number, 12 digits.
	Account string `yaml:"account"`
	// Regions it is called in; empty means every region that a caller may sign for.
	Regions []string `yaml:"regions"`
	// AssumeRole is the ARN of a role in it, assumed with Writ's own credentials.
	AssumeRole string `yaml:"assumeRole"`
	// ExternalIDFile holds what the role's trust policy asks for as external id.
	ExternalIDFile string `yaml:"externalIdFile"`
	// Endpoint, CAFile and STSEndpoint are as above; empty means the same as there.
	Endpoint    string `yaml:"endpoint"`
	CAFile      string `yaml:"caFile"`
	STSEndpoint string `yaml:"stsEndpoint"`
	// PerGrant is as above; not given means the same as there.
	PerGrant *bool `yaml:"perGrant"`
}

var rolePattern = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}):role/[\w+=,.@/-]+$`)

// validateAccounts reports what would not work about the accounts. A role in
// another account than it is for would call there, with this one's rights.
func (c *Config) validateAccounts() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	role := func(where, arn, account string) {
		if arn == "" {
			return
		}
		switch m := rolePattern.FindStringSubmatch(arn); {
		case m == nil:
			bad("%s %q: want arn:aws:iam::<account>:role/<name>", where, arn)
		case !strings.HasPrefix(arn, "arn:"+c.Partition+":"):
			bad("%s %q: is not in partition %s", where, arn, c.Partition)
		case account != "" && m[1] != account:
			bad("%s %q: is in account %s, want one in %s", where, arn, m[1], account)
		}
	}
	role("upstream.assumeRole", c.Upstream.AssumeRole, c.Account)
	seen := map[string]bool{c.Account: true}
	for i, a := range c.Upstream.Accounts {
		where := fmt.Sprintf("upstream.accounts[%d]", i)
		switch {
		case !accountPattern.MatchString(a.Account):
			bad("%s: account %q: want 12 digits", where, a.Account)
		case seen[a.Account]:
			bad("%s: account %s is there already; the gateway's own is configured by account and upstream", where, a.Account)
		case a.AssumeRole == "":
			bad("%s: assumeRole is required: Writ's own credentials are of one account", where)
		}
		seen[a.Account] = true
		role(where+".assumeRole", a.AssumeRole, a.Account)
		for _, r := range a.Regions {
			if !slices.Contains(c.AllRegions(), r) {
				bad("%s: region %q is not one of region and regions above", where, r)
			}
		}
	}
	return errs
}

// ByGrant reports whether calls in an account are made with a session for
// every grant.
func (c *Config) ByGrant(a Account) bool {
	if a.PerGrant != nil {
		return *a.PerGrant
	}
	return c.Upstream.PerGrant
}

// AccountRegions are the accounts called, with the regions each is called in;
// nil where there is only the gateway's own.
func (c *Config) AccountRegions() map[string][]string {
	if len(c.Upstream.Accounts) == 0 {
		return nil
	}
	out := map[string][]string{c.Account: nil}
	for _, a := range c.Upstream.Accounts {
		out[a.Account] = a.Regions
	}
	return out
}
