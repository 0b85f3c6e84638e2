package glob

import (
	"fmt"
	"strings"
	"testing"
)

const benchARN = "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-sonnet-4-5-v1:0"

func BenchmarkMatch(b *testing.B) {
	wise, _ := SegmentWise("arn:aws:bedrock:*::foundation-model/anthropic.*")
	for _, c := range []struct {
		name string
		p    Pattern
		s    string
	}{
		{"whole", Parse("arn:aws:bedrock:*::foundation-model/anthropic.*"), benchARN},
		{"segmentwise", wise, benchARN},
		{"middle", Parse("arn:aws:bedrock:*::foundation-model/*sonnet*"), benchARN},
		{"other prefix", Parse("arn:aws:s3:::logs/*"), benchARN},
		{"folded action", Parse("bedrock:Invoke*").Fold(), "bedrock:InvokeModelWithResponseStream"},
		{"bomb", Parse("a*a*a*a*a*a*a*a*b"), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.p.Match(c.s)
			}
		})
	}
}

// arnPatterns are the resources of a busy account's policies.
func arnPatterns() []Pattern {
	return parseAll(
		"arn:aws:bedrock:*::foundation-model/anthropic.*",
		"arn:aws:bedrock:*::foundation-model/anthropic.claude-*sonnet*",
		"arn:aws:bedrock:eu-*::foundation-model/amazon.nova-*-v1:0",
		"arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0",
		"arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
		"arn:aws:bedrock:*:111122223333:inference-profile/*",
		"arn:aws:bedrock:*:111122223333:inference-profile/eu.anthropic.*",
		"arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
		"arn:aws:bedrock:*:444455556666:provisioned-model/*",
		"arn:aws:bedrock:eu-central-1:*:guardrail/gr-????????",
		"arn:aws:bedrock:*:*:custom-model/*",
		"arn:aws*:bedrock:*::foundation-model/*haiku*",
	)
}

func BenchmarkAtoms(b *testing.B) {
	var wise, literals, within, forms []Pattern
	for _, p := range arnPatterns() {
		if q, ok := p.SegmentWise(); ok {
			wise = append(wise, q)
		}
	}
	for i := range 200 {
		s := fmt.Sprintf("arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.anthropic.model-%d", i)
		literals = append(literals, Literal(s))
	}
	account := strings.Repeat("?", 12)
	for _, kind := range strings.Fields("inference-profile application-inference-profile provisioned-model imported-model prompt-router guardrail") {
		form, _ := SegmentWise("arn:aws:bedrock:*-*-?:" + account + ":" + kind + "/?*")
		forms = append(forms, form)
	}
	star := StarInSegment
	arn := []Token{'a', 'r', 'n', ':', star, ':', star, ':', star, ':', star, ':', star}
	within = []Pattern{Compile(arn), Compile(append(arn, ':', star))}
	for _, c := range []struct {
		name             string
		patterns, within []Pattern
	}{
		{"12 ARNs", arnPatterns(), nil},
		{"12 ARNs of at most seven segments", arnPatterns(), within},
		{"12 ARNs of six forms", arnPatterns(), forms},
		{"12 ARNs segmentwise", wise, nil},
		{"200 literals", literals, nil},
		{"12 ARNs and 200 literals", append(arnPatterns(), literals...), nil},
		{"actions", parseAll("bedrock:*", "bedrock:Invoke*", "bedrock:InvokeModel", "*", "bed*:*Model*"), nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				atoms, err := Atoms(c.patterns, c.within, Limit{})
				if err != nil {
					b.Fatal(err)
				}
				n = len(atoms)
			}
			b.ReportMetric(float64(n), "atoms")
		})
	}
}
