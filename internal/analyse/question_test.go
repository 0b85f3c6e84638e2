package analyse

import (
	"errors"
	"slices"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// What an account runs itself is one check, although the catalogue lists none of
// it; what leads on to models that are not known is undetermined.
func TestUnlistedResourcesAreAskedAboutAsWhatTheyAre(t *testing.T) {
	const prefix = "arn:aws:bedrock:us-east-1:111122223333:"
	c := newCast()
	c.role("app", byService("lambda.amazonaws.com"), allow(invokes, prefix+"provisioned-model/* "+prefix+"custom-model-deployment/* "+prefix+"imported-model/* "+prefix+"marketplace/model-endpoint/all-access "+prefix+"application-inference-profile/*"))
	c.role("other", byService("lambda.amazonaws.com"), allow(invokes, "arn:aws:bedrock:*::foundation-model/*"))
	a := c.analysis(t, nil)
	for resource, want := range map[string][]rights.Decision{
		prefix + "provisioned-model/abcdefghijkl":                {rights.Allowed, rights.ImplicitDeny},
		prefix + "custom-model-deployment/abcdefghijkl":          {rights.Allowed, rights.ImplicitDeny},
		prefix + "imported-model/abcdefghijkl":                   {rights.Allowed, rights.ImplicitDeny},
		"arn:aws:sagemaker:us-east-1:111122223333:endpoint/mine": {rights.Allowed, rights.ImplicitDeny},
		prefix + "application-inference-profile/abcdefghijkl":    {rights.Undetermined, rights.ImplicitDeny},
	} {
		var got []rights.Decision
		for _, name := range []string{"app", "other"} {
			ans, err := a.Can(a.Estate.Principal(c.arn("role", name)), Question{Action: "Converse", Resource: resource})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ans.Decision)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", resource, got, want)
		}
		_, err := a.Certify(a.Estate.Principal(c.arn("role", "app")), Question{Action: "Converse", Resource: resource})
		if undetermined := want[0] == rights.Undetermined; undetermined != errors.Is(err, rights.ErrNoCertificate) || err != nil && !undetermined {
			t.Errorf("%s: certified with %v", resource, err)
		}
	}
}

// AWS's own simulator leaves trust policies out; a role that trusts nobody but a
// service is assumed by no administrator.
func TestAssumingARoleNeedsItsTrustPolicy(t *testing.T) {
	c := newCast()
	c.user("admin", allow("*", "*"))
	c.user("nobody")
	c.role("worker", byService("lambda.amazonaws.com"))
	c.role("shared", trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`))
	c.role("named", trusting(`{"AWS":"arn:aws:iam::111122223333:user/nobody"}`))
	a := c.analysis(t, nil)
	for _, x := range []struct {
		who, role string
		want      rights.Decision
	}{
		{"admin", "worker", rights.ImplicitDeny}, {"admin", "shared", rights.Allowed}, {"nobody", "shared", rights.ImplicitDeny},
		{"nobody", "named", rights.Allowed}, {"admin", "named", rights.ImplicitDeny}, {"admin", "elsewhere", rights.Undetermined},
	} {
		ans, err := a.Can(a.Estate.Principal(c.arn("user", x.who)), Question{Action: "sts:AssumeRole", Resource: c.arn("role", x.role)})
		if err != nil {
			t.Fatal(err)
		}
		if ans.Decision != x.want {
			t.Errorf("%s assuming %s: %s, want %s", x.who, x.role, ans.Decision, x.want)
		}
	}
}
