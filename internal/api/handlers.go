package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/store"
)

// BearerFunc seals a recorded session as a bearer token.
type BearerFunc func(identity.Session) (string, error)

// ContainerFunc seals a recorded session as a container token.
type ContainerFunc func(identity.Session) (string, error)

// DemoTokenFunc has the demo's OIDC issuer sign a token.
type DemoTokenFunc func(subject, audience string, ttl time.Duration) (string, error)

func (s *Server) status(c *call) (Status, error) {
	return s.cfg.Status(c.ctx()), nil
}

func (s *Server) apply(c *call, in ApplyRequest) (ApplyAnswer, error) {
	out, err := Apply(c.ctx(), s.cfg.Office, c.actor, in)
	return out, errors.Join(err, s.inForce(c.ctx(), out.Applied))
}

// inForce makes a change count here before its author is told of it.
func (s *Server) inForce(ctx context.Context, changed bool) error {
	if !changed {
		return nil
	}
	return s.cfg.State.Refresh(ctx)
}

// Apply plans what the request's files ask for and, unless it is a dry run,
// carries it out. The command line uses it too where no server is live.
func Apply(ctx context.Context, office *governance.Office, actor governance.Actor, in ApplyRequest) (ApplyAnswer, error) {
	wanted, err := parseFiles(in.Files)
	if err != nil {
		return ApplyAnswer{}, err
	}
	plan, err := office.Plan(ctx, actor, wanted, in.Prune)
	if err != nil {
		return ApplyAnswer{}, err
	}
	if in.Revision != 0 && in.Revision != plan.Revision {
		return ApplyAnswer{}, store.ErrConflict
	}
	out := ApplyAnswer{Steps: steps(plan), Asks: asks(plan), Revision: plan.Revision}
	if in.DryRun || plan.Steps() == 0 && len(plan.Requests) == 0 {
		return out, nil
	}
	return carryOut(ctx, office, actor, "apply", plan, out)
}

func carryOut(ctx context.Context, office *governance.Office, actor governance.Actor, action string, plan governance.Plan, out ApplyAnswer) (ApplyAnswer, error) {
	var err error
	out.Revision, out.Requests, err = office.Apply(ctx, actor, action, plan)
	out.Applied = err == nil
	return out, err
}

// asks says what a plan asks others for.
func asks(p governance.Plan) []string {
	var out []string
	for _, s := range p.Requests {
		switch a := s.Ask; {
		case a.Grant != nil:
			out = append(out, fmt.Sprintf("Grant of %s to %s", a.Grant.Entitlement, a.Grant.Identity))
		case a.Change != nil:
			for _, w := range a.Change.Widens {
				out = append(out, fmt.Sprintf("%s: widens %s: %s", w.Cause, cmp.Or(w.Grant, w.Operator), w.Text))
			}
		}
	}
	return out
}

func parseFiles(files []File) ([]manifest.Resource, error) {
	var all []manifest.Resource
	var errs []error
	for _, f := range files {
		found, err := manifest.Parse(f.Name, []byte(f.Text))
		all, errs = append(all, found...), append(errs, err)
		for _, r := range found {
			errs = append(errs, lint(r)...)
		}
	}
	return all, errors.Join(errs...)
}

// lint reports what is wrong with a policy at its place in the file.
func lint(r manifest.Resource) (errs []error) {
	p, ok := r.Spec.(*manifest.Policy)
	if !ok {
		return nil
	}
	for _, problem := range policy.Lint([]policy.Document{{Name: r.File, Text: p.Text}}) {
		if problem.Severity == policy.SeverityError {
			errs = append(errs, fmt.Errorf("%s:%d: %s", problem.File, problem.Line, problem.Text))
		}
	}
	return errs
}

func steps(p governance.Plan) []Step {
	out := make([]Step, 0, len(p.Changes))
	for _, c := range p.Changes {
		s := Step{Op: string(c.Op), Kind: string(c.Resource.Kind), Name: c.Resource.Name, Warnings: warnings(c)}
		if c.Op == manifest.Update {
			for _, d := range c.Diff() {
				s.Fields = append(s.Fields, Field(d))
			}
		}
		out = append(out, s)
	}
	return out
}

// warnings names what a change brings that is allowed and rarely meant.
func warnings(c manifest.Change) []string {
	if c.Op != manifest.Create && c.Op != manifest.Update {
		return nil
	}
	var out []string
	switch spec := c.Resource.Spec.(type) {
	case *identity.Binding:
		if w := spec.Wide(); w != "" {
			out = append(out, w)
		}
		if spec.AllowAWSAudience {
			out = append(out, "its tokens also work at AWS's own STS: whoever sees one can use it there")
		}
	case *identity.Issuer:
		if spec.AllowLocal {
			out = append(out, "its keys may be fetched from private addresses, over plain HTTP too")
		}
		if w := unreadableBundle(spec); w != "" {
			out = append(out, w)
		}
	case *manifest.Policy:
		for _, p := range policy.Lint([]policy.Document{{Name: spec.ID, Text: spec.Text}}) {
			out = append(out, p.String())
		}
	}
	return out
}

