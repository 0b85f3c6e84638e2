package report

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

const (
	sarifSchemaID = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURL    = "https://github.com/writ-project/writ"
	// mostResults is how many results of a run code scanning accepts.
	mostResults = 25_000
)

// SARIF writes one SARIF 2.1.0 log with one run, for code scanning: rules with
// help, results with a place in an input file, the principal as logical
// location, paths as code flows. Of more than 25,000 findings it has the worst,
// and a notification that says so.
func SARIF(w io.Writer, rules []Rule) Handler { return &sarifReport{w: w, rules: rules} }

type sarifReport struct {
	gathered
	w     io.Writer
	rules []Rule
	index map[string]int
}

// Right has no place in a log of findings.
func (s *sarifReport) Right(Right) error { return nil }

func (s *sarifReport) Flush() error {
	s.plain()
	s.index = make(map[string]int, len(s.rules))
	for i, r := range s.rules {
		s.index[r.ID] = i
	}
	log := sarifLog{Schema: sarifSchemaID, Version: "2.1.0", Runs: []sarifRun{s.log()}}
	_, err := s.w.Write(append(plainJSON(asJSON(log)), '\n'))
	return err
}

func (s *sarifReport) log() sarifRun {
	run := sarifRun{
		Tool:              sarifTool{sarifDriver{Name: s.run.Tool, Version: s.run.Version, InformationURI: projectURL, Rules: []sarifRule{}}},
		AutomationDetails: sarifAutomation{"writ-iam/"},
		Invocations:       []sarifInvocation{s.invocation()},
		Results:           []sarifResult{},
		ColumnKind:        "unicodeCodePoints",
		Properties:        map[string]any{"accounts": s.run.Accounts, "principals": s.run.Principals},
	}
	for _, r := range s.rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r))
	}
	for _, in := range s.run.Inputs {
		run.Artifacts = append(run.Artifacts, sarifArtifactOf(in))
	}
	for _, f := range s.findings[:min(len(s.findings), mostResults)] {
		run.Results = append(run.Results, s.result(f))
	}
	if s.run.CatalogueVersion != "" {
		run.Properties["catalogueVersion"] = s.run.CatalogueVersion
	}
	if len(s.measures) > 0 {
		run.Properties["measures"] = s.measures
	}
	return run
}

// invocation carries what qualifies the results: none of it is a finding.
func (s *sarifReport) invocation() sarifInvocation {
	in := sarifInvocation{Successful: true}
	if at, err := time.Parse(time.RFC3339, s.run.At); err == nil {
		in.End = at.UTC().Format(time.RFC3339)
	}
	warn := func(text string) {
		in.Notifications = append(in.Notifications, sarifNotification{Level: "warning", Message: message(text)})
	}
	if s.run.Advisory != "" {
		warn(s.run.Advisory)
	}
	for _, what := range s.run.Incomplete {
		warn("incomplete: " + what)
	}
	if left := len(s.findings) - mostResults; left > 0 {
		warn(fmt.Sprintf("%s of lower severity are left out, since code scanning takes %d results", count(left, "finding"), mostResults))
	}
	for _, n := range s.missing {
		text := "not evaluated: " + n.Reason
		if n.Input != "" {
			text += "; give " + n.Input
		}
		in.Configuration = append(in.Configuration, sarifNotification{
			Level: "note", Message: message(n.Rule + " " + text), AssociatedRule: &sarifReference{n.Rule, s.ruleIndex(n.Rule)},
		})
	}
	return in
}

// ruleIndex is nil for a rule that the log does not describe.
func (s *sarifReport) ruleIndex(id string) *int {
	if i, ok := s.index[id]; ok {
		return &i
	}
	return nil
}

func sarifRuleOf(r Rule) sarifRule {
	rule := sarifRule{
		ID: r.ID, Name: r.ID,
		Short:         sarifText{Text: r.Title},
		Full:          sarifText{Text: r.Title + ". " + r.Help},
		Help:          sarifText{Text: r.Help, Markdown: "**" + r.Title + "**\n\n" + r.Help},
		Configuration: sarifLevel{levels[r.Severity]},
		Properties:    sarifRuleDetail{scores[r.Severity], "very-high", []string{"security", "aws-iam", "bedrock"}},
	}
	for i, ref := range r.Reference {
		if i == 0 {
			rule.HelpURI = ref
			rule.Help.Markdown += "\n\nReferences:\n"
		}
		rule.Help.Markdown += "\n- <" + ref + ">"
	}
	return rule
}

// levels maps severities to SARIF's (§3.27.10).
var levels = map[Severity]string{Critical: "error", High: "error", Medium: "warning", Low: "note", Info: "note"}

// scores put a severity into the middle of code scanning's range for it; 0.0
// stands for none.
var scores = map[Severity]string{Critical: "9.5", High: "8.0", Medium: "5.5", Low: "2.0", Info: "0.0"}

func sarifArtifactOf(in Input) sarifArtifact {
	a := sarifArtifact{Location: fileURI(in.File), Description: message(in.Kind)}
	if algorithm, hex, ok := strings.Cut(in.Digest, ":"); ok && algorithm == "sha256" {
		a.Hashes = map[string]string{"sha-256": hex}
	}
	return a
}

// fileURI is a relative reference for a file named relatively, else a file URI.
func fileURI(file string) sarifURI {
	u := url.URL{Path: strings.ReplaceAll(file, `\`, "/")}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	u.Path = strings.TrimPrefix(u.Path, "./")
	return sarifURI{u.String()}
}

// message is plain text of a message, in which brackets would be a link
// (§3.11.6). Braces stay: they are placeholders only beside arguments.
func message(text string) sarifText { return sarifText{Text: brackets.Replace(text)} }

var brackets = strings.NewReplacer(`[`, `\[`, `]`, `\]`)
