package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	apiKeyReference = "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html"
	apiKeyControls  = "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html"
	accessKeyAdvice = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles"
	needCredentials = "needs --credentials: the outputs of list-service-specific-credentials and list-access-keys, or a credential report"
)

// keyRules are about Bedrock API keys and other credentials that do not end by
// themselves.
var keyRules = []rule{
	{report.Rule{
		ID: "BR-KEY-01", Title: "An active long-term Bedrock API key", Severity: report.High,
		Help: "A long-term Bedrock API key is a service-specific credential of an IAM user: a string that invokes models from anywhere, without a signature, until it expires or is deleted. " +
			"One without an expiry never ends by itself, which is why it counts as critical. " +
			"Have workloads use a role; where a key is needed, use short-term keys, which end within twelve hours. Delete the key with iam:DeleteServiceSpecificCredential.",
		Reference: []string{apiKeyReference, apiKeyControls},
	}, keyActive},
	{report.Rule{
		ID: "BR-KEY-02", Title: "A user that the console made for an API key can do more than call models with it", Severity: report.High,
		Help: "The console makes a user BedrockAPIKey-… for each long-term key and attaches AmazonBedrockLimitedAccess. " +
			"That policy reaches well beyond invoking one model: every model in every region, the mantle endpoint, batch jobs, provisioned throughput and guardrails; " +
			"and an access key on such a user turns the key into ordinary credentials of the account. " +
			"Replace the policy by one that names the models, or delete the user.",
		Reference: []string{apiKeyReference, "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonBedrockLimitedAccess.html"},
	}, keyUsers},
	{report.Rule{
		ID: "BR-KEY-03", Title: "Long-term Bedrock API keys can be made or used", Severity: report.Medium,
		Help: "Nothing stops the principal from making a long-term Bedrock API key, or a key of its own from being used. " +
			"Deny iam:CreateServiceSpecificCredential where iam:ServiceSpecificCredentialServiceName is bedrock.amazonaws.com, and bedrock:CallWithBearerToken where bedrock:BearerTokenType is LONG_TERM, in an SCP. " +
			"bedrock-mantle:CallWithBearerToken needs a deny of its own.",
		Reference: []string{apiKeyControls},
	}, keyMakers},
	{report.Rule{
		ID: "BR-KEY-04", Title: "A user with access keys can invoke models", Severity: report.High,
		Help: "An access key does not end, is copied into files and environments, and is what model thieves look for. " +
			"Give the workload a role, whose credentials end within hours, and the people single sign-on; then delete the key. " +
			"Until then bind the right to a network with a condition on aws:SourceVpce or aws:SourceIp.",
		Reference: []string{accessKeyAdvice},
	}, keyAccess},
}

// unraised is a finding whose severity already counts how exposed the principal
// is: that is what it is about.
func (s *scan) unraised(p *estate.Principal, h hit, severity report.Severity) report.Finding {
	f := s.finding(p, p, h, severity)
	f.Severity, f.Detail = severity, h.detail
	return f
}

// users are the subjects that are users, with what credentials they have.
func (s *scan) users(yield func(*subject, *estate.UserCredentials)) {
	for _, x := range s.subjects() {
		if x.Kind != estate.User {
			continue
		}
		var has *estate.UserCredentials
		if s.Estate.Credentials != nil {
			has = s.Estate.Credentials.Of(x.whole)
		}
		yield(x, has)
	}
}

func keyActive(s *scan, yield func(report.Finding)) string {
	if s.Estate.Credentials == nil {
		return needCredentials
	}
	s.users(func(x *subject, has *estate.UserCredentials) {
		if has == nil {
			return
		}
		for _, k := range has.ServiceSpecific {
			if k.Active && k.ServiceName == bedrockService && (k.Expires.IsZero() || k.Expires.After(s.Now)) {
				h, severity := s.activeKey(x, k)
				yield(s.unraised(x.Principal, h, severity))
			}
		}
	})
	return ""
}

// activeKey is what is wrong with one key: nothing much where a policy keeps it
// from being used.
func (s *scan) activeKey(x *subject, k estate.ServiceSpecific) (hit, report.Severity) {
	h := hit{resource: "API key " + k.ID, title: "a Bedrock API key that is active until " + stamp(k.Expires)}
	severity := report.High
	if k.Expires.IsZero() {
		h.title, severity = "a Bedrock API key that is active and never expires", report.Critical
	}
	ans := s.withKey(x)
	h.detail = fmt.Sprintf("Key %s was made on %s and invokes models as this user from wherever it is.", k.ID, k.Created.UTC().Format("2006-01-02"))
	if !ans.Decision.Can() {
		h.detail = fmt.Sprintf("Key %s is active, but the user's policies, or an SCP, let it invoke nothing today. It works again on the day that one of them changes.", k.ID)
		return h, report.Low
	}
	return h.of(ans), severity
}

// withKey answers whether a user can invoke anything by a long-term key, for the
// first model that it can invoke at all.
func (s *scan) withKey(x *subject) rights.Answer {
	target, action := s.first(x, func(int) bool { return true })
	if target < 0 {
		return rights.Answer{Decision: rights.ImplicitDeny}
	}
	gate := s.deed(x.Principal, "bedrock:CallWithBearerToken", noResource, s.matrix.Targets[target].Region)
	gate.Known.Set("bedrock:BearerTokenType", awsiam.One("LONG_TERM"))
	t := &s.matrix.Targets[target]
	checks, err := s.Checks(Question{Action: s.matrix.Actions[action], Resource: t.ID, Region: t.Region}, x.Principal.Principal.Account)
	if err != nil { // the matrix asked the same
		return rights.Answer{Decision: rights.Undetermined, Doubts: []string{err.Error()}}
	}
	return s.may(x.Principal, append(s.bind(checks.List, x.Account), gate)...)
}

