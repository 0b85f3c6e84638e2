package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// allowed is what a policy allows, as pairs of action and resource. It fails on
// anything that IAM would not read as exactly one pair each.
func allowed(t interface{ Fatalf(string, ...any) }, text string) map[[2]string]bool {
	var doc struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource any
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Version != "2012-10-17" {
		t.Fatalf("%v in %s", err, text)
	}
	list := func(v any) (out []string) {
		if s, ok := v.(string); ok {
			return []string{s}
		}
		for _, s := range v.([]any) {
			out = append(out, s.(string))
		}
		return out
	}
	out := map[[2]string]bool{}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" {
			t.Fatalf("effect %q", s.Effect)
		}
		for _, action := range list(s.Action) {
			for _, resource := range list(s.Resource) {
				out[[2]string{action, resource}] = true
			}
		}
	}
	return out
}

// patterns are legs about all that begins alike.
var patterns = []rights.Leg{
	{Kind: rights.OutputLeg, Action: "s3:PutObject", Resource: "arn:aws:s3:::results/*"},
	{Kind: rights.OutputLeg, Action: "s3:PutObject", Resource: "arn:aws:s3:::results/videos/1*"},
	{Kind: rights.AsyncLeg, Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1:111122223333:async-invoke/*"},
	{Kind: rights.AsyncLeg, Action: "bedrock:ListAsyncInvokes", Resource: "arn:aws:bedrock:us-east-1:111122223333:async-invoke/*"},
	{Kind: rights.TagLeg, Action: "bedrock:TagResource", Resource: "arn:aws:bedrock:us-east-1:111122223333:async-invoke/*"},
}

// A session policy allows its legs and nothing else, whatever they are; or
// there is none.
func TestS3_ASessionPolicyIsExactlyTheLegs(t *testing.T) {
	odd := rapid.SampledFrom([]string{"a*", "a?", "${aws:userid}", "\x00", "\x7f", "\u0085", "\xff"})
	fine := rapid.OneOf(rapid.StringMatching(`[a-z0-9./:_-]{1,40}`), rapid.SampledFrom([]string{"$", "{}", "é", "日本", "😀", `"`, `\`, "<&>", "\u2028"}))
	leg := rapid.Custom(func(t *rapid.T) rights.Leg {
		if rapid.IntRange(0, 4).Draw(t, "pattern") == 0 {
			return rapid.SampledFrom(patterns).Draw(t, "leg")
		}
		l := rights.Leg{
			Kind:     rapid.SampledFrom([]rights.LegKind{rights.SourceLeg, rights.ObjectLeg, rights.OutputLeg, rights.AsyncLeg, rights.TagLeg}).Draw(t, "kind"),
			Action:   rapid.SampledFrom([]string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "s3:GetObject"}).Draw(t, "action"),
			Resource: rapid.SampledFrom([]string{"arn:aws:s3:::b/", "arn:aws:bedrock:us-east-1::foundation-model/"}).Draw(t, "start") + fine.Draw(t, "name"),
		}
		if rapid.IntRange(0, 19).Draw(t, "odd") == 0 {
			l.Resource += odd.Draw(t, "more")
		}
		return l
	})
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		legs := rapid.SliceOfN(leg, 1, 8).Draw(t, "legs")
		text, err := SessionPolicy(legs)
		var unfit *PolicyError
		if errors.As(err, &unfit) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got := allowed(t, text)
		for _, l := range legs {
			if !got[[2]string{l.Action, l.Resource}] {
				t.Fatalf("%+v is not allowed by %s", l, text)
			}
		}
		for pair := range got {
			if !slices.ContainsFunc(legs, func(l rights.Leg) bool { return l.Action == pair[0] && l.Resource == pair[1] }) {
				t.Fatalf("%v is allowed, and no leg is about it", pair)
			}
		}
		for pair := range got {
			start, star := strings.CutSuffix(pair[1], "*")
			if star && !slices.ContainsFunc(patterns, func(l rights.Leg) bool { return l.Action == pair[0] && l.Resource == pair[1] }) || strings.Contains(pair[0]+start, "*") {
				t.Fatalf("%v is a pattern, and no leg is about all that it matches", pair)
			}
		}
		if len(text) > SessionPolicyLimit || strings.ContainsAny(text, "?\n") || strings.Contains(text, "${") || strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) {
			t.Fatalf("AWS would not take it, or read more into it: %s", text)
		}
		written++
	})
	if written < 30 {
		t.Errorf("only %d policies were written", written)
	}
}

func TestS3_NoPatternGetsIntoASessionPolicy(t *testing.T) {
	const fine = "arn:aws:s3:::bucket/key"
	for name, l := range map[string]rights.Leg{
		"star":              {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/*"},
		"question mark":     {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/ke?"},
		"variable":          {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/${aws:username}"},
		"everything":        {Action: "s3:GetObject", Resource: "*"},
		"no ARN":            {Action: "s3:GetObject", Resource: "bucket/key"},
		"half an ARN":       {Action: "s3:GetObject", Resource: "arn:aws:s3"},
		"control character": {Action: "s3:GetObject", Resource: fine + "\n"},
		"broken text":       {Action: "s3:GetObject", Resource: fine + "\xff"},
		"any action":        {Action: "*", Resource: fine},
		"actions":           {Action: "s3:Get*", Resource: fine},
		"no service":        {Action: "GetObject", Resource: fine},
		"no action":         {Action: "s3:", Resource: fine},
		"two actions":       {Action: "s3:GetObject,s3:PutObject", Resource: fine},
		"nothing":           {},
	} {
		var unfit *PolicyError
		if text, err := SessionPolicy([]rights.Leg{{Action: "s3:GetObject", Resource: fine}, l}); !errors.As(err, &unfit) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if text, err := SessionPolicy(nil); err == nil {
		t.Errorf("no legs: %s", text)
	}
}

// The star of a leg about all that begins alike is its last character, and the
// leg is of a kind that has one; nothing else passes beside it.
func TestS3_OnlyAnAnswersPlaceAndANewInvocationMayEndInAStar(t *testing.T) {
	for _, l := range patterns {
		text, err := SessionPolicy([]rights.Leg{l})
		if got := map[[2]string]bool{{l.Action, l.Resource}: true}; err != nil || !maps.Equal(allowed(t, text), got) {
			t.Errorf("%+v: %s, %v", l, text, err)
		}
		for _, kind := range []rights.LegKind{
			"", rights.ProfileLeg, rights.SourceLeg, rights.DestinationLeg, rights.GlobalLeg, rights.CustomLeg, rights.GuardrailLeg,
			rights.SystemToolLeg, rights.ObjectLeg, rights.KeyLeg, rights.PromptLeg, "output",
		} {
			other := l
			other.Kind = kind
			if text, err := SessionPolicy([]rights.Leg{other}); err == nil {
				t.Errorf("as a leg of kind %q: %s", kind, text)
			}
		}
	}
	const async, output, here = "bedrock:InvokeModel", "s3:PutObject", "arn:aws:bedrock:us-east-1:111122223333:"
	for name, l := range map[string]rights.Leg{
		"two stars":            {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/a**"},
		"an inner star":        {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/*/a*"},
		"a star not at last":   {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/*a"},
		"any bucket":           {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::*"},
		"buckets":              {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket*"},
		"no bucket":            {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::/*"},
		"a question mark":      {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/a?*"},
		"a variable":           {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/${aws:userid}*"},
		"half a variable":      {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/${*"},
		"a control character":  {Kind: rights.OutputLeg, Action: output, Resource: "arn:aws:s3:::bucket/\x00*"},
		"reading":              {Kind: rights.OutputLeg, Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/*"},
		"doing anything":       {Kind: rights.OutputLeg, Action: "s3:*", Resource: "arn:aws:s3:::bucket/*"},
		"not in S3":            {Kind: rights.OutputLeg, Action: output, Resource: here + "foundation-model/*"},
		"an invocation's name": {Kind: rights.AsyncLeg, Action: async, Resource: here + "async-invoke/a*"},
		"invocations anywhere": {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:bedrock:*:111122223333:async-invoke/*"},
		"no region":            {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:bedrock::111122223333:async-invoke/*"},
		"no account":           {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:bedrock:us-east-1::async-invoke/*"},
		"any account":          {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:bedrock:us-east-1:*:async-invoke/*"},
		"models":               {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:bedrock:us-east-1::foundation-model/*"},
		"everything":           {Kind: rights.AsyncLeg, Action: async, Resource: "*"},
		"half an ARN":          {Kind: rights.AsyncLeg, Action: async, Resource: "arn:aws:*"},
		"objects":              {Kind: rights.AsyncLeg, Action: output, Resource: here + "async-invoke/*"},
		"tagging models":       {Kind: rights.TagLeg, Action: "bedrock:TagResource", Resource: here + "custom-model/*"},
	} {
		var unfit *PolicyError
		if text, err := SessionPolicy([]rights.Leg{patterns[0], l}); !errors.As(err, &unfit) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// A place that holds a wildcard, as a caller may write it, never becomes a leg.
func TestS3_ACallersOwnStarNeverGetsIntoASessionPolicy(t *testing.T) {
	const reel = "amazon.nova-reel-v1:1"
	start := func(caps bedrock.Capabilities) ([]rights.Leg, error) {
		return rights.Legs(rights.Invocation{
			Operation: bedrock.StartAsyncInvoke, ModelID: reel, Region: "us-east-1", Account: "111122223333", Caps: caps,
		}, bedrock.Embedded())
	}
	for _, uri := range []string{"s3://b*", "s3://*", "s3://bkt/*", "s3://bkt/a*", "s3://bkt/*/a", "s3://bkt/a?", "s3://bkt/${aws:userid}/", "s3://bkt/a\x00", "s3://bkt*/a", "s3://b?t/"} {
		if legs, err := start(bedrock.Capabilities{Output: &bedrock.Output{URI: uri}}); err == nil {
			t.Errorf("%s became %+v", uri, legs)
		}
		if legs, err := start(bedrock.Capabilities{Output: &bedrock.Output{URI: "s3://bkt/"}, S3: []string{uri}}); err == nil {
			t.Errorf("as an input %s became %+v", uri, legs)
		}
	}
	legs, err := start(bedrock.Capabilities{Output: &bedrock.Output{URI: "s3://bkt/a", KMSKey: "k-1"}, S3: []string{"s3://bkt/in"}, KMSKeys: []string{"k-1"}, Tags: []string{"a=b"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := SessionPolicy(legs)
	want := map[[2]string]bool{
		{"bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/" + reel}:   true,
		{"bedrock:InvokeModel", "arn:aws:bedrock:us-east-1:111122223333:async-invoke/*"}: true,
		{"bedrock:TagResource", "arn:aws:bedrock:us-east-1:111122223333:async-invoke/*"}: true,
		{"s3:PutObject", "arn:aws:s3:::bkt/a*"}:                                          true, {"s3:GetObject", "arn:aws:s3:::bkt/in"}: true,
		{"kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/k-1"}: true, {"kms:GenerateDataKey", "arn:aws:kms:us-east-1:111122223333:key/k-1"}: true,
	}
	if err != nil || !maps.Equal(allowed(t, text), want) {
		t.Errorf("%v: %s", err, text)
	}
}

// Resources that are used alike share a statement, so that many fit.
func TestSessionPoliciesAreShort(t *testing.T) {
	text, err := SessionPolicy([]rights.Leg{
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1:1:inference-profile/p"},
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/m"},
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/m"},
		{Action: "bedrock:ApplyGuardrail", Resource: "arn:aws:bedrock:us-east-1:1:guardrail/g"},
	})
	const want = `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"bedrock:ApplyGuardrail","Resource":"arn:aws:bedrock:us-east-1:1:guardrail/g"},` +
		`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["arn:aws:bedrock:us-east-1:1:inference-profile/p","arn:aws:bedrock:us-east-1::foundation-model/m"]}]}`
	if err != nil || text != want {
		t.Errorf("%v\n%s, want\n%s", err, text, want)
	}
	var unfit *PolicyError
	var many []rights.Leg
	for i := range 60 {
		many = append(many, rights.Leg{Action: "s3:GetObject", Resource: fmt.Sprintf("arn:aws:s3:::bucket/a/long/enough/key/%d", i)})
	}
	if _, err := SessionPolicy(many); !errors.As(err, &unfit) || unfit.Hint == "" || !strings.Contains(err.Error(), "2048") {
		t.Errorf("a policy that AWS would not take: %v", err)
	}
}

// Every profile of the catalogue, from everywhere, fits.
func TestEveryProfileFitsASession(t *testing.T) {
	n := 0
	for _, where := range everywhere(t) {
		legs, err := rights.Legs(where.Invocation, where.catalogue)
		if err != nil {
			continue
		}
		text, err := SessionPolicy(legs)
		if err != nil {
			t.Errorf("%s from %s: %v", where.ModelID, where.Region, err)
		}
		n = max(n, len(text))
	}
	if n == 0 {
		t.Fatal("there is no profile")
	}
	t.Logf("the longest policy has %d characters", n)
}
