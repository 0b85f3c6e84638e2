package rights

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/glob"
)

// narrow is a vocabulary so small that its requests are one of every class.
var narrow = []word{
	{key: "aws:SourceVpce", ops: textOps, values: []string{"vpce-1", "vpce-*"}, requests: ones("vpce-1", "vpce-2", "x", "VPCE-1", "vpce-*", "VPCE-*")},
	{key: "aws:MultiFactorAuthPresent", ops: []string{"Bool"}, values: []string{"true", "false"}, requests: ones("true", "false")},
	{key: "aws:SourceIp", ops: []string{"IpAddress", "NotIpAddress"}, values: []string{"10.0.0.0/8", "10.1.0.0/16"}, requests: ones("10.1.0.1", "10.2.0.1", "192.0.2.1")},
	{key: "aws:TagKeys", ops: setOps, values: []string{"a", "b"}, requests: subsets("a", "A", "b", "B", "x")},
	{key: "aws:RequestedRegion", ops: textOps, values: []string{"us-east-1", "us-*", "unspecified"}, requests: ones("us-east-1", "us-west-2", "eu-west-1", "unspecified", "US-EAST-1", "us-*", "US-*", "UNSPECIFIED"), always: true},
	{key: "custom:size", ops: numberOps, values: []string{"1", "2"}, requests: ones("0", "1", "1.5", "2", "3")},
}

func subsets(items ...string) (out []awsiam.Value) {
	for mask := 1; mask < 1<<len(items); mask++ {
		var set []string
		for i, s := range items {
			if mask>>i&1 == 1 {
				set = append(set, s)
			}
		}
		out = append(out, awsiam.Many(set...))
	}
	return out
}

var (
	narrowARNs = []string{"*", modelEast, "arn:aws:bedrock:us-east-1::foundation-model/*", "arn:aws:bedrock:*:foundation-model/*", "arn:aws:bedrock:*:*:inference-profile/us.*", "arn:aws:bedrock:*claude*"}
	// narrowResources are one resource of every class that narrowARNs tell apart,
	// and of every region.
	narrowResources = []string{
		modelEast, "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-y", modelNova, modelWest, "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-a",
		profileARN, "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-a", "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a", "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/claude",
		"arn:aws:bedrock:us-west-2:111122223333:inference-profile/us.anthropic.claude-x", "arn:aws:bedrock:us-west-2:111122223333:inference-profile/us.amazon.nova-a", "arn:aws:bedrock:us-west-2:111122223333:provisioned-model/a", "arn:aws:bedrock:us-west-2:111122223333:provisioned-model/claude",
		"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/us.anthropic.claude-x", "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/us.amazon.nova-a", "arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/a", "arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/claude",
		"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-a", "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-x",
		"arn:aws:bedrock:::foundation-model/amazon.nova-a", "arn:aws:bedrock:::foundation-model/anthropic.claude-x",
	}
	// oddResources are of classes without a resource that can be.
	oddResources = []string{"arn:aws:bedrock:us-east-1::foundation-model/:inference-profile/us.", "arn:aws:bedrock:us-east-1::foundation-model/:inference-profile/us.claude", "arn:aws:bedrock:::foundation-model/:inference-profile/us.", "arn:aws:bedrock:::foundation-model/:inference-profile/us.claude"}
)

// TestNarrowResourcesAreOfEveryClass: what brute force tries is complete.
func TestNarrowResourcesAreOfEveryClass(t *testing.T) {
	var patterns []glob.Pattern
	for _, s := range narrowARNs {
		patterns = append(patterns, glob.Parse(s))
	}
	for _, x := range []struct {
		within []glob.Pattern
		tried  []string
	}{{anyBedrock, slices.Concat(narrowResources, oddResources)}, {plausible, narrowResources}} {
		classes, err := glob.Atoms(patterns, x.within, atomLimit)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range classes {
			if slices.ContainsFunc(nested, func(p glob.Pattern) bool { return p.Match(c.Witness) }) && !slices.ContainsFunc(x.within, anyBedrock[0].Equal) {
				continue
			}
			alike := func(arn string) bool {
				for i, p := range patterns {
					if p.Match(arn) != c.Accepts.Has(i) {
						return false
					}
				}
				return true
			}
			if !slices.ContainsFunc(x.tried, alike) {
				t.Errorf("no resource is like %s", c.Witness)
			}
		}
	}
}

// narrowDocument is a policy of at most two keys.
func (s speech) narrowDocument(t *rapid.T, name string) *awsiam.Document {
	var list []any
	for range rapid.IntRange(1, 3).Draw(t, name+" statements") {
		list = append(list, s.narrowStatement(t))
	}
	return document(name, map[string]any{"Version": "2012-10-17", "Statement": list})
}

func (s speech) narrowStatement(t *rapid.T) map[string]any {
	st := s.statement(t, false)
	for _, kind := range []string{"Resource", "NotResource"} {
		if st[kind] != nil {
			st[kind] = some(t, "arn", narrowARNs)
		}
	}
	return st
}

func (s speech) policies(t *rapid.T) Policies {
	p := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{s.narrowDocument(t, "identity")}}}
	if chance(t, "scp", 4) {
		p.Layers.SCPs = [][]*awsiam.Document{{full}, {s.narrowDocument(t, "scp")}}
	}
	return p
}

func narrowSpeech(t *rapid.T) speech {
	s := speech{plain: !chance(t, "odd", 8)}
	for range 2 {
		s.words = append(s.words, narrow[rapid.IntRange(0, len(narrow)-1).Draw(t, "word")])
	}
	return s
}

