package awsiam

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// spoiled is in every statement that spoil has made unreadable.
const spoiled = "spoiled"

// grade orders outcomes by how much they let through.
func grade(d Decision) int {
	switch d.Outcome {
	case Allowed:
		return 2
	case Undetermined:
		return 1
	}
	return 0
}

// documents are all that a request meets, but for the resource policy.
func (l *oracleLayers) documents() (docs []object) {
	docs = append(docs, l.identity...)
	docs = append(docs, l.sessions...)
	if l.boundary != nil {
		docs = append(docs, l.boundary)
	}
	for _, level := range l.scps {
		docs = append(docs, level...)
	}
	return docs
}

// before and after evaluate a request, with a change to the layers in between.
func beforeAfter(t *rapid.T, change func(*oracleLayers)) (before, after Decision) {
	l, r := drawLayers(t), parsedRequest(t, drawRequest(t))
	before = Evaluate(r, parsedLayers(t, l))
	change(&l)
	return before, Evaluate(r, parsedLayers(t, l))
}

// add puts a statement with an effect into one of the documents.
func (l *oracleLayers) add(t *rapid.T, effect string) {
	docs, principals := l.documents(), []any(nil)
	if l.resource != nil && rapid.Bool().Draw(t, "to the resource policy") {
		docs, principals = []object{l.resource}, []any{"*", object{"AWS": home}, object{"AWS": app}, object{"AWS": bob}}
	}
	if len(docs) == 0 {
		return
	}
	d := rapid.SampledFrom(docs).Draw(t, "document")
	s := drawStatement(t, principals)
	s["Effect"] = effect
	d["Statement"] = append(d["Statement"].([]object), s)
}

func TestAnAllowNeverAllowsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := beforeAfter(t, func(l *oracleLayers) { l.add(t, "Allow") })
		if grade(after) < grade(before) {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}

func TestADenyNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := beforeAfter(t, func(l *oracleLayers) { l.add(t, "Deny") })
		if grade(after) > grade(before) {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}

func TestALimitNeverAllowsMore(t *testing.T) {
	for name, change := range map[string]func(*rapid.T, *oracleLayers){
		"SCP level": func(t *rapid.T, l *oracleLayers) {
			l.scps = append(l.scps, []object{drawDocument(t, nil)})
		},
		"empty SCP level": func(t *rapid.T, l *oracleLayers) { l.scps = append(l.scps, nil) },
		"session policy": func(t *rapid.T, l *oracleLayers) {
			if l.sessions == nil {
				l.sessions = []object{drawDocument(t, nil)}
			}
		},
		"boundary": func(t *rapid.T, l *oracleLayers) {
			if l.boundary == nil {
				l.boundary = drawDocument(t, nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				before, after := beforeAfter(t, func(l *oracleLayers) { change(t, l) })
				if grade(after) > grade(before) {
					t.Fatalf("%+v became %+v", before, after)
				}
			})
		})
	}
}

// spoil makes a part of a statement unreadable: s is what it may have said.
func spoil(t *rapid.T, s object) object {
	bad := maps.Clone(s)
	with := func(key string, v any) {
		delete(bad, key)
		delete(bad, "Not"+key)
		bad[key] = v
	}
	parts := []string{"Effect", "Action", "Resource", "Condition", "more"}
	if s["Principal"] != nil {
		parts = append(parts, "Principal")
	}
	switch part := rapid.SampledFrom(parts).Draw(t, "part"); part {
	case "Condition":
		with(part, object{spoiled: object{"a:b": "x"}})
	case "more":
		bad[spoiled] = true
	case "Principal":
		with(part, object{spoiled: "*"})
	default:
		with(part, spoiled)
	}
	return bad
}

// Whatever an unreadable statement said, the answer without knowing it is not
// contradicted.
func TestUnreadableStatementLeavesNoWrongCertainty(t *testing.T) {
	told, untold := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var s, bad object
		var statements []object
		before, after := beforeAfter(t, func(l *oracleLayers) {
			docs := l.documents()
			if l.resource != nil {
				docs = append(docs, l.resource)
			}
			for _, d := range docs {
				statements = append(statements, d["Statement"].([]object)...)
			}
			if len(statements) == 0 {
				t.Skip("no statement")
			}
			s = rapid.SampledFrom(statements).Draw(t, "statement")
			bad = spoil(t, s)
			clear(s)
			maps.Copy(s, bad) // in place, so that its document has it
		})
		if g := grade(after); g != 1 && g != grade(before) {
			t.Fatalf("%+v with %v, and %+v when it can be read", after, bad, before)
		} else if g == 1 {
			untold++
		} else {
			told++
		}
	})
	if told == 0 || untold == 0 {
		t.Errorf("the cases say too little: %d told, %d not", told, untold)
	}
}
