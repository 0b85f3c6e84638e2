package upstream

import (
	"regexp"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// FuzzSessionPolicy: no resource, however spelt, becomes more than itself.
func FuzzSessionPolicy(f *testing.F) {
	for _, s := range []string{"arn:aws:s3:::bucket/key", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${x}", `arn:aws:s3:::b/"]}`, "arn:aws:s3:::b/é😀", "arn:aws:s3:::b/\\u002a"} {
		f.Add(string(rights.ObjectLeg), "s3:GetObject", s)
		f.Add(string(rights.OutputLeg), "s3:PutObject", s)
	}
	for _, l := range patterns {
		f.Add(string(l.Kind), l.Action, l.Resource)
	}
	f.Fuzz(func(t *testing.T, kind, action, resource string) {
		l := rights.Leg{Kind: rights.LegKind(kind), Action: action, Resource: resource}
		text, err := SessionPolicy([]rights.Leg{l})
		if err != nil {
			return
		}
		got := allowed(t, text)
		start := resource
		switch l.Kind { // what may end in a star, told by other means
		case rights.OutputLeg:
			if regexp.MustCompile(`^arn:[^:]*:s3:::[^/*]+/`).MatchString(resource) && action == "s3:PutObject" {
				start = strings.TrimSuffix(resource, "*")
			}
		case rights.AsyncLeg, rights.TagLeg:
			if regexp.MustCompile(`^arn:[^:]*:bedrock:[^:]+:[^:]+:async-invoke/\*$`).MatchString(resource) {
				start = strings.TrimSuffix(resource, "*")
			}
		}
		if len(got) != 1 || !got[[2]string{action, resource}] || strings.ContainsAny(action+start, "*?") || strings.Contains(resource, "${") {
			t.Fatalf("%s: %q on %q became %v", kind, action, resource, got)
		}
	})
}
