package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// TextOptions is how text is laid out.
type TextOptions struct {
	Width int  // columns; 0: 100; at least 40
	Color bool // with the terminal's colours
}

// mostNames is how many principals of one group are named, mostLines how long a
// proposed policy may be, and mostGroups how many findings of one rule are told
// in full, before the reader is sent to another format.
const (
	mostNames  = 8
	mostLines  = 40
	mostGroups = 5
)

// Text is for a terminal and for whoever sees such findings for the first time:
// every rule that found something says once what it means and what to do. The
// summary stands last, where a terminal shows it.
func Text(w io.Writer, rules []Rule, opts TextOptions) Handler {
	width := opts.Width
	if width == 0 {
		width = 100
	}
	t := &textReport{w: w, rules: rulesByID(rules), told: make(map[string]bool), total: make(map[string]int)}
	t.out.width, t.out.color = max(width, narrowest), opts.Color
	return t
}

type textReport struct {
	gathered
	w     io.Writer
	rules map[string]Rule
	told  map[string]bool // rules whose meaning has been said
	total map[string]int  // rights, by decision
	out   page
}

// Right is counted: a terminal is no place for a matrix.
func (t *textReport) Right(r Right) error {
	t.total[plain(r.Decision)]++
	return nil
}

func (t *textReport) Flush() error {
	t.plain()
	t.head()
	t.body()
	t.measureTable()
	t.notEvaluated()
	t.incomplete()
	t.summary()
	_, err := io.WriteString(t.w, t.out.String())
	return err
}

func (t *textReport) head() {
	p := &t.out
	p.hang(p.paint(bold, strings.TrimSpace(t.run.Tool+" "+t.run.Version))+" ", "", "· who can invoke which model")
	facts := []string{count(t.run.Accounts, "account"), count(t.run.Principals, "principal"), count(len(t.run.Inputs), "input file")}
	if t.run.CatalogueVersion != "" {
		facts = append(facts, "catalogue "+t.run.CatalogueVersion)
	}
	if t.run.At != "" {
		facts = append(facts, "as of "+t.run.At)
	}
	p.block("", strings.Join(facts, " · "))
	if t.run.Advisory != "" {
		p.line("")
		p.block("! ", t.run.Advisory)
	}
	p.line("")
}

func (t *textReport) body() {
	var open, suppressed []Finding
	for _, f := range t.findings {
		if f.Suppressed == "" {
			open = append(open, f)
		} else {
			suppressed = append(suppressed, f)
		}
	}
	all := groups(open)
	for len(all) > 0 {
		n := sameRule(all)
		t.rule(all[:n])
		all = all[n:]
	}
	t.suppressed(groups(suppressed))
}

// sameRule is how many groups at the front are of one rule and severity.
func sameRule(all []group) int {
	for i := range all {
		if all[i].Rule != all[0].Rule || all[i].Severity != all[0].Severity {
			return i
		}
	}
	return len(all)
}

// rule writes a heading, what it means, and its findings.
func (t *textReport) rule(all []group) {
	p, first := &t.out, all[0]
	rule := t.rules[first.Rule]
	total := 0
	for _, g := range all {
		total += len(g.Who)
	}
	severity := strings.ToUpper(string(first.Severity))
	label := p.paint(severityColor[first.Severity], severity) + "  " + p.paint(bold, first.Rule) + "  "
	room := len(severity) + utf8.RuneCountInString(first.Rule) + 4 // colour takes none
	p.hang(label, strings.Repeat(" ", room), rule.Title+" ("+count(total, "finding")+")")
	t.meaning(first.Rule, rule)
	for i, g := range all {
		if i == mostGroups && len(all) > mostGroups+1 {
			t.others(all[i:])
			break
		}
		p.line("")
		t.finding(i+1, g)
	}
	p.line("")
}

// others names whom the rest of a rule's findings are about.
func (t *textReport) others(rest []group) {
	var all []who
	for _, g := range rest {
		all = append(all, g.Who...)
	}
	t.out.line("")
	t.out.block("  ", fmt.Sprintf("and %s more, about %s.", count(len(all), "finding"), names(all)))
}

func (t *textReport) meaning(id string, rule Rule) {
	p := &t.out
	switch {
	case t.told[id]:
		p.block("  ", "What it means stands above, where "+id+" is first named.")
		return
	case rule.Help == "":
		return
	}
	t.told[id] = true
	p.block("  ", rule.Help)
	for _, ref := range rule.Reference {
		p.block("  see ", ref)
	}
}

// finding writes one group, a field a line.
func (t *textReport) finding(n int, g group) {
	p := &t.out
	p.block(fmt.Sprintf("  %d. ", n), g.Title)
	t.field("who", names(g.Who))
	t.field("what", g.Resource)
	t.field("", g.Detail)
	for _, s := range g.Statements {
		t.field("because", statementLine(s))
	}
	if len(g.Statements) == 0 {
		t.field("at", place(position(g.Finding)))
	}
	t.field("when", g.Condition)
	t.path(g.Path)
	t.field("example", indented(g.Witness))
	t.proposal(g.Proposal)
	if len(g.Who) == 1 {
		t.field("id", g.Fingerprint)
	}
}

const fieldIndent = "     "

// field writes a label and words; nothing where there are none.
func (t *textReport) field(label, words string) {
	if words != "" {
		t.out.block(fmt.Sprintf("%s%-9s", fieldIndent, label), words)
	}
}

func (t *textReport) path(path []Hop) {
	if len(path) == 0 {
		return
	}
	t.field("path", path[0].From)
	for _, h := range path {
		t.out.hang(fieldIndent+strings.Repeat(" ", 9)+"→ ", fieldIndent+strings.Repeat(" ", 13), h.To+" "+hopLine(h))
	}
}

func (t *textReport) proposal(pr *Proposal) {
	if pr == nil {
		return
	}
	t.field("do", pr.Text)
	lines := strings.Split(indented(pr.Policy), "\n")
	switch {
	case len(pr.Policy) == 0:
	case len(lines) > mostLines:
		t.field("", fmt.Sprintf("The policy has %d lines: --format json or html has it whole.", len(lines)))
	default:
		for _, line := range lines {
			words := strings.TrimLeft(line, " ")
			pad := fieldIndent + strings.Repeat(" ", 9+len(line)-len(words))
			t.out.hang(pad, pad+"  ", words)
		}
	}
	t.field("proof", pr.Proof)
}

// names lists the members of a group, without their ARNs where all are of one
// account.
func names(all []who) string {
	if len(all) == 1 {
		return accountOf(all[0])
	}
	name, of := accountOf, ""
	if oneAccount(all) {
		name, of = func(w who) string { return short(w.Principal) }, " of account "+all[0].Account
	}
	var list []string
	for _, w := range all[:min(len(all), mostNames)] {
		list = append(list, name(w))
	}
	line := count(len(all), "principal") + of + ": " + strings.Join(list, ", ")
	if more := len(all) - mostNames; more > 0 {
		line += fmt.Sprintf(" and %s more (--format json or html names all)", thousands(more))
	}
	return line
}

// oneAccount reports whether all are principals of one known account.
func oneAccount(all []who) bool {
	for _, w := range all {
		if w.Account == "" || w.Account != all[0].Account || w.Principal == "" {
			return false
		}
	}
	return true
}

// accountOf is the principal, or the account where it is the account's finding.
func accountOf(w who) string {
	switch {
	case w.Principal != "":
		return w.Principal
	case w.Account != "":
		return "account " + w.Account
	}
	return ""
}
