package report

import "strings"

func (s *sarifReport) result(f Finding) sarifResult {
	r := sarifResult{
		RuleID: f.Rule, RuleIndex: s.ruleIndex(f.Rule), Level: levels[f.Severity],
		Message:   message(resultText(f)),
		Locations: []sarifLocation{s.primary(f)},
		CodeFlows: codeFlows(f),
		// The one name that code scanning compares; without it, it would hash the
		// line, and a reformatted input file would be all new.
		Fingerprints: map[string]string{"primaryLocationLineHash": f.Fingerprint},
		Properties: sarifResultDetail{
			Severity: f.Severity, Account: f.Account, Principal: f.Principal, Resource: f.Resource,
			Condition: f.Condition, Witness: f.Witness, Proposal: f.Proposal,
		},
	}
	for i, st := range f.Statements {
		r.Related = append(r.Related, statementLocation(i+1, st))
	}
	if f.Suppressed != "" {
		r.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: f.Suppressed}}
	}
	return r
}

// resultText is what somebody reads who sees only the result.
func resultText(f Finding) string {
	text := f.Title
	if f.Principal != "" {
		text = short(f.Principal) + ": " + text
	}
	lines := []string{text}
	add := func(label, words string) {
		if words != "" {
			lines = append(lines, label+words)
		}
	}
	add("", f.Detail)
	add("What: ", f.Resource)
	for _, st := range f.Statements {
		add("Because: ", statementName(st))
	}
	add("When: ", f.Condition)
	add("Path: ", pathLine(f.Path))
	if f.Proposal != nil {
		add("Do: ", f.Proposal.Text)
	}
	return strings.Join(lines, "\n")
}

// primary is where a result is shown. Code scanning wants a file: where the
// finding has none, it is the first input.
func (s *sarifReport) primary(f Finding) sarifLocation {
	at := position(f)
	if at.File == "" && len(s.run.Inputs) > 0 {
		at = Position{File: s.run.Inputs[0].File}
	}
	return sarifLocation{Physical: physical(at), Logical: logical(f.Principal)}
}

func physical(p Position) *sarifPhysical {
	if p.File == "" {
		return nil
	}
	return &sarifPhysical{Artifact: fileURI(p.File), Region: sarifRegion{StartLine: max(1, p.Line), StartColumn: p.Column}}
}

func logical(principal string) []sarifLogical {
	if principal == "" {
		return nil
	}
	return []sarifLogical{{Name: short(principal), FullName: principal, Kind: "resource"}}
}

func statementLocation(id int, st Statement) sarifLocation {
	words := message(statementName(st))
	return sarifLocation{ID: id, Physical: physical(st.Position), Message: &words}
}

// codeFlows is a path as one flow: a step for its start, and one per hop.
func codeFlows(f Finding) []sarifCodeFlow {
	if len(f.Path) == 0 {
		return nil
	}
	start := message("starts as " + f.Path[0].From)
	steps := []sarifStep{{sarifLocation{Physical: physical(position(f)), Logical: logical(f.Path[0].From), Message: &start}}}
	for _, h := range f.Path {
		words := message(h.To + " " + hopLine(h))
		at := Position{}
		if len(h.Statements) > 0 {
			at = h.Statements[0].Position
		}
		steps = append(steps, sarifStep{sarifLocation{Physical: physical(at), Logical: logical(h.To), Message: &words}})
	}
	return []sarifCodeFlow{{[]sarifThreadFlow{{steps}}}}
}
