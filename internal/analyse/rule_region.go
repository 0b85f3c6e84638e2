package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	geographicReference = "https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html"
	globalReference     = "https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html"
)

// regionRules are about where calls may be processed.
var regionRules = []rule{
	{report.Rule{
		ID: "BR-XREG-01", Title: "Calls can leave the regions that data may be processed in", Severity: report.Medium,
		Help: "Through an inference profile, a call made in one region is processed in another: of a geography, or with a global profile anywhere in the world. " +
			"The principal can use profiles that lead outside the regions allowed for data. " +
			"Deny global profiles with aws:RequestedRegion = unspecified, and others by their destination regions, in an SCP; for a global profile AWS checks arn:aws:bedrock:::foundation-model/…, which a * in the place of the region matches too.",
		Reference: []string{globalReference, geographicReference},
	}, regionResidency},
	{report.Rule{
		ID: "BR-XREG-02", Title: "A profile is granted and cannot work", Severity: report.Low,
		Help: "A call through an inference profile is checked several times: on the profile, on the model in the region called, and on the model in every region that the profile routes to. " +
			"Here the profile is allowed and one of the others is not, so every call fails, and somebody will be asked to widen the policy. " +
			"Allow the model in all destination regions, with the condition bedrock:InferenceProfileArn, or take the profile away.",
		Reference: []string{geographicReference, globalReference},
	}, regionBroken},
	{report.Rule{
		ID: "BR-XREG-03", Title: "Models behind a profile can be called directly", Severity: report.Medium,
		Help: "The policy names an inference profile, and allows the model behind it without asking through which profile it is reached. " +
			"The model can then be called directly, past the profile's cost tags and the profile's own permissions. " +
			"Add the condition ArnLike on bedrock:InferenceProfileArn to the statement that allows the foundation model.",
		Reference: []string{geographicReference, "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html"},
	}, regionDirect},
}

func regionResidency(s *scan, yield func(report.Finding)) string {
	if len(s.opts.Residency) == 0 {
		return "needs the regions that data may be processed in"
	}
	leaves := s.leaving()
	s.sweep(s.invokers(true), report.Medium, yield, func(x *subject) []hit {
		t, action := s.first(x, func(t int) bool { return leaves[t] != "" })
		if t < 0 {
			return s.wildcard(x)
		}
		var ids []string
		for i := range s.matrix.Targets {
			if id := s.matrix.Targets[i].ID; leaves[i] != "" && !slices.Contains(ids, id) && s.canEither(x, i) {
				ids = append(ids, id)
			}
		}
		return []hit{hit{title: fmt.Sprintf("can have calls processed outside %s", strings.Join(s.opts.Residency, ", ")),
			detail: fmt.Sprintf("By %s: %s. For example %s leads to %s.", plural(len(ids), "profile"), listed(ids, 6), s.matrix.Targets[t].ID, leaves[t]),
		}.of(s.ask(x, t, action, nil))}
	})
	return ""
}

// canEither reports whether a subject can invoke a target by either action.
func (s *scan) canEither(x *subject, target int) bool {
	n := len(s.matrix.Actions)
	return slices.ContainsFunc(x.row[target*n:][:n], Cell.Can)
}

// leaving says for every target where it leads outside the allowed regions, in
// words; empty if it does not.
func (s *scan) leaving() []string {
	out := make([]string, len(s.matrix.Targets))
	for i := range out {
		t := &s.matrix.Targets[i]
		p, ok := s.Catalogue.Profile(t.ID)
		if !t.Profile || !ok {
			continue
		}
		if p.Global {
			out[i] = "any region that AWS chooses"
			continue
		}
		var outside []string
		for _, r := range p.Destinations[t.Region] {
			if !slices.Contains(s.opts.Residency, r) {
				outside = append(outside, r)
			}
		}
		out[i] = listed(outside, 4)
	}
	return out
}

// wildcard finds that the model of a global profile is allowed although no
// global profile is: one more grant, and calls go anywhere.
func (s *scan) wildcard(x *subject) []hit {
	for i := range s.matrix.Targets {
		t := &s.matrix.Targets[i]
		p, ok := s.Catalogue.Profile(t.ID)
		if !ok || !p.Global || !t.Profile || strings.HasPrefix(t.ID, "arn:") {
			continue
		}
		more := awsiam.Context{}
		more.Set("bedrock:InferenceProfileArn", awsiam.One("arn:"+x.Account.Partition+":bedrock:"+t.Region+":"+x.Account.ID+":inference-profile/"+t.ID))
		ans := s.on(x.Principal, s.matrix.Actions[0], "arn:"+x.Account.Partition+":bedrock:::foundation-model/"+t.Model, more)
		if ans.Decision.Can() {
			return []hit{hit{title: "is allowed the region-less model of global profiles",
				detail: "No global profile is allowed yet, but a wildcard in the place of the region also matches arn:aws:bedrock:::foundation-model/" + t.Model + ", which stands for every region."}.of(ans)}
		}
	}
	return nil
}

