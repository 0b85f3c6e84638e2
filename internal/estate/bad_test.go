package estate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestATruncatedFileKeepsWhatWasRead(t *testing.T) {
	text := rolesJSON(roleJSON("One", invokeDoc, ""), roleJSON("Two", invokeDoc, ""))
	e := load(t, text[:strings.Index(text, `"RoleName":"Two"`)+40])
	if p := wantProblem(t, e, "the JSON ends too early"); p.Line != 3 {
		t.Errorf("the end is on line 3, not %+v", p.Position)
	}
	wantIncomplete(t, e, "could be read only up to line 3")
	principal(t, e, roleARN("One"))
	if e.Principal(roleARN("Two")) != nil {
		t.Error("half a role was read")
	}
}

func TestAFileCutBeforeAnythingIsRefused(t *testing.T) {
	err := refuse(t, Sources{Accounts: []string{write(t, "a.json", `{"UserDetailList":[{"Arn":`)}})
	if !strings.Contains(err.Error(), "ends too early") {
		t.Error(err)
	}
}

func TestWindowsLineEndsAndByteOrderMarksAreRead(t *testing.T) {
	text := "\xef\xbb\xbf" + strings.ReplaceAll(rolesJSON(roleJSON("One", invokeDoc, ""), roleJSON("Two", invokeDoc, "")), "\n", "\r\n")
	e := load(t, text)
	noProblem(t, e)
	at := principal(t, e, roleARN("Two")).Position
	if at.Line != 3 || at.Column != 1 || !strings.HasPrefix(text[at.Offset:], `{"Path"`) {
		t.Errorf("position %+v", at)
	}
}

func TestUTF16IsRefusedWithAHint(t *testing.T) {
	for _, mark := range []string{"\ufeff", ""} {
		var raw []byte
		for _, u := range utf16.Encode([]rune(mark + rolesJSON())) {
			raw = append(raw, byte(u), byte(u>>8))
		}
		err := refuse(t, Sources{Accounts: []string{write(t, "a.json", string(raw))}})
		var e *InputError
		if !errors.As(err, &e) || !strings.Contains(e.Reason, "UTF-16") || !strings.Contains(e.Hint, "utf8") {
			t.Errorf("error %v", err)
		}
	}
}

func TestCommentsAreAnErrorThatNamesTheLine(t *testing.T) {
	text := rolesJSON(roleJSON("One", invokeDoc, ""), "// the second\n"+roleJSON("Two", invokeDoc, ""))
	path := write(t, "a.json", text)
	err := refuse(t, Sources{Accounts: []string{path}})
	if want := path + ":3:1: a comment, which JSON does not have"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	path = write(t, "b.json", strings.Replace(rolesJSON(roleJSON("One", invokeDoc, "")), `"Effect"`, "\n# allowed\n\"Effect\"", 1))
	if err := refuse(t, Sources{Accounts: []string{path}}); !strings.Contains(err.Error(), "b.json:3:1: a comment") {
		t.Errorf("error %q", err)
	}
}

func TestNULBytesEndWhatCanBeRead(t *testing.T) {
	e := load(t, rolesJSON(roleJSON("One", invokeDoc, ""), "\x00"+roleJSON("Two", invokeDoc, "")))
	wantProblem(t, e, "NUL byte")
	wantIncomplete(t, e, "only up to line 3")
	e = load(t, rolesJSON(roleJSON("One", strings.Replace(invokeDoc, "Invoke", "\x00", 1), ""), roleJSON("Two", invokeDoc, "")))
	wantProblem(t, e, "character '\\x00'")
	principal(t, e, roleARN("Two"))
}

func TestNamesThatAreNotUTF8AreKept(t *testing.T) {
	e := load(t, rolesJSON(strings.ReplaceAll(roleJSON("Caf?", invokeDoc, ""), "?", "\xe9")))
	wantProblem(t, e, "not UTF-8")
	principal(t, e, roleARN("Caf\ufffd"))
}

