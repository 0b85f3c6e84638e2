package estate

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
)

const (
	sonnet        = "anthropic.claude-sonnet-4-20250514-v1:0"
	systemProfile = `{"inferenceProfileName":"US Claude","inferenceProfileArn":"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.` + sonnet + `",
	 "models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/` + sonnet + `"},{"modelArn":"arn:aws:bedrock:us-west-2::foundation-model/` + sonnet + `"}],
	 "inferenceProfileId":"us.` + sonnet + `","status":"ACTIVE","type":"SYSTEM_DEFINED"}`
	ownProfile = `{"inferenceProfileName":"team","inferenceProfileArn":"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456",
	 "models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/` + sonnet + `"}],"inferenceProfileId":"abcdef123456","status":"ACTIVE","type":"APPLICATION"}`
	globalProfile = `{"inferenceProfileArn":"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/globl1234567",
	 "models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/` + sonnet + `"},{"modelArn":"arn:aws:bedrock:::foundation-model/` + sonnet + `"}],"type":"APPLICATION"}`
)

func TestInferenceProfilesAreLaidOverTheCatalogue(t *testing.T) {
	e := loadFrom(t, Sources{Profiles: []string{
		write(t, "list.json", `{"inferenceProfileSummaries":[`+systemProfile+`,`+globalProfile+`]}`), write(t, "get.json", ownProfile)}})
	noProblem(t, e)
	base := bedrock.Embedded()
	cat, problems := e.Catalogue(base)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	system, _ := cat.Profile("us." + sonnet)
	if diff := cmp.Diff([]string{"us-east-1", "us-west-2"}, system.Destinations["us-east-1"]); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
	before, _ := base.Profile("us." + sonnet)
	if diff := cmp.Diff(before.Destinations["us-west-2"], system.Destinations["us-west-2"]); diff != "" {
		t.Errorf("another source region changed:\n%s", diff)
	}
	own, ok := cat.Profile("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456")
	if !ok || own.Model != sonnet || own.Global || !cmp.Equal(own.Destinations, map[string][]string{"us-east-1": {"us-east-1"}}) {
		t.Errorf("application profile: %+v", own)
	}
	global, ok := cat.Profile("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/globl1234567")
	if !ok || !global.Global || len(global.Destinations) > 0 {
		t.Errorf("global profile: %+v", global)
	}
}

func TestAProfileThatDoesNotFitTheCatalogueIsAProblem(t *testing.T) {
	for name, c := range map[string]struct{ text, reason string }{
		"unknown model": {strings.ReplaceAll(ownProfile, sonnet, "anthropic.nobody-v1:0"), "is not a listed foundation model"},
		"no models":     {strings.Replace(ownProfile, `"models"`, `"m"`, 1), "it lists no models"},
		"two models":    {strings.Replace(systemProfile, sonnet+`"}]`, `amazon.nova-pro-v1:0"}]`, 1), "one model was expected"},
		"no model ARN":  {strings.Replace(ownProfile, "foundation-model/", "custom-model/", 1), "is not the ARN of a foundation model"},
	} {
		t.Run(name, func(t *testing.T) {
			e := loadFrom(t, Sources{Profiles: []string{write(t, "p.json", c.text)}})
			cat, problems := e.Catalogue(bedrock.Embedded())
			if len(problems) != 1 || !strings.Contains(problems[0].Reason, c.reason) || cat.Version() != bedrock.Embedded().Version() {
				t.Errorf("problems %v", problems)
			}
		})
	}
}

func TestOddProfileFilesAreProblems(t *testing.T) {
	for text, reason := range map[string]string{
		`{"inferenceProfileSummaries":[{}]}`:                              "has no inferenceProfileArn",
		`{"inferenceProfileSummaries":[{"inferenceProfileArn":"arn:x"}]}`: "is not the ARN of an inference profile",
		`{"inferenceProfileSummaries":5}`:                                 "is a number, not a list",
		`{"inferenceProfileSummaries":[]}`:                                "lists no inference profile",
		strings.Replace(ownProfile, `"models":[`, `"models":["x",`, 1):    "a model is a string, not an object",
	} {
		wantProblem(t, loadFrom(t, Sources{Profiles: []string{write(t, "p.json", text)}}), reason)
	}
	e := loadFrom(t, Sources{Profiles: []string{write(t, "p.json", `{"inferenceProfileSummaries":[`+ownProfile+`],"nextToken":"t"}`)}})
	wantIncomplete(t, e, "before the last page")
}

