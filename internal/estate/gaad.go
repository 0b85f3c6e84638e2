package estate

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
)

// detailLists are the members of account authorization details that list what
// an account has.
var detailLists = map[string]entityKind{
	"UserDetailList": userEntity, "GroupDetailList": groupEntity, "RoleDetailList": roleEntity, "Policies": policyEntity,
}

// job reads one entity; its place in the loader's list is its place in the input.
type job struct {
	read   func(*cursor, *job) *entity
	entity *entity
	digest []byte // of the files it was read from, if it has files of its own
}

// workers read entities while the input goes on being cut.
type workers struct {
	jobs chan *job
	done sync.WaitGroup
}

// maxWaiting bounds the values that wait to be read, and with them memory.
const maxWaiting = 16

func startWorkers() *workers {
	w := &workers{jobs: make(chan *job, maxWaiting)}
	for range runtime.GOMAXPROCS(0) {
		w.done.Go(func() {
			c := newCursor()
			for j := range w.jobs {
				j.entity, j.read = j.read(c, j), nil
			}
		})
	}
	return w
}

func (w *workers) stop() {
	close(w.jobs)
	w.done.Wait()
}

// do has a worker read an entity. It reports false when there are too many.
func (l *loader) do(read func(*cursor, *job) *entity) bool {
	if len(l.jobs) >= l.Limits.Entities {
		return false
	}
	j := &job{read: read}
	l.jobs = append(l.jobs, j)
	l.workers.jobs <- j
	return true
}

// dump is one file of account authorization details.
type dump struct {
	file      string
	from, to  int  // its jobs
	truncated bool // the last page in it says that more follow
}

// gaadReader cuts a stream of account authorization details.
type gaadReader struct {
	*framer
	l       *loader
	dump    dump
	known   bool     // a member of account authorization details was seen
	strange []string // a few of the other members
}

// details reads a file of account authorization details. What is broken at its
// end leaves what was read before.
func (l *loader) details(name string) error {
	in, err := l.input(name)
	if err != nil {
		return err
	}
	g := &gaadReader{framer: newFramer(in, l.Limits), l: l, dump: dump{file: name, from: len(l.jobs)}}
	err = g.stream()
	if err = g.verdict(err); err != nil {
		return errors.Join(err, in.close())
	}
	digest, err := in.done()
	g.dump.to = len(l.jobs)
	l.dumps = append(l.dumps, g.dump)
	l.estate.Inputs = append(l.estate.Inputs, Input{File: name, Kind: "gaad", Digest: digest})
	return err
}

// verdict says whether what went wrong leaves something to go by.
func (g *gaadReader) verdict(err error) error {
	var broken *InputError
	switch {
	case err == nil && !g.known:
		return g.notDetails()
	case err == nil:
		return nil
	case !errors.As(err, &broken) || len(g.l.jobs) == g.dump.from || strings.HasPrefix(broken.Reason, "a comment"):
		return err
	}
	g.l.problems.at(broken.Position, g.file, "%s", broken.Reason)
	g.l.incomplete("", "", "", fmt.Sprintf("%s could be read only up to line %d, byte %d", g.file, broken.Line, broken.Offset))
	return nil
}

func (g *gaadReader) notDetails() error {
	e := &InputError{Position: awsiam.Position{File: g.file}, Reason: "not account authorization details: there is no UserDetailList, RoleDetailList, GroupDetailList or Policies",
		Hint: "give the output of `aws iam get-account-authorization-details`"}
	if slices.Contains(g.strange, "Roots") || slices.Contains(g.strange, "OrganizationalUnits") || slices.Contains(g.strange, "Organization") {
		e.Hint = "this looks like an organization file: give it as --org"
	}
	if slices.Contains(g.strange, "Statement") {
		e.Hint = "this looks like one policy: give the whole account's details, or ask about the policy alone"
	}
	return e
}

// stream reads objects and lists of objects, one after the other.
func (g *gaadReader) stream() error {
	for {
		c, err := g.peek()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return g.cut(err)
		case c == '{':
			err = g.page()
		case c == '[':
			err = g.array(g.listed)
		case class[c] == bad:
			err = g.odd()
		default:
			err = g.fail("neither an object nor a list of objects")
		}
		if err != nil {
			return err
		}
	}
}

// listed reads an item of a list of pages.
func (g *gaadReader) listed() error {
	c, err := g.peek()
	if err != nil {
		return g.cut(err)
	}
	if c != '{' {
		return g.unusable("an item of the list of pages that is no object")
	}
	return g.page()
}

// unusable passes over a value that says nothing that can be used.
func (g *gaadReader) unusable(what string) error {
	at := g.here()
	if _, err := g.value(); err != nil && !errors.Is(err, errSkipped) {
		return err
	}
	g.l.problems.at(at, g.file, "%s", what)
	g.l.incomplete("", "", "", fmt.Sprintf("%s, line %d: %s", g.file, at.Line, what))
	return nil
}

// page reads one object of account authorization details.
func (g *gaadReader) page() error {
	g.dump.truncated = false
	seen := map[string]bool{}
	return g.object(func(name string, at awsiam.Position) error {
		if seen[name] && len(seen) < 100 {
			g.l.problems.at(at, g.file, "%.60q stands twice in one object", name)
			g.l.incomplete("", "", "", fmt.Sprintf("%s, line %d: %.60q stands twice; both were read", g.file, at.Line, name))
		}
		seen[name] = true
		if kind, ok := detailLists[name]; ok {
			return g.entities(name, kind)
		}
		return g.rest(name)
	})
}

// entities reads one of the lists.
func (g *gaadReader) entities(name string, kind entityKind) error {
	c, err := g.peek()
	switch {
	case err != nil:
		return g.cut(err)
	case c == 'n': // null: none
		_, err := g.value()
		return err
	case c != '[':
		return g.unusable(name + " is not a list")
	}
	g.known = true
	return g.array(func() error { return g.entity(kind) })
}

func (g *gaadReader) entity(kind entityKind) error {
	if _, err := g.peek(); err != nil {
		return g.cut(err)
	}
	at := g.here()
	raw, err := g.value()
	switch {
	case errors.Is(err, errSkipped):
		g.l.problems.at(at, string(kind), "%v", err)
		g.l.incomplete("", "", "", fmt.Sprintf("%s, line %d: a %s was %v", g.file, at.Line, kind, err))
		return nil
	case err != nil:
		return err
	}
	if !g.l.do(func(c *cursor, _ *job) *entity { return c.readEntity(kind, raw, at) }) {
		return g.fail("more than %d users, groups, roles and policies", g.l.Limits.Entities)
	}
	return nil
}

// rest reads what is not a list: whether pages follow, and what other tools add.
func (g *gaadReader) rest(name string) error {
	if name != "IsTruncated" {
		if name != "Marker" && len(g.strange) < 20 {
			g.strange = append(g.strange, name)
		}
		_, err := g.value()
		if errors.Is(err, errSkipped) {
			return nil
		}
		return err
	}
	if _, err := g.peek(); err != nil {
		return g.cut(err)
	}
	at := g.here()
	raw, err := g.value()
	if err != nil && !errors.Is(err, errSkipped) {
		return err
	}
	g.dump.truncated = string(raw) != "false" && string(raw) != "null"
	if g.dump.truncated && string(raw) != "true" {
		g.l.problems.at(at, g.file, "IsTruncated is neither true nor false")
	}
	return nil
}
