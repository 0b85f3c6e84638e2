package cedarset

import (
	"testing"

	"github.com/cedar-policy/cedar-go"
)

const schemaText = `
entity Door = { open: Bool, height: Long };
entity Person in [Group] = { name: String };
entity Group;
action "any";
action "enter", "leave" in ["any"] appliesTo { principal: Person, resource: Door, context: {} };
`

func vocabulary(t testing.TB) *Vocabulary {
	t.Helper()
	v, err := ParseVocabulary("doors", []byte(schemaText))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func person(groups ...UID) Entity {
	return Entity{UID: ID("Person", "p"), Parents: Parents(groups...), Attributes: Record(Fields{"name": Text("p")})}
}

func door(height int) Entity {
	return Entity{UID: ID("Door", "d"), Attributes: Record(Fields{"open": Bool(true), "height": number(height)})}
}

func number(n int) Value { return cedar.Long(n) }

func ask(t *testing.T, s *Set, action string, brought ...Entity) (Answer, error) {
	t.Helper()
	return s.Ask(Query{Principal: ID("Person", "p"), Action: ID("Action", action), Resource: ID("Door", "d"), Context: Record(nil)}, brought...)
}

func TestASetAnswersByItsRules(t *testing.T) {
	s := NewSet(vocabulary(t))
	if err := s.Add(Document{"house", `@id("in") @text("the family enters") permit (principal in Group::"family", action in Action::"any", resource);
		forbid (principal, action == Action::"leave", resource) when { resource.height > 3 };`}, false); err != nil {
		t.Fatal(err)
	}
	family := ID("Group", "family")
	for _, c := range []struct {
		action  string
		brought []Entity
		want    bool
		reason  Reason
	}{
		{"enter", []Entity{person(family), door(9)}, true, Reason{"house/in", "the family enters"}},
		{"enter", []Entity{person(), door(9)}, false, Reason{}},
		{"leave", []Entity{person(family), door(9)}, false, Reason{"house/2", ""}},
	} {
		a, err := ask(t, s, c.action, c.brought...)
		if err != nil || a.Allowed != c.want || c.reason.Rule != "" && (len(a.Reasons) != 1 || a.Reasons[0] != c.reason) {
			t.Errorf("%s: %+v, %v", c.action, a, err)
		}
	}
}

func TestWhatDoesNotConformIsAnError(t *testing.T) {
	s := NewSet(vocabulary(t))
	if err := s.Add(Document{"house", `permit (principal, action, resource);`}, false); err != nil {
		t.Fatal(err)
	}
	short := Entity{UID: ID("Door", "d"), Attributes: Record(Fields{"open": Bool(true)})}
	for name, ask := range map[string]func() (Answer, error){
		"an unknown action":      func() (Answer, error) { return ask(t, s, "fly", person(), door(1)) },
		"a group of actions":     func() (Answer, error) { return ask(t, s, "any", person(), door(1)) },
		"a missing attribute":    func() (Answer, error) { return ask(t, s, "enter", person(), short) },
		"a type that has no use": func() (Answer, error) { return ask(t, s, "enter", person(), Entity{UID: ID("Wall", "w")}) },
	} {
		if a, err := ask(); err == nil || a.Allowed {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestS6_AForbidThatErrsDeniesAndAPermitThatErrsIsVoid(t *testing.T) {
	overflow := `when { resource.height + 9223372036854775807 > 0 };`
	for _, c := range []struct {
		text    string
		allowed bool
	}{
		{`permit (principal, action, resource); forbid (principal, action, resource) ` + overflow, false},
		{`permit (principal, action, resource) ` + overflow, false},
		{`permit (principal, action, resource); permit (principal, action, resource) ` + overflow, true},
	} {
		s := NewSet(vocabulary(t))
		if err := s.Add(Document{"house", c.text}, false); err != nil {
			t.Fatal(err)
		}
		a, err := ask(t, s, "enter", person(), door(1))
		if err != nil || a.Allowed != c.allowed || len(a.Errors) != 1 {
			t.Errorf("%s: %+v, %v", c.text, a, err)
		}
	}
}

func TestRulesThatAreWrongDoNotLoad(t *testing.T) {
	for name, text := range map[string]string{
		"syntax":              `permit (principal`,
		"an unknown field":    `permit (principal, action, resource) when { resource.colour == "red" };`,
		"a name twice":        `@id("a") permit (principal, action, resource); @id("a") permit (principal, action, resource);`,
		"sets of mixed types": `permit (principal, action, resource) when { [1, "a"].contains(1) };`,
	} {
		if err := NewSet(vocabulary(t)).Add(Document{"house", text}, false); err == nil {
			t.Errorf("%s: it loads", name)
		}
	}
	if err := NewSet(vocabulary(t)).Add(Document{"house", `permit (principal, action, resource);`}, true); err == nil {
		t.Error("a permit loads where only forbids may")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`@id("in") permit (principal in Group::"family", action, resource);`)
	f.Add(`forbid (principal, action == Action::"leave", resource) when { resource.height > 3 };`)
	v := vocabulary(f)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse("fuzz", text)
		s := NewSet(v)
		if added := s.Add(Document{"fuzz", text}, false); err != nil && added == nil || added == nil && len(s.rules) != len(parsed) {
			t.Errorf("%d rules of %d, %v", len(s.rules), len(parsed), err)
		}
	})
}

func FuzzParseVocabulary(f *testing.F) {
	f.Add(schemaText)
	f.Add(`namespace A { entity B in [B]; }`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVocabulary("fuzz", []byte(text))
		if err != nil {
			return
		}
		for id := range v.Actions() {
			v.Concrete(id)
		}
		v.ActionEntities()
	})
}
