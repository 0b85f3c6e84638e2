package upstream

import (
	"errors"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// What an asynchronous invocation will be called, and what it will write, has
// no name yet: there a star is the leg's own, and nowhere else.
func TestS3_SessionPolicyOfAnAsynchronousInvocation(t *testing.T) {
	legs, err := rights.Legs(rights.Invocation{
		Operation: bedrock.StartAsyncInvoke, ModelID: "amazon.nova-reel-v1:1", Region: "us-east-1", Account: home,
		Caps: bedrock.Capabilities{Output: &bedrock.Output{URI: "s3://results/videos/"}, Tags: []string{"a=b"}},
	}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	got, err := SessionPolicy(legs)
	for _, want := range []string{`"s3:PutObject","Resource":"arn:aws:s3:::results/videos/*"`, `:async-invoke/*"`, `"bedrock:TagResource"`} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%s, %v: want %s", got, err, want)
		}
	}
	var unfit *PolicyError
	for _, l := range []rights.Leg{
		{Kind: rights.OutputLeg, Action: "s3:PutObject", Resource: "arn:aws:s3:::results/*/x*"},
		{Kind: rights.ObjectLeg, Action: "s3:GetObject", Resource: "arn:aws:s3:::results/*"},
		{Kind: rights.AsyncLeg, Action: "bedrock:GetAsyncInvoke", Resource: "arn:aws:bedrock:us-east-1:" + home + ":*"},
	} {
		if got, err := SessionPolicy([]rights.Leg{l}); !errors.As(err, &unfit) {
			t.Errorf("%s: %v", got, err)
		}
	}
}
