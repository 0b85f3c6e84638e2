package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// accountRules are about principals outside the account.
var accountRules = []rule{
	{report.Rule{
		ID: "BR-XACC-01", Title: "Somebody outside can take on a role that invokes models", Severity: report.High,
		Help: "The role's trust policy lets in an account that the input does not hold, anyone at all, or every user of an identity provider that serves more than your own. " +
			"Foundation models take no resource policy, so such a role is how another account comes to your models, on your bill. " +
			"Name the accounts and ask for an sts:ExternalId; of a web identity limit both :aud and :sub to your own repository, project or workload.",
		Reference: []string{"https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html", "https://pathfinding.cloud/"},
	}, accountOutsiders},
	{report.Rule{
		ID: "BR-XACC-02", Title: "A Bedrock resource is shared outside the organisation", Severity: report.Medium,
		Help: "A resource policy lets an account that is not of the organisation use a custom model, a guardrail, a knowledge base, an AgentCore runtime or a gateway. " +
			"A copied custom model carries what it was trained on; a runtime or gateway runs at your cost and under its role. " +
			"Remove the statement, or bind it with a condition on aws:PrincipalOrgID.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/APIReference/API_PutResourcePolicy.html", "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid"},
	}, accountShares},
}

func accountOutsiders(s *scan, yield func(report.Finding)) string {
	for _, x := range s.invokers(true) {
		if x.Kind != estate.Role {
			continue
		}
		for _, e := range s.Entrances(x.whole) {
			web := strings.Contains(e.Hop.By, "With")
			if web && e.Open == "" {
				continue
			}
			yield(s.entranceFinding(x, e, web))
		}
	}
	return ""
}

// entranceFinding is about one entrance of an invoking role. It is worst where
// anyone may come in, and better where more is asked than who somebody is.
func (s *scan) entranceFinding(x *subject, e Entrance, web bool) report.Finding {
	h := hit{resource: e.Hop.From, condition: e.Hop.Condition, title: e.Hop.From + " can assume this role, which invokes models"}
	severity := report.High
	switch {
	case web:
		h.title = "users of " + hostOf(e.Hop.From) + " whom nobody named can assume this role, which invokes models"
		h.detail = upperFirst(e.Open) + "."
	case e.Hop.From == "anyone":
		severity = report.Critical
		h.detail = "The trust policy names everybody, so that any AWS account comes to the role's rights."
		if e.Hop.Decision != rights.Allowed {
			severity = report.High
			h.detail += " Its conditions are all that stands before it."
		}
	default:
		h.detail = "The account is neither in the input nor in the organisation that was given: what its principals may do there is its own affair."
		if e.Open != "" {
			h.detail += " " + upperFirst(e.Open) + "."
		} else {
			severity = report.Medium
		}
	}
	if e.Hop.Doubt != "" {
		h.detail += " Undetermined: " + e.Hop.Doubt + "."
	}
	target, action := s.first(x, func(int) bool { return true })
	h.detail += " The role may invoke " + s.matrix.Targets[target].ID + s.andMore(x) + "."
	h.witness = s.ask(x, target, action, nil).Witness
	f := s.unraised(x.Principal, h, severity)
	f.Path = s.hops([]Hop{e.Hop})
	f.Statements = f.Path[0].Statements
	return f
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func accountShares(s *scan, yield func(report.Finding)) string {
	any := false
	for _, acct := range s.Estate.Accounts {
		for _, arn := range sortedKeys(acct.Resource) {
			if service, ok := bedrockResource(arn, acct.ID); ok {
				any = true
				s.shares(acct, arn, service, yield)
			}
		}
	}
	if !any {
		return "needs --resource-policy: the policies of custom models, guardrails, knowledge bases, runtimes and gateways"
	}
	return ""
}

func sortedKeys(m map[string]*awsiam.Document) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// bedrockResource reports whether an ARN is of one of Bedrock's resources of an
// account, and of which service.
func bedrockResource(arn, account string) (service string, ok bool) {
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || !strings.HasPrefix(part[2], "bedrock") {
		return "", false
	}
	return part[2], part[4] == account
}

// shares finds whom outside a resource policy lets in.
func (s *scan) shares(acct *estate.Account, arn, service string, yield func(report.Finding)) {
	d := acct.Resource[arn]
	stand := &estate.Principal{Trust: d, Account: acct}
	for _, who := range s.strangersIn(stand) {
		for _, action := range s.actionsOf(d, service) {
			k := rights.CheckOf(s.Facts, rights.Leg{Action: action, Resource: arn, Region: regionIn(arn)}, "")
			k.Policy = d
			c := &rights.Case{Principal: who.Principal, Layers: awsiam.Layers{Identity: []*awsiam.Document{everything}}, Checks: []rights.Check{k}, Known: who.known}
			ans := rights.Solve(s.universe(), c)
			if !ans.Decision.Can() {
				continue
			}
			yield(s.shareFinding(acct, arn, d, who, action, ans))
			break
		}
	}
}

// actionsOf are actions of a service that a policy may allow: those that are
// known, those that it names, and one that stands for the rest.
func (s *scan) actionsOf(d *awsiam.Document, service string) (out []string) {
	for _, name := range s.actions() {
		if strings.HasPrefix(name, service+":") && mentions(d, name) {
			out = append(out, name)
		}
	}
	for i := range d.Statements {
		for _, a := range d.Statements[i].Actions {
			if !strings.ContainsAny(a.Source, "*?") && !slices.Contains(out, a.Source) {
				out = append(out, a.Source)
			}
		}
	}
	return append(out, service+":AnActionOfTomorrow")
}

func (s *scan) shareFinding(acct *estate.Account, arn string, d *awsiam.Document, who outside, action string, ans rights.Answer) report.Finding {
	f := report.Finding{
		Severity: report.Medium, Account: acct.ID, Resource: arn + " " + who.name,
		Title:     shortARN(arn) + " is shared with " + who.name,
		Detail:    "Its resource policy lets " + who.name + " use " + action + " on it, from outside the organisation as far as the input tells.",
		Condition: rights.Terms(ans.Condition),
	}
	if who.name == "anyone" {
		f.Severity = report.High
	}
	for _, ref := range ans.Statements {
		if ref.Layer == awsiam.ResourceLayer {
			f.Statements = append(f.Statements, statementOf(d, string(ref.Layer), ref.Index))
		}
	}
	if len(f.Statements) > 0 {
		f.Position = f.Statements[0].Position
	}
	if ans.Witness != nil {
		f.Witness = asJSON(ans.Witness)
	}
	return f
}
