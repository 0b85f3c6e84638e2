package estate

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// Used is what principals were seen to do: one JSON line per use,
//
//	{"principal","action","resource"|"model","region","count","first","last"}
//
// first and last are RFC 3339 times.
type Used struct {
	by    map[string][]Use // by ARN without path
	First time.Time        // of all uses; zero: none
	Last  time.Time
}

// Use is one action of a principal on one resource.
type Use struct {
	Principal string // ARN of a user or role; without its path if a session's ARN was given
	Action    string
	Resource  string // ARN; empty: only the model is known
	Model     string // id or ARN
	Region    string
	Count     int64
	First     time.Time
	Last      time.Time
}

// Of returns the uses of a user or role by its ARN, in the order of the input.
// Uses that the input has by a session's ARN are among them.
func (u *Used) Of(arn string) []Use { return u.by[pathless(arn)] }

// used reads the files of used rights.
func (l *loader) used() error {
	if len(l.Used) == 0 {
		return nil
	}
	l.estate.Used = &Used{by: map[string][]Use{}}
	for _, name := range l.Used {
		if err := l.usedFile(name); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) usedFile(name string) error {
	in, err := l.input(name)
	if err != nil {
		return err
	}
	f := newFramer(in, l.Limits)
	for n := 0; err == nil; n++ {
		if _, err = f.peek(); err != nil {
			if !errors.Is(err, io.EOF) {
				err = f.cut(err)
			}
			break
		}
		err = l.use(f)
		if e, ok := errors.AsType[*InputError](err); ok && n > 0 {
			l.problems.at(e.Position, name, "%s", e.Reason)
			l.incomplete("", "", "", fmt.Sprintf("%s could be read only up to line %d", name, e.Line))
			err = io.EOF
		}
	}
	if !errors.Is(err, io.EOF) {
		return errors.Join(err, in.close())
	}
	digest, err := in.done()
	l.estate.Inputs = append(l.estate.Inputs, Input{File: name, Kind: "used", Digest: digest})
	return err
}

// use reads one line.
func (l *loader) use(f *framer) error {
	at := f.here()
	raw, err := f.value()
	if errors.Is(err, errSkipped) {
		l.problems.at(at, f.file, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	c := newCursor()
	c.begin(raw, at, f.file)
	u := Use{Count: 1}
	if err := c.members("a use", func(name string) error { return c.useMember(&u, name) }); err != nil {
		c.unsure(offsetOf(err)-at.Offset, "%s", reasonOf(err))
	}
	p, err := awsiam.ParsePrincipal(u.Principal)
	if err != nil || p.ARN == "" || u.Action == "" {
		c.unsure(0, "a use needs a principal, by ARN, and an action")
	}
	l.problems.add(c.problems...)
	if c.doubt != "" {
		l.incomplete("", "", "", fmt.Sprintf("%s, line %d: a use could not be read: %s", f.file, at.Line, c.doubt))
		return nil
	}
	l.estate.Used.keep(p.ARN, u)
	return nil
}

func (c *cursor) useMember(u *Use, name string) error {
	switch name {
	case "principal":
		return c.text(name, &u.Principal)
	case "action":
		return c.text(name, &u.Action)
	case "resource":
		return c.text(name, &u.Resource)
	case "model":
		return c.text(name, &u.Model)
	case "region":
		return c.text(name, &u.Region)
	case "count":
		return c.integer(name, &u.Count)
	case "first":
		return c.when(name, &u.First)
	case "last":
		return c.when(name, &u.Last)
	}
	return c.unknown("a use", name, "")
}

func (u *Used) keep(arn string, use Use) {
	use.Principal = arn
	u.by[pathless(arn)] = append(u.by[pathless(arn)], use)
	if !use.First.IsZero() && (u.First.IsZero() || use.First.Before(u.First)) {
		u.First = use.First
	}
	if use.Last.After(u.Last) {
		u.Last = use.Last
	}
}
