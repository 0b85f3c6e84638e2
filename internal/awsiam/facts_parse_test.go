package awsiam

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const someDay = "# as of 2027-01-31; a test\n"

func tables(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func TestATableThatIsGivenReplacesJustThatOne(t *testing.T) {
	f, err := ReadFacts(tables("services.csv", someDay+"service,rcp,principals,note\nbedrock,yes,bedrock.example.com,changed\n", "README.md", "beside"))
	if err != nil {
		t.Fatal(err)
	}
	if f.RCP("bedrock") != True || f.RCP("sts") != Unknown {
		t.Error("services.csv is not replaced as a whole")
	}
	if s, _ := f.Service("bedrock.example.com"); s.Note != "changed" {
		t.Errorf("%+v", s)
	}
	if _, ok := f.Action("bedrock:InvokeModel"); !ok || f.Key("aws:TagKeys").Unknown || f.Date() != EmbeddedFacts().Date() {
		t.Error("the other tables are not the embedded ones")
	}
	if EmbeddedFacts().RCP("bedrock") != False {
		t.Error("the embedded facts changed")
	}
}

func TestTheOldestTableDatesTheFacts(t *testing.T) {
	f, err := ReadFacts(tables("services.csv", "# as of 2025-02-28; a test\nservice,rcp,principals,note\nbedrock,no,,\n"))
	if err != nil || f.Date() != "2025-02-28" {
		t.Errorf("%v, %v", f.Date(), err)
	}
}

func TestTheEmbeddedTablesReadFromADirectory(t *testing.T) {
	f, err := ReadFacts(os.DirFS("data"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.actions) != len(EmbeddedFacts().actions) || f.Date() != EmbeddedFacts().Date() {
		t.Error("they differ from the embedded facts")
	}
}

func TestWindowsLineEndsAreRead(t *testing.T) {
	text := strings.ReplaceAll(someDay+"service,rcp,principals,note\nbedrock,unknown,,\n", "\n", "\r\n")
	if f, err := ReadFacts(tables("services.csv", text)); err != nil || f.RCP("bedrock") != Unknown {
		t.Error(err)
	}
}

func TestDirectoriesThatAreNotTablesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"empty":      {tables(), "no table of facts"},
		"misspelled": {tables("action.csv", someDay), `"action.csv" is no table of facts`},
		"too long":   {tables("keys.csv", strings.Repeat("#", maxTable+1)), "keys.csv: longer than 4194304 bytes"},
		"directory":  {tables("keys.csv/x", ""), "keys.csv: "},
	} {
		if _, err := ReadFacts(test.fsys); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFacts(os.DirFS("data/nowhere")); err == nil || !strings.Contains(err.Error(), "listing the tables of facts") {
		t.Error(err)
	}
}

// TestBadTablesNameFileAndLine: every fault says where it is.
func TestBadTablesNameFileAndLine(t *testing.T) {
	const (
		actions   = someDay + "action,class,resources,keys,note\n"
		keys      = someDay + "key,type,multi,when,principal,note\n"
		resources = someDay + "service,type,arn,invoke,policy,tags,note\n"
		services  = someDay + "service,rcp,principals,note\n"
		managed   = someDay + "name,effect,actions,resources,surprising,note\n"
		good      = "bedrock:X,other,*,,n\n"
	)
	for _, test := range []struct{ file, text, want string }{
		{"actions.csv", "", `line 1: not "# as of`},
		{"actions.csv", "action,class\n", `line 1: not "# as of`},
		{"actions.csv", "# as of yesterday; x\n", `line 1: "yesterday" is no date`},
		{"actions.csv", "# as of 2026-02-30; x\n", `line 1: "2026-02-30" is no date`},
		{"actions.csv", "# as of 2026-02-28\n", "line 1: the source is missing"},
		{"actions.csv", someDay, "the line of column names is missing"},
		{"actions.csv", someDay + "action,class,resources,key,note\n", "line 2: the columns are not"},
		{"actions.csv", someDay + "action,class\n", "line 2"},
		{"actions.csv", actions, "no row"},
		{"actions.csv", actions + "\xff", "not UTF-8"},
		{"actions.csv", actions + good + "bedrock:Y,other,*,\n", "line 4"},
		{"actions.csv", actions + good + "# remark\n\n" + good, "line 6 (bedrock:X): listed twice"},
		{"actions.csv", actions + good + "BEDROCK:x,other,*,,n\n", "line 4 (BEDROCK:x): not service:name"},
		{"actions.csv", actions + good + "bedrock:x,other,*,,n\n", "line 4 (bedrock:x): listed twice"},
		{"actions.csv", actions + "bedrock:X*,other,*,,n\n", "line 3 (bedrock:X*): not service:name"},
		{"actions.csv", actions + "bedrock:X,others,*,,n\n", `class "others" is not one of`},
		{"actions.csv", actions + "bedrock:X,other,*,,\n", "the note is missing"},
		{"actions.csv", actions + "bedrock:X,other,,,n\n", "no resource types"},
		{"actions.csv", actions + "bedrock:X,other,a  b,,n\n", "two spaces"},
		{"actions.csv", actions + "bedrock:X,other,a a?,,n\n", "resource type a is listed twice"},
		{"actions.csv", actions + "bedrock:X,other,a* b,,n\n", `"a*" is no resource type`},
		{"actions.csv", actions + "bedrock:X,other,*,aws:a AWS:A,n\n", "a condition key is listed twice"},
		{"actions.csv", actions + "bedrock:X,other,*,tag,n\n", `"tag" is no condition key`},
		{"actions.csv", actions + "bedrock:X,other,*,aws:a/${b},n\n", "is no condition key"},
		{"actions.csv", actions + "bedrock:X,other,*,,n \n", "stray white space"},
		{"actions.csv", actions + ",other,*,,n\n", "line 3: the first column is empty"},
		{"actions.csv", actions + "bedrock:X,other,\"*,,n\n", "line 3"},
		{"keys.csv", keys + "aws:A,String,no,always,no,\n", "line 3 (aws:A): not in lower case"},
		{"keys.csv", keys + "aws,String,no,always,no,\n", "not a condition key"},
		{"keys.csv", keys + "aws:a*,String,no,always,no,\n", "not a condition key"},
		{"keys.csv", keys + "aws:a,Text,no,always,no,\n", `type "Text" is not one of`},
		{"keys.csv", keys + "aws:a,String,yes,always,no,\n", "multi is yes, and the type String"},
		{"keys.csv", keys + "aws:a,ArrayOfString,no,always,no,\n", "multi is no, and the type ArrayOfString"},
		{"keys.csv", keys + "aws:a,String,unknown,always,no,\n", "multi is neither yes nor no"},
		{"keys.csv", keys + "aws:a,String,no,sometimes,no,\n", `when "sometimes" is not one of`},
		{"keys.csv", keys + "aws:a,String,no,always,,\n", `principal "" is not yes, no or unknown`},
		{"keys.csv", keys + "aws:a,String,no,always,no,\naws:a,Bool,no,always,no,\n", "line 4 (aws:a): listed twice"},
		{"resources.csv", resources + "bedrock,x,arn:aws:bedrock:a:b:c/d,no,no,no,\n", "is not the form of an ARN"},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/${D,no,no,no,\n", "cannot be read"},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/*,no,no,no,\n", "cannot be read"},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:s3:${Region}:${Account}:c/${D},no,no,no,\n", "the ARN is not of the service"},
		{"resources.csv", resources + strings.Repeat("bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/${D},no,no,no,\n", 2), "line 4 (bedrock): ARN arn:${Partition}:bedrock:${Region}:${Account}:c/${D} is listed twice"},
		{"resources.csv", resources + "bedrock,x y,arn:${Partition}:bedrock:${Region}:${Account}:c/${D},no,no,no,\n", `"x y" is no resource type`},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/${D},maybe,no,no,\n", `invoke "maybe"`},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/${D},no,maybe,no,\n", `policy "maybe"`},
		{"resources.csv", resources + "bedrock,x,arn:${Partition}:bedrock:${Region}:${Account}:c/${D},no,no,maybe,\n", `tags "maybe"`},
		{"services.csv", services + "Bedrock,no,,\n", "not a service as actions spell it"},
		{"services.csv", services + "bedrock,No,,\n", `rcp "No" is not yes, no or unknown`},
		{"services.csv", services + "bedrock,no,bedrock,\n", `"bedrock" is no service principal`},
		{"services.csv", services + "a,no,x.example.com,\nb,no,x.example.com,\n", "line 4 (b): principal x.example.com is listed twice, for a too"},
		{"services.csv", services + "a,no,,\na,yes,,\n", "line 4 (a): listed twice"},
		{"managed.csv", managed + "arn:aws:x,Allow,*,*,no,n\n", "not the name of a policy"},
		{"managed.csv", managed + "P,allow,*,*,no,n\n", `effect "allow" is neither Allow nor Deny`},
		{"managed.csv", managed + "P,Allow,,*,no,n\n", "no actions"},
		{"managed.csv", managed + "P,Allow,bed*:X,*,no,n\n", "wildcard in its service"},
		{"managed.csv", managed + "P,Allow,*,*,perhaps,n\n", `surprising "perhaps"`},
		{"managed.csv", managed + "P,Allow,*,,no,n\n", "resources or the note are missing"},
		{"managed.csv", managed + "P,Allow,*,*,no,n\nP,Deny,*,*,no,n\n", "line 4 (P): listed twice"},
	} {
		_, err := ReadFacts(tables(test.file, test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.file+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q\n  says %v\n  not  %s", test.text, err, test.want)
		}
	}
}

func FuzzReadFacts(f *testing.F) {
	for i, t := range factTables {
		data, err := shipped(t.name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data[:min(len(data), 3000)], "arn:aws:bedrock:us-east-1::foundation-model/a")
		f.Add(uint8(i), []byte(someDay+strings.Join(t.columns, ",")+"\n"+strings.Repeat("a,", len(t.columns)-1)+"b\n"), "aws:PrincipalTag/x")
	}
	f.Add(uint8(2), []byte(someDay+"service,type,arn,invoke,policy,tags,note\nbedrock,x,arn:${Partition}:bedrock:${Region}::x/${Y}:${Z},no,no,no,\n"), "arn:aws:bedrock:a-b::x/y:z")
	f.Fuzz(func(t *testing.T, which uint8, data []byte, ask string) {
		table := factTables[int(which)%len(factTables)]
		name := table.name
		if alone := newFacts().readTable(table, data); alone != nil {
			return // and reading all the others first would only take time
		}
		facts, err := ReadFacts(fstest.MapFS{name: &fstest.MapFile{Data: data}})
		if err != nil {
			t.Fatalf("the table reads alone, and not with the others: %v", err)
		}
		if len(facts.Date()) != len("2006-01-02") {
			t.Errorf("date %q", facts.Date())
		}
		if k := facts.Key(ask); k.Name != strings.ToLower(ask) || k.Type == "" {
			t.Errorf("key %q is %+v", ask, k)
		}
		facts.Resource(ask)
		facts.Managed(ask)
		facts.Service(ask)
		if a, ok := facts.Action(ask); ok && (a.Note == "" || !strings.EqualFold(a.Name, ask)) {
			t.Errorf("action %q is %+v", ask, a)
		}
	})
}
