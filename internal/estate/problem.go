package estate

import (
	"fmt"

	"github.com/writ-project/writ/internal/awsiam"
)

// InputError says why a file can be of no use at all.
type InputError struct {
	awsiam.Position
	Reason string
	Hint   string // what would help; may be empty
}

func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
	}
	return e.File + ": " + e.Reason
}

// problems gathers what is wrong, up to a limit.
type problems struct {
	list    []awsiam.Problem
	limit   int
	dropped int
}

func (p *problems) add(more ...awsiam.Problem) {
	room := max(0, min(len(more), p.limit-len(p.list)))
	p.list = append(p.list, more[:room]...)
	p.dropped += len(more) - room
}

func (p *problems) at(at awsiam.Position, what, format string, args ...any) {
	p.add(awsiam.Problem{Position: at, Document: what, Statement: -1, Reason: fmt.Sprintf(format, args...)})
}

// all is the list, with a last entry for what did not fit.
func (p *problems) all() []awsiam.Problem {
	if p.dropped == 0 {
		return p.list
	}
	last := awsiam.Problem{Position: p.list[len(p.list)-1].Position, Statement: -1}
	last.Reason = fmt.Sprintf("and %d more problems, which are not listed", p.dropped)
	return append(p.list, last)
}

// standIn is a document that may say anything, in place of one that cannot be
// read or is not in the input.
func standIn(name, why string) *awsiam.Document {
	return &awsiam.Document{Name: name, Version: "2012-10-17", Doubt: why}
}
