package rights

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// TestPropertyAKnownRequestIsDecidedAsTheEvaluatorDoes: with no key free, the
// decision is the plain evaluator's, to the kind of deny.
func TestPropertyAKnownRequestIsDecidedAsTheEvaluatorDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := speechOf(t)
		c := s.asks(t)
		c.Checks = c.Checks[:1]
		c.Known = s.request(t)
		k := &c.Checks[0]
		want := awsiam.Evaluate(c.request(k, over(c.Known, k.Known), k.Resource), c.layers(k)).Outcome
		got := Solve(Universe{Facts: awsiam.EmbeddedFacts()}, c)
		if string(got.Decision) != string(want) {
			t.Fatalf("%s, the evaluator says %s\n%s", got.Decision, want, told(c))
		}
	})
}

// universeOf is a universe, correlated or not, asked at some time or at any.
func universeOf(t *rapid.T) Universe {
	u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")}
	if chance(t, "now", 2) {
		u.Now = time.Unix(pick(t, "at", []int64{1767225599, 1767225600, 1767230000, 1798761600, 1900000000}), 0).UTC()
	}
	return u
}

// requestIn is a request that a universe knows of; false: it is not.
func (s speech) requestIn(t *rapid.T, u Universe, known awsiam.Context) (awsiam.Context, bool) {
	ctx := over(s.request(t), known)
	if !u.Now.IsZero() {
		ctx = at(ctx, u.Now)
	}
	if u.Correlated {
		return ctx, ctx.Impossible() == ""
	}
	ip := ctx["aws:sourceip"] // IPv6 counts there only when a policy names it
	return ctx, len(ip.Items) == 0 || !strings.Contains(ip.Items[0], ":")
}

func at(ctx awsiam.Context, moment time.Time) awsiam.Context {
	now := awsiam.One(moment.UTC().Format(time.RFC3339))
	return over(ctx, awsiam.Context{timeKey: now, epochKey: epoch(now)})
}

// TestPropertyADecisionHoldsOfEveryRequest: none that is denied under allowed,
// none that is allowed under a deny, and under a condition those that meet it.
func TestPropertyADecisionHoldsOfEveryRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, u := speechOf(t), universeOf(t)
		c := s.asks(t)
		a := Solve(u, c)
		for range 12 {
			ctx, ok := s.requestIn(t, u, c.Known)
			if !ok {
				continue
			}
			truth := outcome(c, ctx)
			switch {
			case a.Decision == Allowed && truth != awsiam.True, !a.Decision.Can() && truth != awsiam.False:
				t.Fatalf("%s, of a request the evaluator says %v\ncontext %v\n%s", a.Decision, truth, ctx, told(c))
			case a.Condition == nil || len(a.Doubts) > 0:
				continue
			}
			if meets, plain := meets(t, a.Condition, ctx); plain && meets != (truth != awsiam.False) {
				t.Fatalf("%s when %s: of a request the evaluator says %v, the condition %v\ncontext %v\n%s", a.Decision, Terms(a.Condition), truth, meets, ctx, told(c))
			}
		}
	})
}

// meets evaluates a written condition; it is not plain when it names what two
// free keys come to together, or more than can be written out.
func meets(t *rapid.T, terms []Term, ctx awsiam.Context) (holds, plain bool) {
	for _, term := range terms {
		all := true
		for _, x := range term {
			if x.Op == "" || strings.Contains(x.Op, " ") {
				return false, false
			}
			c, err := awsiam.ParseCondition(x.Op, x.Key, x.Values, true)
			if err != nil {
				t.Fatalf("test %v: %v", x, err)
			}
			truth, _ := c.Test(ctx)
			all = all && (truth == awsiam.True) != x.Inverted
		}
		holds = holds || all
	}
	return holds, true
}

// TestPropertyAWitnessIsAllowed: the witness is a request that passes every
// check, and that can be; a condition comes with a request that does not.
func TestPropertyAWitnessIsAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, u := speechOf(t), universeOf(t)
		c := s.asks(t)
		a := Solve(u, c)
		if (a.Decision == Allowed || a.Decision == Conditional) != (a.Witness != nil && a.Decision != Undetermined) {
			t.Fatalf("%s with witness %v\n%s", a.Decision, a.Witness, told(c))
		}
		if a.Witness == nil {
			return
		}
		ctx := shown(a.Witness, c.Known)
		if truth := outcome(c, ctx); truth != awsiam.True {
			t.Fatalf("of the witness the evaluator says %v: %v\n%s", truth, ctx, told(c))
		}
		if why := ctx.Impossible(); u.Correlated && c.Known.Impossible() == "" && why != "" {
			t.Fatalf("the witness breaks %q: %v", why, ctx)
		}
		if a.Decision == Conditional {
			denied(t, u, c)
		}
	})
}

// shown is the context that a witness shows.
func shown(w *Witness, known awsiam.Context) awsiam.Context {
	ctx := over(known, nil)
	for _, key := range w.Absent {
		ctx.Set(key, awsiam.Value{})
	}
	for key, v := range w.Context {
		switch v := v.(type) {
		case string:
			ctx.Set(key, awsiam.One(v))
		case []string:
			ctx.Set(key, awsiam.Many(v...))
		}
	}
	for _, key := range []string{timeKey, epochKey} {
		if v := ctx[key]; len(v.Items) == 1 {
			if moment, err := awsiam.ParseDate(v.Items[0]); err == nil {
				return at(ctx, moment)
			}
		}
	}
	return ctx
}

