package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/report"
)

const scpReference = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"

// controlRules are about what an account sets over its principals, and who can
// take it away.
var controlRules = []rule{
	{report.Rule{
		ID: "BR-SCP-01", Title: "What an SCP or a boundary takes away", Severity: report.Info,
		Help: "An SCP grants nothing; what it is worth is what it takes away. " +
			"This counts the rights to invoke that would exist if the policy were detached: a policy that removes none is a control on paper, and one that removes many must not be detached lightly. " +
			"It does not bind the management account, or service-linked roles.",
		Reference: []string{scpReference, "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"},
	}, controlRemoved},
	{report.Rule{
		ID: "BR-SUB-01", Title: "Models can be switched on", Severity: report.Medium,
		Help: "The principal may accept a model's terms, request entitlement to it or subscribe to it in AWS Marketplace, for any model. " +
			"That makes models usable, and billable, for the whole account. Administrators, who can do everything, are not listed. " +
			"Leave these actions to whoever approves models; denying Subscribe alone does not stop the first invocation.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/model-access-permissions.html"},
	}, controlSubscribe},
	{report.Rule{
		ID: "BR-LOG-01", Title: "An invoker that can switch off the evidence", Severity: report.Medium,
		Help: "The principal may invoke models, and may end or redirect the logs that would show it, or remove the guardrail that would stop it. " +
			"What it does can then no longer be told. Administrators, who can do everything, are not listed. " +
			"Separate the two: workloads that invoke need no right on logging and guardrails; deny these actions to them in an SCP.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html", actionsReference},
	}, controlEvidence},
	{report.Rule{
		ID: "BR-DATA-01", Title: "The input is incomplete or cannot be read", Severity: report.Info,
		Help: "Something that the answers depend on is missing from the input, or could not be read. " +
			"What it touches is undetermined, never taken for absent: other findings about it say so. " +
			"Give the missing file, or correct the statement at the position shown; AWS would have refused it.",
		Reference: []string{"https://docs.aws.amazon.com/cli/latest/reference/iam/get-account-authorization-details.html"},
	}, controlData},
}

// switches are the actions that make models usable.
var switches = []string{"aws-marketplace:Subscribe", "bedrock:PutFoundationModelEntitlement", "bedrock:CreateFoundationModelAgreement"}

func controlSubscribe(s *scan, yield func(report.Finding)) string {
	s.sweep(s.subjects(), report.Medium, yield, func(x *subject) []hit {
		var can []string
		var first hit
		for _, action := range switches {
			if !speaks(x, action) {
				continue
			}
			ans := s.on(x.Principal, action, "*", nil)
			if !ans.Decision.Can() {
				continue
			}
			if len(can) == 0 {
				first = first.of(ans)
			}
			can = append(can, action)
		}
		if len(can) == 0 || s.administrator(x) {
			return nil
		}
		first.title = "may switch models on by " + strings.Join(can, ", ")
		first.detail = "It can make any model usable in the account." + first.detail
		return []hit{first}
	})
	return ""
}

// speaks reports whether a policy of a subject may allow an action.
func speaks(x *subject, action string) bool {
	return slices.ContainsFunc(x.Identity, func(d *awsiam.Document) bool { return mentions(d, action) })
}

// deed is an action on a resource.
type deed struct{ action, resource string }

func controlEvidence(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(false), report.Medium, yield, func(x *subject) []hit {
		var can []string
		var first hit
		for _, e := range s.evidence(x) {
			if slices.Contains(can, e.action) || !speaks(x, e.action) {
				continue
			}
			ans, ok := s.anywhere(x.Principal, e.action, e.resource, nil)
			if !ok {
				continue
			}
			if len(can) == 0 {
				first = first.of(ans)
			}
			can = append(can, e.action)
		}
		if len(can) == 0 || s.administrator(x) {
			return nil
		}
		first.title = "may invoke models, and switch off the evidence by " + listed(can, 4)
		first.detail = "It can do, and hide what it did." + first.detail
		return []hit{first}
	})
	return ""
}

// evidence is what would hide an invocation, or let it pass. Buckets and log
// groups count where the input says that the invocation log goes there.
func (s *scan) evidence(x *subject) []deed {
	account := x.Account.ID
	list := []deed{
		{"bedrock:DeleteModelInvocationLoggingConfiguration", "*"}, {"bedrock:PutModelInvocationLoggingConfiguration", "*"},
		{"bedrock:DeleteGuardrail", "arn:aws:bedrock:us-east-1:" + account + ":guardrail/GUARDRAIL0"},
		{"bedrock:UpdateGuardrail", "arn:aws:bedrock:us-east-1:" + account + ":guardrail/GUARDRAIL0"},
		{"cloudtrail:StopLogging", "arn:aws:cloudtrail:us-east-1:" + account + ":trail/trail"},
		{"cloudtrail:DeleteTrail", "arn:aws:cloudtrail:us-east-1:" + account + ":trail/trail"},
	}
	if s.Estate.Bedrock == nil {
		return list
	}
	for _, r := range s.Estate.Bedrock.Regions {
		if r.Account != account || r.Logging == nil {
			continue
		}
		if r.Logging.Bucket != "" {
			list = append(list, deed{"s3:PutBucketPolicy", "arn:aws:s3:::" + r.Logging.Bucket})
		}
		if r.Logging.LogGroup != "" {
			list = append(list, deed{"logs:DeleteLogGroup", "arn:aws:logs:" + r.Region + ":" + account + ":log-group:" + r.Logging.LogGroup + ":*"})
		}
	}
	return list
}

// controlData says what of the input is missing or broken, each with its place.
func controlData(s *scan, yield func(report.Finding)) string {
	for _, p := range slices.Concat(s.Estate.Problems, s.Problems) {
		f := report.Finding{Title: p.Reason, Resource: p.Document, Detail: "AWS would refuse it, or it cannot be read. The rest counts; what this touches is undetermined, unless the line says how it was read.", Position: reportPosition(p.Position)}
		if p.Statement >= 0 {
			f.Resource = statementName(p.Document, p.Statement)
		}
		yield(f)
	}
	for _, i := range s.Estate.Incomplete {
		f := report.Finding{Account: i.Account, Principal: i.Principal, Resource: i.What, Title: i.What, Detail: "Decisions that depend on it are undetermined, or hold only within what was given."}
		if p := s.Estate.Principal(i.Principal); p != nil {
			f.Position = reportPosition(p.Position)
		}
		yield(f)
	}
	return ""
}
