package awsiam

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(typical))
	for _, s := range []string{
		`{"Statement":{"Effect":"Allow","NotAction":"a:*","NotResource":["arn:aws:s3:::${a:b, 'c'}"],"NotPrincipal":{"AWS":["1",2]}}}`,
		`{"Version":"x","Statement":[1,{"Effect":"Deny","Effect":"Allow","Condition":{"Null":{"a:b":[true,null]}}}]}`,
		"{\r\n\"Statement\":[{\"Sid\":\"\\u00e9\xff\"}],}", `{"Statement":[[[[`, "{//", "[]{}",
	} {
		f.Add([]byte(s))
	}
	p, err := ParsePrincipal(session)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		given := bytes.Clone(data)
		d, problems := Parse("p", data, Position{})
		if !bytes.Equal(data, given) {
			t.Fatal("Parse changed its input")
		}
		again, same := Parse("p", data, Position{})
		if !reflect.DeepEqual(d, again) || !reflect.DeepEqual(problems, same) {
			t.Fatal("parsed anew it is another document")
		}
		if utf8.Valid(data) && !json.Valid(data) && d.Doubt == "" {
			t.Fatal("broken JSON was read")
		}
		if d.Doubt != "" && (len(problems) == 0 || len(d.Statements) > 0) {
			t.Fatalf("doubt %q, %d problems, %d statements", d.Doubt, len(problems), len(d.Statements))
		}
		for _, x := range problems {
			if x.Statement < -1 || x.Statement >= max(len(d.Statements), 1) || x.Reason == "" {
				t.Fatalf("%+v", x)
			}
			checkPlace(t, data, x.Position)
		}
		for i := range d.Statements {
			s := &d.Statements[i]
			checkPlace(t, data, s.Position)
			if s.Position.Offset == int64(len(data)) || s.Effect == NoEffect && s.Doubts.Effect == "" {
				t.Fatalf("%+v", s)
			}
			s.SegmentsDiffer(model)
		}
		got := Evaluate(Request{Principal: p, Action: "bedrock:InvokeModel", Resource: model, Context: context("a:b=c")}, Layers{Identity: []*Document{d}, Resource: d})
		if d.Doubt != "" && got.Outcome != Undetermined {
			t.Fatalf("%+v from an unreadable document", got)
		}
	})
}

// checkPlace holds line and column against the offset.
func checkPlace(t *testing.T, data []byte, p Position) {
	t.Helper()
	if p.Offset < 0 || p.Offset > int64(len(data)) {
		t.Fatalf("offset of %+v in %d bytes", p, len(data))
	}
	lines := strings.Split(string(data[:p.Offset]), "\n")
	if p.Line != len(lines) || p.Column != len(lines[len(lines)-1])+1 {
		t.Fatalf("%+v is on line %d", p, len(lines))
	}
}

