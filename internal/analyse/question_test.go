package analyse

import (
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
	}
}
