package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

const reel = "amazon.nova-reel-v1:1"

// mayStart grants agent an entitlement that names actions.
func (w *testWorld) mayStart(name string, actions []string, c rights.Conditions, models ...string) *testWorld {
	w.Entitlements = append(w.Entitlements, rights.Entitlement{ID: name, Actions: actions, Models: models, Conditions: c})
	w.Grants = append(w.Grants, grantOf(name))
	return w
}

// start is a StartAsyncInvoke of a model whose answer goes to a location.
func (w *testWorld) start(model, output string, change ...func(*bedrock.Capabilities)) Request {
	w.t.Helper()
	caps := bedrock.Capabilities{Output: &bedrock.Output{URI: output}}
	for _, c := range change {
		c(&caps)
	}
	return testCall(w.t, w.Catalogue, bedrock.StartAsyncInvoke, model, caps)
}

func (w *testWorld) about(op bedrock.Operation, model string) Request {
	w.t.Helper()
	return testCall(w.t, w.Catalogue, op, model, bedrock.Capabilities{})
}

var (
	starts  = []string{"StartAsyncInvoke"}
	results = rights.Conditions{Outputs: []string{"s3://results/videos/*"}, Data: rights.Data{Unscanned: true}} // nobody reads a video
)

func TestS3_StartAsyncInvokeIsOffUnlessNamed(t *testing.T) {
	for name, c := range map[string]struct {
		actions []string
		want    string
	}{
		"no actions":         {nil, CodeDefaultDeny},
		"InvokeModel":        {[]string{"InvokeModel"}, CodeDefaultDeny},
		"both ways":          {[]string{"InvokeModel", "InvokeModelWithResponseStream"}, CodeDefaultDeny},
		"reading them only":  {[]string{"GetAsyncInvoke", "ListAsyncInvokes"}, CodeDefaultDeny},
		"StartAsyncInvoke":   {starts, CodePermit},
		"beside InvokeModel": {[]string{"InvokeModel", "StartAsyncInvoke"}, CodePermit},
		"beside streams":     {[]string{"InvokeModelWithResponseStream", "StartAsyncInvoke"}, CodePermit},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).mayStart("video", c.actions, results, reel)
			b := w.bundle()
			if got := b.Decide(w.start(reel, "s3://results/videos/")); got.Code != c.want {
				t.Errorf("starting: %s, want %s: %v", got.Code, c.want, got.Reasons)
			}
			plain := CodePermit
			if slices.Equal(c.actions, starts) || slices.Contains(c.actions, "GetAsyncInvoke") || slices.Contains(c.actions, "InvokeModelWithResponseStream") && !slices.Contains(c.actions, "InvokeModel") {
				plain = CodeDefaultDeny
			}
			if got := b.Decide(w.about(bedrock.InvokeModel, reel)); got.Code != plain {
				t.Errorf("invoking: %s, want %s", got.Code, plain)
			}
		})
	}
	// A permit that somebody wrote before there were asynchronous invocations
	// does not give them.
	w := newTestWorld(t).rule("old", `permit (principal, action in [Writ::Action::"Invoke", Writ::Action::"Use", Writ::Action::"Release"], resource);`)
	w.denies(w.bundle(), w.start(reel, "s3://results/videos/"), CodeDefaultDeny)
}

func TestS3_AsynchronousOutputNeedsItsOwnRight(t *testing.T) {
	c := results
	c.Objects = []string{"s3://inputs/*"}
	w := newTestWorld(t).mayStart("video", []string{"InvokeModel", "StartAsyncInvoke"}, c, reel)
	b := w.bundle()
	for _, out := range []string{"s3://results/videos/", "s3://results/videos/2026", "s3://results/videos/a/b/"} {
		w.permits(b, w.start(reel, out))
	}
	// What may be read may not be written, a bucket is not its part, and a
	// location that only begins like the granted one may end elsewhere.
	for _, out := range []string{"s3://inputs/", "s3://inputs/x", "s3://results", "s3://results/", "s3://results/video", "s3://results/videos", "s3://results2/videos/"} {
		w.denies(b, w.start(reel, out), CodeDefaultDeny)
	}
	// What may be written may not be read.
	w.denies(b, w.callWith(reel, bedrock.Capabilities{S3: []string{"s3://results/videos/x"}}), CodeDefaultDeny)
	w.permits(b, w.callWith(reel, bedrock.Capabilities{S3: []string{"s3://inputs/x"}}))
	// Keys and tags are rights of their own.
	w.denies(b, w.start(reel, "s3://results/videos/", func(c *bedrock.Capabilities) {
		c.KMSKeys = []string{"1234abcd-12ab-34cd-56ef-1234567890ab"}
	}), CodeDefaultDeny)
	tagged := func(c *bedrock.Capabilities) { c.Tags = []string{"team=film"} }
	w.denies(b, w.start(reel, "s3://results/videos/", tagged), CodeDefaultDeny)
	w = newTestWorld(t).mayStart("video", []string{"StartAsyncInvoke", "TagResource"}, c, reel)
	w.permits(w.bundle(), w.start(reel, "s3://results/videos/", tagged))
	w.rule("tags", `forbid (principal, action == Writ::Action::"TagResource", resource) when { resource.tags.contains("team=film") };`)
	w.denies(w.bundle(), w.start(reel, "s3://results/videos/", tagged), CodeForbid)
}

