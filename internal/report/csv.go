package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// csvHeader names the columns. New ones are added at the end.
var csvHeader = []string{
	"severity", "rule", "account", "principal", "resource", "title", "detail", "condition", "statements", "path",
	"proposal", "file", "line", "column", "fingerprint", "suppressed",
}

// CSV writes one row per finding (RFC 4180, UTF-8, lines end with LF). A cell
// that a spreadsheet would read as a formula begins with an apostrophe.
func CSV(w io.Writer) Handler { return &csvReport{w: w} }

type csvReport struct {
	gathered
	w io.Writer
}

// Right is not part of a table of findings.
func (c *csvReport) Right(Right) error { return nil }

func (c *csvReport) Flush() error {
	c.sort()
	out := csv.NewWriter(c.w)
	out.Write(csvHeader) // Error below has the first error
	for _, f := range c.findings {
		out.Write(csvRow(f))
	}
	out.Flush()
	return out.Error()
}

func csvRow(f Finding) []string {
	at := position(f)
	proposal := ""
	if f.Proposal != nil {
		proposal = f.Proposal.Text
	}
	row := []string{
		string(f.Severity), f.Rule, f.Account, f.Principal, f.Resource, f.Title, f.Detail, f.Condition, statementList(f.Statements), pathLine(f.Path),
		proposal, at.File, number(at.Line), number(at.Column), f.Fingerprint, f.Suppressed,
	}
	for i, cell := range row {
		row[i] = csvCell(cell)
	}
	return row
}

// csvCell is text that stays text: see OWASP, "CSV Injection". The wide forms
// are what some input methods, and some spreadsheets, take for the narrow ones.
func csvCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return "'" + plain(s)
	}
	return plain(s)
}

// number is a line or column, empty when unknown.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
