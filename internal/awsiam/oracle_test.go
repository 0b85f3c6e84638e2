package awsiam

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The oracle is another reading of the same pages, slow and naive: documents
// are maps, patterns are regular expressions, and everything is true or false.
// Where AWS leaves a choice it takes one; there Evaluate is undetermined.

type object = map[string]any

func listOf(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	case []string:
		return v
	}
	panic("not in the vocabulary")
}

var variable = regexp.MustCompile(`\$\{([^},]*)(?:, '([^']*)')?\}`)

// expression is a regular expression for a pattern; ok is false when a variable
// has no value. anyOne is what ? matches, and * a run of.
func expression(pattern string, wild bool, anyOne string, ctx map[string][]string) (re string, ok bool) {
	plain := func(s string) string {
		s = regexp.QuoteMeta(s)
		if wild {
			s = strings.NewReplacer(`\*`, anyOne+"*", `\?`, anyOne).Replace(s)
		}
		return s
	}
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(pattern, -1) {
		re += plain(pattern[at:m[0]])
		at = m[1]
		name := strings.ToLower(pattern[m[2]:m[3]])
		values := ctx[name]
		switch {
		case name == "*" || name == "?" || name == "$":
			re += regexp.QuoteMeta(name)
		case len(values) > 0:
			re += regexp.QuoteMeta(values[0])
		case m[4] >= 0:
			re += regexp.QuoteMeta(pattern[m[4]:m[5]])
		default:
			return "", false
		}
	}
	return re + plain(pattern[at:]), true
}

func oracleLike(pattern, s string, wild bool, flags string, ctx map[string][]string) bool {
	re, ok := expression(pattern, wild, ".", ctx)
	return ok && regexp.MustCompile("^(?s"+flags+":"+re+")$").MatchString(s)
}

// oracleARN compares six segments, each for itself.
func oracleARN(pattern, s string, ctx map[string][]string) bool {
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(s, ":", 6)
	for i := range patterns {
		if !oracleLike(patterns[i], parts[i], true, "", ctx) {
			return false
		}
	}
	return true
}

func oracleTime(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0)
	}
	d, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return d
}

