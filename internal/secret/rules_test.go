package secret

import (
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/writ-project/writ/internal/dataclass"
)

func rulesOf(t *testing.T) *ruleset {
	t.Helper()
	rules, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// TestEveryRuleIsRead: each of gitleaks' rules is tried, or is in code here.
func TestEveryRuleIsRead(t *testing.T) {
	rules := rulesOf(t)
	var d document
	if _, err := toml.Decode(gitleaksText, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Rules) < 200 {
		t.Fatalf("gitleaks has %d rules", len(d.Rules))
	}
	tried := make(map[string]bool)
	for _, c := range rules.calls {
		for _, trial := range c.trials {
			tried[rules.rules[trial.rule].id] = true
		}
	}
	for _, r := range d.Rules {
		if tried[r.ID] == slices.Contains(notRules, r.ID) {
			t.Errorf("%s: tried %v, in code %v", r.ID, tried[r.ID], !tried[r.ID])
		}
	}
	for _, r := range rules.rules {
		if !tried[r.id] {
			t.Errorf("%s is never tried", r.id)
		}
		if !r.entity.Known() {
			t.Errorf("%s finds %s, which is no entity", r.id, r.entity)
		}
	}
	for _, id := range slices.Concat(notRules, narrowedIDs()) {
		if !slices.ContainsFunc(d.Rules, func(r described) bool {
			return r.ID == id
		}) {
			t.Errorf("gitleaks has no rule %s any more", id)
		}
	}
}

func narrowedIDs() []string {
	var ids []string
	for id := range narrowed {
		ids = append(ids, id)
	}
	return ids
}

// TestWhatIsAskedCompiles: RE2 reads each expression that it may be asked
// about, also the ones that are asked seldom.
func TestWhatIsAskedCompiles(t *testing.T) {
	rules := rulesOf(t)
	asked := make(map[*pattern]string)
	for _, c := range rules.calls {
		for _, trial := range c.trials {
			if trial.way >= inValue || !exactly(trial.form.shapes) {
				asked[trial.form.pattern] = rules.rules[trial.rule].id
			}
		}
	}
	for _, r := range rules.rules {
		for _, l := range r.lists {
			for _, x := range l.exceptions {
				if !x.whole || !x.exact {
					asked[&x.pattern] = r.id
				}
			}
		}
	}
	if len(asked) < 10 {
		t.Fatalf("%d expressions are asked", len(asked))
	}
	for p, id := range asked {
		if _, err := p.compiled(1); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// exemplary are texts that a form of a rule describes.
func (f *form) exemplary(d drawn) []string {
	var out []string
	for i := range f.shapes {
		s := &f.shapes[i]
		if !s.exact {
			continue
		}
		text := s.example(d)
		if f.names != nil {
			text = "config." + f.names[0].example(d) + `_value = "` + text + `"`
		}
		out = append(out, "first\n"+text+"\nlast")
	}
	return out
}

// TestEveryRuleFindsWhatItDescribes: on texts made from its own expression.
// Values may be drawn that an allow-list takes for a word or that repeat, so a
// rule may miss a few, and none may miss all.
func TestEveryRuleFindsWhatItDescribes(t *testing.T) {
	d, rules := values(3), rulesOf(t)
	for n, r := range rules.rules {
		words := newKeywords(rules.cuesOf(n))
		for i := range r.forms {
			texts, found := 0, 0
			for range 3 {
				for _, text := range r.forms[i].exemplary(d) {
					if !words.within([]byte(text)) {
						continue
					}
					texts++
					if slices.ContainsFunc(scanned(t, text), dataclass.Finding.Counts) {
						found++
					}
				}
			}
			if texts > 0 && 2*found < texts {
				t.Errorf("%s: found in %d of %d texts", r.id, found, texts)
			}
		}
	}
}

// cuesOf are the words that have a rule tried.
func (r *ruleset) cuesOf(rule int) []string {
	var words []string
	for _, c := range r.calls {
		if slices.ContainsFunc(c.trials, func(t trial) bool { return t.rule == rule }) {
			words = append(words, c.word)
		}
	}
	return words
}

func TestVersionNamesTheRulesCarried(t *testing.T) {
	if v := Version(); !strings.Contains(v, gitleaksVersion) || !strings.Contains(v, ownVersion) {
		t.Fatal(v)
	}
}

func TestBrokenRulesAreAnError(t *testing.T) {
	for name, text := range map[string]string{
		"no TOML":        "rules = [",
		"expression":     "[[rules]]\nid = 'a'\nregex = '(' \nkeywords = ['a']",
		"allow-list":     "[[rules]]\nid = 'a'\nregex = 'a'\nkeywords = ['a']\n[[rules.allowlists]]\nregexes = ['(']",
		"global list":    "[allowlist]\nregexes = ['[']",
		"name or value ": "[[rules]]\nid = 'a'\nvalue = '('\nkeywords = ['a']",
	} {
		if _, err := load(text); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}
