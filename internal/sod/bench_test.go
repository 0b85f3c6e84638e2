package sod

import (
	"fmt"
	"testing"
)

// BenchmarkConflicts: 1,000 people, 100,000 identities, a grant or two each.
func BenchmarkConflicts(b *testing.B) {
	f := Facts{Persons: map[string][]Held{}, Identities: map[string][]Held{}, Behind: map[string]string{}}
	for i := range 1000 {
		name := fmt.Sprint("p", i)
		f.Behind[name] = name
		f.Persons[name] = has([]Duty{Approve, Request, Operate, Administer}[i%4])
	}
	for i := range 100_000 {
		id := fmt.Sprint("i", i)
		f.Identities[id] = []Held{{Duty: Invoke, Source: "Grant/a" + id}, {Duty: Invoke, Source: "Grant/b" + id}}
		sponsor := fmt.Sprint("p", i%1000)
		f.Persons[sponsor] = append(f.Persons[sponsor], Held{Duty: Own, Object: "Identity/" + id, Source: "Grant/a" + id})
	}
	rules := InForce(nil)
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			Conflicts(rules, f, nil, noon)
		}
	})
	added := []Hand{{Kind: HandPerson, Name: "p3", Held: over(Own, "Identity/new")}, {Kind: HandIdentity, Name: "new", Held: over(Invoke, "")}}
	b.Run("would", func(b *testing.B) {
		for b.Loop() {
			Would(rules, f, added, nil, noon)
		}
	})
}
