package report

import "slices"

// group is findings of one rule that differ only in whose they are.
type group struct {
	Finding       // the first of them
	Who     []who // in the order of the report
}

// who is one member of a group.
type who struct {
	Account, Principal, Fingerprint string
	Position                        Position
}

// groups joins equal findings. They come sorted, and groups keep the order of
// their first members.
func groups(findings []Finding) []group {
	var all []group
	at := make(map[string]int)
	for _, f := range findings {
		key := likeness(f)
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, group{Finding: f})
		}
		all[i].Who = append(all[i].Who, who{f.Account, f.Principal, f.Fingerprint, position(f)})
	}
	return all
}

// likeness is equal for findings that are shown together.
func likeness(f Finding) string {
	f.Account, f.Principal, f.Fingerprint, f.Position, f.Witness = "", "", "", Position{}, nil
	f.Statements = slices.Clone(f.Statements)
	for i := range f.Statements {
		f.Statements[i].Position = Position{}
	}
	return string(asJSON(f))
}

// tally is what a report counts.
type tally struct {
	Findings, Suppressed, Principals int
	BySeverity                       map[Severity]int
}

// tallied counts the findings that count, and those that are suppressed.
func tallied(findings []Finding) tally {
	t := tally{BySeverity: make(map[Severity]int)}
	principals := make(map[string]bool)
	for _, f := range findings {
		if f.Suppressed != "" {
			t.Suppressed++
			continue
		}
		t.Findings++
		t.BySeverity[f.Severity]++
		if f.Principal != "" {
			principals[f.Principal] = true
		}
	}
	t.Principals = len(principals)
	return t
}

// rulesByID indexes the rules; a finding of a rule that is not among them is
// shown without its help.
func rulesByID(rules []Rule) map[string]Rule {
	byID := make(map[string]Rule, len(rules))
	for _, r := range rules {
		byID[r.ID] = r
	}
	return byID
}
