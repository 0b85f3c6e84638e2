package rights

import (
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// z3Words are keys that a solver of strings and numbers knows how to compare. A
// set of values, and a value that names another key, are left to other tests.
var z3Words = []word{
	{key: "aws:SourceVpce", ops: textOps, values: []string{"v-1", "v-*", "*-1", "V-2", "v-?1"}},
	{key: "aws:PrincipalTag/team", ops: textOps, values: []string{"a", "a*", "*b", "ab", "?"}},
	{key: "aws:RequestedRegion", ops: textOps, values: []string{"u1", "u*", "e*", "*1"}, always: true},
	{key: "bedrock:GuardrailIdentifier", ops: arnOps, values: []string{"arn:a:b:u1:1:g/1", "arn:a:b:*:1:g/*", "arn:a:b:u*:*:g/?", "arn:*:b:*:*:*1"}},
	{key: "aws:MultiFactorAuthPresent", ops: []string{"Bool"}, values: []string{"true", "false"}},
	{key: "aws:SourceIp", ops: []string{"IpAddress", "NotIpAddress"}, values: []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.0.2.0/24"}},
	{key: "aws:CurrentTime", ops: dateOps, values: []string{"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2028-06-01T12:00:00Z"}, always: true},
	{key: "custom:size", ops: numberOps, values: []string{"1", "2", "5"}},
}

// z3ARNs are short: the solver's time goes with the length of strings.
var z3ARNs = []string{"*", z3Prefix + "u1::m/a.x", z3Prefix + "*::m/*", z3Prefix + "u*::m/a.*", z3Prefix + "*x*", z3Prefix + "*:*:p/u.*", z3Prefix + "*:m/*", z3Prefix + "u?:*"}

// z3Prefix is what every resource begins with; the solver sees the rest.
const z3Prefix = "arn:aws:bedrock:"

type raw []map[string]any

func rawPolicy(t *rapid.T, s speech) raw {
	list := make(raw, rapid.IntRange(1, 4).Draw(t, "statements"))
	for i := range list {
		list[i] = s.statement(t, false)
		for _, kind := range []string{"Resource", "NotResource"} {
			if list[i][kind] != nil {
				list[i][kind] = some(t, "arn", z3ARNs)
			}
		}
	}
	return list
}

// z3Pair is two policies; the second often one statement away from the first.
var z3Pair = rapid.Custom(func(t *rapid.T) [2]raw {
	s := speech{plain: true}
	for range 3 {
		s.words = append(s.words, z3Words[rapid.IntRange(0, len(z3Words)-1).Draw(t, "word")])
	}
	a := rawPolicy(t, s)
	if chance(t, "strangers", 3) {
		return [2]raw{a, rawPolicy(t, s)}
	}
	b := slices.Clone(a)
	b[rapid.IntRange(0, len(b)-1).Draw(t, "changed")] = rawPolicy(t, s)[0]
	return [2]raw{a, b}
})

// TestZ3AgreesOnWhatIsNew: an SMT solver that knows nothing of atoms decides the
// same of policies with all their keys free.
func TestZ3AgreesOnWhatIsNew(t *testing.T) {
	z3, err := exec.LookPath("z3")
	if err != nil {
		t.Skip("needs Z3: apt-get install z3")
	}
	decided, unknown := map[Verdict]int{}, 0
	for seed := range 40 {
		pair := z3Pair.Example(seed)
		var docs [2]Policies
		for i, p := range pair {
			docs[i].Layers.Identity = []*awsiam.Document{document("policy", map[string]any{"Version": "2012-10-17", "Statement": p})}
		}
		forth, back := CompareBoth(exact(), docs[0], docs[1], InvokeActions)
		for i, got := range []Comparison{forth, back} {
			switch want, ok := ask(t, z3, smt(pair[i], pair[1-i])); {
			case !ok:
				unknown++
			case got.Verdict != want:
				t.Errorf("pair %d: %s (%s) %v, z3 says %s\n%s", seed, got.Verdict, got.Reason, got.Witness, want, toldPair(docs[i], docs[1-i]))
			default:
				decided[want]++
			}
		}
	}
	t.Logf("decided %v, unknown to z3 %d", decided, unknown)
	if decided[NewAccess] < 25 || decided[NoNewAccess] < 25 {
		t.Errorf("z3 decided %v, %d unknown: too few to say anything", decided, unknown)
	}
}

// ask runs the solver; it is not ok when it gives up.
func ask(t *testing.T, z3, script string) (Verdict, bool) {
	t.Helper()
	cmd := exec.Command(z3, "-in", "-T:5", "rlimit=400000")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	switch text := strings.TrimSpace(string(out)); {
	case text == "sat":
		return NewAccess, true
	case text == "unsat":
		return NoNewAccess, true
	case text == "unknown" || text == "timeout":
		return "", false
	}
	t.Fatalf("z3: %v\n%s\n%s", err, out, script)
	return "", false
}

// smt asks for a request that the next policy allows and the base does not.
func smt(base, next raw) string {
	var b strings.Builder
	b.WriteString("(declare-const resource String)\n(assert (str.in_re resource " + smtGlob("*:*:*") + "))\n")
	for _, w := range z3Words {
		if !used(base, w.key) && !used(next, w.key) {
			continue
		}
		name := smtName(w.key)
		sort := map[string]string{"Bool": "Bool", "IpAddress": "Int", "DateEquals": "Int", "NumericEquals": "Real"}[w.ops[0]]
		if sort == "" {
			sort = "String"
		}
		fmt.Fprintf(&b, "(declare-const %s %s)\n(declare-const %s.there Bool)\n", name, sort, name)
		switch {
		case w.always:
			fmt.Fprintf(&b, "(assert %s.there)\n", name)
		case w.ops[0] == "IpAddress":
			fmt.Fprintf(&b, "(assert (and (<= 0 %s) (< %s 4294967296)))\n", name, name)
		case w.ops[0] == "ArnEquals":
			fmt.Fprintf(&b, "(assert (str.in_re %s %s))\n", name, smtSegments("arn:*:*:*:*:*"))
		}
	}
	b.WriteString("(assert (or false")
	for _, action := range InvokeActions {
		fmt.Fprintf(&b, "\n (and %s (not %s))", smtAllows(next, action), smtAllows(base, action))
	}
	b.WriteString("))\n(check-sat)\n")
	return b.String()
}

func used(p raw, key string) bool {
	return slices.ContainsFunc(p, func(st map[string]any) bool {
		conditions, _ := st["Condition"].(map[string]map[string][]string)
		for _, keys := range conditions {
			if keys[key] != nil {
				return true
			}
		}
		return false
	})
}

func smtName(key string) string { return strings.NewReplacer(":", ".", "/", ".").Replace(key) }

func smtAllows(p raw, action string) string {
	allow, deny := "false", "false"
	for _, st := range p {
		at := smtStatement(st, action)
		if st["Effect"] == "Allow" {
			allow += " " + at
		} else {
			deny += " " + at
		}
	}
	return "(and (or " + allow + ") (not (or " + deny + ")))"
}

func smtStatement(st map[string]any, action string) string {
	parts := "true"
	for kind, not := range map[string]bool{"Action": false, "NotAction": true} {
		if list, ok := st[kind].([]string); ok {
			covers := slices.ContainsFunc(list, func(p string) bool {
				re := strings.NewReplacer("*", ".*", "?", ".").Replace(strings.ToLower(p))
				return regexp.MustCompile("^" + re + "$").MatchString(strings.ToLower(action))
			})
			parts += fmt.Sprintf(" %v", covers != not)
		}
	}
	for kind, form := range map[string]string{"Resource": " (or false%s)", "NotResource": " (not (or false%s))"} {
		if list, ok := st[kind].([]string); ok {
			any := ""
			for _, p := range list {
				any += " (str.in_re resource " + smtGlob(strings.TrimPrefix(p, z3Prefix)) + ")"
			}
			parts += fmt.Sprintf(form, any)
		}
	}
	conditions, _ := st["Condition"].(map[string]map[string][]string)
	for _, op := range slices.Sorted(maps.Keys(conditions)) {
		for _, key := range slices.Sorted(maps.Keys(conditions[op])) {
			parts += " " + smtCondition(op, key, conditions[op][key])
		}
	}
	return "(and " + parts + ")"
}

func smtCondition(op, key string, values []string) string {
	name := smtName(key)
	op, ifExists := strings.CutSuffix(op, "IfExists")
	if op == "Null" {
		if values[0] == "true" {
			return "(not " + name + ".there)"
		}
		return name + ".there"
	}
	negated := strings.Contains(op, "Not")
	any := "(or false"
	for _, v := range values {
		any += " " + smtTest(strings.Replace(op, "Not", "", 1), name, v)
	}
	any += ")"
	if negated {
		any = "(not " + any + ")"
	}
	if negated || ifExists {
		return "(or (not " + name + ".there) " + any + ")"
	}
	return "(and " + name + ".there " + any + ")"
}

func smtTest(op, name, value string) string {
	relations := map[string]string{"Equals": "=", "LessThan": "<", "LessThanEquals": "<=", "GreaterThan": ">", "GreaterThanEquals": ">="}
	switch {
	case op == "StringEquals":
		return fmt.Sprintf("(= %s %q)", name, value)
	case op == "StringEqualsIgnoreCase":
		return "(str.in_re " + name + " " + smtFold(value) + ")"
	case op == "StringLike":
		return "(str.in_re " + name + " " + smtGlob(value) + ")"
	case strings.HasPrefix(op, "Arn"):
		return "(str.in_re " + name + " " + smtSegments(value) + ")"
	case op == "Bool":
		return "(= " + name + " " + value + ")"
	case op == "IpAddress":
		p := netip.MustParsePrefix(value)
		first := new(big.Int).SetBytes(p.Masked().Addr().AsSlice())
		after := new(big.Int).Add(first, new(big.Int).Lsh(big.NewInt(1), uint(32-p.Bits())))
		return fmt.Sprintf("(and (<= %v %s) (< %s %v))", first, name, name, after)
	case strings.HasPrefix(op, "Date"):
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf("(%s %s %d)", relations[strings.TrimPrefix(op, "Date")], name, at.Unix())
	}
	return fmt.Sprintf("(%s %s %s.0)", relations[strings.TrimPrefix(op, "Numeric")], name, value)
}

const smtNoColon = `(re.union (re.range " " "9") (re.range ";" "~"))`

// smtGlob is a pattern over a whole string.
func smtGlob(p string) string { return smtPattern(p, "re.all", "re.allchar") }

// smtSegments is a pattern whose first five segments keep to themselves.
func smtSegments(p string) string {
	var parts []string
	for i, s := range strings.SplitN(p, ":", 6) {
		star, one := "(re.* "+smtNoColon+")", smtNoColon
		if i == 5 {
			star, one = "re.all", "re.allchar"
		}
		if s += ":"; i == 5 {
			s = s[:len(s)-1]
		}
		parts = append(parts, smtParts(s, star, one)...)
	}
	return smtConcat(parts)
}

func smtPattern(p, star, one string) string { return smtConcat(smtParts(p, star, one)) }

func smtConcat(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "(re.++ " + strings.Join(parts, " ") + ")"
}

func smtParts(p, star, one string) (parts []string) {
	run := ""
	flush := func() {
		if run != "" {
			parts, run = append(parts, fmt.Sprintf("(str.to_re %q)", run)), ""
		}
	}
	for _, r := range p {
		switch r {
		case '*':
			flush()
			parts = append(parts, star)
		case '?':
			flush()
			parts = append(parts, one)
		default:
			run += string(r)
		}
	}
	flush()
	return parts
}

// smtFold is a literal in any case.
func smtFold(s string) string {
	var parts []string
	for _, r := range s {
		parts = append(parts, fmt.Sprintf("(re.union (str.to_re %q) (str.to_re %q))", strings.ToLower(string(r)), strings.ToUpper(string(r))))
	}
	return smtConcat(parts)
}
