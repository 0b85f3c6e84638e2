package plaintext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

func named(text string) []string {
	var out []string
	names, fields := Fields([]byte(text))
	for _, f := range fields {
		out = append(out, names[f.Name]+"="+text[f.Start:f.End])
	}
	return out
}

// TestFieldsOfEveryForm: a value is found under the name that the text gives it,
// however that is written.
func TestFieldsOfEveryForm(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"prose has none", "Please write a poem about the sea. It should rhyme, and be short!\nThank you.", nil},
		{"label and value", "Name: Ada Byron\nPhone number: 555 0199\n", []string{"name=Ada Byron", "phone number=555 0199"}},
		{"sentence after the value", "SSN: 536-90-4399. Please file this.", []string{"ssn=536-90-4399"}},
		{"two labels on a line", "NHC: 4410928. NASS: 28 11223344 55.", []string{"nhc=4410928", "nass=28 11223344 55"}},
		{"label after a value", "Edad: 41 años Sexo: M.", []string{"edad=41 años", "sexo=M"}},
		{"label of three words after a value", "Name: Ada Byron Date of birth: 10/12/1815", []string{"name=Ada Byron", "date of birth=10/12/1815"}},
		{"lower-case label after a value", "name: ada byron account number: 4412", []string{"name=ada byron", "account number=4412"}},
		{"title in a value", "Doctor: Dr. Anna Mohr. She is in.", []string{"doctor=Dr. Anna Mohr"}},
		{"comma between", "name: Ada, dob: 1815-12-10, ssn: 536-90-4399", []string{"name=Ada", "dob=1815-12-10", "ssn=536-90-4399"}},
		{"brackets before", "[09:15 AM] Customer: It is me", []string{"customer=It is me"}},
		{"time and address are no labels", "At 12:30 see https://example.com/a or a::b", nil},
		{"sentence before a colon", "I would like you to answer the following question for me: what is love", nil},
		{"value on the next line", "Passport number:\n  X1234567\n\nend", []string{"passport number=X1234567"}},
		{"list under a label", "Phones:\n- 555 0101\n- 555 0102\nThat is all of it", []string{"phones=555 0101", "phones=555 0102", "phones=That is all of it"}},
		{"Markdown", "- **Full Name:** Ada Byron\n* __Email__: ada@example.com\n1. City: London", []string{"full name=Ada Byron", "email=ada@example.com", "city=London"}},
		{"value with a point first", "amount: .5 of it", []string{"amount=.5 of it"}},
		{"dash", "Surname - Byron\n", []string{"surname=Byron"}},
		{"spaced equals", "Card Number = 4242\nconst apiKey = 'k-1';\n", []string{"card number=4242", "api key=k-1"}},
		{"log line", "level=info user=ada ip=10.0.0.1 msg=\"it went well\"", []string{"level=info", "user=ada", "ip=10.0.0.1", "msg=it went well"}},
		{"environment", "DB_PASSWORD=hunter two\nexport API_KEY=abc", []string{"db password=hunter two", "api key=abc"}},
		{"query string", "https://h/p?first_name=Ada&ssn=536904399#x", []string{"first name=Ada", "ssn=536904399#x"}},
		{"comparison is no pair", "if a == b and c != d or e <= f", nil},
		{"JSON", `{"firstName":"Ada","age": 36, "ok":true, "phones":["1","2"], "at":{"post_code":"N1"}}`, []string{"first name=Ada", "age=36", "phones=1", "phones=2", "post code=N1"}},
		{"JSON in prose", `Look at {"ssn": "536-90-4399"} please`, []string{"ssn=536-90-4399"}},
		{"pretty JSON", "{\n  \"dob\": \"1815-12-10\",\n  \"list\": [\n    {\"iban\": \"X\"}\n  ]\n}\n", []string{"dob=1815-12-10", "iban=X"}},
		{"JSON lines", "{\"a_b\":\"1\"}\n{\"a_b\":\"2\"}\n", []string{"a b=1", "a b=2"}},
		{"JSON in a string of JSON", `{"body":"{\"ssn\":\"536-90-4399\",\"in\":\"{\\\"pin\\\":\\\"77\\\"}\"}"}`, []string{"ssn=536-90-4399", "pin=77"}},
		{"escaped JSON", `{\"ssn\":\"536-90-4399\",\"n\":5}`, []string{"ssn=536-90-4399"}},
		{"printed dictionary", `{'name': 'Ada', 'no': None, "it's": "Byron's"}`, []string{"name=Ada", "its=Byron's"}},
		{"bare keys", `{name: "Ada", mail: 'a@b.c'}`, []string{"name=Ada", "mail=a@b.c"}},
		{"cut JSON", `"ssn": "536-90-4399", "pin": 77, "x`, []string{"ssn=536-90-4399", "pin=77"}},
		{"CSV", "id,First Name,dob\n7,Ada,1815\n8,\"Byron, A\",1816\n\nafter it, all\n", []string{"id=7", "first name=Ada", "dob=1815", "id=8", "first name=Byron, A", "dob=1816"}},
		{"semicolons", "Name;IBAN\nAda;X1\n", []string{"name=Ada", "iban=X1"}},
		{"tabs", "name\tssn\nAda\t536904399", []string{"name=Ada", "ssn=536904399"}},
		{"Markdown table", "| Name | SSN |\n|------|:---:|\n| Ada | 536-90-4399 |\nend", []string{"name=Ada", "ssn=536-90-4399"}},
		{"table of names and values", "| Field | Value |\n|--|--|\n| **Name** | Ada |\n| SSN | 5 |\n", []string{"name=Ada", "ssn=5"}},
		{"table printed by psql", " name | ssn \n------+-----\n Ada  | 55\n", []string{"name=Ada", "ssn=55"}},
		{"YAML", "customer:\n  fullName: Ada Byron\n  phones:\n    - 555 0101\n  note: |\n    long text", []string{"full name=Ada Byron", "phones=555 0101", "note=long text"}},
		{"XML", "<person><ssn>536-90-4399</ssn><ns:dob>1815</ns:dob><card number=\"4242\"/></person>", []string{"ssn=536-90-4399", "dob=1815", "number=4242"}},
		{"HTML", `<p>Name: Ada</p><input type="text" name="ssn" value="536-90-4399">`, []string{"name=Ada", "ssn=536-90-4399"}},
		{"named element", `<field name="tax_id">12-3456789</field>`, []string{"tax id=12-3456789"}},
		{"pairs without a header", "| Name | Ada |\n| SSN | 536-90-4399 |\n| Favourite colour | red |\n", []string{"name=Ada", "ssn=536-90-4399", "favourite colour=red"}},
		{"pairs with a rule", "| Name | Ada |\n|---|---|\n| Phone number | 555 0101 |\n", []string{"name=Ada", "phone number=555 0101"}},
		{"pairs under an empty header", "| | |\n|---|---|\n| Shoe size | 41 |\n", []string{"shoe size=41"}},
		{"pairs that begin with a number", "| SSN | 536-90-4399 |\n| **Zip** | 10001 |", []string{"ssn=536-90-4399", "zip=10001"}},
		{"columns of names and numbers", "| Name | Phone |\n|---|---|\n| Ada | 555 0101 |\n", []string{"name=Ada", "phone=555 0101"}},
		{"names described", "| Name | Description |\n|---|---|\n| email | where to write |\n", []string{"name=email", "description=where to write"}},
		{"HTML rows of two cells", "<table><tr><td>Name:</td> <td>Ada</td></tr>\n<tr><th scope=\"row\"><b>SSN</b></th><td><code>536-90-4399</code></td></tr></table>", []string{"name=Ada", "ssn=536-90-4399"}},
		{"HTML columns", "<tr><th>Name</th><th>SSN</th><th>City</th></tr><tr><td>Ada</td><td>536-90-4399</td><td>London</td></tr>", []string{"name=Ada", "ssn=536-90-4399", "city=London"}},
		{"HTML rows of three cells", "<tr><td>Ada</td><td>536-90-4399</td><td>London</td></tr>", nil},
		{"HTML columns of names and values", "<tr><th>Field</th><th>Value</th></tr><tr><td>IBAN</td><td>X1</td></tr>", []string{"iban=X1"}},
		{"list of definitions", "<dl>\n<dt>Passport no.</dt>\n<dd>X1234567</dd>\n<DT>City</DT><DD>London</DD></dl>", []string{"passport no=X1234567", "city=London"}},
		{"ends of passwords", "Password: \"a1;*\"\npwd=b2*|\nDB token: c3*.\n**Secret: d4**\nname: e5*.", []string{"password=a1;*", "pwd=b2*", "db token=c3*", "secret=d4", "name=e5"}},
		{"passwords in JSON and CSV", "{\"password\": \"*a1.\"}\nuser,pw\nada,b2*\nbob,\"c3,\"\n", []string{"password=*a1.", "user=ada", "pw=b2*", "user=bob", "pw=c3,"}},
		{"SQL", "INSERT INTO `people` (id, `First Name`, dob, pin) VALUES\n(7, 'Ada', NULL, '77'),\n(8, 'O''Neil', now(), '');\nend", []string{"id=7", "first name=Ada", "pin=77", "id=8", "first name=O''Neil"}},
		{"SQL without columns", "insert into people values ('Ada', 7)", nil},
		{"no SQL", "Insert into the slot (left, right) what you like", nil},
		{"HTTP header", "X-Api-Key: abc\r\nHost: example.com\r\n", []string{"x api key=abc", "host=example.com"}},
		{"other letters", "Médico: Ana\nИмя: Анна\n生年月日: 1990", []string{"médico=Ana", "имя=Анна", "生年月日=1990"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, named(tt.text)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNamesAreCanonical(t *testing.T) {
	tests := map[string]string{
		"dateOfBirth": "date of birth", "date_of_birth": "date of birth", "Date-Of-Birth": "date of birth", "SSN#": "ssn", "userSSN": "user ssn",
		"SSNNumber": "ssn number", "IPv4Address": "ipv4 address", "driver's license": "drivers license", "IDs": "ids", "Nº Col.": "nº col", "  E-Mail ": "e mail",
		"12": "", "x": "", "a b c d e f g": "", strings.Repeat("x", 49): "", "ÉCOLE": "école",
	}
	for in, want := range tests {
		if got := string(canonical(nil, []byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func checkFields(t failer, b []byte) {
	names, fields := Fields(b)
	last := 0
	for _, f := range fields {
		if f.Start < last || f.End <= f.Start || f.End > len(b) || f.Name < 0 || f.Name >= len(names) {
			t.Fatalf("%q: field %+v after %d, %d names", b, f, last, len(names))
		}
		if utf8.Valid(b) && (!onBoundary(b, f.Start) || !onBoundary(b, f.End)) {
			t.Fatalf("%q: field %+v cuts a character", b, f)
		}
		last = f.End
	}
	for _, n := range names {
		if len(n) > maxName || n != string(canonical(nil, []byte(n))) && utf8.Valid(b) {
			t.Fatalf("%q: name %q is not canonical", b, n)
		}
	}
}

var fieldPieces = []string{"name", "SSN", "date of birth", "é", "中", ":", ": ", " = ", "=", "\n", "\r\n", "  ", "\"", "\\\"", "'", "{", "}", "[", "]", ",", ";", "|", "\t",
	"<a>", "</a>", "<ssn x=\"1\">", "</ssn>", "<td>", "</td>", "<th>", "</th>", "<dt>", "</dt>", "<dd>", "</dd>", "<b>", "</b>", "password", "- ", "**", "\nINSERT INTO t (", ") VALUES (", "'", "null", ". ", "John", "12", "|--|", "\\", "//"}

// TestFieldsNeverOverlap holds for any text: fields are sorted, apart, within
// the text and on character boundaries.
func TestFieldsNeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkFields(t, []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(fieldPieces), 0, 60).Draw(t, "pieces"), "")))
	})
}