// everyRequest yields one context of every class over the words, for every
// resource there is in a universe.
func (s speech) everyRequest(correlated bool, yield func(ctx awsiam.Context, resource string)) {
	tried := narrowResources
	if !correlated {
		tried = slices.Concat(tried, oddResources)
	}
	words := append([]word{narrow[4]}, s.words...)
	var each func(i int, ctx awsiam.Context)
	each = func(i int, ctx awsiam.Context) {
		if i == len(words) {
			if correlated && ctx.Impossible() != "" {
				return
			}
			for _, arn := range tried {
				if correlated && ctx[regionKey].Items[0] != regionOf(arn) {
					continue
				}
				yield(ctx, arn)
			}
			return
		}
		w := words[i]
		if _, done := ctx[awsiam.Key(w.key)]; done {
			each(i+1, ctx)
			return
		}
		values := w.requests
		if !w.always {
			values = append([]awsiam.Value{{}}, values...)
		}
		for _, v := range values {
			each(i+1, over(ctx, awsiam.Context{awsiam.Key(w.key): v}))
		}
	}
	each(0, awsiam.Context{})
}

// brute is the verdict by trying every request.
func (s speech) brute(base, next Policies, correlated bool) Verdict {
	verdict := NoNewAccess
	s.everyRequest(correlated, func(ctx awsiam.Context, arn string) {
		for _, action := range InvokeActions {
			r := awsiam.Request{Action: action, Resource: arn, Context: ctx}
			if verdict == NewAccess {
				return
			}
			was, is := truthOf(awsiam.Evaluate(r, base.Layers).Outcome), truthOf(awsiam.Evaluate(r, next.Layers).Outcome)
			switch {
			case was == awsiam.False && is == awsiam.True:
				verdict = NewAccess
			case was != awsiam.True && is != awsiam.False:
				verdict = Undecided
			}
		}
	})
	return verdict
}

func toldPair(a, b Policies) string {
	text := "base:"
	for _, d := range documents(a.Layers) {
		text += "\n  " + d.Name
	}
	text += "\nnext:"
	for _, d := range documents(b.Layers) {
		text += "\n  " + d.Name
	}
	return text
}

// TestPropertyCompareAgreesWithTryingEveryRequest: in both directions at once
// and one at a time, and what is shown as new is.
func TestPropertyCompareAgreesWithTryingEveryRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := narrowSpeech(t)
		a, b := s.policies(t), s.policies(t)
		if chance(t, "close", 2) { // most pairs of strangers differ both ways
			b.Layers.Identity = append(slices.Clone(a.Layers.Identity), b.Layers.Identity...)
			b.Layers.SCPs = a.Layers.SCPs
		}
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")}
		forth, back := CompareBoth(u, a, b, InvokeActions)
		if want := s.brute(a, b, u.Correlated); forth.Verdict != want {
			t.Fatalf("%s (%s) %v, by trying %s\n%s", forth.Verdict, forth.Reason, forth.Witness, want, toldPair(a, b))
		}
		if want := s.brute(b, a, u.Correlated); back.Verdict != want {
			t.Fatalf("back %s (%s) %v, by trying %s\n%s", back.Verdict, back.Reason, back.Witness, want, toldPair(a, b))
		}
		confirmed(t, forth, a, b)
		confirmed(t, back, b, a)
		if x, y := Compare(u, a, b, InvokeActions), Compare(u, b, a, InvokeActions); x.Verdict != forth.Verdict || y.Verdict != back.Verdict {
			t.Fatalf("one at a time %s and %s, both at once %s and %s", x.Verdict, y.Verdict, forth.Verdict, back.Verdict)
		}
	})
}

// confirmed checks that the witness of new access is new.
func confirmed(t *rapid.T, c Comparison, base, next Policies) {
	if (c.Verdict == NewAccess) != (c.Witness != nil) {
		t.Fatalf("%s with witness %v", c.Verdict, c.Witness)
	}
	if c.Witness == nil {
		return
	}
	r := awsiam.Request{Action: c.Witness.Action, Resource: c.Witness.Resource, Context: shown(c.Witness, nil)}
	was, is := awsiam.Evaluate(r, base.Layers).Outcome, awsiam.Evaluate(r, next.Layers).Outcome
	if truthOf(was) != awsiam.False || is != awsiam.Allowed {
		t.Fatalf("the witness was %s and is %s: %v\n%s", was, is, c.Witness, toldPair(base, next))
	}
}

// TestPropertyNothingIsNewInTheSame: compared with itself, a policy that can be
// read grants nothing new.
func TestPropertyNothingIsNewInTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := speechOf(t)
		p := Policies{Layers: s.layers(t)}
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")}
		got := Compare(u, p, p, InvokeActions)
		if got.Verdict == NewAccess || s.plain && got.Verdict == Undecided && got.Reason == "" {
			t.Fatalf("%s %s: %v\n%s", got.Verdict, got.Reason, got.Witness, toldPair(p, p))
		}
	})
}

// TestPropertyNoNewAccessIsTransitive: over three policies, each within the one
// before.
func TestPropertyNoNewAccessIsTransitive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := narrowSpeech(t)
		s.plain = true
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")}
		chain := make([]Policies, 3)
		var docs []*awsiam.Document
		for i := range chain {
			docs = append(docs, s.narrowDocument(t, "identity"))
			chain[i] = Policies{Layers: awsiam.Layers{Identity: slices.Clone(docs)}}
		}
		slices.Reverse(chain)
		within := func(a, b Policies) bool { return Compare(u, a, b, InvokeActions).Verdict == NoNewAccess }
		if within(chain[0], chain[1]) && within(chain[1], chain[2]) && !within(chain[0], chain[2]) {
			t.Fatalf("no new access from one to the next, but from the first to the last\n%s\n%s", toldPair(chain[0], chain[1]), toldPair(chain[2], chain[2]))
		}
	})
}