func FuzzCondition(f *testing.F) {
	for _, c := range operatorCases {
		f.Add(c.operator, "test:Key", c.value, c.same)
		f.Add(c.operator, "test:Key", c.value, c.other)
	}
	f.Add("Null", "a:b", "true", "")
	f.Add("StringLike", "a:b", "${a:b}*${x:y, '?'}${*}", "v*")
	f.Fuzz(func(t *testing.T, operator, key, value, item string) {
		c, err := ParseCondition(operator, key, []string{value}, true)
		ctx := Context{}
		ctx.Set(key, One(item))
		got, why := c.Test(ctx)
		if (err != nil || got == Unknown) && (got != Unknown || why == "") {
			t.Fatalf("%v because %q, error %v", got, why, err)
		}
		if absent, _ := c.Test(Context{}); err == nil && c.IfExists() && absent == False {
			t.Fatal("IfExists is false of an absent key")
		}
		if err != nil || c.Quantifier() != NoQuantifier || c.Null() {
			return
		}
		// Of one value, all forms are the same.
		for _, form := range []string{"ForAllValues:" + operator, "ForAnyValue:" + operator} {
			q, err := ParseCondition(form, key, []string{value}, true)
			if truth, _ := q.Test(ctx); err != nil || truth != got {
				t.Fatalf("%s: %v, %v, and alone %v", form, truth, err, got)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "*", "a?b", "arn:aws:s3:::${a:b}/*", "${a:b, 'd}'}", "${*}${?}${$}", "${", "${a:b}${A:B}", "\xff${a:b}"} {
		f.Add(s, "value", true)
		f.Add(s, "*", false)
	}
	f.Fuzz(func(t *testing.T, s, value string, wild bool) {
		if plain, err := ParseText(s, false, false); err != nil || !plain.match(s) || plain.match(s+"x") {
			t.Fatalf("%q is not itself: %v", s, err)
		}
		text, err := ParseText(s, wild, true)
		if err != nil {
			return
		}
		ctx := Context{}
		for _, key := range text.Variables() {
			ctx.Set(key, One(value))
		}
		p, known := text.Resolve(ctx)
		if known != True {
			t.Fatalf("%q has values and is %v", s, known)
		}
		fixed, isFixed := text.Fixed()
		if isFixed != (len(text.Variables()) == 0) || isFixed && !fixed.Equal(p) {
			t.Fatalf("%q: fixed %v with variables %q", s, isFixed, text.Variables())
		}
		if _, literal := p.IsLiteral(); !wild && !literal && utf8.ValidString(s) && utf8.ValidString(value) && !strings.ContainsRune(s+value, utf8.RuneError) {
			t.Fatalf("%q has a wildcard from somewhere: %s", s, p)
		}
		if _, known := text.Resolve(Context{}); known == Unknown {
			t.Fatalf("%q is unknown without values", s)
		}
	})
}

func FuzzParsePrincipal(f *testing.F) {
	for _, s := range []string{bob, app, session, root, guest, home, "lambda.amazonaws.com", "arn:aws:iam::111122223333:saml-provider/x", "*", "arn:::::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			if p != (Principal{}) {
				t.Fatalf("%+v with %v", p, err)
			}
			return
		}
		kinds := 0
		for _, name := range []string{p.ARN, p.Service, p.Federated} {
			if name == "" {
				continue
			}
			kinds++
			again, err := ParsePrincipal(name)
			if err != nil || again.ARN != p.ARN || again.Account != p.Account || again.Service != p.Service || again.Federated != p.Federated {
				t.Fatalf("%q is %+v, and its name is %+v, %v", s, p, again, err)
			}
		}
		if kinds != 1 || (p.Service == "") != isAccount(p.Account) || p.Session != "" && p.Session != s {
			t.Fatalf("%q is %+v", s, p)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2030", "2030-02", "2030-02-03", "2030-02-03T04:05Z", "2030-02-03T04:05:06.789+01:00", "1893456000", "99999999999999999999", "-1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			return
		}
		if d.Location() != time.UTC {
			t.Fatalf("%q is in %v", s, d.Location())
		}
		if d.Year() < 0 || d.Year() > 9999 {
			return // RFC 3339 has no such year
		}
		if again, err := ParseDate(d.Format(time.RFC3339Nano)); err != nil || !again.Equal(d) {
			t.Fatalf("%q is %v, and that is %v, %v", s, d, again, err)
		}
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::ffff:1.2.3.4/100", "fe80::1%eth0", "-1.50", "1e9", "+.", "*", "bedrock:Invoke*", "bed*:x", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePrefix(s); err == nil && (!p.IsValid() || p.Addr().Zone() != "") {
			t.Fatalf("%q is read as the block %v", s, p)
		}
		if n, err := ParseNumber(s); err == nil && n == nil {
			t.Fatalf("%q is read as no number", s)
		}
		if a, _, err := ParseAction(s); err == nil && a.Source != s {
			t.Fatalf("%q is read as %q", s, a.Source)
		}
	})
}
