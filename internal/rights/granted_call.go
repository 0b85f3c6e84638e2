package rights

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
)

const inferenceProfileKey = "bedrock:InferenceProfileArn"

// operations are the operations of a kind, as a test on the one called. IAM has
// one action for several of them.
func operations(kind func(bedrock.Operation) bool) Term {
	var names []string
	for _, o := range bedrock.Operations() {
		if kind(o) {
			names = append(names, string(o))
		}
	}
	return Term{equals(Opaque("request", "operation"), names...)}
}

func onlyOperation(op bedrock.Operation) Term {
	return operations(func(o bedrock.Operation) bool { return o == op })
}

// invoking allows calls that a model answers.
func (c *converter) invoking(names []string, r *reach) {
	var actions []string
	for _, o := range []bedrock.Operation{bedrock.InvokeModel, bedrock.InvokeModelWithResponseStream} {
		if slices.Contains(names, o.Action()) {
			actions = append(actions, o.Permission())
		}
	}
	if len(actions) == 0 {
		return
	}
	cond := &c.ent.Conditions
	during := operations(func(o bedrock.Operation) bool { return o.Generates() && slices.Contains(actions, o.Permission()) })
	model := slices.Concat(during, c.modelTerm(cond), promptTerm(cond.Data), heldTerm(cond))
	c.models(awsiam.Allow, "Invoke", actions, r, model, outputTerm(cond.Data))
	c.redacting(actions, r, during, c.modelTerm(cond))
	c.redactingAnswers(actions, r, during, c.modelTerm(cond), promptTerm(cond.Data))
	if len(actions) == 1 {
		during = append(during, isBool(Opaque("request", "streaming"), actions[0] == bedrock.InvokeModelWithResponseStream.Permission()))
	}
	c.uses(cond, slices.Concat(during, c.callTerm(cond), promptTerm(cond.Data)), r.aims)
}

// models adds the statements of the legs that end at models: of what a call
// names, and of what it reaches through that. named holds for the former only.
func (c *converter) models(effect awsiam.Effect, sid string, actions []string, r *reach, when, named Term) {
	c.named(effect, sid, actions, r, when, named)
	for _, profile := range sortedKeys(r.through) {
		c.add(effect, sid+"Through", actions, r.through[profile], when, Term{{Op: "ArnLike", Key: inferenceProfileKey, Values: []string{profile}}})
	}
	c.add(effect, sid+"Behind", actions, r.either, when, Term{isAbsent(inferenceProfileKey, false)})
}