func TestUsedRightsAreFoundByPrincipal(t *testing.T) {
	e := loadFrom(t, Sources{Used: []string{write(t, "used.jsonl",
		`{"principal":"`+roleARN("App")+`","action":"bedrock:InvokeModel","model":"`+sonnet+`","region":"us-east-1","count":3,"first":"2026-01-01T00:00:00Z","last":"2026-02-01T00:00:00Z"}
{"principal":"arn:aws:sts::111122223333:assumed-role/App/session","action":"bedrock:InvokeModel","resource":"arn:aws:bedrock:us-east-1::foundation-model/x.y","region":"us-east-1","first":"2025-12-01T00:00:00Z","last":"2026-01-01T00:00:00Z"}
`)}})
	noProblem(t, e)
	uses := e.Used.Of(roleARN("App"))
	if len(uses) != 2 || uses[0].Count != 3 || uses[1].Count != 1 || uses[0].Model != sonnet {
		t.Errorf("uses: %+v", uses)
	}
	if !e.Used.First.Equal(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)) || e.Used.Last.Month() != time.February {
		t.Errorf("from %v to %v", e.Used.First, e.Used.Last)
	}
	if len(e.Used.Of(roleARN("Other"))) > 0 {
		t.Error("another principal has uses")
	}
}

func TestABadLineOfUsedRightsIsAProblemAndTheRestGoesOn(t *testing.T) {
	good := `{"principal":"` + roleARN("App") + `","action":"bedrock:InvokeModel"}` + "\n"
	for bad, reason := range map[string]string{
		`{"action":"bedrock:InvokeModel"}`:                                     "needs a principal",
		`{"principal":"` + roleARN("App") + `"}`:                               "needs a principal",
		`{"principal":5,"action":"a:b"}`:                                       "principal is a number",
		`{"principal":"` + roleARN("App") + `","action":"a:b","count":-1}`:     "not a whole number",
		`{"principal":"` + roleARN("App") + `","action":"a:b","count":"many"}`: "count is a string",
		`[1]`: "a use is a list",
	} {
		e := loadFrom(t, Sources{Used: []string{write(t, "u.jsonl", good+bad+"\n"+good)}})
		if p := wantProblem(t, e, reason); p.Line != 2 {
			t.Errorf("%s: %+v", bad, p)
		}
		wantIncomplete(t, e, "line 2")
		if n := len(e.Used.Of(roleARN("App"))); n != 2 {
			t.Errorf("%s: %d uses are left", bad, n)
		}
	}
	e := loadFrom(t, Sources{Used: []string{write(t, "u.jsonl", good+`{"principal":"a`)}})
	wantProblem(t, e, "ends too early")
}

const reportCSV = `user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated
<root_account>,arn:aws:iam::111122223333:root,2020-01-01T00:00:00+00:00,not_supported,no_information,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
ana,arn:aws:iam::111122223333:user/ana,2025-01-01T00:00:00+00:00,true,2026-03-04T05:06:07+00:00,N/A,N/A,false,true,2025-02-02T00:00:00+00:00,2026-04-04T00:00:00+00:00,us-east-1,bedrock,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
`

