package analyse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

func TestMeasuresWithoutInputAreNeverZero(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	k := whole(t, c.analysis(t, nil), ScanOptions{})
	for _, name := range []string{"Excess-privilege ratio", "Weighted excess-privilege ratio", "Statement-level excess", "Isolation breaches", "Static share"} {
		if m := k.measure(t, name); m.Value != notMeasurable || m.Note == "" || m.Definition == "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestExcessMatchesToTheLastRight(t *testing.T) {
	c := newCast()
	c.role("Half", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow(calls, "arn:aws:bedrock:*::foundation-model/"+nova))
	c.role("All", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.role("New", byService("ec2.amazonaws.com"), allow(calls, everywhere))["CreateDate"] = stamp(pathsNow.AddDate(0, 0, -3))
	k := whole(t, c.analysis(t, uses(t, 100, "Half InvokeModel "+haiku, "All Converse "+haiku)), ScanOptions{})
	// Half holds 4 rights and uses 1, All holds 1 and uses it, New is too young.
	if m := k.measure(t, "Excess-privilege ratio"); m.Value != "0.600, median 0.750" || !strings.Contains(m.Note, "3 of 5 rights") || !strings.Contains(m.Note, "1 principal left out") || !strings.Contains(m.Note, "Catalogue") {
		t.Errorf("%+v", m)
	}
	// A million tokens in and out cost 6 USD with haiku, and 0.3 with nova.
	if m := k.measure(t, "Weighted excess-privilege ratio"); m.Value != fmt.Sprintf("%.3f", (6+0.3+0.3)/(6+6+0.3+0.3+6)) {
		t.Errorf("%+v", m)
	}
	if m := k.measure(t, "Statement-level excess"); m.Value != "0.333" || !strings.Contains(m.Note, "1 of 3 statements") {
		t.Errorf("%+v", m)
	}
	if m := k.measure(t, "Static share"); m.Value != "0.000" {
		t.Errorf("%+v", m)
	}
	if m := k.measure(t, "Excess-privilege ratio, 30 days"); m.Value != "0.600, median 0.750" {
		t.Errorf("%+v", m)
	}
}

func TestAnUnusedGrantNeverLowersTheExcess(t *testing.T) {
	last := ""
	for n := range 4 {
		c := newCast()
		more := []string{allow(calls, everywhere)}
		for i := range n {
			more = append(more, allow(calls, "arn:aws:bedrock:*::foundation-model/"+[]string{nova, "amazon.nova-micro-v1:0", "amazon.nova-pro-v1:0"}[i]))
		}
		c.role("App", byService("ec2.amazonaws.com"), more...)
		m := whole(t, c.analysis(t, uses(t, 100, "App InvokeModel "+haiku)), ScanOptions{}).measure(t, "Excess-privilege ratio")
		if m.Value < last {
			t.Errorf("%d unused grants: %s after %s", n, m.Value, last)
		}
		last = m.Value
	}
}

func TestReachCountsOwnRightsAndChains(t *testing.T) {
	c := newCast()
	c.role("App", trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`), allow("bedrock:InvokeModel", everywhere))
	c.role("Caller", byService("ec2.amazonaws.com"), allow("sts:AssumeRole", "*"))
	c.role("Nobody", byService("ec2.amazonaws.com"), allow("s3:*", "*"))
	k := whole(t, c.analysis(t, nil), ScanOptions{})
	for name, value := range map[string]string{"Rights": "1", "Reach": "1 of 3", "Models per invoker": "median 1, most 1", "Indirect reach": "1", "Standing ratio": "1.000"} {
		if m := k.measure(t, name); m.Value != value {
			t.Errorf("%s: %s, want %s", name, m.Value, value)
		}
	}
	own, through := 0, 0
	for _, r := range k.rights {
		switch {
		case strings.HasSuffix(r.Principal, "/App") && r.Hops == 0 && r.Decision == "allowed" && r.Target == haiku && r.Used == "unknown":
			own++
		case strings.HasSuffix(r.Principal, "/Caller") && r.Hops == 1 && r.Decision == "allowed":
			through++
		default:
			t.Errorf("right %+v", r)
		}
	}
	if own != 1 || through != 1 {
		t.Errorf("%d own, %d through a role", own, through)
	}
}

func TestStandingRatioIsOfRightsWithoutAnEnd(t *testing.T) {
	c := newCast()
	c.role("Ends", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere, condition(`{"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}}`)))
	c.role("Later", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere, condition(`{"DateLessThan":{"aws:CurrentTime":"2028-12-01T00:00:00Z"}}`)))
	c.role("Stays", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	k := whole(t, c.analysis(t, nil), ScanOptions{})
	if m := k.measure(t, "Standing ratio"); m.Value != "0.750" || !strings.Contains(m.Note, "3 of 4") {
		t.Errorf("%+v", m)
	}
	for _, r := range k.rights {
		if strings.HasSuffix(r.Principal, "/Ends") != (r.Until == "2026-12-01T00:00:00Z") {
			t.Errorf("right %+v", r)
		}
	}
}

func TestIsolationBreachesNeedTags(t *testing.T) {
	env := func(v string) []map[string]string { return []map[string]string{{"Key": "Env", "Value": v}} }
	c := newCast()
	c.role("Prod", trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`), allow("bedrock:InvokeModel", everywhere))["Tags"] = env("prod")
	c.role("Dev", byService("ec2.amazonaws.com"), allow("sts:AssumeRole", "*"))["Tags"] = env("dev")
	c.role("Test", byService("ec2.amazonaws.com"), allow("s3:*", "*"))["Tags"] = env("test")
	if m := whole(t, c.analysis(t, nil), ScanOptions{}).measure(t, "Isolation breaches"); m.Value != "1" {
		t.Errorf("%+v", m)
	}
	c = newCast()
	c.role("Dev", byService("ec2.amazonaws.com"), allow("sts:AssumeRole", "*"))["Tags"] = env("dev")
	if m := whole(t, c.analysis(t, nil), ScanOptions{}).measure(t, "Isolation breaches"); m.Value != notMeasurable {
		t.Errorf("nothing is known of production: %+v", m)
	}
}

func TestStaticShareCountsCallsOfUsers(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.user("Someone", allow("bedrock:InvokeModel", everywhere))
	line := `{"principal":"arn:aws:iam::111122223333:%s","action":"bedrock:InvokeModel","model":"` + haiku + `","count":%d,"first":"2026-01-01T00:00:00Z","last":"2026-11-25T00:00:00Z"}` + "\n"
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.Used }, fmt.Sprintf(line+line, "role/App", 3, "user/Someone", 1)))
	if m := whole(t, a, ScanOptions{}).measure(t, "Static share"); m.Value != "0.250" {
		t.Errorf("%+v", m)
	}
}

// Conditions are asked once for all cells that are treated alike; every cell's
// must be what asking for it alone gives.
func TestConditionsOfRightsAreThoseOfTheCells(t *testing.T) {
	vpce := func(id string) string { return `"StringEquals":{"aws:SourceVpce":"` + id + `"}` }
	c := newCast()
	c.role("Mixed", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:*::foundation-model/anthropic.*", condition(`{`+vpce("vpce-1")+`}`)),
		allow(calls, "arn:aws:bedrock:us-*::foundation-model/amazon.*", condition(`{`+vpce("vpce-2")+`,"StringEqualsIgnoreCase":{"aws:RequestedRegion":"us-east-1"}}`)),
		allow("bedrock:InvokeModel", "arn:aws:bedrock:*:*:inference-profile/*"),
		allow(calls, "arn:aws:bedrock:*::foundation-model/meta.*", condition(`{"ArnLike":{"bedrock:InferenceProfileArn":"*:inference-profile/us.*"}}`)),
		deny(calls, "*", condition(`{"StringEquals":{"aws:SourceVpce":"vpce-3","bedrock:GuardrailIdentifier":"`+guardrail+`"}}`)))
	c.role("Tagged", byService("ec2.amazonaws.com"), allow(calls, "*", condition(`{"StringEquals":{"aws:SourceVpc":"${aws:PrincipalTag/vpc}"}}`)))
	a := c.analysis(t, nil)
	n := 0
	for _, r := range whole(t, a, ScanOptions{}).rights {
		if r.Decision != "conditional" {
			continue
		}
		n++
		ans, err := a.Can(a.Estate.Principal(r.Principal), Question{Action: r.Action, Resource: r.Target, Region: r.Region})
		if err != nil {
			t.Fatal(err)
		}
		if text := rights.Terms(ans.Condition); text != r.Condition || text == "" {
			t.Errorf("%s %s: %q, asked alone %q", r.Action, r.Target, r.Condition, text)
		}
	}
	if n < 50 {
		t.Errorf("only %d conditional rights", n)
	}
}

func TestAScanOfNobodySaysSo(t *testing.T) {
	c := newCast()
	c.role("Nobody", byService("ec2.amazonaws.com"), allow("s3:*", "*"))
	k := whole(t, c.analysis(t, uses(t, 100, "Nobody InvokeModel "+haiku)), ScanOptions{Approved: []string{haiku}, Guardrail: true, NeedsEnd: true, Residency: []string{"us-east-1"}})
	if m := k.measure(t, "Reach"); m.Value != "0 of 1" {
		t.Errorf("%+v", m)
	}
	if m := k.measure(t, "Excess-privilege ratio"); m.Value != notMeasurable {
		t.Errorf("of no rights nothing is unused: %+v", m)
	}
	if len(k.rights) > 0 {
		t.Errorf("rights %+v", k.rights)
	}
}
