package certificate

import (
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/awsiam"
)

// Verify checks all that a certificate says but its digest, with facts about
// condition keys; Check says what its errors mean.
func (c *Certificate) Verify(facts *awsiam.Facts) error {
	q := questions{cert: c, facts: facts, correlated: c.Question.Correlated, bounded: map[string]bounds{}, index: map[string]int{}, survey: survey{needs: map[string]*need{}}}
	if err := q.read(); err != nil {
		return err
	}
	if err := q.complete(q.plausible); err != nil {
		return err
	}
	r := trial{questions: &q}
	if err := r.cells(); err != nil {
		return err
	}
	if err := r.claim(); err != nil || c.Answer.Comparison == NewAccess {
		return err // what is new is one request: there need not be others
	}
	return q.complete(q.classed)
}

// read reads the question, and what the policies tell apart.
func (q *questions) read() error {
	if n := len(q.cert.Question.Sides); n != 1 && n != 2 {
		return errors.New("a question is of one set of policies, or of two")
	}
	if err := q.readTables(); err != nil {
		return err
	}
	if err := q.readBounds(); err != nil {
		return err
	}
	for i := range q.cert.Question.Sides {
		s, err := q.cert.Question.Sides[i].read()
		if err != nil {
			return err
		}
		q.sides = append(q.sides, s)
		q.survey.side(&q.sides[i])
	}
	return q.size()
}

func (q *questions) readBounds() error {
	for key, shapes := range q.cert.Question.Within {
		patterns, err := readShapes(shapes)
		if err != nil || len(patterns) == 0 {
			return fmt.Errorf("the shapes of %.80s cannot be read: %v", key, err)
		}
		q.bounded[key] = bounds{within: patterns}
	}
	for key, shapes := range q.cert.Question.Without {
		patterns, err := readShapes(shapes)
		if err != nil {
			return fmt.Errorf("the shapes of %.80s cannot be read: %w", key, err)
		}
		q.bounded[key] = bounds{within: q.bounded[key].within, without: patterns}
	}
	return nil
}

// size bounds the work.
func (q *questions) size() error {
	vectors, statements := 1, 1
	for _, values := range q.tables {
		if vectors *= len(values); vectors > MaxVectors {
			return fmt.Errorf("more than %d combinations of values are %w", MaxVectors, ErrBeyond)
		}
	}
	for i := range q.sides {
		for j := range q.sides[i].checks {
			for _, d := range q.sides[i].checks[j].documents() {
				statements += 1 + len(d.Statements)
			}
		}
	}
	if statements > MaxWork/vectors {
		return fmt.Errorf("%d statements for %d combinations of values are %w", statements, vectors, ErrBeyond)
	}
	return nil
}

// claim verifies that the answer follows from the cells.
func (r *trial) claim() error {
	a := r.cert.Answer
	switch {
	case len(r.sides) == 1 && a.Comparison == "" && a.Decision == r.decision():
		if a.Decision != string(Allowed) && a.Decision != Conditional {
			return r.noWitness()
		}
		return r.witness(Allowed)
	case len(r.sides) == 2 && a.Decision == "" && a.Comparison == r.comparison():
		if a.Comparison != NewAccess {
			return r.noWitness()
		}
		return r.witness(CandidateOnly)
	}
	return errors.New("the answer is not what the cells come to")
}

func (r *trial) decision() string {
	allowed, denied, open := r.counts[Allowed], r.counts[Denied], r.counts[Undetermined]
	switch {
	case allowed+open == 0:
		return string(Denied)
	case allowed == 0:
		return string(Undetermined)
	case denied+open == 0:
		return string(Allowed)
	}
	return Conditional
}

func (r *trial) comparison() string {
	switch {
	case r.counts[CandidateOnly] > 0:
		return NewAccess
	case r.counts[Undetermined] > 0:
		return Undecided
	}
	return NoNewAccess
}

func (r *trial) noWitness() error {
	if r.cert.Answer.Witness != nil {
		return errors.New("the answer has a witness, of what there is not")
	}
	return nil
}

// witness verifies that the witness is a combination of the verdict.
func (r *trial) witness(want Verdict) error {
	w := r.cert.Answer.Witness
	if len(w) != len(r.tables) {
		return errors.New("the witness does not have a value of every key")
	}
	for i, j := range w {
		if j < 0 || j >= len(r.tables[i]) {
			return errors.New("the witness has a value that is not in the table")
		}
	}
	if verdict, _ := r.verdict(w, map[Ref]bool{}); verdict != want || !r.isAsked(w) {
		return fmt.Errorf("the witness is not %s", want)
	}
	return nil
}
