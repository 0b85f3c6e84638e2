package awsiam

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// oddDocuments prints, one JSON value a line, the policy documents in what
// others ship: the examples of botocore and the managed policies of moto.
const oddDocuments = `
import glob, json, os, sys

def show(origin, name, text):
    print(json.dumps({"origin": origin, "name": name, "text": text}))

def policies(v):
    if isinstance(v, dict):
        if isinstance(v.get("Statement"), (dict, list)):
            yield json.dumps(v)
        for x in v.values():
            yield from policies(x)
    elif isinstance(v, list):
        for x in v:
            yield from policies(x)
    elif isinstance(v, str) and "Statement" in v and v.lstrip().startswith("{"):
        yield v

import botocore
data = os.path.join(os.path.dirname(botocore.__file__), "data")
for path in sorted(glob.glob(os.path.join(data, "*", "*", "examples-1.json"))):
    with open(path, encoding="utf-8") as f:
        for text in policies(json.load(f)):
            show("botocore", os.path.relpath(path, data), text)

try:
    from moto.iam.aws_managed_policies import aws_managed_policies_data
except ImportError:
    sys.exit()
for name, policy in json.loads(aws_managed_policies_data).items():
    show("moto", name, json.dumps(policy["Document"], indent=4))
`

type oddDocument struct{ Origin, Name, Text string }

// readOddDocuments is nil where Python has no botocore; what it would show is
// left out then, not skipped.
func readOddDocuments(t *testing.T) []oddDocument {
	t.Helper()
	if out, err := exec.Command("python3", "-c", "import botocore").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Logf("botocore is left out: %v: %s", err, lines[len(lines)-1])
		return nil
	}
	cmd := exec.Command("python3", "-c", oddDocuments)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	var docs []oddDocument
	for line := range bytes.Lines(out) {
		var d oddDocument
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	return docs
}

// Policies that others wrote are read: every document as a whole, and of AWS's
// own all but a few statements in all their parts.
func TestPoliciesOfOthersAreRead(t *testing.T) {
	docs := readOddDocuments(t)
	if docs == nil {
		return
	}
	read, odd := map[string]int{}, map[string]int{}
	for _, x := range docs {
		d, problems := Parse(x.Name, []byte(x.Text), Position{})
		read[x.Origin]++
		if len(problems) > 0 {
			odd[x.Origin]++
		}
		for _, p := range problems {
			t.Logf("%s, %s, statement %d, line %d: %s", x.Origin, x.Name, p.Statement, p.Line, p.Reason)
		}
		if d.Doubt != "" && json.Valid([]byte(x.Text)) { // some examples are not JSON
			t.Errorf("%s, %s: %s", x.Origin, x.Name, d.Doubt)
		}
	}
	t.Logf("read %v, with problems %v", read, odd)
	if read["botocore"] < 20 {
		t.Errorf("botocore's examples have but %d policies", read["botocore"])
	}
	if n := read["moto"]; n > 0 && (n < 1000 || odd["moto"]*50 > n) {
		t.Errorf("of moto's %d managed policies, %d have problems", n, odd["moto"])
	}
}
