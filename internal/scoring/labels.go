package scoring

import (
	"encoding/json"
	"fmt"

	"github.com/writ-project/writ/internal/dataclass"
)

// Labels say what the labels of a file mean in our words. Nil Labels say that
// the file uses the names of our entities itself.
type Labels map[string]Meaning

// Meaning is what one label stands for.
type Meaning struct {
	Entity dataclass.Entity // empty: the label is left out
	Class  dataclass.Class  // empty: the entity makes no document sensitive
}

// Scored reports whether spans with the label are looked for.
func (m Meaning) Scored() bool { return m.Entity != "" }

// The two words that a file of labels may use in place of a class.
const (
	notScored   = "not_scored"   // leave the label out
	notPersonal = "not_personal" // an entity that implies no class
)

// ReadLabels reads a JSON object of the form
//
//	{"SSN": {"entity": "US_SOCIAL_SECURITY_NUMBER", "class": "regulated_personal"},
//	 "CITY": {"entity": null}}
//
// whose members are the labels of a file. A label whose entity is null, or whose
// class is not_scored, is left out. Without a class the entity's own counts. An
// entity or a class that nobody knows is an error: it would only ever be missed.
func ReadLabels(b []byte) (Labels, error) {
	var raw map[string]struct {
		Entity *dataclass.Entity `json:"entity"`
		Class  string            `json:"class"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("labels: want an object of {\"entity\": …, \"class\": …}: %w", err)
	}
	out := make(Labels, len(raw))
	for label, r := range raw {
		if r.Entity == nil || r.Class == notScored {
			out[label] = Meaning{}
			continue
		}
		m, err := meaning(*r.Entity, r.Class)
		if err != nil {
			return nil, fmt.Errorf("labels: %q: %w", label, err)
		}
		out[label] = m
	}
	return out, nil
}

func meaning(e dataclass.Entity, class string) (Meaning, error) {
	if !e.Known() && e != dataclass.Custom {
		return Meaning{}, fmt.Errorf("entity %q is unknown", e)
	}
	switch class {
	case "":
		return Meaning{Entity: e, Class: e.Kind().Class}, nil
	case notPersonal:
		return Meaning{Entity: e}, nil
	}
	c, err := dataclass.ParseClass(class)
	return Meaning{Entity: e, Class: c}, err
}

// of finds what a label means.
func (l Labels) of(label string) (Meaning, error) {
	if l == nil {
		m, err := meaning(dataclass.Entity(label), "")
		if err != nil {
			return m, fmt.Errorf("label %q is no entity's name", label)
		}
		return m, nil
	}
	m, ok := l[label]
	if !ok {
		return m, fmt.Errorf("label %q is not in the file of labels", label)
	}
	return m, nil
}
