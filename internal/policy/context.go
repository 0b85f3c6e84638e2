package policy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// facts is the part of a request's context that all its legs share.
type facts struct {
	atlas   *atlas
	parts   fields // everything but leg; prompt is there, output is not
	profile string // the profile the call comes through, or ""
	model   string // the model it ends at first

	last record // the context that prompted made last
	way  way    // of the leg it was made for; zero before the first
}

// factsOf lays a request out as Cedar's context.
func factsOf(r *Request, a *atlas) (facts, error) {
	f := facts{atlas: a}
	var room [8]string
	regions := append(room[:0], r.Region)
	for _, l := range r.Legs {
		if l.Kind == rights.ProfileLeg || modelLeg(l.Kind) {
			f.profile, f.model = otherwise(f.profile, l.Profile), otherwise(f.model, l.Model)
		}
		if l.Region != "" && !slices.Contains(regions, l.Region) {
			regions = append(regions, l.Region)
		}
	}
	switch {
	case !r.Operation.Invokes() && f.model == "":
		f.model, f.profile = startedWith(r.Legs)
	case !r.Operation.Invokes() || f.model == "":
		return facts{}, errors.New("the legs name a model where the operation has none, or none where it has one")
	}
	call, err := f.call(r, regions)
	if err != nil {
		return facts{}, err
	}
	f.parts = fields{
		"network":  a.records.network(r.Origin),
		"time":     timeRecord(r.Now),
		"session":  a.records.session(&r.Session, r.Now),
		"request":  call,
		"asserted": assertedRecord(r.Asserted),
		"prompt":   a.records.content(withUnread(r.Prompt, r.Caps.UnknownContent)),
	}
	return f, nil
}

// prompted is the context of a leg under Invoke, Use and Oblige.
func (f *facts) prompted(l rights.Leg) record {
	if w := f.wayOf(l); w != f.way {
		f.parts["leg"] = f.atlas.records.leg(w)
		f.last, f.way = newRecord(f.parts), w
	}
	return f.last
}

// promptedAny is the same for rules that do not tell legs apart: the context
// of some leg of the call.
func (f *facts) promptedAny(l rights.Leg) record {
	if f.way != (way{}) {
		return f.last
	}
	return f.prompted(l)
}

// restate gives the prompt another label.
func (f *facts) restate(prompt value) {
	f.parts["prompt"] = prompt
	f.last, f.way = record{}, way{}
}

// answered is the context of a leg under Release: the output and never the
// prompt (security S7). The facts serve no context of a prompt afterwards.
func (f *facts) answered(l rights.Leg, output value) record {
	delete(f.parts, "prompt")
	f.parts["leg"], f.parts["output"] = f.atlas.records.leg(f.wayOf(l)), output
	return newRecord(f.parts)
}

func (f *facts) wayOf(l rights.Leg) way {
	return way{kind: l.Kind, region: l.Region, profile: f.profile}
}

func legRecord(w way) value {
	return newRecord(fields{"kind": textValue(w.kind), "region": textValue(w.region), "profile": textValue(w.profile)})
}

// call is context.request.
func (f *facts) call(r *Request, regions []string) (value, error) {
	c := &r.Caps
	names, digests, err := toolNames(c.Tools)
	if err != nil {
		return nil, err
	}
	kept := &f.atlas.records
	return newRecord(fields{
		"operation":      textValue(r.Operation),
		"streaming":      boolValue(r.Operation.Streams()),
		"model":          newUID(modelType, f.model),
		"profile":        textValue(f.profile),
		"maxTokens":      numberValue(c.MaxTokens),
		"tools":          kept.set(names),
		"toolDigests":    kept.set(digests),
		"guardrail":      guardrailRecord(c.Guardrail),
		"account":        textValue(r.Account),
		"home":           boolValue(r.Account == r.Home),
		"region":         textValue(r.Region),
		"regions":        kept.set(regions),
		"serviceTier":    textOr(c.ServiceTier, defaultTier),
		"latency":        textOr(c.Latency, standardLatency),
		"extras":         kept.set(c.Extras),
		"unknownFields":  kept.set(c.UnknownFields),
		"systemTools":    kept.set(c.SystemTools),
		"unknownContent": kept.set(c.UnknownContent),
		"bytes":          numberValue(r.BodyBytes),
	}), nil
}

var defaultTier, standardLatency = textValue("default"), textValue("standard")

func textOr(s string, fallback value) value {
	if s == "" {
		return fallback
	}
	return textValue(s)
}