func TestCredentialsOfAllSourcesAreJoined(t *testing.T) {
	keys := `{"AccessKeyMetadata":[{"UserName":"ana","AccessKeyId":"AKIAIOSFODNN7EXAMPLE","Status":"Active","CreateDate":"2025-02-02T00:00:00+00:00"}]}`
	specific := `{"ServiceSpecificCredentials":[{"UserName":"ana","Status":"Active","ServiceUserName":"ana-at-111122223333","CreateDate":"2026-01-01T00:00:00+00:00","ExpirationDate":"2026-12-01T00:00:00+00:00",
	 "ServiceSpecificCredentialId":"ACCA1","ServiceName":"bedrock.amazonaws.com"}]}`
	report := `{"Content":"` + base64.StdEncoding.EncodeToString([]byte(reportCSV)) + `","ReportFormat":"text/csv","GeneratedTime":"2026-11-01T00:00:00+00:00"}`
	for name, first := range map[string]string{"csv": reportCSV, "content": report} {
		t.Run(name, func(t *testing.T) {
			e := loadFrom(t, Sources{Credentials: []string{write(t, "c", first), write(t, "k", keys+"\n"+specific)}})
			noProblem(t, e)
			got := e.Credentials.Of(&Principal{Name: "ana"})
			if got != nil {
				t.Error("a user of no account has credentials")
			}
			p := &Principal{Name: "ana"}
			p.ARN = "arn:aws:iam::111122223333:user/ana"
			u := e.Credentials.Of(p)
			if u == nil || !u.Reported || !u.Password || u.MFA || u.PasswordLastUsed.IsZero() {
				t.Fatalf("user %+v", u)
			}
			if len(u.AccessKeys) != 1 || !u.AccessKeys[0].Active || u.AccessKeys[0].ID == "" || u.AccessKeys[0].LastUsed.Month() != time.April {
				t.Errorf("access keys %+v", u.AccessKeys)
			}
			if len(u.ServiceSpecific) != 1 || u.ServiceSpecific[0].ServiceName != "bedrock.amazonaws.com" || u.ServiceSpecific[0].Expires.Year() != 2026 || !u.ServiceSpecific[0].Active {
				t.Errorf("service-specific %+v", u.ServiceSpecific)
			}
			if n := len(e.Credentials.Users()); n != 2 {
				t.Errorf("%d users", n)
			}
		})
	}
}

func TestOddCredentialsAreProblems(t *testing.T) {
	for text, reason := range map[string]string{
		`{"Users":[]}`:                                "neither AccessKeyMetadata",
		`{"AccessKeyMetadata":[{}]}`:                  "has no UserName",
		`{"ServiceSpecificCredentials":[{}]}`:         "has no UserName",
		`{"Content":"%%%"}`:                           "not a report in base64",
		`{"AccessKeyMetadata":[],"IsTruncated":true}`: "more credentials follow",
		"user,arn,x\n\"a":                             "the credential report",
	} {
		e := loadFrom(t, Sources{Credentials: []string{write(t, "c", text)}})
		wantProblem(t, e, reason)
		wantIncomplete(t, e, "not all credentials")
	}
}

const factsJSON = `{"account":"111122223333","region":"us-east-1",
 "agents":[{"agent":{"agentArn":"arn:aws:bedrock:us-east-1:111122223333:agent/A1","agentName":"help","agentResourceRoleArn":"arn:aws:iam::111122223333:role/Agent",
   "foundationModel":"` + sonnet + `","guardrailConfiguration":{"guardrailIdentifier":"g1","guardrailVersion":"2"}}}],
 "flows":[{"arn":"arn:aws:bedrock:us-east-1:111122223333:flow/F1","name":"f","executionRoleArn":"arn:aws:iam::111122223333:role/Flow"}],
 "knowledgeBases":[{"knowledgeBaseArn":"arn:aws:bedrock:us-east-1:111122223333:knowledge-base/K1","roleArn":"arn:aws:iam::111122223333:role/KB"}],
 "guardrails":[{"arn":"arn:aws:bedrock:us-east-1:111122223333:guardrail/g1","id":"g1","version":"2","status":"READY"}],
 "inferenceProfiles":[` + ownProfile + `],
 "loggingConfig":{"loggingConfig":{"s3Config":{"bucketName":"logs"},"textDataDeliveryEnabled":true}},
 "codeInterpreters":[{"codeInterpreterArn":"arn:aws:bedrock-agentcore:us-east-1:111122223333:code-interpreter/c1","executionRoleArn":"arn:aws:iam::111122223333:role/CI"}],
 "batchRoles":["arn:aws:iam::111122223333:role/Batch"]}`