func TestADuplicateKeyLeavesDoubtAboutThatObjectOnly(t *testing.T) {
	e := load(t, rolesJSON(roleJSON("One", invokeDoc, `,"RolePolicyList":[]`), roleJSON("Two", invokeDoc, "")))
	if p := wantProblem(t, e, `"RolePolicyList" stands twice`); p.Document != roleARN("One") || p.Line != 2 {
		t.Errorf("%+v", p)
	}
	wantIncomplete(t, e, "not all of it could be read")
	if p := principal(t, e, roleARN("One")); len(p.Identity) != 2 || p.Identity[1].Doubt == "" {
		t.Errorf("identity: %+v", p.Identity)
	}
	if p := principal(t, e, roleARN("Two")); len(p.Identity) != 1 {
		t.Errorf("identity: %+v", p.Identity)
	}
	e = load(t, strings.Replace(rolesJSON(roleJSON("One", invokeDoc, "")), "{", `{"RoleDetailList":[`+roleJSON("Two", invokeDoc, "")+`],`, 1))
	wantProblem(t, e, `"RoleDetailList" stands twice`)
	principal(t, e, roleARN("One"))
	principal(t, e, roleARN("Two"))
}

func TestADuplicateKeyAmongManyIsSeen(t *testing.T) {
	many := ""
	for i := range 100 {
		many += fmt.Sprintf(`,"X%d":1`, i)
	}
	e := load(t, rolesJSON(roleJSON("One", invokeDoc, many+`,"AssumeRolePolicyDocument":`+invokeDoc+`,"X7":2`)))
	wantProblem(t, e, `"AssumeRolePolicyDocument" stands twice`)
	wantProblem(t, e, `"X7" stands twice`)
	e = load(t, rolesJSON(roleJSON("One", invokeDoc, `,"RolePolicy\u004cist":[]`)))
	wantProblem(t, e, `"RolePolicyList" stands twice`)
}

func TestDeepNestingIsPassedOver(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	e := load(t, rolesJSON(roleJSON("One", invokeDoc, `,"Extra":`+deep), roleJSON("Two", invokeDoc, "")))
	wantProblem(t, e, "nested 100001 deep")
	wantIncomplete(t, e, "a role was passed over")
	principal(t, e, roleARN("Two"))
	e = load(t, strings.Replace(rolesJSON(roleJSON("Two", invokeDoc, "")), "{", `{"Extra":`+deep+`,`, 1))
	principal(t, e, roleARN("Two"))
}