// TestReaderIsReusable: what a Reader read before leaves no trace.
func TestReaderIsReusable(t *testing.T) {
	var r Reader
	r.Fields([]byte("one: 1\ntwo: 2\nx,y1\n3,4\n"))
	names, fields := r.Fields([]byte("three: 3"))
	if d := cmp.Diff([]string{"three"}, names); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]dataclass.Field{{Start: 7, End: 8}}, fields); d != "" {
		t.Error(d)
	}
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{`{"a":{"bc":[1,"x"]}}`, "a,bc\n\"x\",2\n", "label: v\n", "<x y='z'>q</x>", "|ab|cd|\n|--|--|\n|1|2|", `{\"ab\":\"c\"}`, "k=v&l=w", "ab=>", "A0 - ", "ab: 'cd: `e", "<td>ab</td><td><b>c</b></td>", "|ssn|1|\n|pin|2|", "token: x*.|"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkFields(t, b)
		v := Normalise(b)
		checkFields(t, v.Text)
	})
}

func BenchmarkFields(b *testing.B) {
	texts := map[string]string{
		"prose":    "The quick brown fox, as far as anyone knows, jumps over the lazy dog; it then goes home. Nobody saw it.\nA second line follows here, and it is longer than the first one by far.\n",
		"labels":   "Name: Ada Byron\nPhone number: 555 0199\nDate of birth: 10/12/1815\n",
		"json":     `{"firstName":"Ada","age": 36, "ok":true, "phones":["1","2"], "at":{"post_code":"N1"}}` + "\n",
		"csv":      "id,name,dob\n7,Ada,1815\n8,Byron,1816\n",
		"colons":   ":",
		"pairs":    "a1:",
		"braces":   "{\"",
		"brackets": "[[",
		"tags":     "<a ",
		"equals":   "ab=",
		"cells":    "<td>a</td>",
		"cell":     "<td><b>",
		"row":      "<tr><td>name</td><td>Ada</td></tr>",
		"rows":     "|no|a|\n",
		"pipes":    "||\n",
		"commas":   "a,b\n",
		"slashes":  "{\\\"a\\\\\\\"",
		"quotes":   "a,\"\n",
		"unclosed": "a: 'ba: `b",
		"words":    "a b c d e f g h i j: ",
	}
	for name, s := range texts {
		text := []byte(strings.Repeat(s, 32768/len(s)))
		b.Run(name, func(b *testing.B) {
			var r Reader
			b.ReportAllocs()
			for b.Loop() {
				r.Fields(text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text))*1.024, "µs/KiB")
		})
	}
}