// A grant of synchronous calls lends its objects to no asynchronous one, and a
// grant to write lends its location to no other model.
func TestS3_AsynchronousRightsOfTwoGrantsDoNotMix(t *testing.T) {
	w := newTestWorld(t).
		may("reads", rights.Conditions{Objects: []string{"s3://inputs/*"}, Data: rights.Data{Unscanned: true}}, reel).
		mayStart("writes", starts, results, reel).
		mayStart("other", starts, rights.Conditions{Outputs: []string{"s3://other/*"}}, "luma.ray-v2:0")
	b := w.bundle()
	w.permits(b, w.start(reel, "s3://results/videos/"))
	w.denies(b, w.start(reel, "s3://results/videos/", func(c *bedrock.Capabilities) { c.S3 = []string{"s3://inputs/x"} }), CodeDefaultDeny)
	w.denies(b, w.start(reel, "s3://other/x"), CodeDefaultDeny)
	w.denies(b, w.start("luma.ray-v2:0", "s3://results/videos/"), CodeDefaultDeny)
}

// IAM's Deny on InvokeModel reaches StartAsyncInvoke, and so does a forbid.
func TestS3_ForbidsOnInvokeReachStartAsyncInvoke(t *testing.T) {
	for name, rule := range map[string]string{
		"InvokeModel":  `forbid (principal, action == Writ::Action::"InvokeModel", resource in Writ::Family::"amazon.nova");`,
		"Invoke":       `forbid (principal, action in Writ::Action::"Invoke", resource);`,
		"a leg of it":  `forbid (principal, action in Writ::Action::"Invoke", resource) when { context.leg.kind == "source" };`,
		"by operation": `forbid (principal, action, resource) when { context.request.operation == "StartAsyncInvoke" };`,
		"by location":  `forbid (principal, action == Writ::Action::"WriteObject", resource) when { resource.uri like "s3://results/*" };`,
		"itself":       `forbid (principal, action == Writ::Action::"StartAsyncInvoke", resource);`,
		"all of them":  `forbid (principal, action in Writ::Action::"Async", resource);`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).mayStart("video", starts, results, reel).rule("r", rule)
			w.denies(w.bundle(), w.start(reel, "s3://results/videos/"), CodeForbid)
		})
	}
}