func regionBroken(s *scan, yield func(report.Finding)) string {
	s.sweep(s.subjects(), report.Low, yield, func(x *subject) []hit {
		var ids []string
		var first hit
		for t := range s.matrix.Targets {
			leg, ans, ok := s.broken(x, t)
			if !ok {
				continue
			}
			if len(ids) == 0 {
				first.refs = ans.refs
				first.detail = fmt.Sprintf("For example %s, called in %s: %s on %s is %s.", s.matrix.Targets[t].ID, s.matrix.Targets[t].Region, leg.Action, leg.Resource, refusal(leg))
			}
			if !slices.Contains(ids, s.matrix.Targets[t].ID) {
				ids = append(ids, s.matrix.Targets[t].ID)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		first.title = fmt.Sprintf("is allowed %s that cannot work", plural(len(ids), "profile"))
		first.detail += " Profiles: " + listed(ids, 6) + "."
		return []hit{first}
	})
	return ""
}

// refusal says in words why a leg is refused.
func refusal(leg rights.LegAnswer) string {
	if leg.Decision == rights.ExplicitDeny {
		return "explicitly denied"
	}
	var layers []string
	for _, l := range leg.Missing {
		layers = append(layers, string(l))
	}
	if len(layers) == 0 {
		return "not allowed"
	}
	return "not allowed by " + strings.Join(layers, " and ") + " policies"
}

// broken reports whether a target is a profile that is allowed and of which a
// leg is not, and names the leg.
func (s *scan) broken(x *subject, target int) (rights.LegAnswer, hit, bool) {
	t := &s.matrix.Targets[target]
	if !t.Profile || s.canEither(x, target) {
		return rights.LegAnswer{}, hit{}, false
	}
	resource := t.ID
	if !strings.HasPrefix(resource, "arn:") {
		resource = "arn:" + x.Account.Partition + ":bedrock:" + t.Region + ":" + x.Account.ID + ":inference-profile/" + t.ID
	}
	for i, action := range s.matrix.Actions {
		grants := granting(x, action, resource)
		if len(grants) == 0 {
			continue
		}
		ans := s.ask(x, target, i, nil)
		if len(ans.Legs) < 2 || !ans.Legs[0].Decision.Can() {
			continue
		}
		for _, leg := range ans.Legs[1:] {
			if !leg.Decision.Can() {
				return leg, hit{refs: grants}, true
			}
		}
	}
	return rights.LegAnswer{}, hit{}, false
}

// granting names the identity statements that allow an action on a resource,
// but for their conditions.
func granting(x *subject, action, resource string) (refs []awsiam.Ref) {
	for _, d := range x.Identity {
		for i := range d.Statements {
			st := &d.Statements[i]
			if st.Effect == awsiam.Allow && st.MatchAction(action) != awsiam.False && st.MatchResource(resource, nil) == awsiam.True {
				refs = append(refs, refTo(awsiam.IdentityLayer, d, st))
			}
		}
	}
	return refs
}

func regionDirect(s *scan, yield func(report.Finding)) string {
	at := map[Target]int{}
	for i, t := range s.matrix.Targets {
		if !t.Profile {
			at[Target{ID: t.ID, Region: t.Region}] = i
		}
	}
	s.sweep(s.invokers(false), report.Medium, yield, func(x *subject) []hit {
		var models []string
		first := -1
		for i := range s.matrix.Targets {
			t := &s.matrix.Targets[i]
			model, ok := at[Target{ID: t.Model, Region: t.Region}]
			if !t.Profile || !ok || slices.Contains(models, t.Model) || !s.canEither(x, i) || !s.canEither(x, model) || !names(x, t.ID) {
				continue
			}
			models = append(models, t.Model)
			if first < 0 {
				first = model
			}
		}
		if first < 0 {
			return nil
		}
		action := slices.IndexFunc(x.row[first*len(s.matrix.Actions):], Cell.Can)
		return []hit{hit{title: fmt.Sprintf("may call %s directly that it is given through a profile", plural(len(models), "model")),
			detail:   "The statement that allows the model does not ask for bedrock:InferenceProfileArn: " + listed(models, 6) + ".",
			proposal: &report.Proposal{Text: `Add to the statement on the foundation models: "Condition": {"ArnLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*:` + x.Account.ID + `:inference-profile/…"}}`},
		}.of(s.ask(x, first, action, nil))}
	})
	return ""
}

// names reports whether a subject's policies allow a profile by a pattern that
// is about profiles: then a profile is what was meant.
func names(x *subject, profile string) bool {
	for _, d := range x.Identity {
		for i := range d.Statements {
			st := &d.Statements[i]
			if st.Effect != awsiam.Allow || st.NotResource || st.MatchAction(rights.InvokeActions[0]) == awsiam.False && st.MatchAction(rights.InvokeActions[1]) == awsiam.False {
				continue
			}
			if slices.ContainsFunc(st.Resources, func(r awsiam.Text) bool { return aboutProfile(r.Source, profile) }) {
				return true
			}
		}
	}
	return false
}

// aboutProfile reports whether a pattern spells out inference-profile/ and
// matches a profile's id there.
func aboutProfile(pattern, profile string) bool {
	at := strings.Index(pattern, "inference-profile/")
	if at < 0 {
		return false
	}
	if strings.HasPrefix(profile, "arn:") {
		return fitsPattern(pattern, profile)
	}
	return fitsPattern(pattern[at+len("inference-profile/"):], profile)
}