// resources lists what files can hold. Rows that only some may see have lists of
// their own, which are scoped by who asks.
func (s *Server) resources(c *call) ([]Item, error) {
	kind, err := kindOf(c.Request)
	if err != nil {
		return nil, err
	}
	if !kind.InFiles() {
		return nil, &refusal{http.StatusUnprocessableEntity, "not-a-file-kind", fmt.Sprintf("resources of kind %s are made by acts, not by files", kind), "they have operations of their own: see " + root + "/openapi.json"}
	}
	if kind == manifest.Operator {
		if err := s.cfg.Office.May(c.ctx(), c.actor, authority.ViewPeople, system); err != nil {
			return nil, err
		}
	}
	return Get(c.ctx(), s.cfg.Store, kind, c.param("name"))
}

// Get reads the resources of a kind, or the named one.
func Get(ctx context.Context, db *store.DB, kind manifest.Kind, name string) ([]Item, error) {
	rows, err := db.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	out := make([]Item, 0, len(rows))
	for _, row := range rows {
		if name != "" && row.Name != name {
			continue
		}
		item, err := itemOf(row)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	if name != "" && len(out) == 0 {
		return nil, fmt.Errorf("%s/%s: %w", kind, name, store.ErrNotFound)
	}
	return out, nil
}

func itemOf(row store.Row) (Item, error) {
	r, err := row.Resource()
	if err != nil {
		return Item{}, err
	}
	text, err := r.YAML()
	if err != nil {
		return Item{}, err
	}
	return Item{Kind: string(row.Kind), Name: row.Name, Spec: json.RawMessage(row.Spec), YAML: string(text)}, nil
}

func (s *Server) delete(c *call) (ApplyAnswer, error) {
	kind, err := kindOf(c.Request)
	if err != nil {
		return ApplyAnswer{}, err
	}
	out, err := Delete(c.ctx(), s.cfg.Office, c.actor, kind, c.param("name"))
	return out, errors.Join(err, s.inForce(c.ctx(), out.Applied))
}

// Delete deletes one resource that nothing refers to any more.
func Delete(ctx context.Context, office *governance.Office, actor governance.Actor, kind manifest.Kind, name string) (ApplyAnswer, error) {
	plan, err := office.Delete(ctx, actor, kind, name)
	if err != nil {
		return ApplyAnswer{}, err
	}
	return carryOut(ctx, office, actor, "delete", plan, ApplyAnswer{Steps: steps(plan), Asks: asks(plan)})
}

func (s *Server) explain(_ *call, in ExplainRequest) (policy.Explanation, error) {
	state := s.cfg.State.Current()
	if state == nil {
		return policy.Explanation{}, errUnavailable
	}
	return Explain(state, s.place(), in, time.Now())
}

func (s *Server) place() Place { return Place{Account: s.cfg.Account, Region: s.cfg.Region} }

// SessionsOrder has every session of an identity voided.
type SessionsOrder struct {
	Identity string `json:"identity"`
}

// EpochAnswer is what sessions must be minted at, or after, to count.
type EpochAnswer struct {
	Epoch uint32 `json:"epoch"`
}

func (s *Server) revokeSessions(c *call, in SessionsOrder) (EpochAnswer, error) {
	epoch, err := s.cfg.Office.RevokeSessions(c.ctx(), c.actor, in.Identity)
	if err != nil {
		return EpochAnswer{}, err
	}
	return EpochAnswer{epoch}, s.inForce(c.ctx(), true)
}

// RotateOrder has new session keys made.
type RotateOrder struct {
	Emergency bool `json:"emergency,omitempty"` // void every session at once
}

func (s *Server) rotate(c *call, in RotateOrder) (EpochAnswer, error) {
	epoch, err := s.cfg.Keys.Rotate(c.ctx(), c.actor, in.Emergency)
	if err != nil {
		return EpochAnswer{}, err
	}
	if in.Emergency {
		s.cfg.Exchange.Forget()    // nor may a proof repeated get a void session again
		s.cfg.Gateway.Reconsider() // calls in progress stand on sessions that no longer count
	}
	return EpochAnswer{epoch}, nil
}

func (s *Server) demoToken(_ *call, in DemoTokenRequest) (DemoTokenAnswer, error) {
	if s.cfg.DemoToken == nil {
		return DemoTokenAnswer{}, &refusal{http.StatusNotFound, "no-demo", "this server runs no demonstration", "start it with writ up --demo"}
	}
	token, err := s.cfg.DemoToken(in.Subject, in.Audience, time.Duration(in.Seconds)*time.Second)
	return DemoTokenAnswer{Token: token}, err
}

// kindOf reads the kind parameter.
func kindOf(r *http.Request) (manifest.Kind, error) {
	kind, err := manifest.ParseKind(r.URL.Query().Get("kind"))
	if err != nil {
		return "", bad("%v", err)
	}
	return kind, nil
}