func oracleNumber(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func oracleOrder(relation string, less, equal bool) bool {
	switch relation {
	case "Equals":
		return equal
	case "LessThan":
		return less
	case "LessThanEquals":
		return less || equal
	case "GreaterThan":
		return !less && !equal
	}
	return !less
}

func oracleCompare(operator, value, item string, ctx map[string][]string) bool {
	switch {
	case operator == "StringEqualsIgnoreCase":
		return oracleLike(value, item, false, "i", ctx)
	case operator == "StringEquals":
		return oracleLike(value, item, false, "", ctx)
	case operator == "StringLike":
		return oracleLike(value, item, true, "", ctx)
	case operator == "ArnEquals" || operator == "ArnLike":
		return oracleARN(value, item, ctx)
	case operator == "Bool":
		return strings.EqualFold(value, item)
	case operator == "BinaryEquals":
		return value == item
	case operator == "IpAddress":
		_, block, err := net.ParseCIDR(value)
		return err == nil && block.Contains(net.ParseIP(item)) || value == item
	case strings.HasPrefix(operator, "Numeric"):
		a, b := oracleNumber(item), oracleNumber(value)
		return oracleOrder(operator[len("Numeric"):], a < b, a == b)
	case strings.HasPrefix(operator, "Date"):
		a, b := oracleTime(item), oracleTime(value)
		return oracleOrder(operator[len("Date"):], a.Before(b), a.Equal(b))
	}
	panic(operator)
}

// oracleCondition follows the page "Set operators": a missing key first.
func oracleCondition(operator, key string, values []string, ctx map[string][]string, multi []string) bool {
	items, present := ctx[strings.ToLower(key)]
	if operator == "Null" {
		return slices.ContainsFunc(values, func(v string) bool { return (v == "true") == !present })
	}
	set, rest, quantified := strings.Cut(operator, ":")
	if !quantified {
		set, rest = "", operator
	}
	base, ifExists := strings.CutSuffix(rest, "IfExists")
	positive := strings.Replace(base, "Not", "", 1)
	negated := positive != base
	if !present {
		switch {
		case set == "ForAnyValue":
			return false
		case set == "ForAllValues" || ifExists:
			return true
		}
		return negated
	}
	one := func(item string) bool {
		met := slices.ContainsFunc(values, func(v string) bool { return oracleCompare(positive, v, item, ctx) })
		return met != negated
	}
	switch {
	case set == "ForAnyValue":
		return slices.ContainsFunc(items, one)
	case set == "ForAllValues":
		return !slices.ContainsFunc(items, func(item string) bool { return !one(item) })
	case slices.Contains(multi, strings.ToLower(key)):
		return false
	}
	return one(items[0])
}

type oracleRequest struct {
	who, session     string // the user or role; its session
	action, resource string
	account          string
	ctx              map[string][]string
	multi            []string
}

// oracleStatement is whether a statement is about a request, and how it names
// the principal: "", "account", "anyone", "arn", "session".
func oracleStatement(s object, r oracleRequest) (applies bool, form string) {
	lists := func(key string, test func(string) bool) bool {
		if list, ok := s["Not"+key]; ok {
			return !slices.ContainsFunc(listOf(list), test)
		}
		return slices.ContainsFunc(listOf(s[key]), test)
	}
	if !lists("Action", func(p string) bool { return oracleLike(p, r.action, true, "i", nil) }) {
		return false, ""
	}
	if !lists("Resource", func(p string) bool { return oracleLike(p, r.resource, true, "", r.ctx) }) {
		return false, ""
	}
	conditions, _ := s["Condition"].(object)
	for operator, keys := range conditions {
		for key, values := range keys.(object) {
			if !oracleCondition(operator, key, listOf(values), r.ctx, r.multi) {
				return false, ""
			}
		}
	}
	if s["Principal"] == nil {
		return true, ""
	}
	form = oracleForm(s["Principal"], r)
	return form != "", form
}

func oracleForm(element any, r oracleRequest) string {
	if element == "*" {
		return "anyone"
	}
	names := listOf(element.(object)["AWS"])
	switch {
	case r.session != "" && slices.Contains(names, r.session):
		return "session"
	case slices.Contains(names, r.who):
		return "arn"
	case slices.Contains(names, home) || slices.Contains(names, root):
		return "account"
	}
	return ""
}

type oracleLayers struct {
	identity, sessions []object // documents
	boundary, resource object
	scps               [][]object
	trust              bool
}

// oracleDecide is true for allowed; denied says that a statement denies it.
func oracleDecide(r oracleRequest, l oracleLayers) (allowed, denied bool) {
	forms := map[string]bool{}
	allows := func(docs ...object) (yes bool) {
		for _, d := range docs {
			for _, s := range d["Statement"].([]object) {
				applies, form := oracleStatement(s, r)
				if applies && s["Effect"] == "Deny" {
					denied = true
				} else if applies {
					yes = true
					forms[form] = true
				}
			}
		}
		return yes
	}
	identity := allows(l.identity...)
	boundary := l.boundary == nil || allows(l.boundary)
	session := l.sessions == nil || allows(l.sessions...)
	scps := true
	for _, level := range l.scps {
		scps = allows(level...) && scps
	}
	clear(forms)
	resource := l.resource != nil && allows(l.resource)
	own := identity && boundary && session
	alone := forms["session"] || forms["arn"] && strings.Contains(r.who, ":user/") ||
		(forms["arn"] || forms["anyone"]) && boundary && session
	var granted bool
	switch {
	case r.account != "" && r.account != home:
		granted = own && resource
	case l.trust:
		granted = alone || own && forms["account"]
	default:
		granted = own || alone
	}
	return granted && scps && !denied, denied
}