// named adds the statements of the leg that a call names.
func (c *converter) named(effect awsiam.Effect, sid string, actions []string, r *reach, when ...Term) {
	itself := slices.Concat(append(when, Term{isAbsent(inferenceProfileKey, true)})...)
	c.add(effect, sid, actions, r.named(), itself)
	for _, shared := range sortedKeys(r.endpoints) {
		c.add(effect, sid+"Endpoint", actions, []string{shared}, itself, Term{equals(Opaque("request", "model"), r.endpoints[shared]...)})
	}
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// whoTerm is what is said of the identity and its session.
func whoTerm(c *Conditions) (t Term) {
	if len(c.Environments) > 0 {
		t = append(t, equals(Opaque("principal", "environment"), c.Environments...))
	}
	if len(c.Purposes) > 0 {
		t = append(t, Test{Op: "ForAnyValue:StringEquals", Key: Opaque("principal", "purposes"), Values: literals(c.Purposes)})
	}
	if d := time.Duration(c.MaxSessionAge); d > 0 {
		t = append(t, Test{Op: "NumericLessThanEquals", Key: Opaque("session", "age"), Values: []string{strconv.FormatInt(int64(d/time.Second), 10)}})
	}
	return t
}

// modelTerm is the conditions that are not about content, for a model's leg, in
// the keys that AWS gives it. That all regions of the call are listed is said
// beside: of two grants each might list the regions of some legs.
func (c *converter) modelTerm(cond *Conditions) Term {
	t := append(whoTerm(cond), shapeTerm(cond)...)
	if len(cond.Regions) > 0 {
		t = append(t, equals("aws:RequestedRegion", cond.Regions...), allAmong(Opaque("request", "regions"), cond.Regions))
	}
	tiers := cond.ServiceTiers
	if len(tiers) == 0 {
		tiers = []string{"default"}
	}
	tier := equals("bedrock:ServiceTier", tiers...)
	if slices.Contains(tiers, "default") { // what a call that names none gets
		tier.Op += "IfExists"
	}
	return append(t, append(guardrailTerm(cond), tier)...)
}

// guardrailTerm tests the guardrail of a call twice: by AWS's key, and as it
// was called, because the gateway wants it named by ARN.
func guardrailTerm(c *Conditions) Term {
	const key = "bedrock:GuardrailIdentifier"
	called := calledGuardrail(c)
	if len(c.Guardrails) == 0 {
		return Term{isAbsent(key, true), called[0]}
	}
	listed := c.Guardrails
	if c.RequireGuardrail {
		listed = numbered(listed)
	}
	identifiers := make([]string, len(listed))
	for i, g := range listed {
		identifiers[i] = strings.TrimSuffix(g, ":DRAFT")
	}
	test := equals(key, identifiers...)
	if !c.RequireGuardrail {
		test.Op += "IfExists"
	}
	return append(called, test)
}

// calledGuardrail is the same in the words of the call alone, for legs whose
// check has no key for it.
func calledGuardrail(c *Conditions) Term {
	key := Opaque("request", "guardrail")
	switch {
	case len(c.Guardrails) == 0:
		return Term{isAbsent(key, true)}
	case !c.RequireGuardrail:
		t := equals(key, c.Guardrails...)
		t.Op += "IfExists"
		return Term{t}
	}
	return Term{
		equals(key, numbered(c.Guardrails)...),
		isBool(Opaque("request", "guardrail", "async"), false), isBool(Opaque("request", "guardrail", "narrowed"), false),
	}
}

// numbered are the guardrails listed by a fixed version.
func numbered(guardrails []string) (out []string) {
	for _, g := range guardrails {
		if only(g[strings.LastIndexByte(g, ':')+1:], 8, digits) {
			out = append(out, g)
		}
	}
	return out
}

// callTerm is the conditions that are not about content, for the legs of what a
// call makes use of beside the model: in words of the call as a whole.
func (c *converter) callTerm(cond *Conditions) Term {
	t := append(whoTerm(cond), shapeTerm(cond)...)
	if len(cond.Regions) > 0 {
		t = append(t, allAmong(Opaque("request", "regions"), cond.Regions))
	}
	tiers := cond.ServiceTiers
	if len(tiers) == 0 {
		tiers = []string{"default"}
	}
	return append(t, append(calledGuardrail(cond), equals(Opaque("request", "serviceTier"), tiers...))...)
}

// shapeTerm is what is said of the body: length, tools and switches.
func shapeTerm(c *Conditions) (t Term) {
	if c.MaxTokens > 0 {
		key := Opaque("request", "maxTokens")
		t = append(t, Test{Op: "NumericGreaterThan", Key: key, Values: []string{"0"}},
			Test{Op: "NumericLessThanEquals", Key: key, Values: []string{strconv.FormatInt(c.MaxTokens, 10)}})
	}
	if !c.Tools.Any {
		t = append(t, toolTest(append(slices.Clone(c.Tools.Read), c.Tools.Write...)))
	}
	return append(t,
		allAmong(Opaque("request", "extras"), c.Extras),
		allAmong(Opaque("request", "unknownFields"), c.UnknownFields),
		allAmong(Opaque("request", "systemTools"), c.SystemTools))
}

// anyDigest stands for the SHA-256 of a tool's definition, in hex.
var anyDigest = strings.Repeat("?", 64)

// toolTest demands that every tool offered, as name@digest, is listed: by that
// or by its name alone.
func toolTest(listed []string) Test {
	key := Opaque("request", "toolDigests")
	if len(listed) == 0 {
		return isAbsent(key, true)
	}
	t := Test{Op: "ForAllValues:StringLike", Key: key}
	for _, tool := range listed {
		pattern := LiteralPattern(tool)
		if !strings.Contains(tool, "@") {
			pattern += "@" + anyDigest
		}
		t.Values = append(t.Values, pattern)
	}
	return t
}

// promptTerm is the conditions on the prompt, as it is sent.
func promptTerm(d Data) Term {
	d.Output = nil
	return contentTerm("prompt", d.Answer())
}

// outputTerm is the conditions on the answer, without which it is not let out
// and therefore not asked for.
func outputTerm(d Data) Term { return contentTerm("output", d.Answer()) }

// contentTerm is the conditions on content. Credentials are always refused.
func contentTerm(where string, o Output) Term {
	t := Term{noneAmong(Opaque(where, "classes"), append([]string{string(dataclass.Credential)}, o.Forbid...))}
	if !o.Unscanned {
		t = append(t, isBool(Opaque(where, "unscanned"), false), isBool(Opaque(where, "truncated"), false))
	}
	if !o.Regulated {
		t = append(t, isBool(Opaque(where, "regulated"), false))
	}
	if level, err := dataclass.ParseLevel(o.MaxLevel); err == nil {
		t = append(t, Test{Op: "NumericLessThanEquals", Key: Opaque(where, "level"), Values: []string{strconv.Itoa(int(level))}})
	}
	return t
}

// redacting denies a prompt in which something is left that had to be replaced:
// to the holder, whatever else he holds. The key says that nothing is left.
func (c *converter) redacting(actions []string, r *reach, when ...Term) {
	if c.ent.Conditions.Data.Redact {
		c.models(awsiam.Deny, "Redact", actions, r, slices.Concat(append(when, Term{isBool(Opaque("oblige", "redact"), false)})...), nil)
	}
}

// redactingAnswers denies a call whose answer would have to be redacted and
// cannot be read, such as an image: to the holder, whatever else he holds. What
// is found in an answer that can be read is replaced as it passes. The terms are
// those of the call, without which the grant demands nothing of its answer.
func (c *converter) redactingAnswers(actions []string, r *reach, when ...Term) {
	if !c.ent.Conditions.Data.Answer().Redact {
		return
	}
	for _, unread := range []string{"unscanned", "truncated"} {
		c.named(awsiam.Deny, "RedactAnswer", actions, r, append(slices.Clip(when), Term{isBool(Opaque("output", unread), true)})...)
	}
}

// heldTerm is what is withheld until a human releases it: the key says that it
// is, or that there is nothing to withhold.
func heldTerm(c *Conditions) (t Term) {
	if c.HoldAnswer {
		t = append(t, isBool(Opaque("oblige", "hold_answer"), true))
	}
	if len(c.Tools.Write) > 0 || c.Tools.Any {
		t = append(t, isBool(Opaque("oblige", "hold"), true))
	}
	return t
}

// uses allows what a call may make use of beside the model, and only together
// with the entitlement's models.
func (c *converter) uses(cond *Conditions, when Term, a aims) {
	for _, aim := range a.terms() {
		c.guardrails("Guardrail", cond.Guardrails, when, aim)
		var tools, objects []string
		for _, name := range cond.SystemTools {
			tools = append(tools, c.own("bedrock", "", "system-tool/"+LiteralPattern(name)))
		}
		c.allow("Tool", []string{actionInvokeTool}, tools, when, aim)
		for _, o := range cond.Objects {
			objects = append(objects, c.object(o, "*"))
		}
		c.allow("Object", []string{actionReadObject}, objects, when, aim)
	}
}

// object is an S3 location, or the beginning of one ending in *, as a resource.
func (c *converter) object(uri, rest string) string {
	path, isPrefix := strings.CutSuffix(strings.TrimPrefix(uri, "s3://"), "*")
	if !isPrefix {
		rest = ""
	}
	return "arn:" + c.Partition + ":s3:::" + LiteralPattern(path) + rest
}

// guardrails allows ApplyGuardrail on the guardrails listed, each by the
// versions listed of it.
func (c *converter) guardrails(sid string, listed []string, when ...Term) {
	versions := map[string][]string{}
	for _, g := range listed {
		i := strings.LastIndexByte(g, ':')
		versions[g[:i]] = append(versions[g[:i]], g[i+1:])
	}
	for _, arn := range sortedKeys(versions) {
		version := Term{equals(Opaque("request", "guardrail", "version"), versions[arn]...)}
		c.allow(sid, []string{actionApplyGuardrail}, []string{LiteralPattern(arn)}, append(slices.Clip(when), version)...)
	}
}

// counting allows CountTokens: what is said of prompts, tools and places holds,
// what is said of how a model is run does not.
func (c *converter) counting(r *reach) {
	cond := c.ent.Conditions
	cond.MaxTokens, cond.ServiceTiers, cond.Guardrails, cond.RequireGuardrail = 0, nil, nil, false
	counted := r.counted(c)
	when := slices.Concat(c.callTerm(&cond), promptTerm(cond.Data))
	actions := []string{bedrock.CountTokens.Permission()}
	c.allow("Count", actions, slices.Concat(counted.direct, counted.either), when)
	for _, shared := range sortedKeys(counted.endpoints) {
		c.allow("CountEndpoint", actions, []string{shared}, when, Term{equals(Opaque("request", "model"), counted.endpoints[shared]...)})
	}
	c.redacting(actions, counted, onlyOperation(bedrock.CountTokens), c.callTerm(&cond))
	c.uses(&cond, append(when, onlyOperation(bedrock.CountTokens)...), counted.aims)
}

// applying allows the entitlement's guardrails to be applied outside any
// invocation.
func (c *converter) applying() {
	cond := &c.ent.Conditions
	t := append(c.placeTerm(cond), onlyOperation(bedrock.ApplyGuardrail)...)
	t = append(t, allAmong(Opaque("request", "extras"), cond.Extras), allAmong(Opaque("request", "unknownFields"), cond.UnknownFields))
	c.guardrails("Apply", cond.Guardrails, append(t, promptTerm(cond.Data)...))
}

// placeTerm is who calls and where, for calls of one leg.
func (c *converter) placeTerm(cond *Conditions) Term {
	t := whoTerm(cond)
	if len(cond.Regions) > 0 {
		t = append(t, equals("aws:RequestedRegion", cond.Regions...))
	}
	return t
}

// asynchronous allows asynchronous invocations to be started, read and listed.
func (c *converter) asynchronous(names []string, r *reach) {
	start := slices.Contains(names, string(bedrock.StartAsyncInvoke))
	cond := &c.ent.Conditions
	invocations := []string{c.own("bedrock", "*", "async-invoke/*")}
	if start || slices.Contains(names, bedrock.ListAsyncInvokes.Action()) {
		c.allow("List", []string{bedrock.ListAsyncInvokes.Permission()}, invocations, c.placeTerm(cond))
	}
	if start || slices.Contains(names, bedrock.GetAsyncInvoke.Action()) {
		for _, aim := range r.aims.terms() {
			c.allow("Get", []string{bedrock.GetAsyncInvoke.Permission()}, invocations, c.placeTerm(cond), aim)
		}
	}
	if start {
		c.starting(r, invocations, slices.Contains(names, bedrock.TagResource))
	}
}

// starting allows StartAsyncInvoke, which IAM checks as InvokeModel. Where the
// entitlement holds answers or rules on them, its holder may not start anything
// to which it applies, whatever else it holds: the answer would not pass the
// gateway.
func (c *converter) starting(r *reach, invocations []string, tags bool) {
	cond := &c.ent.Conditions
	during, prompt := onlyOperation(bedrock.StartAsyncInvoke), promptTerm(cond.Data)
	actions := []string{bedrock.StartAsyncInvoke.Permission()}
	effect, answer := awsiam.Allow, outputTerm(cond.Data)
	if cond.HoldsAnswers() {
		effect, answer = awsiam.Deny, nil
	}
	c.models(effect, "Start", actions, r, slices.Concat(during, c.modelTerm(cond), prompt), answer)
	c.redacting(actions, r, during, c.modelTerm(cond))
	when := slices.Concat(during, c.callTerm(cond), prompt)
	var outputs []string
	for _, o := range cond.Outputs {
		outputs = append(outputs, c.output(o))
	}
	for _, aim := range r.aims.terms() {
		c.allow("Started", actions, invocations, when, aim)
		c.allow("Output", []string{actionWriteObject}, outputs, when, aim)
		if tags {
			c.allow("Tag", []string{actionTag}, invocations, when, aim)
		}
	}
	c.uses(cond, when, r.aims)
}

// output is a location that answers may be written to. Its leg's resource is
// all that begins with the location, and ends in a star that stands for itself
// where the location is given exactly.
func (c *converter) output(uri string) string {
	if strings.HasSuffix(uri, "*") {
		return c.object(uri, "*")
	}
	return c.object(uri, "") + "${*}"
}
