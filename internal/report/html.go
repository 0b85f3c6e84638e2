package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"strings"
)

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageStyle string
	//go:embed page/page.js
	pageScript string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"count": count, "thousands": thousands, "upper": strings.ToUpper,
}).Parse(pageHTML))

// HTML writes one page that needs nothing else: style, script and data are
// inside, and its Content-Security-Policy allows that one script, by its hash,
// and no request whatever. Overview and sources are there without the script;
// findings, matrix, paths and proposals are drawn by it from the data.
func HTML(w io.Writer, rules []Rule) Handler { return &htmlReport{w: w, rules: rules} }

type htmlReport struct {
	gathered
	w     io.Writer
	rules []Rule
}

// overview is what the template sees: text only, but for the three parts that
// this room makes itself.
type overview struct {
	Run          Run
	Tally        tally
	Severities   []severityCount
	Rights       []decisionCount
	RightsTotal  int
	Found        []ruleCount
	Reach        []reach
	Measures     []Measure
	NotEvaluable []NotEvaluable
	Rules        []Rule
	Paths        int
	Proposals    int

	Style      template.CSS
	Script     template.JS
	ScriptHash string
	Data       template.JS
}

type severityCount struct {
	Severity Severity
	N        int
}

type decisionCount struct {
	Decision, Word string
	N              int
}

// ruleCount is a rule that found something.
type ruleCount struct {
	Rule                 Rule
	Severity             Severity // the worst of its findings
	Findings, Principals int
}

func (h *htmlReport) Flush() error {
	h.plain()
	all := groups(h.findings)
	data, err := h.data(all)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(pageScript))
	o := overview{
		Run: h.run, Tally: tallied(h.findings), RightsTotal: len(h.rights.rows),
		Found: h.found(), Reach: h.rights.reach(), Measures: h.measures, NotEvaluable: h.missing, Rules: h.rules,
		Style: template.CSS(pageStyle), Script: template.JS(pageScript), Data: template.JS(data),
		ScriptHash: "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
	}
	for _, s := range Severities {
		o.Severities = append(o.Severities, severityCount{s, o.Tally.BySeverity[s]})
	}
	decisions := h.rights.decisions()
	for _, d := range decisionOrder {
		if n := decisions[d.key]; n > 0 {
			o.Rights = append(o.Rights, decisionCount{d.key, d.word, n})
		}
	}
	for _, g := range all {
		if len(g.Path) > 0 {
			o.Paths++
		}
		if g.Proposal != nil {
			o.Proposals++
		}
	}
	return pageTemplate.Execute(h.w, o)
}

// found lists the rules with findings that count, the worst first.
func (h *htmlReport) found() []ruleCount {
	byID := rulesByID(h.rules)
	var all []ruleCount
	at := make(map[string]int)
	principals := make(map[string]map[string]bool)
	for _, f := range h.findings {
		if f.Suppressed != "" {
			continue
		}
		i, ok := at[f.Rule]
		if !ok {
			i = len(all)
			at[f.Rule] = i
			principals[f.Rule] = make(map[string]bool)
			rule := byID[f.Rule]
			rule.ID = f.Rule
			all = append(all, ruleCount{Rule: rule, Severity: f.Severity})
		}
		all[i].Findings++
		if f.Principal != "" {
			principals[f.Rule][f.Principal] = true
		}
		all[i].Principals = len(principals[f.Rule])
	}
	return all
}

// pageData is what the script draws from.
type pageData struct {
	Rules    map[string]Rule `json:"rules"`
	Findings []pageFinding   `json:"findings"`
	Matrix   matrix          `json:"matrix"`
}

// pageFinding is a group with everything laid out for reading.
type pageFinding struct {
	Rule       string          `json:"rule"`
	Severity   Severity        `json:"severity"`
	Title      string          `json:"title"`
	Detail     string          `json:"detail,omitempty"`
	Resource   string          `json:"resource,omitempty"`
	Condition  string          `json:"condition,omitempty"`
	Suppressed string          `json:"suppressed,omitempty"`
	Who        []pageWho       `json:"who"`
	Statements []pageStatement `json:"statements,omitempty"`
	Path       []pageHop       `json:"path,omitempty"`
	Witness    string          `json:"witness,omitempty"`
	Proposal   *pageProposal   `json:"proposal,omitempty"`
}

type pageWho struct {
	Principal   string `json:"principal"`
	Account     string `json:"account"`
	At          string `json:"at,omitempty"`
	Fingerprint string `json:"id"`
}

type pageStatement struct {
	Name string `json:"name"`
	At   string `json:"at,omitempty"`
	Text string `json:"text,omitempty"`
}

type pageHop struct {
	From       string          `json:"from"`
	To         string          `json:"to"`
	By         string          `json:"by"`
	Condition  string          `json:"condition,omitempty"`
	Statements []pageStatement `json:"statements,omitempty"`
}

type pageProposal struct {
	Text   string `json:"text"`
	Policy string `json:"policy,omitempty"`
	Proof  string `json:"proof,omitempty"`
}

// data is the JSON inside the page. Its encoder writes <, > and & as escapes,
// so that no text can end the element it stands in.
func (h *htmlReport) data(all []group) ([]byte, error) {
	d := pageData{Rules: rulesByID(h.rules), Findings: []pageFinding{}, Matrix: h.rights.matrix()}
	for _, g := range all {
		d.Findings = append(d.Findings, pageFindingOf(g))
	}
	return json.Marshal(d)
}

func pageFindingOf(g group) pageFinding {
	f := pageFinding{
		Rule: g.Rule, Severity: g.Severity, Title: g.Title, Detail: g.Detail, Resource: g.Resource, Condition: g.Condition,
		Suppressed: g.Suppressed, Statements: pageStatements(g.Statements), Witness: indented(g.Witness),
	}
	for _, w := range g.Who {
		at := place(w.Position)
		if len(g.Statements) > 0 && w.Position == g.Statements[0].Position {
			at = "" // the statement says it
		}
		f.Who = append(f.Who, pageWho{w.Principal, w.Account, at, w.Fingerprint})
	}
	for _, hop := range g.Path {
		f.Path = append(f.Path, pageHop{hop.From, hop.To, hop.By, hop.Condition, pageStatements(hop.Statements)})
	}
	if p := g.Proposal; p != nil {
		f.Proposal = &pageProposal{p.Text, indented(p.Policy), p.Proof}
	}
	return f
}

func pageStatements(all []Statement) []pageStatement {
	var out []pageStatement
	for _, s := range all {
		out = append(out, pageStatement{statementName(s), place(s.Position), indented(s.Text)})
	}
	return out
}
