package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

// lines are findings, each as severity, principal and title.
func lines(found []report.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, string(f.Severity)+" "+f.Principal[strings.LastIndexByte(f.Principal, ':')+1:]+": "+f.Title)
	}
	return strings.Join(out, "\n")
}

func wantLines(t *testing.T, found []report.Finding, want ...string) {
	t.Helper()
	if got := lines(found); got != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func serviceKey(user, id, status, more string) string {
	return `{"UserName":"` + user + `","ServiceSpecificCredentialId":"` + id + `","ServiceName":"bedrock.amazonaws.com","Status":"` + status + `","CreateDate":"2025-06-01T00:00:00Z"` + more + `}`
}

func withCredentials(t *testing.T, services, keys string) func(*estate.Sources) {
	return func(s *estate.Sources) {
		s.Credentials = []string{fileOf(t, "services.json", `{"ServiceSpecificCredentials":[`+services+`]}`), fileOf(t, "keys.json", `{"AccessKeyMetadata":[`+keys+`]}`)}
	}
}

func accessKey(user, status string) string {
	return `{"UserName":"` + user + `","AccessKeyId":"AKIAEXAMPLE","Status":"` + status + `","CreateDate":"2025-06-01T00:00:00Z"}`
}

func TestActiveKeysAreFoundByWhenTheyEnd(t *testing.T) {
	c := newCast()
	for _, name := range []string{"forever", "ending", "over", "off"} {
		c.user(name, allow(invokes+" bedrock:CallWithBearerToken", "*"))
	}
	c.user("stopped", allow(invokes, "*"), deny("bedrock:CallWithBearerToken", "*"))
	a := c.analysis(t, withCredentials(t, strings.Join([]string{
		serviceKey("forever", "ACCA1", "Active", ""),
		serviceKey("ending", "ACCA2", "Active", `,"ExpirationDate":"2027-01-01T00:00:00Z"`),
		serviceKey("over", "ACCA3", "Active", `,"ExpirationDate":"2026-01-01T00:00:00Z"`),
		serviceKey("off", "ACCA4", "Inactive", ""),
		serviceKey("stopped", "ACCA5", "Active", ""),
		strings.Replace(serviceKey("off", "ACCA6", "Active", ""), "bedrock.", "codecommit.", 1),
	}, ","), ""))
	found, why := findings(t, a, "BR-KEY-01", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"high user/ending: a Bedrock API key that is active until 2027-01-01T00:00:00Z",
		"critical user/forever: a Bedrock API key that is active and never expires",
		"low user/stopped: a Bedrock API key that is active and never expires")
	confirmed(t, a, found[0])
	confirmed(t, a, found[1])
}

func TestRulesOnKeysSayWhatTheyNeed(t *testing.T) {
	c := newCast()
	c.user("u", allow(invokes, "*"))
	a := c.analysis(t, nil)
	for _, id := range []string{"BR-KEY-01", "BR-KEY-02", "BR-KEY-04"} {
		if found, why := findings(t, a, id, ScanOptions{}); len(found) > 0 || !strings.Contains(why, "--credentials") {
			t.Errorf("%s: %d findings, %q", id, len(found), why)
		}
	}
}

func TestUsersOfTheConsoleAreFound(t *testing.T) {
	const limited = "arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess"
	c := newCast()
	c.policies = append(c.policies, map[string]any{"PolicyName": "AmazonBedrockLimitedAccess", "PolicyId": "ANPAX", "Arn": limited, "Path": "/", "DefaultVersionId": "v1",
		"PolicyVersionList": []any{map[string]any{"Document": body(allow(invokes+" bedrock:CallWithBearerToken", "*")), "VersionId": "v1", "IsDefaultVersion": true}}})
	c.user("BedrockAPIKey-ab12", allow("s3:GetObject", "*"))["AttachedManagedPolicies"] = attached(limited)
	c.user("BedrockAPIKey-cd34", allow("s3:GetObject", "*"))
	c.user("somebody", allow("s3:GetObject", "*"))["AttachedManagedPolicies"] = attached(limited)
	a := c.analysis(t, withCredentials(t, "", accessKey("BedrockAPIKey-cd34", "Active")+","+accessKey("somebody", "Active")))
	found, _ := findings(t, a, "BR-KEY-02", ScanOptions{})
	wantLines(t, found,
		"high user/BedrockAPIKey-ab12: a user that exists for a Bedrock API key has AmazonBedrockLimitedAccess",
		"high user/BedrockAPIKey-cd34: an access key on a user that exists for a Bedrock API key")
	confirmed(t, a, found[0])
}

func TestMakersOfKeysAreFound(t *testing.T) {
	service := func(name string) string {
		return condition(`{"StringEquals":{"iam:ServiceSpecificCredentialServiceName":"` + name + `"}}`)
	}
	c := newCast()
	c.role("maker", byService("lambda.amazonaws.com"), allow("iam:CreateServiceSpecificCredential", "arn:aws:iam::*:user/BedrockAPIKey-*", service("bedrock.amazonaws.com")))
	c.role("committer", byService("lambda.amazonaws.com"), allow("iam:CreateServiceSpecificCredential", "*", service("codecommit.amazonaws.com")))
	c.role("denied", byService("lambda.amazonaws.com"), allow("iam:*", "*"), deny("iam:CreateServiceSpecificCredential", "*", service("bedrock.amazonaws.com")))
	c.user("bearer", allow(invokes+" bedrock:CallWithBearerToken", "*"))
	c.user("short", allow(invokes+" bedrock:CallWithBearerToken", "*"), deny("bedrock:CallWithBearerToken", "*", condition(`{"StringEquals":{"bedrock:BearerTokenType":"LONG_TERM"}}`)))
	c.role("role", byService("lambda.amazonaws.com"), allow(invokes+" bedrock:CallWithBearerToken", "*"))
	a := c.analysis(t, nil)
	found, why := findings(t, a, "BR-KEY-03", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"medium role/maker: it can make long-term Bedrock API keys",
		"medium user/bearer: a long-term Bedrock API key of this user would work")
	for _, f := range found {
		confirmed(t, a, f)
	}
}

func TestUsersWithAccessKeysThatInvokeAreFound(t *testing.T) {
	c := newCast()
	c.user("caller", allow(invokes, haikuAt))
	c.user("old-key", allow(invokes, haikuAt))
	c.user("reader", allow("s3:*", "*"))
	a := c.analysis(t, withCredentials(t, "", accessKey("caller", "Active")+","+accessKey("old-key", "Inactive")+","+accessKey("reader", "Active")))
	found, why := findings(t, a, "BR-KEY-04", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found, "high user/caller: a user with an active access key can invoke models")
	confirmed(t, a, found[0])
}