// toolNames lists tools by name, and by name and digest (security S24). One
// name for two different tools is refused: a rule could only mean one of them.
func toolNames(tools []bedrock.Tool) (names, digests []string, err error) {
	for i, t := range tools {
		for _, other := range tools[:i] {
			if other.Name == t.Name && other.Digest != t.Digest {
				return nil, nil, fmt.Errorf("tool %.80q is defined twice, differently", t.Name)
			}
		}
		names = append(names, t.Name)
		digests = append(digests, t.Name+"@"+hex.EncodeToString(t.Digest[:]))
	}
	return names, digests, nil
}

var noGuardrail = guardrailUse(false, bedrock.Guardrail{})

func guardrailRecord(g *bedrock.Guardrail) value {
	if g == nil {
		return noGuardrail
	}
	return guardrailUse(true, *g)
}

func guardrailUse(present bool, g bedrock.Guardrail) value {
	return newRecord(fields{
		"present":  boolValue(present),
		"id":       textValue(g.ID),
		"version":  textValue(g.Version),
		"numeric":  boolValue(numeric(g.Version)),
		"async":    boolValue(g.Async),
		"narrowed": boolValue(g.Narrowed),
	})
}

func numeric(version string) bool {
	return version != "" && strings.Trim(version, "0123456789") == ""
}

func networkRecord(o identity.Origin) value {
	f := fields{"known": boolValue(o.Addr.IsValid()), "names": setValue(o.Networks)}
	if o.Addr.IsValid() {
		f["ip"] = addressValue(o.Addr)
	}
	return newRecord(f)
}

func timeRecord(now time.Time) value {
	utc := now.UTC()
	weekday := int(utc.Weekday())
	if weekday == 0 {
		weekday = 7 // ISO 8601: Monday is 1, Sunday 7
	}
	return newRecord(fields{"now": timeValue(utc), "hour": numberValue(utc.Hour()), "weekday": numberValue(weekday)})
}

func sessionRecord(s standing) value {
	return newRecord(fields{
		"age":          numberValue(s.age),
		"proof":        textValue(s.proof),
		"issuer":       textValue(s.issuer),
		"binding":      textValue(s.binding),
		"impersonated": boolValue(s.impersonated),
	})
}

var nothingAsserted value = newRecord(fields{"classes": emptySet, "metadata": emptySet})

func assertedRecord(a Asserted) value {
	if a.Purpose == "" && len(a.Classes)+len(a.Metadata) == 0 {
		return nothingAsserted
	}
	metadata := make([]string, 0, len(a.Metadata))
	for k, v := range a.Metadata {
		metadata = append(metadata, k+"="+v)
	}
	f := fields{"classes": setValue(a.Classes), "metadata": setValue(metadata)}
	if a.Purpose != "" {
		f["purpose"] = textValue(a.Purpose)
	}
	return newRecord(f)
}

// withUnread makes content that the reader did not know count as unscanned.
func withUnread(l dataclass.Label, unknown []string) dataclass.Label {
	if len(unknown) == 0 {
		return l
	}
	return l.Join(dataclass.Unscanned("unknown_content"))
}

func contentRecord(l dataclass.Label) value {
	return newRecord(fields{
		"level":            numberValue(l.Level),
		"classes":          setValue(l.Classes),
		"entities":         setValue(l.Entities),
		"counts":           countsRecord(l),
		"regulated":        boolValue(l.Regulated),
		"confidence":       numberValue(l.Confidence),
		"unscanned":        boolValue(len(l.Unscanned) > 0),
		"unscannedReasons": setValue(l.Unscanned),
		"truncated":        boolValue(l.Truncated),
		"redactable":       boolValue(l.Redactable),
		"detectors":        textValue(l.Detectors),
	})
}

// countKeys names the count of each built-in class.
var countKeys = dataclass.Classes()

// countsRecord counts findings per class. A class that is present counts at
// least one, also where nobody counted.
func countsRecord(l dataclass.Label) value {
	if len(l.Classes)+len(l.Counts) == 0 {
		return nothingFound
	}
	f := make(fields, len(countKeys)+2)
	total, custom := 0, 0
	for _, c := range l.Classes {
		if !slices.Contains(countKeys, c) {
			custom += max(l.Counts[c], 1)
		}
	}
	for _, c := range countKeys {
		n := l.Counts[c]
		if n < 1 && slices.Contains(l.Classes, c) {
			n = 1
		}
		total += n
		f[fieldName(c)] = numberValue(n)
	}
	f["custom"], f["total"] = numberValue(custom), numberValue(total+custom)
	return newRecord(f)
}

var nothingFound = func() value {
	f := fields{"custom": numberValue(0), "total": numberValue(0)}
	for _, c := range countKeys {
		f[fieldName(c)] = numberValue(0)
	}
	return newRecord(f)
}()
