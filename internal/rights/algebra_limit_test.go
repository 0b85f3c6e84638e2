package rights

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

func TestAGlobBombOnAKeyIsUndetermined(t *testing.T) {
	twoWays(t, policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:SourceVpce":`+bombs(30)+`},"StringNotLike":{"aws:SourceVpce":"*zz*"}}`))
}

func TestAGlobBombOfResourcesIsNeverProvenHarmless(t *testing.T) {
	base := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, `"Effect":"Allow","Action":"s3:*","Resource":"*"`)}}}
	next := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, `"Effect":"Allow","Action":"*","Resource":`+bombs(30))}}}
	got := Compare(exact(), base, next, InvokeActions)
	if got.Verdict != Undecided || got.Reason == "" {
		t.Errorf("%s %q %v", got.Verdict, got.Reason, got.Witness)
	}
	if got := Compare(exact(), next, base, InvokeActions); got.Verdict == NewAccess {
		t.Errorf("the other way %s %v", got.Verdict, got.Witness)
	}
}

func TestAGlobBombOfResourcesIsUndetermined(t *testing.T) {
	c := of(policy(t, `"Effect":"Allow","Action":"*","Resource":`+bombs(30)))
	c.Checks[0].Resource = ""
	if got := Solve(exact(), c); got.Decision != Undetermined {
		t.Errorf("%s", got.Decision)
	}
}

// TestADenyOfABombedKeyIsADeny: what needs no atoms is decided all the same.
func TestADenyOfABombedKeyIsADeny(t *testing.T) {
	got := Solve(exact(), of(policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:SourceVpce":`+bombs(30)+`}}`, `"Effect":"Deny","Action":"*","Resource":"*"`)))
	if got.Decision != ExplicitDeny {
		t.Errorf("%s, doubts %q", got.Decision, got.Doubts)
	}
}

func TestMoreValuesThanAtomsAreUndetermined(t *testing.T) {
	values := make([]string, 3000)
	for i := range values {
		values[i] = fmt.Sprintf(`"vpce-%d"`, i)
	}
	twoWays(t, policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":[`+strings.Join(values, ",")+`]}}`))
}

func TestSetsPastTheLimitAreUndetermined(t *testing.T) {
	for n, want := range map[int]Decision{8: Conditional, 12: Undetermined} {
		statements := []string{allowAll}
		for i := range n { // every one of the tags must be there
			statements = append(statements, fmt.Sprintf(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ForAllValues:StringNotEquals":{"aws:TagKeys":"t%d"}}`, i))
		}
		got := Solve(exact(), of(policy(t, statements...)))
		if got.Decision != want {
			t.Errorf("%d tags: %s, want %s", n, got.Decision, want)
		}
		if tags, _ := got.Witness.tags(); want == Conditional && len(tags) != n {
			t.Errorf("%d tags: witness with %v", n, tags)
		}
	}
}

func (w *Witness) tags() ([]string, bool) {
	if w == nil {
		return nil, false
	}
	tags, ok := w.Context["aws:TagKeys"].([]string)
	return tags, ok
}

func TestTenThousandStatementsAreDecided(t *testing.T) {
	statements := make([]string, 10_000)
	for i := range statements {
		statements[i] = fmt.Sprintf(`"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/m%d","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-%d"}}`, i, i%7)
	}
	statements = append(statements, `"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"`+modelEast+`","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)
	long := policy(t, statements...)
	if got := Solve(exact(), of(long)); got.Decision != Conditional || Terms(got.Condition) != "aws:SourceVpce = vpce-1" {
		t.Errorf("%s when %s", got.Decision, Terms(got.Condition))
	}
	one := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, allowAll)}}}
	got := Compare(exact(), one, Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{long}}}, InvokeActions)
	if got.Verdict == NewAccess {
		t.Errorf("more than everything: %v", got.Witness)
	}
}

func TestTenThousandKeysAreUndetermined(t *testing.T) {
	statements := make([]string, 10_000)
	for i := range statements {
		statements[i] = fmt.Sprintf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"custom:k%d":"x"}}`, i)
	}
	twoWays(t, policy(t, statements...))
}

// TestADiagramThatIsTooBigIsUndetermined: for each of the places where a limit
// can be hit, no answer is read off what is broken.
func TestADiagramThatIsTooBigIsUndetermined(t *testing.T) {
	statements := []string{}
	for i := range 12 {
		statements = append(statements, fmt.Sprintf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"custom:a%d":"x","custom:b%d":"y"},"DateLessThan":{"aws:CurrentTime":"%d-01-01"}}`, i, 11-i, 2027+i))
	}
	c := of(policy(t, statements...))
	u := exact()
	u.Now = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	whole := Solve(u, c)
	if whole.Decision != Conditional {
		t.Fatalf("without a limit: %s", whole.Decision)
	}
	broken := 0
	for u.Nodes = 1; u.Nodes < 1<<16; u.Nodes += 1 + u.Nodes/3 {
		switch got := Solve(u, c); {
		case got.Decision == Undetermined && len(got.Doubts) > 0 && got.Until.IsZero() && got.From.IsZero() && got.Witness == nil:
			broken++
		case got.Decision != whole.Decision || !got.Until.Equal(whole.Until):
			t.Errorf("with %d nodes: %s until %v, doubts %q", u.Nodes, got.Decision, got.Until, got.Doubts)
		}
	}
	if broken == 0 {
		t.Error("no limit was hit")
	}
}
