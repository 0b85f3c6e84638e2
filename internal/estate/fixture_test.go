package estate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/writ-project/writ/internal/awsiam"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// write puts a file into the test's directory.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load reads account details that must load.
func load(t testing.TB, texts ...string) *Estate {
	t.Helper()
	var s Sources
	for _, text := range texts {
		s.Accounts = append(s.Accounts, write(t, "gaad.json", text))
	}
	return loadFrom(t, s)
}

func loadFrom(t testing.TB, s Sources) *Estate {
	t.Helper()
	e, err := Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// refuse reads sources that must not load.
func refuse(t testing.TB, s Sources) error {
	t.Helper()
	e, err := Load(context.Background(), s)
	if err == nil {
		t.Fatalf("loaded, with problems %v", e.Problems)
	}
	return err
}

// wantProblem checks that a problem with a reason is there, and where.
func wantProblem(t testing.TB, e *Estate, reason string) awsiam.Problem {
	t.Helper()
	for _, p := range e.Problems {
		if strings.Contains(p.Reason, reason) {
			if p.Line < 1 || p.Column < 1 || p.File == "" {
				t.Errorf("problem without a position: %+v", p)
			}
			return p
		}
	}
	t.Fatalf("no problem with %q among %v", reason, e.Problems)
	return awsiam.Problem{}
}

func wantIncomplete(t testing.TB, e *Estate, what string) Incomplete {
	t.Helper()
	for _, i := range e.Incomplete {
		if strings.Contains(i.What, what) {
			return i
		}
	}
	t.Fatalf("nothing incomplete with %q among %v", what, e.Incomplete)
	return Incomplete{}
}

func noProblem(t testing.TB, e *Estate) {
	t.Helper()
	if len(e.Problems) > 0 {
		t.Errorf("problems: %v", e.Problems)
	}
}

func principal(t testing.TB, e *Estate, arn string) *Principal {
	t.Helper()
	p := e.Principal(arn)
	if p == nil {
		t.Fatalf("no principal %s", arn)
	}
	return p
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

func policyARN(name string) string { return "arn:aws:iam::" + account + ":policy/" + name }

const (
	trustDoc  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	invokeDoc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}]}`
)

// roleJSON is a role with an inline policy; more is further members.
func roleJSON(name, inline, more string) string {
	return fmt.Sprintf(`{"Path":"/","RoleName":%q,"RoleId":"AROA%s","Arn":%q,"CreateDate":"2025-01-01T00:00:00+00:00",
 "AssumeRolePolicyDocument":%s,"RolePolicyList":[{"PolicyName":"own","PolicyDocument":%s}],"AttachedManagedPolicies":[]%s}`,
		name, name, roleARN(name), trustDoc, inline, more)
}

func rolesJSON(roles ...string) string {
	return `{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[` + strings.Join(roles, ",\n") + `],"Policies":[]}`
}

func policyJSON(name, doc string) string {
	return fmt.Sprintf(`{"PolicyName":%q,"PolicyId":"ANPA1","Arn":%q,"Path":"/","DefaultVersionId":"v2","AttachmentCount":1,
 "PolicyVersionList":[{"Document":{"Version":"2012-10-17","Statement":[]},"VersionId":"v1","IsDefaultVersion":false},{"Document":%s,"VersionId":"v2","IsDefaultVersion":true}]}`,
		name, policyARN(name), doc)
}

// generated is a made-up account of n principals, about 2 kB each, as the AWS CLI
// writes it.
func generated(w io.Writer, n int) {
	fmt.Fprintf(w, "{\n    \"UserDetailList\": [],\n    \"GroupDetailList\": [],\n    \"RoleDetailList\": [\n")
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",\n")
		}
		fmt.Fprintf(w, generatedRole, i, i, account, i, i, i%5, account, i%50)
	}
	fmt.Fprint(w, "\n    ],\n    \"Policies\": [\n")
	for i := range 50 {
		if i > 0 {
			fmt.Fprint(w, ",\n")
		}
		fmt.Fprint(w, policyJSON(fmt.Sprintf("Shared%d", i), invokeDoc))
	}
	fmt.Fprint(w, "\n    ],\n    \"IsTruncated\": false\n}\n")
}

const generatedRole = `        {
            "Path": "/",
            "RoleName": "role-%d",
            "RoleId": "AROAEXAMPLE%09d",
            "Arn": "arn:aws:iam::%s:role/role-%d",
            "CreateDate": "2025-03-04T05:06:07+00:00",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {
                            "Service": "lambda.amazonaws.com"
                        },
                        "Action": "sts:AssumeRole"
                    }
                ]
            },
            "InstanceProfileList": [],
            "RolePolicyList": [
                {
                    "PolicyName": "models",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Sid": "Invoke",
                                "Effect": "Allow",
                                "Action": [
                                    "bedrock:InvokeModel",
                                    "bedrock:InvokeModelWithResponseStream"
                                ],
                                "Resource": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-%d-*"
                            },
                            {
                                "Effect": "Deny",
                                "Action": "bedrock:*",
                                "Resource": "*",
                                "Condition": {
                                    "StringNotEquals": {
                                        "aws:RequestedRegion": "us-east-%d"
                                    }
                                }
                            }
                        ]
                    }
                }
            ],
            "AttachedManagedPolicies": [
                {
                    "PolicyName": "Shared",
                    "PolicyArn": "arn:aws:iam::%s:policy/Shared%d"
                }
            ],
            "Tags": [
                {
                    "Key": "team",
                    "Value": "search"
                }
            ],
            "RoleLastUsed": {
                "LastUsedDate": "2026-11-01T10:00:00+00:00",
                "Region": "us-east-1"
            }
        }`

// fromMemory has the loader open named texts instead of files.
func fromMemory(l *loader, files map[string]func() io.Reader) {
	l.open = func(name string) (io.ReadCloser, int64, error) {
		if open, ok := files[name]; ok {
			return io.NopCloser(open()), 0, nil
		}
		return openFile(name)
	}
}

func BenchmarkLoad(b *testing.B) {
	var text bytes.Buffer
	generated(&text, 5000)
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		l := newLoader(context.Background(), Sources{Accounts: []string{"account.json"}})
		fromMemory(l, map[string]func() io.Reader{"account.json": func() io.Reader { return bytes.NewReader(text.Bytes()) }})
		if err := l.load(); err != nil {
			b.Fatal(err)
		}
		if n := len(l.estate.Accounts[0].Principals); n != 5000 {
			b.Fatal(n)
		}
	}
}

// alike compares estates by what they say, not by where it stands in the input.
var alike = cmp.Options{
	cmpopts.IgnoreTypes(awsiam.Position{}),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(Principal{}, "Account"),
	cmp.Exporter(func(reflect.Type) bool { return true }),
}

func readAll(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
