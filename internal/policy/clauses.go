package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// onContext is a clause about one attribute of the context.
func onContext(n node, text string, path ...string) clause {
	return clause{node: n, path: append([]string{"context"}, path...), text: text}
}

// windowClauses are a grant's own time (security S9). Cedar's times are whole
// milliseconds: the beginning is rounded up and the end down.
func windowClauses(g *rights.Grant) []clause {
	var out []clause
	now := at("time", "now")
	if !g.NotBefore.IsZero() {
		from := g.NotBefore.Add(time.Millisecond - 1)
		out = append(out, onContext(now.GreaterThanOrEqual(instant(from)), "must not be before "+stamp(g.NotBefore), "time", "now"))
	}
	return append(out, onContext(now.LessThan(instant(g.NotAfter)), "must be before "+stamp(g.NotAfter), "time", "now"))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// whereClauses compiles the conditions on who calls, from where and when.
func whereClauses(c rights.Conditions) []clause {
	var out []clause
	if len(c.Networks) > 0 {
		out = append(out, onContext(at("network", "names").ContainsAny(textSet(c.Networks)), "must include one of "+list(c.Networks), "network", "names"))
	}
	if len(c.Environments) > 0 {
		out = append(out, clause{node: textSet(c.Environments).Contains(ofPrincipal("environment")), path: []string{"principal", "environment"}, text: "must be one of " + list(c.Environments)})
	}
	if len(c.Purposes) > 0 {
		out = append(out, clause{node: ofPrincipal("purposes").ContainsAny(textSet(c.Purposes)), path: []string{"principal", "purposes"}, text: "must include one of " + list(c.Purposes)})
	}
	if len(c.Regions) > 0 {
		out = append(out, within(c.Regions, "request", "regions"))
	}
	if d := time.Duration(c.MaxSessionAge); d > 0 {
		out = append(out, onContext(at("session", "age").LessThanOrEqual(number(int64(d/time.Second))), "must be at most "+strconv.FormatInt(int64(d/time.Second), 10), "session", "age"))
	}
	return out
}

// conditionClauses compiles the conditions that are not about content.
func conditionClauses(c rights.Conditions) []clause {
	out := whereClauses(c)
	if c.MaxTokens > 0 {
		n := at("request", "maxTokens")
		out = append(out, onContext(n.GreaterThan(number(0)).And(n.LessThanOrEqual(number(c.MaxTokens))), fmt.Sprintf("must be stated, and at most %d", c.MaxTokens), "request", "maxTokens"))
	}
	out = append(out, tierClause(c.ServiceTiers), guardrailClause(c.Guardrails, c.RequireGuardrail))
	out = append(out, toolClauses(c.Tools)...)
	return append(out,
		within(c.Extras, "request", "extras"),
		within(c.UnknownFields, "request", "unknownFields"),
		within(c.SystemTools, "request", "systemTools"))
}

// within demands that a set of the context holds nothing but what is allowed.
func within(allowed []string, path ...string) clause {
	if len(allowed) == 0 {
		return onContext(at(path...).IsEmpty(), "must be empty", path...)
	}
	return onContext(textSet(allowed).ContainsAll(at(path...)), "must be within "+list(allowed), path...)
}

func tierClause(tiers []string) clause {
	if len(tiers) == 0 {
		tiers = []string{"default"}
	}
	return onContext(textSet(tiers).Contains(at("request", "serviceTier")), "must be one of "+list(tiers), "request", "serviceTier")
}

// promptClauses compiles the conditions on the prompt.
func promptClauses(d rights.Data) []clause {
	d.Output = nil
	return contentClauses("prompt", d.Answer())
}

// contentClauses compiles the conditions on content. Credentials are refused
// whatever an entitlement says: it has no word to allow them.
func contentClauses(where string, o rights.Output) []clause {
	forbidden := append([]string{string(dataclass.Credential)}, o.Forbid...)
	out := []clause{forbidClause(where, forbidden)}
	if !o.Unscanned {
		out = append(out, readClause(where))
	}
	if !o.Regulated {
		out = append(out, onContext(not(at(where, "regulated")), "must be false: the entitlement does not allow regulated data", where, "regulated"))
	}
	if o.MaxLevel != "" {
		level, _ := dataclass.ParseLevel(o.MaxLevel) // checkConditions has read it
		out = append(out, onContext(at(where, "level").LessThanOrEqual(number(int64(level))), fmt.Sprintf("must be at most %d (%s)", level, level), where, "level"))
	}
	return out
}

// readClause demands content that was read in full.
func readClause(where string) clause {
	return onContext(not(at(where, "unscanned").Or(at(where, "truncated"))), "must be false, and truncated too: all of it must have been read", where, "unscanned")
}

func forbidClause(where string, classes []string) clause {
	return onContext(not(at(where, "classes").ContainsAny(textSet(classes))), "must hold none of "+list(classes), where, "classes")
}

// toolClauses demands that only classified tools are offered, each as it was
// classified (security S24).
func toolClauses(t rights.Tools) []clause {
	if t.Any {
		return nil
	}
	names, pins := splitPins(append(slices.Clone(t.Read), t.Write...))
	out := []clause{within(names, "request", "tools")}
	if n, ok := pinned(pins); ok {
		out = append(out, onContext(n, "must be those the entitlement pins", "request", "toolDigests"))
	}
	return out
}

// writingClause holds when a tool is offered that is not known to only read.
func writingClause(t rights.Tools) clause {
	names, pins := splitPins(t.Read)
	c := onContext(not(at("request", "tools").IsEmpty()), "must hold a tool that may write", "request", "tools")
	if len(names) > 0 {
		c.node = not(textSet(names).ContainsAll(at("request", "tools")))
	}
	if n, ok := pinned(pins); ok {
		c.node = c.node.Or(not(n))
	}
	return c
}

// splitPins separates tool names from the digests that some are bound to
// ("name@hex").
func splitPins(tools []string) (names []string, pins map[string][]string) {
	pins = map[string][]string{}
	free := map[string]bool{}
	for _, t := range tools {
		name, _, bound := strings.Cut(t, "@")
		if bound {
			pins[name] = append(pins[name], t)
		} else {
			free[name] = true
		}
		names = append(names, name)
	}
	for name := range free {
		delete(pins, name) // named without a digest too: any definition will do
	}
	slices.Sort(names)
	return slices.Compact(names), pins
}

// pinned demands that each bound tool, if offered, is one it is bound to.
func pinned(pins map[string][]string) (node, bool) {
	var nodes []node
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		digests := pins[name]
		absent := not(at("request", "tools").Contains(text(name)))
		nodes = append(nodes, absent.Or(at("request", "toolDigests").ContainsAny(textSet(digests))))
	}
	return allOf(nodes), len(nodes) > 0
}