func TestBedrocksOwnResourcesAreRead(t *testing.T) {
	e := loadFrom(t, Sources{Bedrock: []string{write(t, "b.json", factsJSON)}})
	noProblem(t, e)
	if len(e.Bedrock.Regions) != 1 {
		t.Fatalf("regions: %+v", e.Bedrock)
	}
	g := e.Bedrock.Regions[0]
	want := BedrockResource{ARN: "arn:aws:bedrock:us-east-1:111122223333:agent/A1", Name: "help", Role: roleARN("Agent"), Model: sonnet, Guardrail: "g1", GuardrailVersion: "2"}
	if diff := cmp.Diff([]BedrockResource{want}, g.Agents); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if len(g.Flows) != 1 || g.Flows[0].Role != roleARN("Flow") || len(g.KnowledgeBases) != 1 || len(g.CodeInterpreters) != 1 || g.CodeInterpreters[0].Role != roleARN("CI") {
		t.Errorf("resources: %+v", g)
	}
	if g.AgentRuntimes != nil || len(g.Guardrails) != 1 || len(g.Profiles) != 1 || !cmp.Equal(g.BatchRoles, []string{roleARN("Batch")}) {
		t.Errorf("lists: %+v", g)
	}
	if g.Logging == nil || !g.Logging.Enabled || !g.Logging.Text || g.Logging.Bucket != "logs" {
		t.Errorf("logging: %+v", g.Logging)
	}
	if cat, _ := e.Catalogue(bedrock.Embedded()); cat.Version() == bedrock.Embedded().Version() {
		t.Error("the catalogue does not have the account's own profile")
	}
}

func TestOddBedrockFactsAreProblems(t *testing.T) {
	for old, c := range map[string]struct{ with, reason string }{
		`"region":"us-east-1"`:     {`"region":"nowhere"`, "need both"},
		`"batchRoles"`:             {`"batchRolls"`, "is no member"},
		`"flows":[`:                {`"flows":[5,`, "a resource is a number"},
		`"knowledgeBaseArn":"arn:`: {`"knowledgeBaseArn":"`, "is not an ARN"},
		`"agentName":"help"`:       {`"agentName":["help"]`, "is a list, not a string"},
	} {
		e := loadFrom(t, Sources{Bedrock: []string{write(t, "b.json", strings.Replace(factsJSON, old, c.with, 1))}})
		wantProblem(t, e, c.reason)
	}
	if err := refuse(t, Sources{Bedrock: []string{write(t, "b.json", factsJSON[:100])}}); !strings.Contains(err.Error(), "ends too early") {
		t.Error(err)
	}
}

func FuzzOtherFiles(f *testing.F) {
	for kind, text := range []string{denyDoc, `{"arn:aws:s3:::b":` + invokeDoc + `}`, `{"VpcEndpoints":[{"PolicyDocument":"{}"}]}`, systemProfile, `{"principal":"` + roleARN("App") + `","action":"a:b"}`, reportCSV, factsJSON} {
		f.Add(uint8(kind), []byte(text))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		name := []string{"f"}
		s := []Sources{{SCPs: name, Session: name}, {Resource: name}, {Endpoint: "f"}, {Profiles: name}, {Used: name}, {Credentials: name}, {Bedrock: name}}[kind%7]
		s.Limits = Limits{Bytes: 1 << 20, Value: 1 << 16}
		l := newLoader(context.Background(), s)
		fromMemory(l, map[string]func() io.Reader{"f": func() io.Reader { return bytes.NewReader(data) }})
		if l.load() != nil {
			return
		}
		for _, p := range l.estate.Problems {
			if p.File != "f" || p.Reason == "" || p.Offset < 0 {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		l.estate.Catalogue(bedrock.Embedded())
	})
}
