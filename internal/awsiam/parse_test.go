package awsiam

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOneOrSeveralOfEverything(t *testing.T) {
	one := `{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{"k:k":"v"}}}}`
	several := `{"Statement":[{"Effect":"Allow","Action":["a:b"],"Resource":["*"],"Condition":{"StringEquals":{"k:k":["v"]}}}]}`
	for _, s := range []string{one, several} {
		d, problems := Parse("p", []byte(s), Position{})
		if len(problems) > 0 || d.Doubt != "" || len(d.Statements) != 1 {
			t.Fatalf("%s: %v, %q", s, problems, d.Doubt)
		}
		x := d.Statements[0]
		if len(x.Actions) != 1 || len(x.Resources) != 1 || len(x.Conditions) != 1 || x.Conditions[0].Values[0] != "v" || x.Doubts != (Doubts{}) {
			t.Errorf("%s: %+v", s, x)
		}
	}
}

func TestNumbersAndTruthValuesAreConditionValues(t *testing.T) {
	s := &policy(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":true},"NumericLessThan":{"a:c":[3600, "7200"]}}}`).Statements[0]
	if got, want := []string{s.Conditions[0].Values[0], s.Conditions[1].Values[0]}, []string{"true", "3600"}; !cmp.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What cannot be read of a statement is Unknown, and is reported with its place.
func TestStatementThatCannotBeReadIsUnknown(t *testing.T) {
	const sound = `"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"`
	for _, x := range []struct {
		statement string
		problems  []string
	}{
		{`{"Effect":"allow","Action":"*","Resource":"*"}`, []string{`Effect is "allow"`}},
		{`{"Effect":["Allow"],"Action":"*","Resource":"*"}`, []string{"Effect is"}},
		{`{"Action":"*","Resource":"*"}`, []string{"Effect is"}},
		{`{"Effect":"Allow","Resource":"*"}`, []string{"no Action"}},
		{`{"Effect":"Allow","Action":"*"}`, []string{"neither Resource nor Principal"}},
		{`{"Effect":"Allow","Action":[],"Resource":"*"}`, []string{"empty list"}},
		{`{"Effect":"Allow","Action":{},"Resource":"*"}`, []string{"neither a string nor a list"}},
		{`{"Effect":"Allow","Action":"*","Resource":null}`, []string{"neither a string nor a list"}},
		{`{"Effect":"Allow","Action":[7],"Resource":"*"}`, []string{"no string"}},
		{`{"Effect":"Allow","Action":"bed*:Invoke*","Resource":"*"}`, []string{"wildcard in its service"}},
		{`{"Effect":"Allow","Action":"s3:Get*","NotAction":"s3:*","Resource":"*"}`, []string{"Action and NotAction"}},
		{`{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}`, []string{"Resource and NotResource"}},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*","NotPrincipal":"*"}`, []string{"Principal and NotPrincipal"}},
		{`{"Effect":"Allow","Effect":"Allow","Action":"*","Resource":"*"}`, []string{`"Effect" stands twice`}},
		{`{"Effect":"Allow","Action":"s3:*","Action":"*","Resource":"*"}`, []string{`"Action" stands twice`}},
		{`{"Effect":"Allow","Action":"*","Action":"s3:*","Resource":"*"}`, []string{`"Action" stands twice`}},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Resource":"arn:aws:s3:::b"}`, []string{`"Resource" stands twice`}},
		{`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*","Principal":"*"}`, []string{`"Principal" stands twice`}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":"true"}},"Condition":{}}`, []string{`"Condition" stands twice`}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":"true"},"Bool":{"a:c":"true"}}}`, []string{`"Bool" stands twice`}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":"true","A:B":"false"}}}`, []string{`"A:B" stands twice`}},
		{`{` + sound + `,"Conditon":{}}`, []string{`"Conditon" is no element`}},
		{`{` + sound + `,"Condition":[]}`, []string{"Condition is not an object"}},
		{`{` + sound + `,"Condition":{"Bool":{}}}`, []string{"holds no keys"}},
		{`{` + sound + `,"Condition":{"Bool":"true"}}`, []string{"holds no keys"}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":null}}}`, []string{"is no string"}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":[["true"]]}}}`, []string{"is no string"}},
		{`{` + sound + `,"Condition":{"Bool":{"a:b":[]}}}`, []string{"has no value"}},
		{`{` + sound + `,"Condition":{"StringMatches":{"a:b":"x"}}}`, []string{"no condition operator"}},
		{`{` + sound + `,"Condition":{"DateLessThan":{"a:b":"soon"}}}`, []string{"is no date"}},
		{`"Allow"`, []string{"a statement is a JSON object"}},
	} {
		s := odd(t, x.statement, x.problems...)
		got, _, why := s.Applies(Request{Principal: principal(t, bob), Action: "bedrock:InvokeModel", Resource: model, Context: Context{}})
		if got != Unknown || why == "" {
			t.Errorf("%s: %v because %q", x.statement, got, why)
		}
	}
}

// One statement that cannot be read hides nothing of the others.
func TestOthersOutliveABadStatement(t *testing.T) {
	bad := `{"Effect":"Allow","Action":"bed*:Invoke*","Resource":"*"}`
	for _, x := range []struct {
		others []string
		want   Outcome
	}{
		{nil, Undetermined},
		{[]string{everything}, Allowed},
		{[]string{everything, `{"Effect":"Deny","Action":"*","Resource":"*"}`}, ExplicitDeny},
	} {
		d, problems := Parse("p", []byte(`{"Statement":[`+strings.Join(append(x.others, bad), ",")+`]}`), Position{})
		if len(problems) != 1 || problems[0].Statement != len(x.others) || d.Doubt != "" {
			t.Errorf("problems %+v, doubt %q", problems, d.Doubt)
		}
		r := Request{Principal: principal(t, bob), Action: "bedrock:InvokeModel", Resource: model}
		if got := Evaluate(r, Layers{Identity: []*Document{d}}); got.Outcome != x.want {
			t.Errorf("%d others: %+v", len(x.others), got)
		}
	}
}

func TestStarColonStarIsAllWithARemark(t *testing.T) {
	s := odd(t, `{"Effect":"Allow","Action":"*:*","Resource":"*"}`, `"*:*" is read as "*"`)
	if got := s.MatchAction("bedrock:InvokeModel"); got != True || s.Doubts.First() != "" {
		t.Errorf("%v, %+v", got, s.Doubts)
	}
}

func TestDocumentThatCannotBeReadMaySayAnything(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for s, want := range map[string]string{
		"":                                "ends too early",
		" \n":                             "ends too early",
		`{"Statement":[{"Effect`:          "line 1, column 23: the JSON ends too early",
		"{\n\"Statement\":":               "line 2, column 13: the JSON ends too early",
		"{\n\n# why\n}":                   "line 3, column 1: a comment",
		"{/* why */}":                     "line 1, column 2: a comment",
		"{\"Statement\":[]}\n//":          "line 2, column 1: a comment",
		"{\"Statement\":[]}\n{}":          "line 2, column 2: there is more after",
		"{'Statement':[]}":                "line 1, column 2: ",
		"{\n\"Statement\":[],}":           "line 2, column 15: ",
		"{\"Statement\":" + deep + "}":    "line 1, column 30: nested deeper than 16",
		"[]":                              "not a JSON object",
		"null":                            "not a JSON object",
		`"{}"`:                            "not a JSON object",
		`{}`:                              "has no Statement",
		`{"statement":[]}`:                "has no Statement",
		`{"Statement":null}`:              "Statement cannot be read",
		`{"Statement":[],"Statement":[]}`: `"Statement" stands twice`,
		`{"Version":"2012-10-17","Version":"2008-10-17","Statement":[]}`: `"Version" stands twice`,
		string(fixture(t, "comment.json")):                               "line 3, column 3: a comment",
	} {
		d, problems := Parse("p", []byte(s), Position{})
		if len(problems) == 0 || !strings.Contains(d.Doubt, want) || problems[0].Statement != -1 {
			t.Errorf("%.60q: %v, doubt %q, want %q", s, problems, d.Doubt, want)
		}
		if p := problems[0]; p.Line < 1 || p.Column < 1 || p.Offset > int64(len(s)) {
			t.Errorf("%.60q: %+v", s, p)
		}
		r := Request{Principal: principal(t, bob), Action: "bedrock:InvokeModel", Resource: model}
		for _, l := range []Layers{
			{Identity: []*Document{d}},
			{Identity: []*Document{policy(t, everything)}, Boundary: d},
			{Identity: []*Document{policy(t, everything)}, SCPs: [][]*Document{{d}}},
			{Identity: []*Document{policy(t, everything)}, Resource: d},
			{Resource: d, Boundary: policy(t)}, // it may name the user, and so grant past the boundary
		} {
			if got := Evaluate(r, l); got.Outcome != Undetermined || len(got.Doubts) == 0 {
				t.Errorf("%.60q: %+v", s, got)
			}
		}
	}
}

func TestOddVersionIsReadAsTheCurrentOne(t *testing.T) {
	for _, version := range []string{`"2012-10-18"`, "2012", "null"} {
		d, problems := Parse("p", []byte(`{"Version":`+version+`,"Statement":[`+everything+`]}`), Position{})
		if len(problems) != 1 || d.Version != "2012-10-17" || d.Doubt != "" || !strings.Contains(problems[0].Reason, "read as the former") {
			t.Errorf("%s: %v, %+v", version, problems, d)
		}
	}
}

func TestPositionsAreThoseOfTheFile(t *testing.T) {
	type place struct {
		statement, line, column int
		offset                  int64
	}
	places := func(data string, at Position) (list []place) {
		d, problems := Parse("p", []byte(data), at)
		for _, s := range d.Statements {
			list = append(list, place{s.Index, s.Position.Line, s.Position.Column, s.Position.Offset})
		}
		for _, p := range problems {
			list = append(list, place{p.Statement, p.Line, p.Column, p.Offset})
		}
		return list
	}
	const text = "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"a:\\u0062é\",\"Resource\":\"*\"},\n {\"Effect\":\"No\",\"Action\":\"a:b\",\"Resource\":\"*\"}]}"
	want := []place{{0, 1, 15, 14}, {1, 2, 2, 72}, {0, 1, 42, 41}, {1, 2, 12, 82}}
	if got := places(text, Position{}); !cmp.Equal(got, want, cmp.AllowUnexported(place{})) {
		t.Errorf("alone: %v, want %v", got, want)
	}
	want = []place{{0, 10, 19, 1014}, {1, 11, 2, 1072}, {0, 10, 46, 1041}, {1, 11, 12, 1082}}
	if got := places(text, Position{Offset: 1000, Line: 10, Column: 5}); !cmp.Equal(got, want, cmp.AllowUnexported(place{})) {
		t.Errorf("within a file: %v, want %v", got, want)
	}
	want = []place{{0, 4, 5, 53}, {1, 5, 5, 129}, {1, 5, 34, 158}}
	if got := places(string(fixture(t, "windows.json")), Position{}); !cmp.Equal(got, want, cmp.AllowUnexported(place{})) {
		t.Errorf("Windows line ends: %v, want %v", got, want)
	}
}

func TestNonUTF8IsReadAndReported(t *testing.T) {
	d, problems := Parse("p", []byte("{\"Statement\":{\"Sid\":\"\xff\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:aws:s3:::b\xfe\"}}"), Position{})
	if len(problems) != 1 || problems[0].Offset != 21 || !strings.Contains(problems[0].Reason, "not UTF-8") || d.Doubt != "" {
		t.Fatalf("%+v, %q", problems, d.Doubt)
	}
	s := &d.Statements[0]
	if s.Sid != "\ufffd" || s.MatchResource("arn:aws:s3:::b\xfe", nil) != True || s.MatchResource("arn:aws:s3:::b", nil) != False {
		t.Errorf("%+v", s)
	}
}

// IAM counts characters without white space, for its limit of 6,144.
func TestCharsAreThoseThatIAMCounts(t *testing.T) {
	frame := len(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":[]}]}`)
	arn := func(i int) string { return fmt.Sprintf(`"arn:aws:s3:::é%03d"`, i) } // 19 characters
	var list []string
	for i := range 350 {
		list = append(list, arn(i))
	}
	d, problems := Parse("p", []byte("{\"Statement\": [\r\n\t{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": ["+strings.Join(list, " ,\r\n\t")+"]}\n]}\n"), Position{})
	if want := frame + 350*19 + 349; len(problems) > 0 || d.Chars != want || want <= 6144 {
		t.Errorf("%d characters, want %d; %v", d.Chars, want, problems)
	}
}

func TestTenThousandStatementsAreRead(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		if i > 0 {
			b.WriteString(",\n")
		}
		if i%10 == 9 {
			b.WriteString(`{"Effect":"Deny","Action":"x*:y","Resource":"*"}`)
			continue
		}
		fmt.Fprintf(&b, `{"Effect":"Allow","Action":["s3:GetObject","s3:Put*"],"Resource":"arn:aws:s3:::b%d/*"}`, i)
	}
	d, problems := Parse("p", []byte(`{"Statement":[`+b.String()+`]}`), Position{})
	if len(d.Statements) != 10_000 || len(problems) != 1000 || d.Doubt != "" {
		t.Fatalf("%d statements, %d problems, doubt %q", len(d.Statements), len(problems), d.Doubt)
	}
	for i, p := range problems {
		if p.Statement != 10*i+9 || p.Line != p.Statement+1 {
			t.Fatalf("problem %d: %+v", i, p)
		}
	}
	r := Request{Principal: principal(t, bob), Action: "s3:GetObject", Resource: "arn:aws:s3:::b8/x"}
	if got := Evaluate(r, Layers{Identity: []*Document{d}}); got.Outcome != Undetermined {
		t.Errorf("%v", got.Outcome)
	}
}

func TestTooManyValuesAreRefused(t *testing.T) {
	d, problems := Parse("p", []byte(`{"Statement":[`+strings.Repeat("0,", maxValues)+`0]}`), Position{})
	if len(problems) != 1 || !strings.Contains(d.Doubt, "more than 200000 values") {
		t.Errorf("%d problems, doubt %q", len(problems), d.Doubt)
	}
}
