package awsiam

import (
	"fmt"
	"slices"
	"strings"
)

func (f *Facts) addAction(row []string) error {
	a := ActionFact{Name: row[0], Class: ActionClass(row[1]), Note: row[4]}
	name := strings.ToLower(a.Name)
	switch {
	case !isAction(a.Name):
		return fmt.Errorf("not service:name")
	case !slices.Contains(actionClasses, a.Class):
		return fmt.Errorf("class %.40q is not one of %v", a.Class, actionClasses)
	case a.Note == "":
		return fmt.Errorf("the note is missing")
	}
	if _, ok := f.actions[name]; ok {
		return fmt.Errorf("listed twice")
	}
	var err error
	if a.Resources, a.Optional, err = parseTypes(row[2]); err != nil {
		return err
	}
	if a.Keys, err = parseKeys(row[3]); err != nil {
		return err
	}
	f.actions[name] = a
	return nil
}

// isAction reports whether s is service:name without wildcards.
func isAction(s string) bool {
	service, name, _ := strings.Cut(s, ":")
	return isService(service) && name != "" && actionBytes(name, "")
}

func isService(s string) bool {
	return s != "" && s == strings.ToLower(s) && actionBytes(s, "-")
}

// parseTypes reads resource types, those that are optional with a ?, or *.
func parseTypes(cell string) (types, optional []string, err error) {
	if cell == "*" {
		return nil, nil, nil
	}
	words, err := parseWords(cell)
	if err != nil {
		return nil, nil, err
	}
	if len(words) == 0 {
		return nil, nil, fmt.Errorf("no resource types, and no *")
	}
	for _, word := range words {
		t, may := strings.CutSuffix(word, "?")
		if t == "" || !actionBytes(t, "-_.") {
			return nil, nil, fmt.Errorf("%.40q is no resource type", word)
		}
		if slices.Contains(types, t) {
			return nil, nil, fmt.Errorf("resource type %s is listed twice", t)
		}
		types = append(types, t)
		if may {
			optional = append(optional, t)
		}
	}
	return types, optional, nil
}

func parseKeys(cell string) ([]string, error) {
	words, err := parseWords(cell)
	if err != nil {
		return nil, err
	}
	for i, word := range words {
		if !isKey(word) {
			return nil, fmt.Errorf("%.60q is no condition key", word)
		}
		words[i] = Key(word)
	}
	slices.Sort(words)
	if len(slices.Compact(slices.Clone(words))) != len(words) {
		return nil, fmt.Errorf("a condition key is listed twice")
	}
	return words, nil
}

// isKey reports whether s is service:name, or service:name/* for a family.
func isKey(s string) bool {
	service, name, ok := strings.Cut(s, ":")
	name = strings.TrimSuffix(name, "/*")
	return ok && service != "" && name != "" && !strings.ContainsAny(s[:len(service)+1+len(name)], "*?$ ")
}

// parseWords splits a cell at single spaces.
func parseWords(cell string) ([]string, error) {
	if cell == "" {
		return nil, nil
	}
	words := strings.Split(cell, " ")
	if slices.Contains(words, "") {
		return nil, fmt.Errorf("%.40q has two spaces in a row", cell)
	}
	return words, nil
}

func (f *Facts) addKey(row []string) error {
	k := KeyFact{Name: row[0], Type: KeyType(row[1]), When: When(row[3]), Note: row[5]}
	switch {
	case !isKey(k.Name):
		return fmt.Errorf("not a condition key")
	case k.Name != Key(k.Name):
		return fmt.Errorf("not in lower case")
	case !slices.Contains(keyTypes, k.Type):
		return fmt.Errorf("type %.40q is not one of %v", k.Type, keyTypes)
	case !slices.Contains(occasions, k.When):
		return fmt.Errorf("when %.40q is not one of %v", k.When, occasions)
	}
	if _, ok := f.keys[k.Name]; ok {
		return fmt.Errorf("listed twice")
	}
	var err error
	if k.Multi, err = parseYes("multi", row[2]); err != nil {
		return err
	}
	if k.Multi != strings.HasPrefix(string(k.Type), "ArrayOf") {
		return fmt.Errorf("multi is %s, and the type %s", row[2], k.Type)
	}
	if k.Principal, err = parseYes("principal", row[4]); err != nil {
		return err
	}
	f.keys[k.Name] = k
	return nil
}

