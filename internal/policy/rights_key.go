package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Keys is a request in condition keys: those that AWS would see of it, and under
// writ: what only the gateway knows. The keys that each leg fixes, such as its
// region, come over these (rights.CheckOf). What the gateway is obliged to hold
// back counts as held, and the answer is what can be foreseen of it.
func (b *Bundle) Keys(r *Request) awsiam.Context {
	c := awsiam.Context{}
	c.Set("aws:CurrentTime", awsiam.One(r.Now.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)))
	c.Set("aws:EpochTime", awsiam.One(strconv.FormatInt(r.Now.Unix(), 10)))
	rights.SetText(c, "aws:PrincipalAccount", r.Account)
	if a := r.Origin.Addr; a.IsValid() {
		c.Set("aws:SourceIp", awsiam.One(a.String()))
	}
	maps.Copy(c, rights.CallKeys(r.Legs, r.Region))
	if !r.Operation.Invokes() {
		model, profile := startedWith(r.Legs)
		rights.SetText(c, rights.Opaque("request", "profile"), profile)
		rights.SetText(c, rights.Opaque("request", "model"), model)
	}
	callKeys(c, r)
	standingKeys(c, r)
	prompt := withUnread(r.Prompt, r.Caps.UnknownContent)
	contentKeys(c, "prompt", prompt)
	contentKeys(c, "output", b.foresee(r))
	setBool(c, !prompt.ToRedact() && unredactable(prompt) == "", "oblige", ObligeRedact)
	for _, name := range []string{ObligeHold, ObligeHoldAnswer} {
		setBool(c, true, "oblige", name)
	}
	return c
}

// foresee is the label of the answer to a call, as far as it can be foreseen.
func (b *Bundle) foresee(r *Request) dataclass.Label {
	if h, err := b.hear(r); err == nil && h.answers() {
		return h.foreseen()
	}
	return dataclass.Label{}
}

func setBool(c awsiam.Context, is bool, path ...string) {
	c.Set(rights.Opaque(path...), awsiam.One(strconv.FormatBool(is)))
}

func setNumber[T ~int | ~int64](c awsiam.Context, n T, path ...string) {
	c.Set(rights.Opaque(path...), awsiam.One(strconv.FormatInt(int64(n), 10)))
}

func callKeys(c awsiam.Context, r *Request) {
	caps := &r.Caps
	key := func(name string) string { return rights.Opaque("request", name) }
	rights.SetText(c, key("operation"), r.Operation)
	rights.SetText(c, key("serviceTier"), bedrockTier(caps.ServiceTier))
	rights.SetText(c, "bedrock:ServiceTier", caps.ServiceTier)
	rights.SetText(c, key("latency"), otherwise(caps.Latency, "standard"))
	setBool(c, r.Operation.Streams(), "request", "streaming")
	setNumber(c, caps.MaxTokens, "request", "maxTokens")
	setNumber(c, r.BodyBytes, "request", "bytes")
	names, digests, err := toolNames(caps.Tools)
	if err != nil {
		c.Set(key("toolDigests"), awsiam.Value{Doubt: err.Error()})
	} else {
		rights.SetTexts(c, key("tools"), names)
		rights.SetTexts(c, key("toolDigests"), digests)
	}
	for name, set := range map[string][]string{
		"extras": caps.Extras, "unknownFields": caps.UnknownFields, "systemTools": caps.SystemTools, "unknownContent": caps.UnknownContent,
	} {
		rights.SetTexts(c, key(name), set)
	}
	guardrailKeys(c, caps.Guardrail, r)
}

func bedrockTier(tier string) string { return otherwise(tier, "default") }

// guardrailKeys sets AWS's key, which has the ARN however the caller named the
// guardrail, and what the caller said.
func guardrailKeys(c awsiam.Context, g *bedrock.Guardrail, r *Request) {
	setBool(c, g != nil, "request", "guardrail", "present")
	if g == nil {
		g = &bedrock.Guardrail{}
	} else {
		c.Set(rights.Opaque("request", "guardrail"), awsiam.One(g.ID+":"+g.Version))
		c.Set("bedrock:GuardrailIdentifier", awsiam.One(guardrailIdentifier(g, r)))
	}
	rights.SetText(c, rights.Opaque("request", "guardrail", "id"), g.ID)
	rights.SetText(c, rights.Opaque("request", "guardrail", "version"), g.Version)
	setBool(c, numeric(g.Version), "request", "guardrail", "numeric")
	setBool(c, g.Async, "request", "guardrail", "async")
	setBool(c, g.Narrowed, "request", "guardrail", "narrowed")
}

// guardrailIdentifier is bedrock:GuardrailIdentifier: the ARN, which the leg of
// the guardrail has, and the version unless it is the draft.
func guardrailIdentifier(g *bedrock.Guardrail, r *Request) string {
	arn := g.ID
	for i := range r.Legs {
		if r.Legs[i].Kind == rights.GuardrailLeg {
			arn = r.Legs[i].Resource
		}
	}
	if g.Version == "DRAFT" || g.Version == "" {
		return arn
	}
	return arn + ":" + g.Version
}

// IdentityKeys are the keys that who an identity is fixes.
func IdentityKeys(i *identity.Identity) awsiam.Context {
	c := awsiam.Context{}
	rights.SetText(c, rights.Opaque("principal", "environment"), i.Environment)
	rights.SetTexts(c, rights.Opaque("principal", "purposes"), i.Purposes)
	return c
}

// standingKeys set who calls, from where, when and with which session.
func standingKeys(c awsiam.Context, r *Request) {
	maps.Copy(c, IdentityKeys(r.Identity))
	rights.SetTexts(c, rights.Opaque("network", "names"), r.Origin.Networks)
	setBool(c, r.Origin.Addr.IsValid(), "network", "known")
	s := standingOf(&r.Session, r.Now)
	setNumber(c, s.age, "session", "age")
	rights.SetText(c, rights.Opaque("session", "proof"), s.proof)
	rights.SetText(c, rights.Opaque("session", "issuer"), s.issuer)
	rights.SetText(c, rights.Opaque("session", "binding"), s.binding)
	setBool(c, s.impersonated, "session", "impersonated")
	utc := r.Now.UTC()
	setNumber(c, utc.Hour(), "time", "hour")
	setNumber(c, (int(utc.Weekday())+6)%7+1, "time", "weekday")
	rights.SetText(c, rights.Opaque("asserted", "purpose"), r.Asserted.Purpose)
	rights.SetTexts(c, rights.Opaque("asserted", "classes"), r.Asserted.Classes)
	var metadata []string
	for _, name := range slices.Sorted(maps.Keys(r.Asserted.Metadata)) {
		metadata = append(metadata, fmt.Sprintf("%s=%s", name, r.Asserted.Metadata[name]))
	}
	rights.SetTexts(c, rights.Opaque("asserted", "metadata"), metadata)
}

func contentKeys(c awsiam.Context, where string, l dataclass.Label) {
	setNumber(c, l.Level, where, "level")
	rights.SetTexts(c, rights.Opaque(where, "classes"), l.Classes)
	rights.SetTexts(c, rights.Opaque(where, "entities"), l.Entities)
	rights.SetTexts(c, rights.Opaque(where, "unscannedReasons"), l.Unscanned)
	setBool(c, l.Regulated, where, "regulated")
	setBool(c, len(l.Unscanned) > 0, where, "unscanned")
	setBool(c, l.Truncated, where, "truncated")
	setBool(c, l.Redactable, where, "redactable")
	setNumber(c, l.Confidence, where, "confidence")
}