func TestWrongKindsOfValueAreProblemsAndTheRestGoesOn(t *testing.T) {
	for _, c := range []struct{ name, bad, reason string }{
		{"role", `5`, "the role is a number, not an object"},
		{"no arn", `{"RoleName":"x"}`, "has no Arn"},
		{"arn of a user", strings.Replace(roleJSON("x", invokeDoc, ""), ":role/", ":user/", 1), "is not the ARN of a role"},
		{"arn a number", strings.Replace(roleJSON("x", invokeDoc, ""), `"`+roleARN("x")+`"`, "7", 1), "Arn is a number, not a string"},
		{"malformed arn", strings.Replace(roleJSON("x", invokeDoc, ""), "arn:aws:iam", "arn:aws:ima", 1), "is not the ARN of a role"},
		{"policies", strings.Replace(roleJSON("x", invokeDoc, ""), `"AttachedManagedPolicies":[]`, `"AttachedManagedPolicies":{}`, 1), "AttachedManagedPolicies is an object, not a list"},
		{"policy", roleJSON("x", `[]`, ""), "a policy document is a JSON object"},
		{"no document", strings.Replace(roleJSON("x", invokeDoc, ""), `"PolicyDocument"`, `"Document"`, 1), "has no document"},
		{"tags", roleJSON("x", invokeDoc, `,"Tags":"none"`), "Tags is a string, not a list"},
		{"boundary", roleJSON("x", invokeDoc, `,"PermissionsBoundary":"arn"`), "PermissionsBoundary names no policy"},
		{"boundary without arn", roleJSON("x", invokeDoc, `,"PermissionsBoundary":{}`), ""},
		{"no trust", strings.Replace(roleJSON("x", invokeDoc, ""), `"AssumeRolePolicyDocument"`, `"Assume"`, 1), "has no AssumeRolePolicyDocument"},
		{"broken", strings.Replace(roleJSON("x", invokeDoc, ""), `"Path":"/",`, `"Path":/`, 1), ""},
		{"date", strings.Replace(roleJSON("x", invokeDoc, ""), "2025-01-01T", "yesterday", 1), "not a time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "a.json", rolesJSON(roleJSON("One", invokeDoc, ""), c.bad, roleJSON("Two", invokeDoc, "")))
			e, err := Load(context.Background(), Sources{Accounts: []string{path}})
			if c.name == "broken" {
				if err == nil || !strings.Contains(err.Error(), "a comment") {
					t.Fatalf("error %v", err) // a slash is read as one
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			principal(t, e, roleARN("One"))
			if two := principal(t, e, roleARN("Two")); len(two.Identity) != 1 || two.Identity[0].Doubt != "" {
				t.Errorf("the next role: %+v", two.Identity)
			}
			if c.reason != "" {
				wantProblem(t, e, c.reason)
			}
			if x := e.Principal(roleARN("x")); x != nil && c.name != "date" && !doubtful(x) {
				t.Errorf("nothing of it is in doubt: %+v", x)
			}
		})
	}
}

func doubtful(p *Principal) bool {
	for _, d := range p.Identity {
		if d.Doubt != "" {
			return true
		}
	}
	return p.Trust.Doubt != "" || p.Boundary != nil && p.Boundary.Doubt != ""
}

func TestAListOfTheWrongKindIsAProblem(t *testing.T) {
	e := load(t, strings.Replace(rolesJSON(roleJSON("One", invokeDoc, "")), `"UserDetailList":[]`, `"UserDetailList":{"a":[1,2]}`, 1))
	wantProblem(t, e, "UserDetailList is not a list")
	wantIncomplete(t, e, "UserDetailList is not a list")
	principal(t, e, roleARN("One"))
}

func TestAnOversizedValueIsPassedOver(t *testing.T) {
	path := write(t, "a.json", rolesJSON(roleJSON("One", invokeDoc, `,"X":"`+strings.Repeat("x", 100_000)+`"`), roleJSON("Two", invokeDoc, "")))
	e := loadFrom(t, Sources{Accounts: []string{path}, Limits: Limits{Value: 50_000}})
	wantProblem(t, e, "where the limit is 50000")
	wantIncomplete(t, e, "a role was passed over")
	principal(t, e, roleARN("Two"))
}

func TestTooManyEntitiesStopTheReading(t *testing.T) {
	path := write(t, "a.json", rolesJSON(roleJSON("One", invokeDoc, ""), roleJSON("Two", invokeDoc, "")))
	e := loadFrom(t, Sources{Accounts: []string{path}, Limits: Limits{Entities: 1}})
	wantProblem(t, e, "more than 1 users")
	wantIncomplete(t, e, "could be read only up to")
}

func TestTheListOfProblemsIsBounded(t *testing.T) {
	e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json", rolesJSON(strings.Repeat("5,", 500)+"5"))}, Limits: Limits{Problems: 10}})
	if n := len(e.Problems); n != 11 || !strings.Contains(e.Problems[10].Reason, "491 more") {
		t.Errorf("%d problems, the last %+v", n, e.Problems[n-1])
	}
}

func zipped(t testing.TB, r io.Reader) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.Copy(z, r); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGzipIsReadAndBombsAreNot(t *testing.T) {
	text := rolesJSON(roleJSON("One", invokeDoc, ""))
	noProblem(t, loadFrom(t, Sources{Accounts: []string{write(t, "a.json.gz", zipped(t, strings.NewReader(text)))}}))

	bomb := zipped(t, io.MultiReader(strings.NewReader(text), io.LimitReader(spaces{}, 10<<20)))
	e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json.gz", bomb)}, Limits: Limits{Bytes: 1 << 20}})
	wantProblem(t, e, "longer than the limit")
	principal(t, e, roleARN("One"))

	cut := zipped(t, strings.NewReader(rolesJSON(roleJSON("One", invokeDoc, ""))+strings.Repeat(" ", 1<<20)))
	e = loadFrom(t, Sources{Accounts: []string{write(t, "a.json.gz", cut[:len(cut)-20])}})
	wantProblem(t, e, "ends too early")

	if err := refuse(t, Sources{Accounts: []string{write(t, "a.gz", "\x1f\x8bnonsense")}}); !strings.Contains(err.Error(), "gzip") {
		t.Error(err)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestWhatIsNotAccountDetailsIsRefusedWithAHint(t *testing.T) {
	for _, c := range []struct{ text, reason, hint string }{
		{``, "empty", ""},
		{`{}`, "not account authorization details", "get-account-authorization-details"},
		{invokeDoc, "not account authorization details", "one policy"},
		{`{"Roots":[],"Accounts":[]}`, "not account authorization details", "--org"},
		{`"text"`, "neither an object nor a list", ""},
		{`12`, "neither an object nor a list", ""},
		{`PK` + "\x03\x04", "neither an object", ""},
		{`<xml/>`, "character '<'", ""},
	} {
		err := refuse(t, Sources{Accounts: []string{write(t, "a.json", c.text)}})
		var e *InputError
		if !errors.As(err, &e) || !strings.Contains(e.Reason, c.reason) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%.20q: error %v", c.text, err)
		}
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	err := refuse(t, Sources{Accounts: []string{filepath.Join(t.TempDir(), "none.json")}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestADirectoryOfPagesIsRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"1.json": rolesJSON(roleJSON("One", invokeDoc, "")), "2.json": rolesJSON(roleJSON("Two", invokeDoc, "")), "notes.txt": "not read"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := loadFrom(t, Sources{Accounts: []string{dir}})
	noProblem(t, e)
	if n := len(e.Accounts[0].Principals); n != 2 {
		t.Errorf("%d principals", n)
	}
	if err := refuse(t, Sources{Accounts: []string{t.TempDir()}}); !strings.Contains(err.Error(), "the directory holds no") {
		t.Error(err)
	}
}

func TestACancelledLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, Sources{Accounts: []string{write(t, "a.json", wholeAccount)}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// endless is a role with one member too large to hold, of n bytes.
func endless(n int64) io.Reader {
	head, tail, _ := strings.Cut(rolesJSON(roleJSON("One", invokeDoc, ""), roleJSON("Big", invokeDoc, `,"X":"|"`), roleJSON("Two", invokeDoc, "")), "|")
	return io.MultiReader(strings.NewReader(head), io.LimitReader(spaces{}, n), strings.NewReader(tail))
}

func TestMemoryIsInProportionToWhatIsKept(t *testing.T) {
	l := newLoader(context.Background(), Sources{Accounts: []string{"a.json"}})
	fromMemory(l, map[string]func() io.Reader{"a.json": func() io.Reader { return endless(40 << 20) }})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := l.load(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	principal(t, l.estate, roleARN("Two"))
	wantProblem(t, l.estate, "where the limit is")
	// The value that is passed over is held up to the limit of 8 MiB, and while
	// its buffer grows in steps, up to a few times that.
	if used := after.TotalAlloc - before.TotalAlloc; used > 60<<20 {
		t.Errorf("%d MiB were allocated", used>>20)
	}
}