// denied checks that some request of a case that is conditional is not allowed.
func denied(t *rapid.T, u Universe, c *Case) {
	f := NewFrame(u)
	f.Add(c)
	f.Close()
	if len(f.opaque) > 0 {
		return
	}
	r := reading{Frame: f, c: c, at: f.possible}
	r.now()
	vector, ok := f.pick(f.space.Diff(r.at, f.whole(c).Must))
	if !ok || f.confirms(c, vector, true) {
		t.Fatalf("conditional, and no request is denied: %v\n%s", vector, told(c))
	}
}

// TestPropertyTheEndsOfARightAreWhereItEnds: until its end some request is
// allowed, at its end and a little later none; likewise where one begins.
func TestPropertyTheEndsOfARightAreWhereItEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := speech{words: []word{wordFor("aws:CurrentTime"), wordFor("aws:EpochTime"), wordFor("aws:username")}, plain: true}
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true, Now: time.Unix(pick(t, "at", []int64{1767225599, 1767225600, 1767230000, 1798761600, 1798770000, 1900000000}), 0).UTC()}
		c := s.asks(t)
		a := Solve(u, c)
		can := func(moment time.Time) bool {
			u.Now = moment
			return Solve(u, c).Decision.Can()
		}
		moments := []int64{1767225599, 1767225600, 1767225601, 1798761599, 1798761600, 1798761601, 1799999999, 1800000000, 1800000001, 1843473599, 1843473600, 1843473601, 1950000000}
		now, was := u.Now, a.Decision.Can()
		end := a.From
		if was {
			end = a.Until
		}
		for _, m := range moments {
			moment := time.Unix(m, 0).UTC()
			switch {
			case moment.Before(now):
			case end.IsZero() || moment.Before(end):
				if can(moment) != was {
					t.Fatalf("from %v it is %v, end %v, but at %v %v\n%s", now, was, end, moment, !was, told(c))
				}
			case moment.Equal(end.Add(time.Second)) && can(end) == was && can(moment) == was:
				t.Fatalf("from %v it is %v, end %v, and so it is at %v\n%s", now, was, end, moment, told(c))
			}
		}
		if was && !a.From.IsZero() || !was && !a.Until.IsZero() || !end.IsZero() && !end.After(now) && !end.Equal(now) {
			t.Fatalf("%s at %v, from %v until %v", a.Decision, now, a.From, a.Until)
		}
	})
}

// TestPropertyADenyNeverRaisesADecision: one more statement that denies.
func TestPropertyADenyNeverRaisesADecision(t *testing.T) {
	rank := func(d Decision) int {
		return slices.Index([]Decision{ExplicitDeny, ImplicitDeny, Undetermined, Conditional, Allowed}, d)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, u := speechOf(t), universeOf(t)
		c := s.asks(t)
		before := Solve(u, c)
		st := s.statement(t, false)
		st["Effect"] = "Deny"
		d := *c
		d.Layers.Identity = append(slices.Clone(c.Layers.Identity), document("deny", map[string]any{"Version": "2012-10-17", "Statement": st}))
		after := Solve(u, &d)
		if !before.Decision.Can() && after.Decision.Can() || before.Decision != Undetermined && rank(after.Decision) > rank(before.Decision) {
			t.Fatalf("%s, and with one deny more %s\n%s", before.Decision, after.Decision, told(&d))
		}
	})
}

// TestPropertyAControlIsNotRequiredWhenTheRightHoldsWithoutIt: as fixing the key
// says.
func TestPropertyAControlIsNotRequiredWhenTheRightHoldsWithoutIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, u := speechOf(t), universeOf(t)
		s.words = append(s.words, wordFor("aws:MultiFactorAuthPresent"), wordFor("bedrock:GuardrailIdentifier"))
		c := s.asks(t)
		delete(c.Known, "aws:multifactorauthpresent")
		delete(c.Known, "aws:multifactorauthage")
		delete(c.Known, "bedrock:guardrailidentifier")
		a := Solve(u, c)
		if !a.Decision.Can() || len(a.Doubts) > 0 || u.Correlated && c.Known.Impossible() != "" {
			return
		}
		with := func(key string, v awsiam.Value) bool {
			d := *c
			d.Known = over(c.Known, awsiam.Context{key: v})
			return Solve(u, &d).Decision.Can() && (!u.Correlated || d.Known.Impossible() == "")
		}
		c.Known.Set("aws:MultiFactorAuthAge", awsiam.Value{}) // else MFA was used
		mfa := with("aws:multifactorauthpresent", awsiam.Value{}) || with("aws:multifactorauthpresent", awsiam.One("false"))
		delete(c.Known, "aws:multifactorauthage")
		if mfa != slices.Contains(a.NotRequired, "mfa") {
			t.Fatalf("without MFA %v, not required %q\n%s", mfa, a.NotRequired, told(c))
		}
		if guardrail := with("bedrock:guardrailidentifier", awsiam.Value{}); guardrail != slices.Contains(a.NotRequired, "guardrail") {
			t.Fatalf("without a guardrail %v, not required %q\n%s", guardrail, a.NotRequired, told(c))
		}
	})
}
