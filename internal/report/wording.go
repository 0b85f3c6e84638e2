package report

import (
	"fmt"
	"strings"
)

// position is where a finding is: its own position, else that of the first
// statement that has one.
func position(f Finding) Position {
	if f.Position.File != "" {
		return f.Position
	}
	for _, s := range f.Statements {
		if s.Position.File != "" {
			return s.Position
		}
	}
	return Position{}
}

// place is a position as compilers write it: file:line:column.
func place(p Position) string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0 && p.Offset > 0:
		return fmt.Sprintf("%s at byte %d", p.File, p.Offset)
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// statementName says which statement it is, without where it stands.
func statementName(s Statement) string {
	which := fmt.Sprintf("statement %d", s.Index+1)
	if s.Sid != "" {
		which = `statement "` + s.Sid + `"`
	}
	if s.Effect != "" {
		which = s.Effect + " " + which
	}
	return fmt.Sprintf("%s of %s (%s)", which, s.Policy, s.Layer)
}

func statementLine(s Statement) string {
	if at := place(s.Position); at != "" {
		return statementName(s) + ", " + at
	}
	return statementName(s)
}

func statementList(all []Statement) string {
	var lines []string
	for _, s := range all {
		lines = append(lines, statementLine(s))
	}
	return strings.Join(lines, "; ")
}

// hopLine says how a hop is made.
func hopLine(h Hop) string {
	line := "by " + h.By
	if h.Condition != "" {
		line += ", if " + h.Condition
	}
	return line
}

func pathLine(path []Hop) string {
	if len(path) == 0 {
		return ""
	}
	line := path[0].From
	for _, h := range path {
		line += " → " + h.To + " (" + hopLine(h) + ")"
	}
	return line
}

// short is a principal's name without the ARN around it, e.g. role/App.
func short(principal string) string {
	if parts := strings.SplitN(principal, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		return parts[5]
	}
	return principal
}

// count is a number of things, in English.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// thousands groups digits: 1,234,567.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