func keyUsers(s *scan, yield func(report.Finding)) string {
	s.users(func(x *subject, has *estate.UserCredentials) {
		if !strings.HasPrefix(x.Name, "BedrockAPIKey-") {
			return
		}
		if key := accessKeyOf(has); key != "" {
			yield(s.unraised(x.Principal, hit{resource: "access key", title: "an access key on a user that exists for a Bedrock API key",
				detail: "The user was made by the console for one API key and holds " + key + " as well: whoever has it needs no API key, and is not bound by rules on bearer tokens."}, report.High))
		}
		limited := slices.IndexFunc(x.Attached, func(arn string) bool { return strings.HasSuffix(arn, "policy/AmazonBedrockLimitedAccess") })
		if target, action := s.first(x, func(int) bool { return true }); limited >= 0 && target >= 0 {
			h := hit{resource: "AmazonBedrockLimitedAccess", title: "a user that exists for a Bedrock API key has AmazonBedrockLimitedAccess",
				detail: "The policy lets its key invoke every model in every region, start batch jobs and buy throughput; the key alone is enough, from anywhere."}
			yield(s.unraised(x.Principal, h.of(s.ask(x, target, action, nil)), report.High))
		}
	})
	if s.Estate.Credentials == nil {
		return "access keys on such users: " + needCredentials
	}
	return ""
}

// accessKeyOf names an active access key; empty: none is known.
func accessKeyOf(has *estate.UserCredentials) string {
	if has == nil {
		return ""
	}
	for _, k := range has.AccessKeys {
		switch {
		case k.Active && k.ID != "":
			return "the access key " + k.ID
		case k.Active:
			return "an access key"
		}
	}
	return ""
}

func keyMakers(s *scan, yield func(report.Finding)) string {
	f := s.prober(s.ctx)
	s.sweep(s.subjects(), report.Medium, yield, func(x *subject) (hits []hit) {
		if ans := f.makesKeys(x.Principal); ans.Decision.Can() {
			hits = append(hits, hit{resource: createServiceCredential, title: "it can make long-term Bedrock API keys",
				detail: "It may call iam:CreateServiceSpecificCredential for bedrock.amazonaws.com. The key that comes of it does not end unless an age is asked for, and whoever holds it invokes as that user."}.of(ans))
		}
		if x.Kind != estate.User {
			return hits
		}
		if ans := s.withKey(x); ans.Decision.Can() {
			hits = append(hits, hit{resource: "bedrock:CallWithBearerToken", title: "a long-term Bedrock API key of this user would work",
				detail: "The user may invoke models and may call with a bearer token of type LONG_TERM: a key that is made for it invokes models from wherever it is."}.of(ans))
		}
		return hits
	})
	return ""
}

// makesKeys answers whether a principal can make a Bedrock API key for some user.
func (f *pathfinder) makesKeys(p *estate.Principal) (best rights.Answer) {
	best.Decision = rights.ImplicitDeny
	if p.ServiceLinked || !slices.ContainsFunc(p.Identity, func(d *awsiam.Document) bool { return mentions(d, createServiceCredential) }) {
		return best
	}
	for _, arn := range f.fits(p, []string{createServiceCredential}, arnHead+"iam::{account}:user/?*", []string{defaultRegion}) {
		k := f.onIAM(p, createServiceCredential, arn)
		k.Known.Set("iam:ServiceSpecificCredentialServiceName", awsiam.One(bedrockService))
		if ans := f.may(p, k); certainty(ans.Decision) > certainty(best.Decision) {
			best = ans
			tell(best.Witness, "iam:ServiceSpecificCredentialServiceName", bedrockService)
		}
		if best.Decision == rights.Allowed {
			break
		}
	}
	return best
}

// tell writes a key that a check fixes into a witness.
func tell(w *rights.Witness, key, value string) {
	if w != nil {
		w.Context[key] = value
	}
}

func keyAccess(s *scan, yield func(report.Finding)) string {
	if s.Estate.Credentials == nil {
		return needCredentials
	}
	s.users(func(x *subject, has *estate.UserCredentials) {
		key := accessKeyOf(has)
		if key == "" {
			return
		}
		if target, action := s.first(x, func(int) bool { return true }); target >= 0 {
			h := hit{resource: "access key", title: "a user with an active access key can invoke models",
				detail: "The user holds " + key + ", which does not end, and may invoke " + s.matrix.Targets[target].ID + s.andMore(x) + " with it."}
			yield(s.unraised(x.Principal, h.of(s.ask(x, target, action, nil)), report.High))
		}
	})
	return ""
}

// andMore counts the other models that a subject can invoke.
func (s *scan) andMore(x *subject) string {
	models := map[string]bool{}
	for i, c := range x.row {
		if c.Can() {
			models[s.matrix.Targets[i/len(s.matrix.Actions)].Model] = true
		}
	}
	switch n := len(models) - 1; {
	case n <= 0:
		return ""
	case n == 1:
		return " and one other model"
	default:
		return fmt.Sprintf(" and %d other models", n)
	}
}
