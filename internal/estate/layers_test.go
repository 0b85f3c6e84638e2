package estate

import (
	"context"
	"strconv"
	"strings"
	"testing"
)

func TestPoliciesOfTheCallerAreRead(t *testing.T) {
	e := loadFrom(t, Sources{Boundary: write(t, "b.json", invokeDoc), Session: []string{write(t, "s.json", invokeDoc), write(t, "t.json", "["+denyDoc+"]")}})
	if e.Boundary == nil || len(e.Boundary.Statements) != 1 || len(e.Sessions) != 2 {
		t.Errorf("boundary %v, sessions %v", e.Boundary, e.Sessions)
	}
	if e := loadFrom(t, Sources{Session: []string{write(t, "s.json", "[]")}}); e.Sessions == nil {
		t.Error("an empty list of session policies is taken for none given")
	}
	if err := refuse(t, Sources{Boundary: write(t, "b.json", "["+invokeDoc+","+denyDoc+"]")}); !strings.Contains(err.Error(), "2 policies where one belongs") {
		t.Error(err)
	}
}

func TestADocumentIsFoundInWhatTheCLIPrints(t *testing.T) {
	quoted := strconv.Quote(invokeDoc)
	for name, text := range map[string]string{
		"plain":             invokeDoc,
		"text":              quoted,
		"describe-policy":   `{"Policy":{"PolicySummary":{},"Content":` + quoted + `}}`,
		"get-policy":        `{"PolicyVersion":{"Document":` + invokeDoc + `,"VersionId":"v1"}}`,
		"get-role-policy":   `{"RoleName":"r","PolicyName":"p","PolicyDocument":` + invokeDoc + `}`,
		"get-bucket-policy": `{"Policy":` + quoted + `}`,
		"get-key-policy":    `{"Policy":` + quoted + `,"PolicyName":"default"}`,
	} {
		t.Run(name, func(t *testing.T) {
			docs, problems, input, err := Policies(context.Background(), write(t, "p.json", text), Limits{})
			if err != nil || len(problems) > 0 || len(docs) != 1 || docs[0].Doubt != "" || len(docs[0].Statements) != 1 || input.Kind != "policy" {
				t.Errorf("documents %+v, problems %v, error %v", docs, problems, err)
			}
		})
	}
}

func TestABadStatementHidesNothingElse(t *testing.T) {
	bad := strings.Replace(invokeDoc, `[{`, `[{"Effect":"Maybe","Action":"x:*","Resource":"*"},{`, 1)
	docs, problems, _, err := Policies(context.Background(), write(t, "p.json", bad), Limits{})
	if err != nil || len(problems) == 0 || len(docs[0].Statements) != 2 || problems[0].Line != 1 {
		t.Errorf("documents %+v, problems %v, error %v", docs, problems, err)
	}
}

func TestResourcePoliciesGoToTheirAccounts(t *testing.T) {
	mine, theirs, nobodys := "arn:aws:kms:us-east-1:111122223333:key/1", "arn:aws:kms:us-east-1:444455556666:key/1", "arn:aws:s3:::bucket"
	text := `{"` + mine + `":` + invokeDoc + `,"` + theirs + `":{"Policy":` + strconv.Quote(invokeDoc) + `},"` + nobodys + `":` + strconv.Quote(invokeDoc) + `}`
	e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json", bothAccounts)}, Resource: []string{write(t, "r.json", text)}})
	noProblem(t, e)
	a, b := e.Account(account).Resource, e.Account(other).Resource
	if len(a) != 2 || a[mine] == nil || a[nobodys] == nil || len(b) != 2 || b[theirs] == nil || len(b[theirs].Statements) != 1 {
		t.Errorf("resource policies: %v, %v", a, b)
	}
}

func TestResourcePoliciesComeInOtherForms(t *testing.T) {
	secret := "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-1"
	e := loadFrom(t, Sources{Resource: []string{
		write(t, "secret.json", `{"ARN":"`+secret+`","Name":"s","ResourcePolicy":`+strconv.Quote(invokeDoc)+`}`),
		write(t, "plain.json", invokeDoc)}})
	noProblem(t, e)
	if d := e.Resource[secret]; d == nil || len(d.Statements) != 1 {
		t.Errorf("by its own ARN: %+v", e.Resource)
	}
	if d := e.Resource[""]; d == nil || len(d.Statements) != 1 {
		t.Errorf("without an ARN: %+v", e.Resource)
	}
}

func TestTwoPoliciesForOneResourceAreDoubtful(t *testing.T) {
	file := write(t, "r.json", `{"arn:aws:s3:::b":`+invokeDoc+`}`)
	e := loadFrom(t, Sources{Resource: []string{file, file}})
	wantProblem(t, e, "two policies")
	if e.Resource["arn:aws:s3:::b"].Doubt == "" {
		t.Error("one of them is believed")
	}
}

func TestAnEndpointPolicyIsPlainOrDescribed(t *testing.T) {
	for _, text := range []string{invokeDoc, `{"VpcEndpoints":[{"VpcEndpointId":"vpce-1","PolicyDocument":` + strconv.Quote(invokeDoc) + `}]}`} {
		e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json", bothAccounts)}, Endpoint: write(t, "e.json", text)})
		noProblem(t, e)
		if d := e.Account(account).Endpoint; d == nil || len(d.Statements) != 1 {
			t.Errorf("endpoint policy %+v", d)
		}
	}
	two := `{"VpcEndpoints":[{"PolicyDocument":` + invokeDoc + `},{"PolicyDocument":` + invokeDoc + `}]}`
	if err := refuse(t, Sources{Endpoint: write(t, "e.json", two)}); !strings.Contains(err.Error(), "2 endpoint policies") {
		t.Error(err)
	}
}

func TestABrokenPolicyFileIsAnErrorWithTheLine(t *testing.T) {
	for _, s := range []Sources{{SCPs: []string{"x"}}, {RCPs: []string{"x"}}, {Boundary: "x"}, {Session: []string{"x"}}, {Resource: []string{"x"}}, {Endpoint: "x"}} {
		path := write(t, "p.json", "{\n  \"Version\": \"2012-10-17\", // ours\n}")
		for _, into := range [][]string{s.SCPs, s.RCPs, s.Session, s.Resource} {
			for i := range into {
				into[i] = path
			}
		}
		if s.Boundary != "" {
			s.Boundary = path
		}
		if s.Endpoint != "" {
			s.Endpoint = path
		}
		if err := refuse(t, s); !strings.Contains(err.Error(), "p.json:2:28: a comment") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