func parseYes(column, cell string) (bool, error) {
	t, err := parseKnown(column, cell)
	if err == nil && t == Unknown {
		err = fmt.Errorf("%s is neither yes nor no", column)
	}
	return t == True, err
}

func parseKnown(column, cell string) (Truth, error) {
	switch cell {
	case "yes":
		return True, nil
	case "no":
		return False, nil
	case "unknown":
		return Unknown, nil
	}
	return Unknown, fmt.Errorf("%s %.40q is not yes, no or unknown", column, cell)
}

func (f *Facts) addResource(row []string) error {
	form, err := parseForm(row[2])
	if err != nil {
		return err
	}
	r := ResourceFact{Service: row[0], Type: row[1], Form: row[2], Note: row[6]}
	switch {
	case !isService(r.Service) || strings.Split(r.Form, ":")[2] != r.Service:
		return fmt.Errorf("the ARN is not of the service")
	case r.Type == "" || !actionBytes(r.Type, "-_."):
		return fmt.Errorf("%.40q is no resource type", r.Type)
	case f.forms[r.Form]:
		return fmt.Errorf("ARN %s is listed twice", r.Form)
	}
	if r.Invocable, err = parseYes("invoke", row[3]); err != nil {
		return err
	}
	if r.Policy, err = parseKnown("policy", row[4]); err != nil {
		return err
	}
	if r.Tagged, err = parseYes("tags", row[5]); err != nil {
		return err
	}
	form.fact = r
	kind := kindOfARN(r.Form)
	f.forms[r.Form] = true
	f.resources[kind] = append(f.resources[kind], form)
	return nil
}

func (f *Facts) addService(row []string) error {
	s := ServiceFact{Service: row[0], Note: row[3]}
	if !isService(s.Service) {
		return fmt.Errorf("not a service as actions spell it")
	}
	if _, ok := f.services[s.Service]; ok {
		return fmt.Errorf("listed twice")
	}
	var err error
	if s.RCP, err = parseKnown("rcp", row[1]); err != nil {
		return err
	}
	if s.Principals, err = parseWords(row[2]); err != nil {
		return err
	}
	for _, p := range s.Principals {
		if !strings.Contains(p, ".") || p != strings.ToLower(p) || !actionBytes(p, "-.") {
			return fmt.Errorf("%.60q is no service principal", p)
		}
		if other, ok := f.principals[p]; ok {
			return fmt.Errorf("principal %s is listed twice, for %s too", p, other)
		}
		f.principals[p] = s.Service
	}
	f.services[s.Service] = s
	return nil
}

func (f *Facts) addManaged(row []string) error {
	m := ManagedFact{Name: row[0], Resources: row[3], Note: row[5]}
	switch {
	case strings.ContainsAny(m.Name, ":/ *?"):
		return fmt.Errorf("not the name of a policy")
	case m.Resources == "" || m.Note == "":
		return fmt.Errorf("resources or the note are missing")
	}
	if _, ok := f.managed[m.Name]; ok {
		return fmt.Errorf("listed twice")
	}
	switch row[1] {
	case Allow.String():
		m.Effect = Allow
	case Deny.String():
		m.Effect = Deny
	default:
		return fmt.Errorf("effect %.40q is neither Allow nor Deny", row[1])
	}
	var err error
	if m.Actions, err = parseActions(row[2]); err != nil {
		return err
	}
	if m.Surprising, err = parseYes("surprising", row[4]); err != nil {
		return err
	}
	f.managed[m.Name] = m
	return nil
}

func parseActions(cell string) ([]string, error) {
	words, err := parseWords(cell)
	if err == nil && len(words) == 0 {
		err = fmt.Errorf("no actions")
	}
	for _, word := range words {
		if _, _, bad := ParseAction(word); bad != nil {
			return nil, bad
		}
	}
	return words, err
}
