package upstream

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// FuzzSessionPolicy: no resource, however spelt, becomes more than itself.
func FuzzSessionPolicy(f *testing.F) {
	for _, s := range []string{"arn:aws:s3:::bucket/key", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${x}", `arn:aws:s3:::b/"]}`, "arn:aws:s3:::b/é😀", "arn:aws:s3:::b/\\u002a"} {
		f.Add("s3:GetObject", s)
	}
	f.Fuzz(func(t *testing.T, action, resource string) {
		text, err := SessionPolicy([]rights.Leg{{Action: action, Resource: resource}})
		if err != nil {
			return
		}
		got := allowed(t, text)
		if len(got) != 1 || !got[[2]string{action, resource}] || strings.ContainsAny(action+resource, "*?") || strings.Contains(resource, "${") {
			t.Fatalf("%q on %q became %v", action, resource, got)
		}
	})
}