// guardrailClause allows the guardrails listed. One is required only if the
// call is checked in full and in step (security S4).
func guardrailClause(listed []string, required bool) clause {
	path := []string{"request", "guardrail"}
	g := func(name string) node { return at(append(path, name)...) }
	if len(listed) == 0 {
		return onContext(not(g("present")), "must not be present: the entitlement lists none", path...)
	}
	var any []node
	for _, item := range listed {
		arn, version := splitGuardrail(item)
		any = append(any, g("id").Equal(text(arn)).And(g("version").Equal(text(version))))
	}
	if !required {
		return onContext(not(g("present")).Or(anyOf(any)), "must be absent or, by ARN and version, one of "+list(listed), path...)
	}
	met := g("present").And(g("numeric")).And(not(g("async"))).And(not(g("narrowed")))
	return onContext(met.And(anyOf(any)), "must be, synchronous and over all content, one of "+list(listed), path...)
}

// guardrailResource ties the leg's guardrail to the version that the call names.
func guardrailResource(listed []string) clause {
	var any []node
	for _, item := range listed {
		arn, version := splitGuardrail(item)
		is := theResource().Equal(theEntity(newUID(guardrailType, arn)))
		any = append(any, is.And(at("request", "guardrail", "version").Equal(text(version))))
	}
	return onContext(anyOf(any), "must be one of "+list(listed), "request", "guardrail")
}

// splitGuardrail splits ARN:version.
func splitGuardrail(item string) (arn, version string) {
	i := strings.LastIndexByte(item, ':')
	return item[:max(i, 0)], item[i+1:]
}

// objectClause allows the S3 objects listed, by URI or by prefix.
func objectClause(listed []string) clause {
	uri := ofResource("uri")
	var any []node
	for _, item := range listed {
		if prefix, ok := strings.CutSuffix(item, "*"); ok {
			any = append(any, like(uri, prefix))
			continue
		}
		any = append(any, uri.Equal(text(item)))
	}
	return clause{node: anyOf(any), path: []string{"resource", "uri"}, text: "must be within " + list(listed)}
}

// checkConditions refuses conditions that mean nothing, or less than they seem to.
func checkConditions(c *rights.Conditions, nets *identity.Networks) error {
	var errs []error
	if len(c.Networks) > 0 {
		errs = append(errs, checkNetworks(c.Networks, nets))
	}
	if c.MaxTokens < 0 || c.MaxSessionAge < 0 {
		errs = append(errs, errors.New("maxTokens and maxSessionAge must not be negative"))
	}
	prompt := c.Data
	prompt.Output = nil
	errs = append(errs, checkContent(prompt.Answer()), checkContent(c.Data.Answer()))
	return errors.Join(append(errs, checkGuardrails(c), checkObjects(c.Objects), checkOutputs(c.Outputs))...)
}

func checkContent(o rights.Output) error {
	var errs []error
	if o.MaxLevel != "" {
		_, err := dataclass.ParseLevel(o.MaxLevel)
		errs = append(errs, err)
	}
	for _, name := range o.Forbid {
		_, err := dataclass.ParseClass(name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkNetworks refuses names of networks that do not exist.
func checkNetworks(names []string, nets *identity.Networks) error {
	if nets == nil {
		nets = identity.NewNetworks(nil)
	}
	_, err := nets.Prefixes(names)
	return err
}

func checkGuardrails(c *rights.Conditions) error {
	usable := false
	for _, item := range c.Guardrails {
		arn, version := splitGuardrail(item)
		if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":guardrail/") {
			return fmt.Errorf("guardrail %q: want ARN:version", item)
		}
		if !numeric(version) && version != "DRAFT" {
			return fmt.Errorf("guardrail %q: version %q is neither a number nor DRAFT", item, version)
		}
		usable = usable || numeric(version)
	}
	if c.RequireGuardrail && !usable {
		return errors.New("requireGuardrail: no guardrail is listed by a numeric version, so no call could meet it")
	}
	return nil
}

func checkObjects(listed []string) error {
	for _, item := range listed {
		prefix, isPrefix := strings.CutSuffix(item, "*")
		rest, ok := strings.CutPrefix(prefix, "s3://")
		bucket, key, slash := strings.Cut(rest, "/")
		if !ok || bucket == "" || !slash || (key == "" && !isPrefix) || strings.Contains(prefix, "*") {
			return fmt.Errorf("object %q: want s3://bucket/key, or a prefix of that ending in *", item)
		}
	}
	return nil
}

func list(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