func TestS3_AsynchronousIsRefusedUnderOutputRulesAndHolds(t *testing.T) {
	with := func(change func(*rights.Conditions)) rights.Conditions {
		c := results
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		conditions rights.Conditions
		rule       string
		refused    bool
	}{
		"nothing of the kind": {results, "", false},
		"classes forbidden":   {with(func(c *rights.Conditions) { c.Data.Forbid, c.Data.Unscanned = []string{"health"}, true }), "", true},
		"classes of answers": {with(func(c *rights.Conditions) {
			c.Data.Output = &rights.Output{Unscanned: true, Forbid: []string{"health"}}
		}), "", true},
		"answers redacted": {with(func(c *rights.Conditions) { c.Data.Output = &rights.Output{Redact: true} }), "", true},
		"of the prompt only": {with(func(c *rights.Conditions) {
			c.Data = rights.Data{Forbid: []string{"health"}, Output: &rights.Output{Unscanned: true}}
		}), "", false},
		"held answer":           {with(func(c *rights.Conditions) { c.HoldAnswer = true }), "", true},
		"writing tools":         {with(func(c *rights.Conditions) { c.Tools.Write = []string{"post"} }), "", true},
		"any tool":              {with(func(c *rights.Conditions) { c.Tools.Any = true }), "", true},
		"reading tools":         {with(func(c *rights.Conditions) { c.Tools.Read = []string{"look"} }), "", false},
		"rule on output":        {results, `forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`, true},
		"rule on release":       {results, `forbid (principal, action == Writ::Action::"Release", resource) when { context.time.hour == 3 };`, true},
		"rule on another's":     {results, `forbid (principal == Writ::Identity::"other", action == Writ::Action::"Release", resource) when { context.output.regulated };`, false},
		"rule on another model": {results, `forbid (principal, action == Writ::Action::"Release", resource in Writ::Provider::"meta") when { context.output.regulated };`, false},
		"organisation's hold":   {results, `permit (principal, action == Writ::Action::"oblige:hold_answer", resource);`, true},
		"hold of tool calls":    {results, `permit (principal, action == Writ::Action::"oblige:hold", resource);`, true},
		"hold, not of this":     {results, `permit (principal, action == Writ::Action::"oblige:hold", resource in Writ::Provider::"meta");`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).mayStart("video", starts, c.conditions, reel)
			if c.rule != "" {
				w.rule("r", c.rule)
			}
			b, r := w.bundle(), w.start(reel, "s3://results/videos/")
			if !c.refused {
				w.permits(b, r)
				return
			}
			d := w.denies(b, r, CodeForbid)
			if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Effect == EffectUnmet && strings.Contains(r.Text, "S3") }) {
				t.Errorf("the reasons do not say why: %v", d.Reasons)
			}
		})
	}
}

// A decision is remembered by everything that it may depend on.
func TestS3_TagsAndPlacesAreRemembered(t *testing.T) {
	w := newTestWorld(t).mayStart("video", []string{"StartAsyncInvoke", "TagResource"}, results, reel).
		rule("tags", `forbid (principal, action == Writ::Action::"TagResource", resource) when { resource.tags.contains("a=b") };`)
	b := w.bundle()
	tagged := func(tags ...string) Request {
		return w.start(reel, "s3://results/videos/", func(c *bedrock.Capabilities) { c.Tags = tags })
	}
	for range 2 {
		w.permits(b, tagged("c=d"))
		w.denies(b, tagged("a=b"), CodeForbid)
		w.permits(b, w.start(reel, "s3://results/videos/"))
		w.denies(b, w.start(reel, "s3://results/"), CodeDefaultDeny)
	}
}

func TestS3_ReadingAnInvocationNeedsTheRightToItsModel(t *testing.T) {
	c := results
	c.Networks = []string{"partner-egress"}
	w := newTestWorld(t).mayStart("video", starts, c, reel).mayStart("reads", []string{"GetAsyncInvoke"}, rights.Conditions{}, novaPro).may("plain", rights.Conditions{}, novaLite)
	b := w.bundle()
	w.permits(b, w.about(bedrock.GetAsyncInvoke, reel))
	w.permits(b, w.about(bedrock.GetAsyncInvoke, novaPro))
	w.denies(b, w.about(bedrock.GetAsyncInvoke, novaLite), CodeDefaultDeny)
	w.permits(b, w.about(bedrock.ListAsyncInvokes, ""))
	elsewhere := w.about(bedrock.GetAsyncInvoke, reel)
	elsewhere.Origin.Networks = nil
	w.denies(b, elsewhere, CodeDefaultDeny)
	elsewhere = w.about(bedrock.ListAsyncInvokes, "")
	elsewhere.Origin.Networks = nil
	w.denies(b, elsewhere, CodeDefaultDeny) // the others give reading, or nothing of the kind
	w = newTestWorld(t).may("plain", rights.Conditions{}, reel)
	w.denies(w.bundle(), w.about(bedrock.ListAsyncInvokes, ""), CodeDefaultDeny)
}

// Observe mode lets a call through that lacks the right to its model; never
// one whose answer would leave where nobody can look at it.
func TestS3_ObserveModePassesOverNoAsynchronousRefusal(t *testing.T) {
	held := results
	held.HoldAnswer = true
	for name, w := range map[string]*testWorld{
		"held":        newTestWorld(t).mayStart("video", starts, held, reel),
		"not granted": newTestWorld(t).may("plain", rights.Conditions{}, reel),
		"forbidden":   newTestWorld(t).mayStart("video", starts, results, reel).rule("r", `forbid (principal, action in Writ::Action::"Invoke", resource);`),
	} {
		if d := w.bundle().Observe(w.start(reel, "s3://results/videos/"), noon.Add(time.Hour)); d.Permit != nil {
			t.Errorf("%s: let through: %v", name, d.Reasons)
		}
	}
}
